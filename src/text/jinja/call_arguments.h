// What a function was called with, by its parameters.
#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <string_view>

#include "text/jinja/object.h"

namespace minerva::jinja {

/// Distributes arguments to named parameters as Python does, or raises TypeError.
class Parameters {
 public:
  /// The first `required` of `names` must be given. A name that begins with '/' is for positions only.
  Parameters(std::string_view function, const Arguments& arguments,
             std::initializer_list<std::string_view> names, std::size_t required);

  bool has(std::size_t index) const { return values_[index] != nullptr; }
  const Value& operator[](std::size_t index) const { return *values_[index]; }
  /// The value, unless it wasn't given or is None.
  const Value* optional(std::size_t index) const {
    return has(index) && !values_[index]->is_none() ? values_[index] : nullptr;
  }
  std::int64_t integer(std::size_t index, std::int64_t otherwise) const;
  bool flag(std::size_t index, bool otherwise) const;

 private:
  static constexpr std::size_t kMost = 8;
  std::array<const Value*, kMost> values_{};
};

}  // namespace minerva::jinja
