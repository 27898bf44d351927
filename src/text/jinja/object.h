// What stands behind a Value that is more than a number.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/jinja/big_integer.h"
#include "text/jinja/value.h"

namespace minerva::jinja {

class Interpreter;

/// What a call passes.
struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

/// Shared by reference count. What is made while a Budget is in force is charged to it.
class Object {
 public:
  explicit Object(Kind kind) noexcept : kind_(kind) {}
  virtual ~Object();
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;

  Kind kind() const noexcept { return kind_; }
  void retain() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  /// Destroys what nobody refers to any more, however deeply it is nested, without recursion.
  void release() noexcept;

  // What an object of Kind::Object can do; the other kinds are known by their kind.
  virtual std::string_view type_name() const { return "object"; }
  /// jinja2's object_type_repr() names the module of types that are not built in.
  virtual std::string_view module_name() const { return {}; }
  virtual void append_repr(std::string& out) const;
  virtual bool truth() const { return true; }
  virtual bool is_callable() const { return false; }
  virtual Value call(Interpreter& interpreter, const Arguments& arguments);
  /// The attribute, or Missing.
  virtual Value attribute(std::string_view name);
  /// The item, or Missing.
  virtual Value item(const Value& key);
  /// An iterator over it (itself, if it is one), or Missing where it isn't iterable.
  virtual Value iterator();
  /// len(), where it has one.
  virtual std::optional<std::int64_t> length() { return std::nullopt; }
  virtual bool is_iterable() const { return false; }
  virtual bool equals(const Object& other) const { return this == &other; }

 protected:
  /// Counts `bytes` more as held by this object. Throws when that is too much.
  void charge(std::size_t bytes);

 private:
  std::atomic<std::uint32_t> references_{1};
  const Kind kind_;
  std::size_t charged_ = 0;
  Object* next_dead_ = nullptr;
};

class StringObject final : public Object {
 public:
  StringObject(std::string content, bool marked);
  const std::string text;
  const bool is_markup;      ///< markupsafe.Markup
  const std::size_t length;  ///< in code points
  bool is_ascii() const noexcept { return length == text.size(); }
};

/// An int that needs more than 64 bits.
class BigIntegerObject final : public Object {
 public:
  explicit BigIntegerObject(BigInteger value);
  const BigInteger number;
};

class SequenceObject final : public Object {
 public:
  SequenceObject(Kind kind, std::vector<Value> items, bool group = false);
  const std::vector<Value> values;
  const bool is_group;  ///< groupby's tuple, whose parts are also called `grouper` and `list`
};

class DictObject final : public Object {
 public:
  explicit DictObject(std::vector<Pair> pairs);
  const Value* find(const Value& key) const;
  const Value* find(std::string_view key) const;
  std::vector<Pair> entries;  ///< never changed once the constructor has run

 private:
  std::size_t slot_of(const Value& key, std::uint64_t hash) const;
  std::vector<std::uint32_t>
      index_;  ///< open addressing: 1 + position in `entries`, 0 is free; empty when small
};

/// jinja2.Undefined: what is wrong is only said when it is used.
class UndefinedObject final : public Object {
 public:
  UndefinedObject(std::string what, Value object, Value called, bool security);
  std::string message() const;
  const std::string hint;
  const Value of;  ///< what was looked into, or Missing
  const Value name;
  const bool is_security;  ///< raises SecurityError
};

/// One item after the other, once.
class Iterator : public Object {
 public:
  Iterator() noexcept : Object(Kind::Object) {}
  /// The next item, or Missing at the end.
  virtual Value next() = 0;
  Value iterator() override;
  bool is_iterable() const override { return true; }
};

inline const StringObject& string_of(const Value& value) noexcept {
  return static_cast<const StringObject&>(value.object());
}
inline const DictObject& dict_of(const Value& value) noexcept {
  return static_cast<const DictObject&>(value.object());
}
inline const UndefinedObject& undefined_of(const Value& value) noexcept {
  return static_cast<const UndefinedObject&>(value.object());
}
inline bool is_markup(const Value& value) noexcept {
  return value.is_string() && string_of(value).is_markup;
}

template <class T, class... Types>
Value make_object(Types&&... arguments) {
  return Value::adopt(new T(std::forward<Types>(arguments)...));
}
Value make_string(std::string text, bool is_markup);
inline Value markup(std::string text) {
  return make_string(std::move(text), true);
}
Value undefined_name(std::string_view name);
Value undefined_member(const Value& of, const Value& name);
Value undefined_hint(std::string hint);

}  // namespace minerva::jinja
