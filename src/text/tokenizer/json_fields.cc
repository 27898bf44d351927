#include "text/tokenizer/json_fields.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "base/limits.h"
#include "formats/hf_config/python_json.h"
#include "formats/quote.h"
#include "formats/stand_in.h"
#include "text/tokenizer/utf8_codec.h"

namespace minerva::tokenizers {

namespace {

constexpr const char* kCheckField =
    "Check the field, or download the file again: it may be corrupted, or made for another program.";

std::string_view kind_of(const simdjson::dom::element& value) {
  switch (value.type()) {
    case simdjson::dom::element_type::ARRAY:
      return "an array";
    case simdjson::dom::element_type::OBJECT:
      return "an object";
    case simdjson::dom::element_type::INT64:
    case simdjson::dom::element_type::UINT64:
      return "an integer";
    case simdjson::dom::element_type::DOUBLE:
      return "a number with a fraction";
    case simdjson::dom::element_type::STRING:
      return "a string";
    case simdjson::dom::element_type::BOOL:
      return "true or false";
    case simdjson::dom::element_type::NULL_VALUE:
      return "null";
  }
  return "something else";
}

/// Python writes integers of any size (transformers: "model_max_length": 1000000000000000019884624838656); as
/// numbers with a fraction simdjson takes them.
std::string with_long_integers_as_fractions(std::string_view content) {
  constexpr std::size_t kDigitsMax = 18;
  std::string out;
  bool in_string = false;
  for (std::size_t i = 0; i < content.size();) {
    const char c = content[i];
    if (in_string && c == '\\') {
      out += content.substr(i, 2);
      i += 2;
      continue;
    }
    if (c == '"') in_string = !in_string;
    const std::size_t end =
        in_string ? i : std::min(content.find_first_not_of("0123456789", i), content.size());
    if (end == i) {
      out += c;
      ++i;
      continue;
    }
    out += content.substr(i, end - i);
    const bool integer =
        end == content.size() || (content[end] != '.' && content[end] != 'e' && content[end] != 'E');
    if (end - i > kDigitsMax && integer) out += ".0";
    i = end;
  }
  return out;
}

}  // namespace

std::unexpected<Error> JsonField::error(std::string_view what) const {
  return model_loading(fmt::format("{}: {}{}{}", *file_, path_, path_.empty() ? "" : ": ", what),
                       kCheckField);
}

std::unexpected<Error> JsonField::error_at(std::string_view below, std::string_view what) const {
  return model_loading(fmt::format("{}: {}{}: {}", *file_, path_, below, what), kCheckField);
}

std::unexpected<Error> JsonField::expected(std::string_view what) const {
  return error(fmt::format("expected {}, found {}", what, kind_of(value_)));
}

std::unexpected<Error> JsonField::wrapped(const Error& inner) const {
  return fail(inner.code, fmt::format("{}: {}: {}", *file_, path_, inner.message), inner.remedy);
}

std::optional<JsonField> JsonField::find(std::string_view name) const {
  simdjson::dom::element child;
  if (!value_.is_object() || value_.at_key(name).get(child) != simdjson::SUCCESS || child.is_null()) {
    return std::nullopt;
  }
  return JsonField(child, file_, path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name));
}

Result<JsonField> JsonField::field(std::string_view name) const {
  if (!value_.is_object()) return expected("an object");
  auto child = find(name);
  if (!child) return error(fmt::format("the field \"{}\" is missing", name));
  return std::move(*child);
}

Result<std::vector<JsonField>> JsonField::elements(std::size_t count_max) const {
  simdjson::dom::array array;
  if (value_.get_array().get(array) != simdjson::SUCCESS) return expected("an array");
  std::vector<JsonField> out;
  for (const simdjson::dom::element child : array) {
    if (out.size() == count_max) return error(fmt::format("there are more than {} elements", count_max));
    out.emplace_back(child, file_, fmt::format("{}[{}]", path_, out.size()));
  }
  return out;
}

Result<std::string_view> JsonField::string() const {
  std::string_view text;
  if (value_.get_string().get(text) != simdjson::SUCCESS) return expected("a string");
  return text;
}

Result<std::string> JsonField::bounded_string(std::size_t bytes_max) const {
  MINERVA_ASSIGN(const std::string_view text, string());
  if (text.size() > bytes_max) {
    return error(fmt::format("the string has {} bytes, more than {}", text.size(), bytes_max));
  }
  return std::string(text);
}

Result<bool> JsonField::boolean() const {
  bool flag = false;
  if (value_.get_bool().get(flag) != simdjson::SUCCESS) return expected("true or false");
  return flag;
}

Result<std::int64_t> JsonField::integer(std::int64_t least, std::int64_t most) const {
  std::int64_t number = 0;
  if (!value_.is_int64() || value_.get_int64().get(number) != simdjson::SUCCESS) {
    return expected(fmt::format("an integer from {} to {}", least, most));
  }
  if (number < least || number > most) {
    return error(fmt::format("expected an integer from {} to {}, found {}", least, most, number));
  }
  return number;
}

Result<char32_t> JsonField::character() const {
  MINERVA_ASSIGN(const std::string_view text, string());
  if (text.empty() || utf8_length(static_cast<unsigned char>(text[0])) != text.size()) {
    return error(fmt::format("expected a single character, found {}", quoted(text)));
  }
  return decode_utf8(text.data()).value;
}

Result<bool> JsonField::boolean_or(std::string_view name, bool fallback) const {
  const auto child = find(name);
  return child ? child->boolean() : Result<bool>(fallback);
}

Result<std::string> JsonField::string_or(std::string_view name, std::string_view fallback,
                                         std::size_t bytes_max) const {
  const auto child = find(name);
  return child ? child->bounded_string(bytes_max) : Result<std::string>(std::string(fallback));
}

Result<JsonDocument> JsonDocument::load(const std::filesystem::path& path, std::uint64_t bytes_max) {
  MINERVA_ASSIGN(std::string content, read_file(path, bytes_max, simdjson::SIMDJSON_PADDING));
  return parse(std::move(content), path.filename().string());
}

Result<JsonDocument> JsonDocument::parse(std::string content, std::string file_name) {
  JsonDocument document;
  document.content_ = std::move(content);
  document.file_ = std::make_unique<std::string>(std::move(file_name));
  document.parser_ = std::make_unique<simdjson::dom::parser>();
  const auto parse = [&] {
    document.content_.reserve(document.content_.size() + simdjson::SIMDJSON_PADDING);
    return document.parser_
        ->parse(document.content_.data(), document.content_.size(), /*realloc_if_needed=*/false)
        .get(document.root_);
  };
  auto error = parse();
  if (error == simdjson::NUMBER_ERROR) {
    document.content_ = with_long_integers_as_fractions(document.content_);
    error = parse();
  }
  if (error != simdjson::SUCCESS) {  // what Python writes and JSON does not have
    const auto standard = standard_json(document.content_, limits::kJsonDepthMax);
    if (standard && *standard != document.content_) {
      document.content_ = with_long_integers_as_fractions(*standard);
      error = parse();
    }
  }
  if (error != simdjson::SUCCESS) {
    return not_json(document.content_, *document.file_, simdjson::error_message(error));
  }
  if (!document.root_.is_object()) return document.root().expected("an object");
  return document;
}

}  // namespace minerva::tokenizers
