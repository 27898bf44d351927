#include "text/jinja/json.h"

#include <fmt/format.h>

#include <cstdint>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "text/jinja/raise.h"
#include "text/utf8.h"

namespace minerva::jinja {
namespace {

constexpr int kLevelsMax = 200;

Value text_value(const std::string& text) {
  if (!is_valid_utf8(text)) raise("UnicodeError", "a text is not valid UTF-8");
  return Value(text);
}

Value convert(const nlohmann::ordered_json& json, int level) {
  if (level > kLevelsMax) raise_limit(fmt::format("values are nested more than {} deep", kLevelsMax));
  switch (json.type()) {
    case nlohmann::json::value_t::boolean:
      return json.get<bool>();
    case nlohmann::json::value_t::number_integer:
      return json.get<std::int64_t>();
    case nlohmann::json::value_t::number_unsigned: {
      const auto number = json.get<std::uint64_t>();
      return Value::integer_of(fmt::format("{}", number));
    }
    case nlohmann::json::value_t::number_float:
      return json.get<double>();
    case nlohmann::json::value_t::string:
      return text_value(json.get_ref<const std::string&>());
    case nlohmann::json::value_t::array: {
      std::vector<Value> items;
      items.reserve(json.size());
      for (const auto& item : json) items.push_back(convert(item, level + 1));
      return Value::list(std::move(items));
    }
    case nlohmann::json::value_t::object: {
      std::vector<Pair> entries;
      entries.reserve(json.size());
      for (const auto& [key, item] : json.items())
        entries.emplace_back(text_value(key), convert(item, level + 1));
      return Value::dict(std::move(entries));
    }
    default:
      return {};
  }
}

}  // namespace

Outcome<Value> from_json(const nlohmann::ordered_json& json) {
  try {
    return convert(json, 0);
  } catch (Raised& raised) {
    return std::unexpected(std::move(raised.failure));
  } catch (const std::bad_alloc&) {
    return std::unexpected(
        Failure{.kind = FailureKind::Memory, .type = "MemoryError", .message = {}, .line = 0});
  }
}

}  // namespace minerva::jinja
