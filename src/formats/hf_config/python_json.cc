#include "formats/hf_config/python_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "formats/stand_in.h"

namespace minerva {
namespace {

using Json = nlohmann::json;

struct Constant {
  std::string_view text;
  std::string_view json;
};
// The longest first: "-Infinity" ends with "Infinity".
constexpr std::array kConstants = {
    Constant{"-Infinity", R"({"__float__":"-Infinity"})"},
    Constant{"Infinity", R"({"__float__":"Infinity"})"},
    Constant{"NaN", R"({"__float__":"NaN"})"},
};

/// The end of the string that begins at `text[begin]` (a quote): one past its final quote, or the end.
std::size_t end_of_string(std::string_view text, std::size_t begin) {
  for (std::size_t i = begin + 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i + 1;
    }
  }
  return text.size();
}

const Constant* constant_at(std::string_view rest) {
  for (const Constant& constant : kConstants) {
    if (rest.starts_with(constant.text)) return &constant;
  }
  return nullptr;
}

/// `text` as standard JSON, or nothing when it is nested deeper than `depth_max`.
std::optional<std::string> standard_json(std::string_view text, std::size_t depth_max) {
  std::string out;
  out.reserve(text.size());
  std::size_t depth = 0;
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    std::size_t end = i + 1;
    if (c == '"') {
      end = end_of_string(text, i);
    } else if (c == '{' || c == '[') {
      if (++depth > depth_max) return std::nullopt;
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    } else if (const Constant* constant = constant_at(text.substr(i))) {
      out += constant->json;
      i += constant->text.size();
      continue;
    }
    out.append(text, i, end - i);
    i = end;
  }
  return out;
}

}  // namespace

Result<Json> parse_python_json(std::string_view text, std::string_view file, std::size_t depth_max) {
  const auto standard = standard_json(text, depth_max);
  if (!standard) {
    return model_loading(fmt::format("'{}' is nested deeper than {} levels", file, depth_max),
                         kDownloadAgain);
  }
  // First only checked, because the message with the position comes as an exception.
  std::string reason = "it is empty";
  if (text.find_first_not_of(" \t\r\n") != std::string_view::npos) {
    try {
      return Json::parse(*standard);
    } catch (const Json::exception& exception) {
      reason = exception.what();
    }
  }
  // "[json.exception.parse_error.101] parse error at ..." without the library's own label.
  if (const auto label = reason.find("] "); reason.starts_with('[') && label != std::string::npos) {
    reason.erase(0, label + 2);
  }
  // "; last read: '...'" repeats the file, which may be long and need not be text.
  reason.resize(std::min(reason.find("; last read:"), reason.size()));
  return not_json(text, file, reason);
}

}  // namespace minerva
