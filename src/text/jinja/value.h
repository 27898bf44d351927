// Values of a template: Python's None, bool, int (of 64 bits), float, str, list, tuple and dict, jinja2's
// Undefined, and objects. Cheap to copy: what is large is shared and never changes.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace minerva::jinja {

class Object;
class Value;
using Pair = std::pair<Value, Value>;

enum class Kind : std::uint8_t {
  None,
  Bool,
  Int,
  Float,
  Missing,  ///< a variable without a value; never seen by a template
  String,   ///< from here on: an Object
  List,
  Tuple,
  Dict,
  BigInteger,  ///< an int that needs more than 64 bits
  Undefined,
  Object,
};

class Value {
 public:
  Value() noexcept = default;  ///< None
  Value(bool flag) noexcept : kind_(Kind::Bool) { data_.flag = flag; }
  Value(int number) noexcept : Value(static_cast<std::int64_t>(number)) {}
  Value(std::int64_t number) noexcept : kind_(Kind::Int) { data_.integer = number; }
  Value(double number) noexcept : kind_(Kind::Float) { data_.real = number; }
  Value(const char* utf8) : Value(std::string(utf8)) {}
  Value(std::string_view utf8) : Value(std::string(utf8)) {}
  Value(std::string utf8);  ///< must be valid UTF-8
  template <class T>
  Value(const T*) = delete;  // would be a bool

  static Value list(std::vector<Value> items);
  static Value tuple(std::vector<Value> items);
  /// Of keys that are the same the last value counts. Keys must be hashable: no list, no dict.
  static Value dict(std::vector<Pair> entries);
  /// An int of any size from decimal digits, perhaps with '-' before. Raises for more than some ten thousand.
  static Value integer_of(std::string_view digits);
  static Value missing() noexcept {
    Value value;
    value.kind_ = Kind::Missing;
    return value;
  }
  /// Takes over the one reference of a new object.
  static Value adopt(Object* object) noexcept;

  Value(const Value& other) noexcept : kind_(other.kind_), data_(other.data_) { retain(); }
  Value(Value&& other) noexcept : kind_(other.kind_), data_(other.data_) { other.kind_ = Kind::None; }
  Value& operator=(const Value& other) noexcept {
    Value copy(other);
    swap(copy);
    return *this;
  }
  Value& operator=(Value&& other) noexcept {
    Value taken(std::move(other));
    swap(taken);
    return *this;
  }
  ~Value() { release(); }
  void swap(Value& other) noexcept {
    std::swap(kind_, other.kind_);
    std::swap(data_, other.data_);
  }

  Kind kind() const noexcept { return kind_; }
  bool is(Kind kind) const noexcept { return kind_ == kind; }
  bool is_none() const noexcept { return kind_ == Kind::None; }
  bool is_missing() const noexcept { return kind_ == Kind::Missing; }
  bool is_undefined() const noexcept { return kind_ == Kind::Undefined; }
  bool is_string() const noexcept { return kind_ == Kind::String; }
  bool is_dict() const noexcept { return kind_ == Kind::Dict; }
  bool is_sequence() const noexcept { return kind_ == Kind::List || kind_ == Kind::Tuple; }
  /// An int of 64 bits; a bool is one, as in Python.
  bool is_integer() const noexcept { return kind_ == Kind::Int || kind_ == Kind::Bool; }
  bool is_number() const noexcept {
    return is_integer() || kind_ == Kind::Float || kind_ == Kind::BigInteger;
  }

  // Each only for its kind.
  bool flag() const noexcept { return data_.flag; }
  std::int64_t integer() const noexcept { return kind_ == Kind::Bool ? data_.flag : data_.integer; }
  double real() const noexcept { return data_.real; }
  const std::string& text() const noexcept;                  ///< String
  const std::vector<Value>& items() const noexcept;          ///< List, Tuple
  const std::vector<Pair>& entries() const noexcept;         ///< Dict, in order of insertion
  const Value* find(std::string_view key) const;             ///< Dict; null where there is none
  Object& object() const noexcept { return *data_.object; }  ///< String, List … and Object

 private:
  bool is_shared() const noexcept { return kind_ >= Kind::String; }
  void retain() const noexcept;
  void release() noexcept;

  union Data {
    bool flag;
    std::int64_t integer;
    double real;
    Object* object;
  };
  Kind kind_ = Kind::None;
  Data data_{.integer = 0};
};

}  // namespace minerva::jinja
