#include "text/jinja/range.h"

#include <fmt/format.h>

#include <utility>

#include "text/jinja/raise.h"

namespace minerva::jinja {
namespace {

std::int64_t count_of(std::int64_t start, std::int64_t stop, std::int64_t step) {
  if (step > 0 ? start >= stop : start <= stop) return 0;
  std::int64_t distance = 0;
  if (__builtin_sub_overflow(step > 0 ? stop : start, step > 0 ? start : stop, &distance))
    raise("OverflowError", "Python int too large to convert to C ssize_t");
  if (step == INT64_MIN) return 1;
  return (distance - 1) / (step > 0 ? step : -step) + 1;
}

class RangeIterator final : public Iterator {
 public:
  RangeIterator(Value range, std::int64_t count) : range_(std::move(range)), count_(count) {
    charge(sizeof(*this));
  }
  Value next() override {
    if (at_ >= count_) return Value::missing();
    return static_cast<const RangeObject&>(range_.object()).at(at_++);
  }
  std::string_view type_name() const override { return "range_iterator"; }

 private:
  Value range_;
  std::int64_t count_;
  std::int64_t at_ = 0;
};

}  // namespace

RangeObject::RangeObject(std::int64_t start, std::int64_t stop, std::int64_t step)
    : Object(Kind::Object), start_(start), stop_(stop), step_(step), count_(count_of(start, stop, step)) {
  charge(sizeof(*this));
}

void RangeObject::append_repr(std::string& out) const {
  out += step_ == 1 ? fmt::format("range({}, {})", start_, stop_)
                    : fmt::format("range({}, {}, {})", start_, stop_, step_);
}

Value RangeObject::iterator() {
  retain();
  return make_object<RangeIterator>(Value::adopt(this), count_);
}

Value RangeObject::item(const Value& key) {
  if (!key.is_integer()) return Value::missing();
  const std::int64_t index = key.integer() < 0 ? key.integer() + count_ : key.integer();
  return index < 0 || index >= count_ ? Value::missing() : Value(at(index));
}

Value RangeObject::attribute(std::string_view name) {
  if (name == "start") return start_;
  if (name == "stop") return stop_;
  return name == "step" ? Value(step_) : Value::missing();
}

Value RangeObject::slice(std::int64_t first, std::int64_t last, std::int64_t stride) const {
  std::int64_t step = 0;
  if (__builtin_mul_overflow(step_, stride, &step)) step = step_;  // of at most one number
  return make_object<RangeObject>(at(first), at(last), step);
}

bool RangeObject::equals(const Object& other) const {
  const auto* range = dynamic_cast<const RangeObject*>(&other);
  if (range == nullptr || range->count_ != count_) return false;
  return count_ == 0 || (range->start_ == start_ && (count_ == 1 || range->step_ == step_));
}

}  // namespace minerva::jinja
