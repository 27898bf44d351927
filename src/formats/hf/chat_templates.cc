#include "formats/hf/chat_templates.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <string>
#include <utility>

#include "base/file.h"
#include "base/limits.h"
#include "formats/inspect.h"
#include "formats/quote.h"
#include "formats/stand_in.h"

namespace minerva::hf {
namespace {

namespace fs = std::filesystem;
namespace ondemand = simdjson::ondemand;

constexpr const char* kFixTemplate =
    "Correct or remove the template (text is then completed without one), or download the file again.";

/// Collects templates and keeps them within bounds.
class Templates {
 public:
  Result<void> add(std::string_view file, std::string_view name, std::string_view source) {
    if (source.empty()) return {};
    if (source.size() > limits::kChatTemplateBytesMax) {
      return model_loading(
          fmt::format("{}: the chat template {} has {} bytes; at most {} are allowed", quoted(file),
                      quoted(name), source.size(), limits::kChatTemplateBytesMax),
          kFixTemplate);
    }
    if (!is_utf8(source) || !is_utf8(name)) {
      return model_loading(
          fmt::format("{}: the chat template {} is not valid UTF-8", quoted(file), quoted(name)),
          kFixTemplate);
    }
    if (templates_.size() == limits::kChatTemplateCountMax) {
      return model_loading(fmt::format("{}: there are more than {} chat templates", quoted(file),
                                       limits::kChatTemplateCountMax),
                           kFixTemplate);
    }
    templates_.push_back({std::string(name), std::string(source)});
    return {};
  }
  bool empty() const { return templates_.empty(); }
  std::vector<NamedTemplate> take() {
    const auto first = std::ranges::find(templates_, "default", &NamedTemplate::name);
    if (first != templates_.end()) std::rotate(templates_.begin(), first, first + 1);
    return std::move(templates_);
  }

 private:
  std::vector<NamedTemplate> templates_;
};

Result<void> add_jinja(const fs::path& path, std::string_view name, Templates& out) {
  MINERVA_ASSIGN(const std::string source, read_model_file(path, limits::kChatTemplateBytesMax));
  return out.add(path.filename().string(), name, source);
}

Result<void> add_additional(const fs::path& directory, Templates& out) {
  std::error_code ignored;
  if (!fs::is_directory(directory, ignored)) return {};
  MINERVA_ASSIGN(const DirectoryListing listing, DirectoryListing::read(directory));
  constexpr std::string_view kExtension = ".jinja";
  for (const std::string& name : listing.ending_in(kExtension)) {
    MINERVA_TRY(add_jinja(directory / name, name.substr(0, name.size() - kExtension.size()), out));
  }
  return {};
}

/// A string of `value`, or an error that calls it `what`.
Result<std::string_view> string_of(simdjson::simdjson_result<ondemand::value>&& value, std::string_view file,
                                   std::string_view what) {
  std::string_view text;
  if (const auto error = value.get_string().get(text)) {
    return model_loading(
        fmt::format("{}: {} is not a string ({})", quoted(file), what, simdjson::error_message(error)),
        kFixTemplate);
  }
  return text;
}

/// `{"name": ..., "template": ...}`
Result<void> add_list_item(ondemand::object item, std::string_view file, Templates& out) {
  MINERVA_ASSIGN(const auto name,
                 string_of(item.find_field_unordered("name"), file, "'name' in 'chat_template'"));
  MINERVA_ASSIGN(const auto source,
                 string_of(item.find_field_unordered("template"), file, "'template' in 'chat_template'"));
  return out.add(file, name, source);
}

/// The field `chat_template` of a JSON file: a string, or a list.
Result<void> add_field(const fs::path& path, Templates& out) {
  if (!path_exists(path)) return {};
  const std::string file = path.filename().string();
  const auto bad = [&](std::string_view message) {
    return model_loading(fmt::format("{}: {}", quoted(file), message), kFixTemplate);
  };
  MINERVA_ASSIGN(const std::string text,
                 read_file(path, limits::kTokenizerConfigBytesMax, simdjson::SIMDJSON_PADDING));
  // On demand: real files hold integers beyond 64 bits in fields that don't matter here.
  ondemand::parser parser;
  ondemand::document document;
  ondemand::object root;
  if (const auto error = parser.iterate(text).get(document)) {
    return not_json(text, file, simdjson::error_message(error));
  }
  if (const auto error = document.get_object().get(root)) {
    simdjson::dom::parser whole;
    const auto problem = whole.parse(text).error();
    if (problem == simdjson::SUCCESS) return bad("expected a JSON object");
    return not_json(text, file, simdjson::error_message(error));
  }
  ondemand::value value;
  const auto found = root.find_field_unordered("chat_template").get(value);
  if (found == simdjson::NO_SUCH_FIELD) return {};
  if (found != simdjson::SUCCESS) return not_json(text, file, simdjson::error_message(found));
  if (value.is_null()) return {};
  ondemand::array list;
  if (value.get_array().get(list) != simdjson::SUCCESS) {
    MINERVA_ASSIGN(const auto source, string_of(ondemand::value(value), file, "field 'chat_template'"));
    return out.add(file, "default", source);
  }
  for (auto item : list) {
    ondemand::object object;
    if (item.get_object().get(object))
      return bad("field 'chat_template' is a list with something else than objects");
    MINERVA_TRY(add_list_item(object, file, out));
  }
  return {};
}

}  // namespace

Result<std::vector<NamedTemplate>> read_chat_templates(const fs::path& directory) {
  Templates out;
  if (path_exists(directory / "chat_template.jinja")) {
    MINERVA_TRY(add_jinja(directory / "chat_template.jinja", "default", out));
  }
  MINERVA_TRY(add_additional(directory / "additional_chat_templates", out));
  if (out.empty()) MINERVA_TRY(add_field(directory / "tokenizer_config.json", out));
  if (out.empty()) MINERVA_TRY(add_field(directory / "chat_template.json", out));
  return out.take();
}

}  // namespace minerva::hf
