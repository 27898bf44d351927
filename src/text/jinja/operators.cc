#include "text/jinja/operators.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>

#include "text/jinja/budget.h"
#include "text/jinja/raise.h"
#include "text/jinja/range.h"
#include "text/jinja/search.h"
#include "text/jinja/text.h"
#include "text/jinja/unicode.h"

namespace minerva::jinja {
namespace {

/// An integer against a number, one of them large.
std::partial_ordering order_big(const Value& left, const Value& right) {
  if (!right.is(Kind::Float)) return big_of(left) <=> big_of(right);
  if (std::isnan(right.real())) return std::partial_ordering::unordered;
  if (std::isinf(right.real())) return 0.0 <=> right.real();
  return big_of(left) <=> BigInteger::truncated(right.real());  // a float of this size has no fraction
}

std::partial_ordering order_numbers(const Value& left, const Value& right) {
  if (left.is_integer() && right.is_integer()) return left.integer() <=> right.integer();
  if (left.is(Kind::Float) && right.is(Kind::Float)) return left.real() <=> right.real();
  if (left.is(Kind::Float)) return 0 <=> order_numbers(right, left);
  if (left.is(Kind::BigInteger) || right.is(Kind::BigInteger)) return order_big(left, right);
  // An int against a float, exactly.
  const double real = right.real();
  if (std::isnan(real)) return std::partial_ordering::unordered;
  if (real >= 9223372036854775808.0) return std::partial_ordering::less;
  if (real < -9223372036854775808.0) return std::partial_ordering::greater;
  const auto whole = static_cast<std::int64_t>(real);
  if (left.integer() != whole) return left.integer() <=> whole;
  return 0.0 <=> (real - static_cast<double>(whole));
}

constexpr std::size_t kBytesComparedPerStep = 128;

bool equal_texts(const Value& left, const Value& right) {
  if (&left.object() == &right.object()) return true;
  if (left.text().size() != right.text().size()) return false;
  spend(left.text().size() / kBytesComparedPerStep);
  return left.text() == right.text();
}

bool equal_sequences(const std::vector<Value>& left, const std::vector<Value>& right) {
  return left.size() == right.size() &&
         std::equal(left.begin(), left.end(), right.begin(),
                    [](const Value& a, const Value& b) { return equal(a, b); });
}

bool equal_dicts(const DictObject& left, const DictObject& right) {
  if (left.entries.size() != right.entries.size()) return false;
  return std::ranges::all_of(left.entries, [&](const Pair& entry) {
    const Value* other = right.find(entry.first);
    return other != nullptr && equal(entry.second, *other);
  });
}

[[noreturn]] void raise_unordered(std::string_view symbol, const Value& left, const Value& right) {
  raise_type_error(fmt::format("'{}' not supported between instances of '{}' and '{}'", symbol,
                               type_name(left), type_name(right)));
}

bool order(Comparison op, const Value& left, const Value& right);

bool order_sequences(Comparison op, const Value& left, const Value& right) {
  const auto& a = left.items();
  const auto& b = right.items();
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    if (!equal(a[i], b[i])) return order(op, a[i], b[i]);
  return compare(op, Value(static_cast<std::int64_t>(a.size())), Value(static_cast<std::int64_t>(b.size())));
}

bool holds(Comparison op, std::partial_ordering found) {
  switch (op) {
    case Comparison::Less:
      return found < 0;
    case Comparison::LessEqual:
      return found <= 0;
    case Comparison::Greater:
      return found > 0;
    default:
      return found >= 0;
  }
}

/// <, <=, >, >=.
bool order(Comparison op, const Value& left, const Value& right) {
  check_stack();
  spend(1);
  if (left.is_undefined()) raise_undefined(left);
  if (right.is_undefined()) raise_undefined(right);
  if (left.is_number() && right.is_number()) return holds(op, order_numbers(left, right));
  if (left.is_string() && right.is_string()) {
    spend(std::min(left.text().size(), right.text().size()) / kBytesComparedPerStep);
    return holds(op, left.text() <=> right.text());  // UTF-8 keeps the order of code points
  }
  if (left.is_sequence() && left.kind() == right.kind()) return order_sequences(op, left, right);
  raise_unordered(symbol_of(op), left, right);
}

class SequenceIterator final : public Iterator {
 public:
  explicit SequenceIterator(Value sequence) : sequence_(std::move(sequence)) { charge(sizeof(*this)); }
  Value next() override {
    const auto& items = sequence_.items();
    return at_ < items.size() ? items[at_++] : Value::missing();
  }
  std::string_view type_name() const override {
    return sequence_.is(Kind::List) ? "list_iterator" : "tuple_iterator";
  }

 private:
  Value sequence_;
  std::size_t at_ = 0;
};

class StringIterator final : public Iterator {
 public:
  explicit StringIterator(Value string) : string_(std::move(string)), points_(string_.text()) {
    charge(sizeof(*this));
  }
  Value next() override {
    if (points_.done()) return Value::missing();
    const std::size_t from = points_.offset();
    points_.next();
    return std::string_view(string_.text()).substr(from, points_.offset() - from);
  }
  std::string_view type_name() const override { return "str_iterator"; }

 private:
  Value string_;
  CodePoints points_;
};

class KeyIterator final : public Iterator {
 public:
  explicit KeyIterator(Value dict) : dict_(std::move(dict)) { charge(sizeof(*this)); }
  Value next() override {
    const auto& entries = dict_.entries();
    return at_ < entries.size() ? entries[at_++].first : Value::missing();
  }
  std::string_view type_name() const override { return "dict_keyiterator"; }

 private:
  Value dict_;
  std::size_t at_ = 0;
};

class EmptyIterator final : public Iterator {
 public:
  Value next() override { return Value::missing(); }
  std::string_view type_name() const override { return "generator"; }
};

/// Spreads what differs in a few bits over all.
std::uint64_t mixed(std::uint64_t bits) {
  bits *= 0x9E3779B97F4A7C15ULL;
  return bits ^ (bits >> 32U);
}

bool is_slice_bound(const Value& value) {
  return value.is_none() || value.is_integer() || value.is(Kind::BigInteger);
}

/// Whole numbers as slices take them; large ones are as good as the largest.
std::optional<std::int64_t> slice_bound(const Value& value) {
  if (value.is_none()) return std::nullopt;
  if (value.is_integer()) return value.integer();
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  return big_of(value).is_negative() ? -kMost : kMost;
}

}  // namespace

std::string_view symbol_of(Comparison op) {
  constexpr std::array<std::string_view, 8> kSymbols = {"==", "!=", "<", "<=", ">", ">=", "in", "not in"};
  return kSymbols[static_cast<std::size_t>(op)];
}

bool truth(const Value& value) {
  switch (value.kind()) {
    case Kind::None:
    case Kind::Missing:
    case Kind::Undefined:
      return false;
    case Kind::Bool:
      return value.flag();
    case Kind::Int:
      return value.integer() != 0;
    case Kind::Float:
      return value.real() != 0;
    case Kind::String:
      return !value.text().empty();
    case Kind::List:
    case Kind::Tuple:
      return !value.items().empty();
    case Kind::Dict:
      return !value.entries().empty();
    case Kind::BigInteger:
      return true;
    case Kind::Object:
      break;
  }
  return value.object().truth();
}

bool equal(const Value& left, const Value& right) {
  if (left.is_number() && right.is_number()) return order_numbers(left, right) == 0;
  if (left.kind() != right.kind()) return false;
  switch (left.kind()) {
    case Kind::String:
      return equal_texts(left, right);
    case Kind::List:
    case Kind::Tuple:
    case Kind::Dict:
      break;
    case Kind::Object:
      return left.object().equals(right.object());
    default:
      return true;  // None, Undefined
  }
  if (&left.object() == &right.object()) return true;
  check_stack();
  spend(1 + static_cast<std::size_t>(length_or_raise(left)) / 16);
  return left.is_dict() ? equal_dicts(dict_of(left), dict_of(right))
                        : equal_sequences(left.items(), right.items());
}

bool less(const Value& left, const Value& right) {
  return order(Comparison::Less, left, right);
}

bool compare(Comparison op, const Value& left, const Value& right) {
  switch (op) {
    case Comparison::Equal:
      return equal(left, right);
    case Comparison::NotEqual:
      return !equal(left, right);
    case Comparison::In:
      return contains(right, left);
    case Comparison::NotIn:
      return !contains(right, left);
    default:
      return order(op, left, right);
  }
}

bool contains(const Value& container, const Value& item) {
  if (container.is_string()) {
    if (!item.is_string()) {
      raise_type_error(fmt::format("'in <string>' requires string as left operand, not {}", type_name(item)));
    }
    return find_part(container.text(), item.text()) != std::string::npos;
  }
  if (container.is_dict()) return dict_of(container).find(item) != nullptr;
  if (container.is_sequence()) {
    spend(container.items().size() / 8);
    return std::ranges::any_of(container.items(), [&](const Value& other) { return equal(other, item); });
  }
  if (!is_iterable(container)) {
    if (container.is_undefined()) return false;
    raise_type_error(fmt::format("argument of type '{}' is not iterable", type_name(container)));
  }
  const Value iterator = iterate(container);
  for (Value other = next_of(iterator); !other.is_missing(); other = next_of(iterator)) {
    spend(1);
    if (equal(other, item)) return true;
  }
  return false;
}

std::uint64_t hash_of(const Value& value) {
  check_stack();
  switch (value.kind()) {
    case Kind::String:
      spend(value.text().size() / kBytesComparedPerStep);
      return std::hash<std::string_view>{}(value.text());
    case Kind::Bool:
    case Kind::Int:
      return mixed(static_cast<std::uint64_t>(value.integer()));
    case Kind::Float: {
      const double real = value.real();
      if (real == std::floor(real) && std::abs(real) < 9.2e18)
        return mixed(static_cast<std::uint64_t>(static_cast<std::int64_t>(real)));
      return mixed(std::bit_cast<std::uint64_t>(real));
    }
    case Kind::BigInteger:
      return mixed(std::bit_cast<std::uint64_t>(big_of(value).real()));  // as a float of the same size
    case Kind::Tuple: {
      std::uint64_t hash = 1;
      for (const Value& item : value.items()) hash = mixed(hash ^ hash_of(item));
      spend(value.items().size());
      return hash;
    }
    case Kind::List:
    case Kind::Dict:
      raise_type_error(fmt::format("unhashable type: '{}'", type_name(value)));
    case Kind::Object:
      return mixed(reinterpret_cast<std::uintptr_t>(&value.object()));
    default:
      return mixed(static_cast<std::uint64_t>(value.kind()));
  }
}

bool same_key(const Value& left, const Value& right) {
  return equal(left, right);
}

std::optional<std::int64_t> length_of(const Value& value) {
  switch (value.kind()) {
    case Kind::String:
      return static_cast<std::int64_t>(string_of(value).length);
    case Kind::List:
    case Kind::Tuple:
      return static_cast<std::int64_t>(value.items().size());
    case Kind::Dict:
      return static_cast<std::int64_t>(value.entries().size());
    case Kind::Undefined:
      return 0;
    case Kind::Object:
      return value.object().length();
    default:
      return std::nullopt;
  }
}

std::int64_t length_or_raise(const Value& value) {
  if (const auto length = length_of(value)) return *length;
  raise_type_error(fmt::format("object of type '{}' has no len()", type_name(value)));
}

bool is_iterable(const Value& value) {
  switch (value.kind()) {
    case Kind::String:
    case Kind::List:
    case Kind::Tuple:
    case Kind::Dict:
    case Kind::Undefined:
      return true;
    case Kind::Object:
      return value.object().is_iterable();
    default:
      return false;
  }
}

Value iterate(const Value& value) {
  switch (value.kind()) {
    case Kind::String:
      return make_object<StringIterator>(value);
    case Kind::List:
    case Kind::Tuple:
      return make_object<SequenceIterator>(value);
    case Kind::Dict:
      return make_object<KeyIterator>(value);
    case Kind::Undefined:
      return make_object<EmptyIterator>();
    case Kind::Object:
      if (value.object().is_iterable()) return value.object().iterator();
      break;
    default:
      break;
  }
  raise_type_error(fmt::format("'{}' object is not iterable", type_name(value)));
}

std::vector<Value> to_items(const Value& value) {
  if (value.is_sequence()) {
    spend(value.items().size());
    expect_bytes(value.items().size(), sizeof(Value));
    return value.items();
  }
  std::vector<Value> items;
  const Value iterator = iterate(value);
  for (Value item = next_of(iterator); !item.is_missing(); item = next_of(iterator)) {
    spend(1);
    if (items.size() == items.capacity()) expect_bytes(2 * items.size(), sizeof(Value));
    items.push_back(std::move(item));
  }
  return items;
}

std::int64_t clamp_index(std::int64_t index, std::int64_t length) {
  if (index < 0) index += length;
  return std::clamp<std::int64_t>(index, 0, length);
}

Value item_of(const Value& value, const Value& key) {
  switch (value.kind()) {
    case Kind::Dict: {
      if (key.is(Kind::List) || key.is_dict()) return Value::missing();
      const Value* found = dict_of(value).find(key);
      return found == nullptr ? Value::missing() : *found;
    }
    case Kind::String:
    case Kind::List:
    case Kind::Tuple:
      break;
    case Kind::Undefined:
      raise_undefined(value);
    case Kind::Object:
      return value.object().item(key);
    default:
      return Value::missing();
  }
  if (!key.is_integer()) return Value::missing();
  const std::int64_t length = length_or_raise(value);
  const std::int64_t index = key.integer() < 0 ? key.integer() + length : key.integer();
  if (index < 0 || index >= length) return Value::missing();
  const auto position = static_cast<std::size_t>(index);
  if (!value.is_string()) return value.items()[position];
  const StringObject& string = string_of(value);
  if (string.is_ascii()) return make_string(string.text.substr(position, 1), string.is_markup);
  spend(string.text.size() / 64);
  const std::size_t from = offset_of(string.text, position);
  const std::size_t size = offset_of(std::string_view(string.text).substr(from), 1);
  return make_string(string.text.substr(from, size), string.is_markup);
}

Value slice_of(const Value& value, const Value& start, const Value& stop, const Value& step) {
  if (value.is_undefined()) raise_undefined(value);
  const auto* range = value.is(Kind::Object) ? dynamic_cast<const RangeObject*>(&value.object()) : nullptr;
  if (!value.is_string() && !value.is_sequence() && range == nullptr) return Value::missing();
  if (!is_slice_bound(start) || !is_slice_bound(stop) || !is_slice_bound(step)) return Value::missing();
  const std::int64_t stride = slice_bound(step).value_or(1);
  if (stride == 0) raise_value_error("slice step cannot be zero");
  const std::int64_t length = length_or_raise(value);
  // As PySlice_AdjustIndices.
  const std::int64_t low = stride < 0 ? -1 : 0;
  const std::int64_t high = stride < 0 ? length - 1 : length;
  const auto adjust = [&](const Value& bound, std::int64_t otherwise) {
    const auto given = slice_bound(bound);
    if (!given) return otherwise;
    const std::int64_t index = *given < 0 ? *given + length : *given;
    return std::clamp(index, low, high);
  };
  const std::int64_t first = adjust(start, stride < 0 ? high : low);
  const std::int64_t last = adjust(stop, stride < 0 ? low : high);
  if (range != nullptr) return range->slice(first, last, stride);
  if (value.is_string() && stride == 1) {
    const std::string_view text = value.text();
    const bool is_ascii = string_of(value).is_ascii();
    const auto from = static_cast<std::size_t>(first);
    const auto size = static_cast<std::size_t>(std::max<std::int64_t>(last - first, 0));
    spend(1 + text.size() / 64);
    const std::string_view rest = text.substr(is_ascii ? from : offset_of(text, from));
    return make_string(std::string(rest.substr(0, is_ascii ? size : offset_of(rest, size))),
                       is_markup(value));
  }
  const auto goes_on = [&](std::int64_t i) { return stride < 0 ? i > last : i < last; };
  const auto advance = [&](std::int64_t& i) {
    if (__builtin_add_overflow(i, stride, &i)) i = last;
  };
  if (value.is_string()) {
    const std::u32string points = to_code_points(value.text());
    spend(1 + points.size() / 8);
    std::string out;
    for (std::int64_t i = first; goes_on(i); advance(i))
      append_code_point(out, points[static_cast<std::size_t>(i)]);
    return make_string(std::move(out), is_markup(value));
  }
  std::vector<Value> items;
  for (std::int64_t i = first; goes_on(i); advance(i)) {
    spend(1);
    items.push_back(value.items()[static_cast<std::size_t>(i)]);
  }
  return value.is(Kind::List) ? Value::list(std::move(items)) : Value::tuple(std::move(items));
}

}  // namespace minerva::jinja
