#include "formats/hf_config/python_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
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

/// The number of the escape "\\uXXXX" at `text[at]`, if one is there.
std::optional<unsigned> unicode_escape(std::string_view text, std::size_t at) {
  constexpr std::size_t kBytes = 6;
  if (at + kBytes > text.size() || text[at] != '\\' || text[at + 1] != 'u') return std::nullopt;
  unsigned code = 0;
  const char* const end = text.data() + at + kBytes;
  const auto [stop, error] = std::from_chars(text.data() + at + 2, end, code, 16);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return code;
}

/// Appends a string, its quotes included; an escape of half a pair, which Python lets be, as that of U+FFFD.
void append_string(std::string_view text, std::string& out) {
  const auto between = [](std::optional<unsigned> code, unsigned first, unsigned last) {
    return code && *code >= first && *code <= last;
  };
  for (std::size_t i = 0; i < text.size();) {
    std::size_t length = 1;
    if (text[i] == '\\') {
      const auto code = unicode_escape(text, i);
      length = code ? 6 : 2;
      const bool pair = between(code, 0xD800, 0xDBFF) && between(unicode_escape(text, i + 6), 0xDC00, 0xDFFF);
      if (pair) length = 12;
      if (!pair && between(code, 0xD800, 0xDFFF)) {
        out += "\\ufffd";
        i += length;
        continue;
      }
    }
    out += text.substr(i, length);
    i += length;
  }
}

const Constant* constant_at(std::string_view rest) {
  for (const Constant& constant : kConstants) {
    if (rest.starts_with(constant.text)) return &constant;
  }
  return nullptr;
}

}  // namespace

std::optional<std::string> standard_json(std::string_view text, std::size_t depth_max) {
  std::string out;
  out.reserve(text.size());
  std::size_t depth = 0;
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    std::size_t end = i + 1;
    if (c == '"') {
      end = end_of_string(text, i);
      append_string(text.substr(i, end - i), out);
      i = end;
      continue;
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
