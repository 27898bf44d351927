// A model of the native engine: its spec and weights.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>

#include "backends/backend.h"
#include "native/decoder_spec.h"
#include "native/weights.h"

namespace minerva {

class NativeModel final : public Model, public std::enable_shared_from_this<NativeModel> {
 public:
  /// `weights_bytes`: what was foretold of the weights and the tokenizer.
  NativeModel(native::DecoderSpec spec, native::DecoderWeights weights, std::uint64_t weights_bytes,
              NumericMode mode);

  /// What a model with such weights and a context take.
  static MemoryNeed memory_needed(const native::DecoderSpec& spec, std::uint64_t weights_bytes,
                                  NumericMode mode, const ContextOptions& context) noexcept;

  const ModelInfo& info() const noexcept override { return info_; }
  MemoryNeed memory_needed(const ContextOptions& context) const noexcept override {
    return memory_needed(spec_, weights_bytes_, mode_, context);
  }
  Result<std::unique_ptr<Context>> new_context(const ContextOptions& options) override;
  const Error* poisoned() const noexcept override;

  const native::DecoderSpec& spec() const noexcept { return spec_; }
  const native::DecoderWeights& weights() const noexcept { return weights_; }
  NumericMode mode() const noexcept { return mode_; }
  /// What keys and values are stored as: float32 in exact, half precision in fast.
  ScalarType kv_type() const noexcept { return kv_type(mode_); }

 private:
  static ScalarType kv_type(NumericMode mode) noexcept {
    return mode == NumericMode::Exact ? ScalarType::F32 : ScalarType::F16;
  }

  native::DecoderSpec spec_;
  native::DecoderWeights weights_;
  std::uint64_t weights_bytes_;
  NumericMode mode_;
  ModelInfo info_;
  mutable std::once_flag poison_once_;
  mutable Error poison_;
};

}  // namespace minerva
