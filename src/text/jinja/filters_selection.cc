// Filters that give one item after the other, as Python's generators do: nothing is done before it is asked
// for.
#include <fmt/format.h>

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "text/jinja/attributes.h"
#include "text/jinja/budget.h"
#include "text/jinja/call_arguments.h"
#include "text/jinja/filters.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/operators.h"
#include "text/jinja/raise.h"
#include "text/jinja/text.h"

namespace minerva::jinja {
namespace {

/// A generator over the items of a value, which is first looked at when the first item is asked for.
class Generator : public Iterator {
 public:
  Generator(std::string_view function, Value source) : function_(function), source_(std::move(source)) {
    charge(sizeof(*this));
  }
  std::string_view type_name() const override { return "generator"; }
  void append_repr(std::string& out) const override {
    out += fmt::format("<generator object {} at 0x7f0000000000>", function_);
  }

 protected:
  const Value& source() const { return source_; }
  /// The next item of the source.
  Value take() {
    check_stack();  // the source may be a generator over a generator …
    spend(1);
    if (iterator_.is_none()) iterator_ = iterate(source_);
    return next_of(iterator_);
  }

 private:
  std::string_view function_;
  Value source_;
  Value iterator_;  ///< None until the first item
};

Arguments without_first(const Arguments& arguments, std::size_t count) {
  Arguments rest;
  rest.positional.assign(arguments.positional.begin() + static_cast<std::ptrdiff_t>(count),
                         arguments.positional.end());
  rest.named = arguments.named;
  return rest;
}

class Mapped final : public Generator {
 public:
  Mapped(Interpreter& interpreter, Value source, Arguments arguments)
      : Generator("sync_do_map", std::move(source)),
        interpreter_(interpreter),
        arguments_(std::move(arguments)) {}

  Value next() override {
    if (!is_prepared_) {
      is_prepared_ = true;
      is_done_ = !jinja::truth(source());
      if (!is_done_) prepare();
    }
    if (is_done_) return Value::missing();
    Value item = take();
    if (item.is_missing()) return item;
    if (!filter_) return path_.get(interpreter_, item, otherwise_.is_none() ? nullptr : &otherwise_);
    return interpreter_.call_filter(*filter_, item, arguments_);
  }

 private:
  void prepare() {
    if (arguments_.positional.empty() && has_named("attribute")) {
      for (const auto& [name, value] : arguments_.named) {
        if (name == "attribute") {
          path_ = AttributePath(value);
        } else if (name == "default") {
          otherwise_ = value;
        } else {
          raise("FilterArgumentError", fmt::format("Unexpected keyword argument {}", repr_of_text(name)));
        }
      }
      return;
    }
    if (arguments_.positional.empty()) raise("FilterArgumentError", "map requires a filter argument");
    const Value name = arguments_.positional[0];
    filter_ = name.is_string() ? name.text() : to_text(name);
    arguments_ = without_first(arguments_, 1);
  }
  bool has_named(std::string_view wanted) const {
    for (const auto& [name, value] : arguments_.named)
      if (name == wanted) return true;
    return false;
  }

  Interpreter& interpreter_;
  Arguments arguments_;
  bool is_prepared_ = false;
  bool is_done_ = false;
  std::optional<std::string> filter_;
  AttributePath path_;
  Value otherwise_;
};

Value map(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  return make_object<Mapped>(interpreter, input, arguments);
}

class Selected final : public Generator {
 public:
  Selected(Interpreter& interpreter, Value source, Arguments arguments, bool wanted, bool of_attribute)
      : Generator("select_or_reject", std::move(source)),
        interpreter_(interpreter),
        arguments_(std::move(arguments)),
        wanted_(wanted),
        of_attribute_(of_attribute) {}

  Value next() override {
    if (!is_prepared_) {
      is_prepared_ = true;
      is_done_ = !jinja::truth(source());
      if (!is_done_) prepare();
    }
    while (!is_done_) {
      Value item = take();
      if (item.is_missing() || passes(item) == wanted_) return item;
    }
    return Value::missing();
  }

 private:
  void prepare() {
    if (of_attribute_) {
      if (arguments_.positional.empty()) raise("FilterArgumentError", "Missing parameter for attribute name");
      path_ = AttributePath(arguments_.positional[0]);
      arguments_ = without_first(arguments_, 1);
    }
    if (arguments_.positional.empty()) return;
    const Value name = arguments_.positional[0];
    test_ = name.is_string() ? name.text() : to_text(name);
    arguments_ = without_first(arguments_, 1);
  }
  bool passes(const Value& item) {
    const Value value = path_.get(interpreter_, item);
    return test_ ? interpreter_.call_test(*test_, value, arguments_) : jinja::truth(value);
  }

  Interpreter& interpreter_;
  Arguments arguments_;
  bool wanted_;
  bool of_attribute_;
  bool is_prepared_ = false;
  bool is_done_ = false;
  AttributePath path_;
  std::optional<std::string> test_;
};

template <bool wanted, bool of_attribute>
Value select(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  return make_object<Selected>(interpreter, input, arguments, wanted, of_attribute);
}

class Unique final : public Generator {
 public:
  Unique(Interpreter& interpreter, Value source, bool case_sensitive, AttributePath path)
      : Generator("sync_do_unique", std::move(source)),
        interpreter_(interpreter),
        case_sensitive_(case_sensitive),
        path_(std::move(path)) {}
  Value next() override {
    while (true) {
      Value item = take();
      if (item.is_missing()) return item;
      Value key = path_.get(interpreter_, item);
      if (!case_sensitive_) key = without_case(key);
      if (!is_new(key)) continue;
      return item;
    }
  }

 private:
  bool is_new(const Value& key) {
    const std::uint64_t hash = hash_of(key);
    if (2 * (count_ + 1) > seen_.size()) grow();
    Value& place = place_of(key, hash);
    if (!place.is_missing()) return false;
    place = key;
    ++count_;
    return true;
  }
  Value& place_of(const Value& key, std::uint64_t hash) {
    const std::size_t mask = seen_.size() - 1;
    std::size_t slot = hash & mask;
    while (!seen_[slot].is_missing() && !same_key(seen_[slot], key)) {
      slot = (slot + 1) & mask;
      spend(1);  // keys may be chosen to collide
    }
    return seen_[slot];
  }
  void grow() {
    std::vector<Value> before(std::max<std::size_t>(16, 2 * seen_.size()), Value::missing());
    charge(before.size() * sizeof(Value));
    before.swap(seen_);
    for (Value& key : before)
      if (!key.is_missing()) place_of(key, hash_of(key)) = std::move(key);
  }

  Interpreter& interpreter_;
  bool case_sensitive_;
  AttributePath path_;
  std::vector<Value> seen_;  ///< open addressing
  std::size_t count_ = 0;
};

Value unique(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const Parameters given("do_unique", arguments, {"case_sensitive", "attribute"}, 0);
  return make_object<Unique>(interpreter, input, given.flag(0, false),
                             AttributePath(given.has(1) ? given[1] : Value()));
}

class Items final : public Generator {
 public:
  explicit Items(Value source) : Generator("do_items", std::move(source)) {}
  Value next() override {
    if (source().is_undefined()) return Value::missing();
    if (!source().is_dict()) raise_type_error("Can only get item pairs from a mapping.");
    const auto& entries = source().entries();
    if (at_ >= entries.size()) return Value::missing();
    spend(1);
    const Pair& entry = entries[at_++];
    return Value::tuple({entry.first, entry.second});
  }

 private:
  std::size_t at_ = 0;
};

Value items(Interpreter& /*interpreter*/, const Value& input, const Arguments& arguments) {
  const Parameters given("do_items", arguments, {}, 0);
  return make_object<Items>(input);
}

class Batches final : public Generator {
 public:
  Batches(Value source, Value size, Value filler)
      : Generator("do_batch", std::move(source)), size_(std::move(size)), filler_(std::move(filler)) {}
  Value next() override {
    std::vector<Value> batch;
    if (!pending_.is_missing()) batch.push_back(std::exchange(pending_, Value::missing()));
    while (true) {
      Value item = take();
      if (item.is_missing()) break;
      if (is_full(batch)) {
        // As jinja2 does it, the first batch is empty for a size of nothing.
        pending_ = std::move(item);
        return Value::list(std::move(batch));
      }
      batch.push_back(std::move(item));
    }
    if (batch.empty()) return Value::missing();
    if (!filler_.is_none() && less(Value(static_cast<std::int64_t>(batch.size())), size_)) {
      const std::int64_t missing = integer_argument(size_) - static_cast<std::int64_t>(batch.size());
      expect_bytes(static_cast<std::uint64_t>(missing), sizeof(Value));
      spend(static_cast<std::size_t>(missing));
      batch.insert(batch.end(), static_cast<std::size_t>(missing), filler_);
    }
    return Value::list(std::move(batch));
  }

 private:
  bool is_full(const std::vector<Value>& batch) const {
    return equal(Value(static_cast<std::int64_t>(batch.size())), size_);
  }
  Value size_;
  Value filler_;
  Value pending_ = Value::missing();
};

Value batch(Interpreter& /*interpreter*/, const Value& input, const Arguments& arguments) {
  const Parameters given("do_batch", arguments, {"linecount", "fill_with"}, 1);
  return make_object<Batches>(input, given[0], given.has(1) ? given[1] : Value());
}

class Slices final : public Generator {
 public:
  Slices(Value source, Value count, Value filler)
      : Generator("sync_do_slice", std::move(source)), count_(std::move(count)), filler_(std::move(filler)) {}
  Value next() override {
    if (!is_prepared_) {
      is_prepared_ = true;
      items_ = Value::list(to_items(source()));
      slices_ = integer_argument(count_);
      if (slices_ == 0) raise("ZeroDivisionError", "integer division or modulo by zero");
    }
    if (at_ >= slices_) return Value::missing();
    spend(1);
    const auto length = static_cast<std::int64_t>(items_.items().size());
    const std::int64_t each = length / slices_;
    const std::int64_t longer = length % slices_;
    const std::int64_t start = at_ * each + std::min(at_, longer);
    const std::int64_t end = start + each + (at_ < longer ? 1 : 0);
    const auto position = [&](std::int64_t i) { return items_.items().begin() + i; };
    std::vector<Value> slice(position(start), position(end));
    if (!filler_.is_none() && at_ >= longer) slice.push_back(filler_);
    ++at_;
    return Value::list(std::move(slice));
  }

 private:
  Value count_;
  Value filler_;
  Value items_;
  bool is_prepared_ = false;
  std::int64_t slices_ = 0;
  std::int64_t at_ = 0;
};

Value slice(Interpreter& /*interpreter*/, const Value& input, const Arguments& arguments) {
  const Parameters given("do_slice", arguments, {"slices", "fill_with"}, 1);
  return make_object<Slices>(input, given[0], given.has(1) ? given[1] : Value());
}

constexpr std::array<FilterEntry, 9> kFilters = {{
    {"batch", batch},
    {"items", items},
    {"map", map},
    {"reject", select<false, false>},
    {"rejectattr", select<false, true>},
    {"select", select<true, false>},
    {"selectattr", select<true, true>},
    {"slice", slice},
    {"unique", unique},
}};

}  // namespace

std::span<const FilterEntry> selection_filters() {
  return kFilters;
}

}  // namespace minerva::jinja
