// Python's range.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "text/jinja/operators.h"

namespace minerva::jinja {

class RangeObject final : public Object {
 public:
  RangeObject(std::int64_t start, std::int64_t stop, std::int64_t step);

  std::string_view type_name() const override { return "range"; }
  void append_repr(std::string& out) const override;
  bool truth() const override { return count_ != 0; }
  std::optional<std::int64_t> length() override { return count_; }
  bool is_iterable() const override { return true; }
  Value iterator() override;
  Value item(const Value& key) override;
  Value attribute(std::string_view name) override;
  bool equals(const Object& other) const override;
  /// range[first:last:stride], the bounds within it.
  Value slice(std::int64_t first, std::int64_t last, std::int64_t stride) const;
  std::int64_t at(std::int64_t index) const { return start_ + index * step_; }

 private:
  std::int64_t start_;
  std::int64_t stop_;
  std::int64_t step_;
  std::int64_t count_;
};

}  // namespace minerva::jinja
