#include "text/chat_template/chat_template.h"

#include <fmt/format.h>

#include <exception>
#include <utility>

#include "jinja/caps.h"
#include "jinja/lexer.h"
#include "jinja/parser.h"
#include "jinja/runtime.h"
#include "text/chat_template/guarded.h"

namespace minerva {
namespace {

using jinja::mk_val;

jinja::value text_value(const std::string& text) {
  return mk_val<jinja::value_string>(text);
}

/// Line ends as Jinja counts them; llama.cpp's lexer takes quadratic time for the others.
std::string with_plain_line_ends(std::string_view source) {
  std::string plain;
  plain.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      plain += source[i];
    } else {
      plain += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    }
  }
  return plain;
}

class JinjaTemplate final : public ChatTemplate {
 public:
  JinjaTemplate(std::string_view source, std::string_view bos, std::string_view eos,
                const TemplateLimits& limits)
      : source_(source), plain_(with_plain_line_ends(source)), bos_(bos), eos_(eos), limits_(limits) {}

  Result<void> parse() {
    return run_guarded(limits_, TemplateStage::Loading, plain_, [this] {
      program_ = jinja::parse_from_tokens(jinja::lexer().tokenize(plain_));
      analyse();
    });
  }

  using ChatTemplate::render;
  Result<std::string> render(const std::vector<ChatMessage>& messages,
                             const RenderOptions& options) const override {
    TemplateLimits limits = limits_;
    limits.steps_max += messages.size() * limits.steps_per_message;
    limits.time_max += static_cast<int>(messages.size()) * limits.time_per_message;
    std::string prompt;
    MINERVA_TRY(
        run_guarded(limits, TemplateStage::Rendering, plain_, [&] { prompt = execute(messages, options); }));
    if (prompt.size() > limits_.output_bytes_max) {
      return invalid_request(
          fmt::format("The chat template exceeds a limit: its prompt is longer than {} MB.",
                      limits_.output_bytes_max / (std::size_t{1024} * 1024)),
          "Shorten the messages or leave older ones out.");
    }
    return prompt;
  }

  std::string_view source() const override { return source_; }
  const TemplateTraits& traits() const override { return traits_; }

 private:
  void analyse() {
    jinja::caps found;
    try {
      found = jinja::caps_get(program_);
    } catch (const std::exception&) {
      // The analysis looks into the messages it gave to the template, which may have emptied them. Limits are
      // not exceptions of this kind.
      found = {};
    }
    traits_.system_role = found.supports_system_role;
    traits_.typed_content =
        found.supports_typed_content && !found.supports_string_content && shows_typed_content();
    traits_.tools = found.supports_tools;
    traits_.tool_calls = found.supports_tool_calls;
  }

  /// llama.cpp's analysis also takes a template that picks characters out of a text for one that wants lists.
  bool shows_typed_content() {
    constexpr std::string_view kMarker = "MARKER OF CONTENT";
    traits_.typed_content = true;
    try {
      const std::string prompt = execute({{"user", std::string(kMarker)}}, {});
      return prompt.find(kMarker) != std::string::npos && prompt.find("'text'") == std::string::npos;
    } catch (const std::exception&) {
      return false;
    }
  }

  jinja::value content_value(const std::string& content) const {
    if (!traits_.typed_content) return text_value(content);
    auto part = mk_val<jinja::value_object>();
    part->insert("type", text_value("text"));
    part->insert("text", text_value(content));
    auto parts = mk_val<jinja::value_array>();
    parts->push_back(std::move(part));
    return parts;
  }

  jinja::value messages_value(const std::vector<ChatMessage>& messages) const {
    auto list = mk_val<jinja::value_array>();
    for (const ChatMessage& message : messages) {
      auto item = mk_val<jinja::value_object>();
      item->insert("role", text_value(message.role));
      item->insert("content", content_value(message.content));
      list->push_back(std::move(item));
    }
    return list;
  }

  /// The variables that transformers defines. Throws what the interpreter throws.
  std::string execute(const std::vector<ChatMessage>& messages, const RenderOptions& options) const {
    jinja::context context;
    if (options.now) context.current_time = std::chrono::system_clock::to_time_t(*options.now);
    context.set_val("messages", messages_value(messages));
    context.set_val("tools", mk_val<jinja::value_none>());
    context.set_val("documents", mk_val<jinja::value_none>());
    context.set_val("add_generation_prompt", mk_val<jinja::value_bool>(options.add_generation_prompt));
    context.set_val("bos_token", text_value(bos_));
    context.set_val("eos_token", text_value(eos_));
    const auto results = jinja::runtime(context).execute(program_);
    const auto text = jinja::runtime::gather_string_parts(results);
    std::string prompt;
    for (const auto& part : text->val_str.parts) prompt += part.val;
    return prompt;
  }

  std::string source_;
  std::string plain_;
  std::string bos_;
  std::string eos_;
  TemplateLimits limits_;
  TemplateTraits traits_;
  jinja::program program_;
};

}  // namespace

Result<std::shared_ptr<const ChatTemplate>> ChatTemplate::parse(std::string_view source, std::string_view bos,
                                                                std::string_view eos,
                                                                const TemplateLimits& limits) {
  if (source.size() > limits.source_bytes_max) {
    return model_loading(fmt::format("The chat template is {} KB long; at most {} KB are accepted.",
                                     source.size() / 1024, limits.source_bytes_max / 1024),
                         kDownloadAgain);
  }
  auto parsed = std::make_shared<JinjaTemplate>(source, bos, eos, limits);
  MINERVA_TRY(parsed->parse());
  return parsed;
}

}  // namespace minerva
