#include "text/jinja/value.h"

#include <utility>

#include "text/jinja/budget.h"
#include "text/jinja/object.h"
#include "text/jinja/operators.h"
#include "text/jinja/raise.h"
#include "text/jinja/text.h"
#include "text/jinja/unicode.h"

namespace minerva::jinja {
namespace {

constexpr std::size_t kSmallDict = 8;  // searched from the start

thread_local Object* dead = nullptr;      // waiting for destruction
thread_local bool is_destroying = false;  // further down this thread's stack

/// What an object of the heap takes beside what it holds.
constexpr std::size_t kObjectBytes = 96;

}  // namespace

Object::~Object() {
  Budget* budget = Budget::current();
  if (charged_ != 0 && budget != nullptr) budget->give_back(charged_);
}

void Object::charge(std::size_t bytes) {
  Budget* budget = Budget::current();
  if (budget == nullptr) return;
  budget->hold(bytes);
  charged_ += bytes;
}

void Object::release() noexcept {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  next_dead_ = dead;
  dead = this;
  if (is_destroying) return;
  is_destroying = true;
  while (dead != nullptr) {
    Object* object = dead;
    dead = object->next_dead_;
    delete object;
  }
  is_destroying = false;
}

void Object::append_repr(std::string& out) const {
  out += '<';
  if (!module_name().empty()) {
    out += module_name();
    out += '.';
  }
  out += type_name();
  out += " object at 0x7f0000000000>";
}

Value Object::call(Interpreter& /*interpreter*/, const Arguments& /*arguments*/) {
  raise_type_error("'" + std::string(type_name()) + "' object is not callable");
}
Value Object::attribute(std::string_view /*name*/) {
  return Value::missing();
}
Value Object::item(const Value& /*key*/) {
  return Value::missing();
}
Value Object::iterator() {
  return Value::missing();
}

Value Iterator::iterator() {
  retain();
  return Value::adopt(this);
}

StringObject::StringObject(std::string content, bool marked)
    : Object(Kind::String), text(std::move(content)), is_markup(marked), length(count_code_points(text)) {
  charge(kObjectBytes + text.capacity());
}

BigIntegerObject::BigIntegerObject(BigInteger value) : Object(Kind::BigInteger), number(std::move(value)) {
  charge(kObjectBytes + number.bytes());
}

SequenceObject::SequenceObject(Kind kind, std::vector<Value> items, bool group)
    : Object(kind), values(std::move(items)), is_group(group) {
  charge(kObjectBytes + values.capacity() * sizeof(Value));
}

DictObject::DictObject(std::vector<Pair> pairs) : Object(Kind::Dict), entries(std::move(pairs)) {
  charge(kObjectBytes + entries.capacity() * (sizeof(Pair) + 2 * sizeof(std::uint32_t)));
  std::size_t slots = 1;
  while (slots < 2 * entries.size()) slots *= 2;
  std::vector<std::uint32_t> index(slots);
  std::size_t kept = 0;
  index_.swap(index);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::uint64_t hash = hash_of(entries[i].first);
    const std::size_t slot = slot_of(entries[i].first, hash);
    if (index_[slot] != 0) {
      entries[index_[slot] - 1].second = std::move(entries[i].second);
      continue;
    }
    if (kept != i) entries[kept] = std::move(entries[i]);
    index_[slot] = static_cast<std::uint32_t>(++kept);
  }
  entries.erase(entries.begin() + static_cast<std::ptrdiff_t>(kept), entries.end());
  if (kept <= kSmallDict) index_ = {};
}

std::size_t DictObject::slot_of(const Value& key, std::uint64_t hash) const {
  const std::size_t mask = index_.size() - 1;
  std::size_t slot = hash & mask;
  while (index_[slot] != 0 && !same_key(entries[index_[slot] - 1].first, key)) {
    slot = (slot + 1) & mask;
    spend(1);  // keys may be chosen to collide
  }
  return slot;
}

const Value* DictObject::find(const Value& key) const {
  if (index_.empty()) {
    if (!key.is_string()) (void)hash_of(key);  // raises for what can't be a key
    for (const Pair& entry : entries)
      if (same_key(entry.first, key)) return &entry.second;
    return nullptr;
  }
  const std::uint32_t position = index_[slot_of(key, hash_of(key))];
  return position == 0 ? nullptr : &entries[position - 1].second;
}

const Value* DictObject::find(std::string_view key) const {
  if (!index_.empty()) return find(Value(key));
  for (const Pair& entry : entries)
    if (entry.first.is_string() && entry.first.text() == key) return &entry.second;
  return nullptr;
}

UndefinedObject::UndefinedObject(std::string what, Value object, Value called, bool security)
    : Object(Kind::Undefined),
      hint(std::move(what)),
      of(std::move(object)),
      name(std::move(called)),
      is_security(security) {
  charge(kObjectBytes + sizeof(UndefinedObject) + hint.capacity());
}

std::string UndefinedObject::message() const {
  if (!hint.empty()) return hint;
  if (of.is_missing()) return repr_of_key(name) + " is undefined";
  const std::string type = object_type_repr(of);
  if (!name.is_string()) return type + " has no element " + repr_of_key(name);
  return repr_of_text(type) + " has no attribute " + repr_of_key(name);
}

Value::Value(std::string utf8) : kind_(Kind::String) {
  data_.object = new StringObject(std::move(utf8), false);
}
Value Value::list(std::vector<Value> items) {
  return make_object<SequenceObject>(Kind::List, std::move(items));
}
Value Value::tuple(std::vector<Value> items) {
  return make_object<SequenceObject>(Kind::Tuple, std::move(items));
}
Value Value::dict(std::vector<Pair> entries) {
  return make_object<DictObject>(std::move(entries));
}
Value Value::integer_of(std::string_view digits) {
  const bool is_negative = digits.starts_with('-');
  BigInteger number = BigInteger::parse(digits.substr(is_negative ? 1 : 0), 10);
  return make_integer(is_negative ? -number : std::move(number));
}
Value Value::adopt(Object* object) noexcept {
  Value value;
  value.kind_ = object->kind();
  value.data_.object = object;
  return value;
}

const std::string& Value::text() const noexcept {
  return string_of(*this).text;
}
const std::vector<Value>& Value::items() const noexcept {
  return static_cast<const SequenceObject*>(data_.object)->values;
}
const std::vector<Pair>& Value::entries() const noexcept {
  return dict_of(*this).entries;
}
const Value* Value::find(std::string_view key) const {
  return dict_of(*this).find(key);
}

void Value::retain() const noexcept {
  if (is_shared()) data_.object->retain();
}
void Value::release() noexcept {
  if (is_shared()) data_.object->release();
}

Value make_string(std::string text, bool is_markup) {
  return make_object<StringObject>(std::move(text), is_markup);
}
Value undefined_name(std::string_view name) {
  return make_object<UndefinedObject>("", Value::missing(), Value(name), false);
}
Value undefined_member(const Value& of, const Value& name) {
  return make_object<UndefinedObject>("", of, name, false);
}
Value undefined_hint(std::string hint) {
  return make_object<UndefinedObject>(std::move(hint), Value::missing(), Value(), false);
}

}  // namespace minerva::jinja
