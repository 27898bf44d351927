#include <algorithm>
#include <string>
#include <string_view>

#include "cli/flags.h"
#include "cli/text_source.h"

namespace minerva::cli {
namespace {

// A list begins with a bracket; a file's name does not.
Result<std::string> read_list(const std::optional<std::string>& given) {
  if (!given) return std::string();
  std::string_view text = *given;
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  if (text.starts_with('[')) return *given;
  return read_text_file(*given);
}

}  // namespace

void declare_template(Arguments& arguments, TemplateFlags& flags) {
  arguments.text("--tools", "FILE", "tools for the model: a JSON list (or its text)", Listed::InFull,
                 flags.tools);
  arguments.text("--documents", "FILE", "documents to answer from: a JSON list (or text)", Listed::InFull,
                 flags.documents);
  arguments.text("--chat-template-kwargs,--chat-template-config", "JSON",
                 "template variables: {\"enable_thinking\": false}", Listed::InFull, flags.variables);
}

Result<ChatOptions> read_template_flags(const TemplateFlags& flags) {
  ChatOptions options;
  MINERVA_ASSIGN(options.tools, read_list(flags.tools));
  MINERVA_ASSIGN(options.documents, read_list(flags.documents));
  options.variables = flags.variables.value_or("");
  return options;
}

}  // namespace minerva::cli
