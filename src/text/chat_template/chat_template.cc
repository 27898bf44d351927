#include "text/chat_template/chat_template.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "text/chat_template/messages.h"
#include "text/chat_template/template_error.h"
#include "text/chat_template/trial.h"
#include "text/utf8.h"

namespace minerva {
namespace {

using jinja::Pair;
using jinja::Value;

class JinjaTemplate final : public ChatTemplate {
 public:
  JinjaTemplate(std::string_view source, std::shared_ptr<const jinja::Template> program,
                const TemplateTokens& tokens, const TemplateLimits& limits)
      : source_(source), program_(std::move(program)), limits_(limits) {
    for (const auto& [name, text] : tokens)
      if (is_valid_utf8(name) && is_valid_utf8(text)) tokens_.emplace_back(Value(name), Value(text));
    traits_ = found_traits([this](const ChatInput& input) { return tried(input); });
  }

  using ChatTemplate::render;
  Result<std::string> render(const ChatInput& input) const override {
    Value messages = prepared(input.messages, traits_.typed_content);
    if (input.continue_final_message.empty()) return execute(messages, input, limits_for(messages));
    MINERVA_ASSIGN(const auto final_message,
                   FinalMessage::mark(messages, input.continue_final_message, source_));
    MINERVA_ASSIGN(auto prompt, execute(final_message.messages(), input, limits_for(messages)));
    return final_message.cut(std::move(prompt));
  }

  std::string_view source() const override { return source_; }
  const TemplateTraits& traits() const override { return traits_; }

 private:
  static Value prepared(const Value& messages, bool typed) {
    const Value plain = normalised(messages);
    return typed ? with_typed_content(plain) : plain;
  }

  TemplateLimits limits_for(const Value& messages) const {
    TemplateLimits limits = limits_;
    const std::size_t count = messages.items().size();
    limits.steps_max += count * limits.steps_per_message;
    limits.time_max += static_cast<int>(count) * limits.time_per_message;
    return limits;
  }

  Result<std::string> tried(const ChatInput& input) const {
    TemplateLimits limits = limits_;
    limits.steps_max /= kTrialsMax;
    limits.output_bytes_max /= kTrialsMax;
    limits.memory_bytes_max /= kTrialsMax;
    limits.time_max /= kTrialsMax;
    return execute(normalised(input.messages), input, limits);
  }

  /// With the variables that transformers defines.
  Result<std::string> execute(const Value& messages, const ChatInput& input,
                              const TemplateLimits& limits) const {
    std::vector<Pair> variables = tokens_;
    variables.insert(variables.end(), input.variables.begin(), input.variables.end());
    variables.emplace_back(Value("messages"), messages);
    variables.emplace_back(Value("tools"), input.tools);
    variables.emplace_back(Value("documents"), input.documents);
    variables.emplace_back(Value("add_generation_prompt"),
                           Value(input.add_generation_prompt && input.continue_final_message.empty()));
    auto prompt = program_->render(Value::dict(std::move(variables)), {.now = input.now}, limits);
    if (!prompt) return rendering_error(prompt.error());
    return std::move(*prompt);
  }

  std::string source_;
  std::shared_ptr<const jinja::Template> program_;
  std::vector<Pair> tokens_;
  TemplateLimits limits_;
  TemplateTraits traits_;
};

}  // namespace

Result<std::string> ChatTemplate::render(const std::vector<ChatMessage>& messages,
                                         bool add_generation_prompt) const {
  ChatInput input;
  MINERVA_ASSIGN(input.messages, messages_value(messages));
  input.add_generation_prompt = add_generation_prompt;
  return render(input);
}

Result<std::shared_ptr<const ChatTemplate>> ChatTemplate::parse(std::string_view source,
                                                                const TemplateTokens& tokens,
                                                                const TemplateLimits& limits) {
  if (source.size() > limits.source_bytes_max) {
    return model_loading(fmt::format("The chat template is {} KB long; at most {} KB are accepted.",
                                     source.size() / 1024, limits.source_bytes_max / 1024),
                         kDownloadAgain);
  }
  auto program = jinja::Template::parse(source, limits);
  if (!program) return parsing_error(program.error());
  return std::make_shared<JinjaTemplate>(source, std::move(*program), tokens, limits);
}

}  // namespace minerva
