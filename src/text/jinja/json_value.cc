#include "text/jinja/json_value.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "text/utf8.h"

namespace minerva::jinja {
namespace {

// Of one text; and how deep lists and objects may stand in each other.
constexpr std::size_t kBytesMax = std::size_t{16} * 1024 * 1024;
constexpr std::size_t kDepthMax = limits::kJsonDepthMax;

/// Builds values while the text is read, so that nothing is held twice and depth is seen in time. Its
/// functions are those that nlohmann::json::sax_parse calls; false ends the reading.
class Builder {
 public:
  bool null() { return add(Value()); }
  bool boolean(bool flag) { return add(Value(flag)); }
  bool number_integer(std::int64_t number) { return add(Value(number)); }
  bool number_unsigned(std::uint64_t number) { return add(Value::integer_of(std::to_string(number))); }
  bool number_float(double number, const std::string& text) {
    return add(text.find_first_of(".eE") == std::string::npos ? Value::integer_of(text) : Value(number));
  }
  bool string(std::string& text) { return add(Value(std::move(text))); }
  bool binary(nlohmann::json::binary_t& /*bytes*/) { return false; }  // not in JSON
  bool start_object(std::size_t /*size*/) { return open(true); }
  bool key(std::string& name) {
    open_.back().key = Value(std::move(name));
    return true;
  }
  bool end_object() {
    Value value = Value::dict(std::move(open_.back().entries));
    open_.pop_back();
    return add(std::move(value));
  }
  bool start_array(std::size_t /*size*/) { return open(false); }
  bool end_array() {
    Value value = Value::list(std::move(open_.back().items));
    open_.pop_back();
    return add(std::move(value));
  }
  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const nlohmann::json::exception& error) {
    constexpr int kOverflow = 406;
    if (error.id == kOverflow) return fails(fmt::format("the number at byte {} is too large", position));
    return fails(fmt::format("it is not valid JSON at byte {}", position));
  }

  Value take() { return std::move(root_); }
  const std::string& failure() const noexcept { return failure_; }

 private:
  struct Open {
    bool is_object = false;
    std::vector<Pair> entries = {};
    std::vector<Value> items = {};
    Value key = {};
  };

  bool open(bool is_object) {
    if (open_.size() == kDepthMax) return fails(fmt::format("it is nested deeper than {}", kDepthMax));
    open_.push_back({.is_object = is_object});
    return true;
  }
  bool add(Value value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (open_.back().is_object) {
      open_.back().entries.emplace_back(std::move(open_.back().key), std::move(value));
    } else {
      open_.back().items.push_back(std::move(value));
    }
    return true;
  }
  bool fails(std::string why) {
    failure_ = std::move(why);
    return false;
  }

  std::vector<Open> open_;
  Value root_;
  std::string failure_;
};

}  // namespace

Result<Value> json_value(std::string_view text, std::string_view what) {
  const auto refused = [&](std::string_view why) {
    return invalid_request(fmt::format("{} cannot be used: {}", what, why),
                           "Give valid JSON within the limits.");
  };
  if (text.size() > kBytesMax)
    return refused(fmt::format("it has {} bytes; {} are the most that is taken", text.size(), kBytesMax));
  if (!is_valid_utf8(text)) return refused("it is not valid UTF-8");
  Builder builder;
  if (!nlohmann::json::sax_parse(text, &builder)) return refused(builder.failure());
  return builder.take();
}

}  // namespace minerva::jinja
