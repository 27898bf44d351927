#include "text/jinja/globals.h"

#include <fmt/format.h>
#include <time.h>

#include <array>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "text/jinja/call_arguments.h"
#include "text/jinja/functions.h"
#include "text/jinja/namespace.h"
#include "text/jinja/raise.h"
#include "text/jinja/range.h"
#include "text/jinja/text.h"

namespace minerva::jinja {
namespace {

Value call_range(Interpreter& /*interpreter*/, const Value& /*self*/, const Arguments& arguments) {
  constexpr std::int64_t kLengthMax = 100'000;  // jinja2's MAX_RANGE
  const auto& given = arguments.positional;
  if (!arguments.named.empty()) raise_type_error("range() takes no keyword arguments");
  if (given.empty()) raise_type_error("range expected at least 1 argument, got 0");
  if (given.size() > 3)
    raise_type_error(fmt::format("range expected at most 3 arguments, got {}", given.size()));
  std::int64_t start = 0;
  std::int64_t stop = integer_argument(given[0]);
  if (given.size() > 1) {
    start = stop;
    stop = integer_argument(given[1]);
  }
  const std::int64_t step = given.size() > 2 ? integer_argument(given[2]) : 1;
  if (step == 0) raise_value_error("range() arg 3 must not be zero");
  Value range = make_object<RangeObject>(start, stop, step);
  if (length_or_raise(range) > kLengthMax) {
    raise("OverflowError",
          fmt::format("Range too big. The sandbox blocks ranges larger than MAX_RANGE ({}).", kLengthMax));
  }
  return range;
}

/// dict(): from a mapping or pairs, and names.
std::vector<Pair> dict_entries(std::string_view function, const Arguments& arguments) {
  if (arguments.positional.size() > 1) {
    raise_type_error(
        fmt::format("{} expected at most 1 argument, got {}", function, arguments.positional.size()));
  }
  std::vector<Pair> entries;
  if (!arguments.positional.empty()) {
    const Value& source = arguments.positional[0];
    if (source.is_dict()) {
      spend(source.entries().size());
      entries = source.entries();
    } else {
      std::size_t position = 0;
      for (const Value& pair : to_items(source)) {
        if (!is_iterable(pair)) {
          raise_type_error(
              fmt::format("cannot convert dictionary update sequence element #{} to a sequence", position));
        }
        std::vector<Value> parts = to_items(pair);
        if (parts.size() != 2) {
          raise_value_error(fmt::format("dictionary update sequence element #{} has length {}; 2 is required",
                                        position, parts.size()));
        }
        entries.emplace_back(std::move(parts[0]), std::move(parts[1]));
        ++position;
      }
    }
  }
  for (const auto& [name, value] : arguments.named) entries.emplace_back(Value(name), value);
  return entries;
}

Value call_dict(Interpreter& /*interpreter*/, const Value& /*self*/, const Arguments& arguments) {
  return Value::dict(dict_entries("dict", arguments));
}

Value call_dict_fromkeys(Interpreter& /*interpreter*/, const Value& /*self*/, const Arguments& arguments) {
  const Parameters given("fromkeys", arguments, {"iterable", "value"}, 1);
  std::vector<Pair> entries;
  for (Value& key : to_items(given[0]))
    entries.emplace_back(std::move(key), given.has(1) ? given[1] : Value());
  return Value::dict(std::move(entries));
}

class DictClass final : public Object {
 public:
  DictClass() noexcept : Object(Kind::Object) {}
  std::string_view type_name() const override { return "TemplateDict"; }
  std::string_view module_name() const override { return "transformers.utils.chat_template_utils"; }
  bool is_callable() const override { return true; }
  Value call(Interpreter& interpreter, const Arguments& arguments) override {
    return call_dict(interpreter, Value(), arguments);
  }
  Value attribute(std::string_view name) override {
    return name == "fromkeys" ? make_method(*this, "fromkeys", call_dict_fromkeys) : Value::missing();
  }
};

Value call_namespace(Interpreter& interpreter, const Value& /*self*/, const Arguments& arguments) {
  // Like a dict: the last of a name counts.
  const Value attributes = Value::dict(dict_entries("dict", arguments));
  return make_object<NamespaceObject>(interpreter, attributes.entries());
}

class CyclerObject final : public Object {
 public:
  explicit CyclerObject(std::vector<Value> items) : Object(Kind::Object), items_(std::move(items)) {
    charge(sizeof(*this) + items_.capacity() * sizeof(Value));
  }
  std::string_view type_name() const override { return "Cycler"; }
  std::string_view module_name() const override { return "jinja2.utils"; }
  Value attribute(std::string_view name) override {
    if (name == "current") return items_[position_];
    if (name == "pos") return static_cast<std::int64_t>(position_);
    if (name == "items") return Value::tuple(items_);
    if (name == "next") {
      return make_method(*this, "next", [](Interpreter&, const Value& self, const Arguments&) {
        return static_cast<CyclerObject&>(self.object()).next();
      });
    }
    if (name == "reset") {
      return make_method(*this, "reset", [](Interpreter&, const Value& self, const Arguments&) {
        static_cast<CyclerObject&>(self.object()).position_ = 0;
        return Value();
      });
    }
    return Value::missing();
  }

 private:
  Value next() {
    const Value item = items_[position_];
    position_ = (position_ + 1) % items_.size();
    return item;
  }

  std::vector<Value> items_;
  std::size_t position_ = 0;
};

Value call_cycler(Interpreter& /*interpreter*/, const Value& /*self*/, const Arguments& arguments) {
  if (!arguments.named.empty()) {
    raise_type_error(fmt::format("Cycler.__init__() got an unexpected keyword argument {}",
                                 repr_of_text(arguments.named[0].first)));
  }
  if (arguments.positional.empty()) raise("RuntimeError", "at least one item has to be provided");
  return make_object<CyclerObject>(arguments.positional);
}

class JoinerObject final : public Object {
 public:
  explicit JoinerObject(Value separator) : Object(Kind::Object), separator_(std::move(separator)) {
    charge(sizeof(*this));
  }
  std::string_view type_name() const override { return "Joiner"; }
  std::string_view module_name() const override { return "jinja2.utils"; }
  bool is_callable() const override { return true; }
  Value call(Interpreter& /*interpreter*/, const Arguments& /*arguments*/) override {
    if (was_used_) return separator_;
    was_used_ = true;
    return "";
  }
  Value attribute(std::string_view name) override {
    if (name == "sep") return separator_;
    return name == "used" ? Value(was_used_) : Value::missing();
  }

 private:
  Value separator_;
  bool was_used_ = false;
};

Value call_joiner(Interpreter& /*interpreter*/, const Value& /*self*/, const Arguments& arguments) {
  const Parameters given("Joiner.__init__", arguments, {"sep"}, 0);
  return make_object<JoinerObject>(given.has(0) ? given[0] : Value(", "));
}

Value call_lipsum(Interpreter& /*interpreter*/, const Value& /*self*/, const Arguments& /*arguments*/) {
  raise("NotImplementedError", "lipsum() makes random text and is not supported");
}

Value call_raise_exception(Interpreter& /*interpreter*/, const Value& /*self*/, const Arguments& arguments) {
  const Parameters given("raise_exception", arguments, {"message"}, 1);
  throw Raised(
      {.kind = FailureKind::Raised, .type = "TemplateError", .message = to_text(given[0]), .line = 0});
}

/// strftime() of the local time.
std::string formatted_time(std::chrono::system_clock::time_point when, const std::string& format) {
  constexpr std::size_t kFormatBytesMax = 1000;
  if (format.size() > kFormatBytesMax) raise_value_error("the format of a time is too long");
  const std::time_t seconds = std::chrono::system_clock::to_time_t(when);
  std::tm local{};
  localtime_r(&seconds, &local);
  std::string expanded;  // what datetime adds: microseconds, and a naive time's empty zone
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 == format.size()) {
      expanded += format[i];
      continue;
    }
    const char letter = format[++i];
    if (letter == 'f') {
      const auto micros =
          std::chrono::duration_cast<std::chrono::microseconds>(when.time_since_epoch()).count();
      expanded += fmt::format("{:06}", (micros % 1'000'000 + 1'000'000) % 1'000'000);
    } else if (letter != 'z' && letter != 'Z') {
      expanded += '%';
      expanded += letter;
    }
  }
  std::string out(256 + 64 * expanded.size(), '\0');
  // A final mark tells an empty result from one that is too long.
  expanded += '.';
  const std::size_t size = strftime(out.data(), out.size(), expanded.c_str(), &local);
  if (size == 0) raise_value_error("the format of a time is not understood");
  out.resize(size - 1);
  return out;
}

Value call_strftime_now(Interpreter& interpreter, const Value& /*self*/, const Arguments& arguments) {
  const Parameters given("strftime_now", arguments, {"format"}, 1);
  if (!given[0].is_string())
    raise_type_error(fmt::format("strftime() argument 1 must be str, not {}", type_name(given[0])));
  const auto now = interpreter.settings().now.value_or(std::chrono::system_clock::now());
  return formatted_time(now, given[0].text());
}

struct Global {
  std::string_view name;
  std::string_view shown;
  NativeFunction function;
};
constexpr std::array<Global, 7> kGlobals = {{
    {"range", "<function safe_range at 0x7f0000000000>", call_range},
    {"lipsum", "<function generate_lorem_ipsum at 0x7f0000000000>", call_lipsum},
    {"cycler", "<class 'jinja2.utils.Cycler'>", call_cycler},
    {"joiner", "<class 'jinja2.utils.Joiner'>", call_joiner},
    {"namespace", "<class 'transformers.utils.chat_template_utils.TemplateNamespace'>", call_namespace},
    {"raise_exception", "<function raise_exception at 0x7f0000000000>", call_raise_exception},
    {"strftime_now", "<function strftime_now at 0x7f0000000000>", call_strftime_now},
}};

}  // namespace

Value find_global(std::string_view name) {
  if (name == "dict") return make_object<DictClass>();
  for (const Global& global : kGlobals)
    if (global.name == name) return make_function(global.shown, global.function);
  return Value::missing();
}

}  // namespace minerva::jinja
