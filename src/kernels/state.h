// What a Kernels object holds between calls: its table and its scratch memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

#include "kernels/impl/table.h"
#include "kernels/kernels.h"

namespace minerva::kernels {

/// Memory aligned to cache lines that only grows.
class Scratch {
 public:
  /// At least `bytes`; what it held before is lost.
  std::byte* get(std::int64_t bytes) {
    const auto size = static_cast<std::size_t>((bytes + kLine - 1) / kLine * kLine);
    if (size > size_) {
      memory_.reset();
      size_ = 0;
      memory_.reset(static_cast<std::byte*>(::operator new(size, std::align_val_t{kLine})));
      size_ = size;
    }
    return memory_.get();
  }
  std::size_t size() const noexcept { return size_; }

 private:
  static constexpr std::int64_t kLine = 64;
  struct Free {
    void operator()(std::byte* p) const noexcept { ::operator delete(p, std::align_val_t{kLine}); }
  };
  std::unique_ptr<std::byte, Free> memory_;
  std::size_t size_ = 0;
};

struct Kernels::State {
  const IsaTable* table = nullptr;
  Scratch prepared;  ///< activations, converted
  Scratch jobs;      ///< each thread's working memory
  Scratch partials;  ///< of attention split by chunks
};

constexpr std::int64_t round_up(std::int64_t x, std::int64_t step) {
  return (x + step - 1) / step * step;
}

}  // namespace minerva::kernels
