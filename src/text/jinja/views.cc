#include "text/jinja/views.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "text/jinja/operators.h"
#include "text/jinja/text.h"

namespace minerva::jinja {
namespace {

Value element(const Pair& entry, ViewOf what) {
  switch (what) {
    case ViewOf::Keys:
      return entry.first;
    case ViewOf::Values:
      return entry.second;
    case ViewOf::Items:
      break;
  }
  return Value::tuple({entry.first, entry.second});
}

class ViewIterator final : public Iterator {
 public:
  ViewIterator(Value dict, ViewOf what, bool is_reversed)
      : dict_(std::move(dict)), what_(what), is_reversed_(is_reversed) {
    charge(sizeof(*this));
  }
  Value next() override {
    const auto& entries = dict_.entries();
    if (at_ >= entries.size()) return Value::missing();
    const std::size_t position = is_reversed_ ? entries.size() - 1 - at_ : at_;
    ++at_;
    return element(entries[position], what_);
  }
  std::string_view type_name() const override {
    constexpr std::array<std::string_view, 3> kNames = {"dict_keyiterator", "dict_valueiterator",
                                                        "dict_itemiterator"};
    constexpr std::array<std::string_view, 3> kReversed = {
        "dict_reversekeyiterator", "dict_reversevalueiterator", "dict_reverseitemiterator"};
    return (is_reversed_ ? kReversed : kNames)[static_cast<std::size_t>(what_)];
  }

 private:
  Value dict_;
  ViewOf what_;
  bool is_reversed_;
  std::size_t at_ = 0;
};

class ViewObject final : public Object {
 public:
  ViewObject(Value dict, ViewOf what) : Object(Kind::Object), dict_(std::move(dict)), what_(what) {
    charge(sizeof(*this));
  }
  std::string_view type_name() const override {
    constexpr std::array<std::string_view, 3> kNames = {"dict_keys", "dict_values", "dict_items"};
    return kNames[static_cast<std::size_t>(what_)];
  }
  void append_repr(std::string& out) const override {
    out += type_name();
    out += "([";
    bool is_first = true;
    for (const Pair& entry : dict_.entries()) {
      if (!is_first) out += ", ";
      is_first = false;
      jinja::append_repr(out, element(entry, what_));
    }
    out += "])";
  }
  bool truth() const override { return !dict_.entries().empty(); }
  std::optional<std::int64_t> length() override { return static_cast<std::int64_t>(dict_.entries().size()); }
  bool is_iterable() const override { return true; }
  Value iterator() override { return make_object<ViewIterator>(dict_, what_, false); }
  bool equals(const Object& other) const override {
    const auto* view = dynamic_cast<const ViewObject*>(&other);
    if (view == nullptr || what_ == ViewOf::Values || view->what_ != what_) return this == &other;
    const auto& mine = dict_.entries();
    return mine.size() == view->dict_.entries().size() && std::ranges::all_of(mine, [&](const Pair& entry) {
             const Value* found = dict_of(view->dict_).find(entry.first);
             return found != nullptr && (what_ == ViewOf::Keys || equal(*found, entry.second));
           });
  }
  Value reversed() const { return make_object<ViewIterator>(dict_, what_, true); }

 private:
  Value dict_;
  ViewOf what_;
};

}  // namespace

Value make_view(const Value& dict, ViewOf what) {
  return make_object<ViewObject>(dict, what);
}

Value reversed_dict(const Value& dict, ViewOf what) {
  return make_object<ViewIterator>(dict, what, true);
}

Value reversed_view(const Value& value) {
  const auto* view = value.is(Kind::Object) ? dynamic_cast<const ViewObject*>(&value.object()) : nullptr;
  return view == nullptr ? Value::missing() : view->reversed();
}

}  // namespace minerva::jinja
