#include <utility>

#include "minerva/engine.h"
#include "runtime/model_handle.h"
#include "text/chat_template/chat_input.h"

namespace minerva {
namespace {

Result<GenerationRequest> rendered(ModelHandle& handle, const ChatInput& input) {
  MINERVA_ASSIGN(const auto chat_template, handle.chat_template(!input.tools.is_none()));
  MINERVA_ASSIGN(auto prompt, render_all(*chat_template, input));
  // The template writes the special tokens itself, as transformers' apply_chat_template has it.
  return GenerationRequest{.prompt = std::move(prompt), .add_special = false, .parse_special = true};
}

}  // namespace

LoadedModel::LoadedModel(std::unique_ptr<ModelHandle> handle) : handle_(std::move(handle)) {}
LoadedModel::~LoadedModel() = default;

const ModelDescription& LoadedModel::description() const noexcept {
  return handle_->facts().description;
}
std::string_view LoadedModel::backend() const noexcept {
  return handle_->opened().backend;
}
std::string_view LoadedModel::backend_reason() const noexcept {
  return handle_->opened().decision.backend_reason;
}
const std::vector<Fallback>& LoadedModel::fallbacks() const noexcept {
  return handle_->opened().decision.fallbacks;
}
std::string_view LoadedModel::numeric_mode() const noexcept {
  return handle_->facts().numeric_mode;
}

Result<std::vector<TokenId>> LoadedModel::tokenize(std::string_view text, bool add_special,
                                                   bool parse_special) const {
  MINERVA_ASSIGN(const auto lease, handle_->lease());
  return lease.model().parts().tokenizer->encode(
      text, {.add_special = add_special, .parse_special = parse_special});
}

Result<std::string> LoadedModel::detokenize(const std::vector<TokenId>& ids, bool skip_special) const {
  MINERVA_ASSIGN(const auto lease, handle_->lease());
  return lease.model().parts().tokenizer->decode(ids, skip_special);
}

bool LoadedModel::has_chat_template() const noexcept {
  return !description().chat_templates.empty();
}

Result<GenerationRequest> LoadedModel::render_chat(const std::vector<ChatMessage>& messages,
                                                   const ChatOptions& options) const {
  MINERVA_ASSIGN(const auto input, chat_input(messages, options));
  return rendered(*handle_, input);
}

Result<GenerationRequest> LoadedModel::render_chat_json(std::string_view messages,
                                                        const ChatOptions& options) const {
  MINERVA_ASSIGN(const auto input, chat_input(messages, options));
  return rendered(*handle_, input);
}

Result<Generation> LoadedModel::generate(const GenerationRequest& request, const TextCallback& on_text) {
  return handle_->generate(request, on_text);
}

std::string_view finish_reason_name(FinishReason reason) noexcept {
  switch (reason) {
    case FinishReason::Stop:
      return "stop";
    case FinishReason::Length:
      return "length";
    case FinishReason::Cancelled:
      return "cancelled";
  }
  return "stop";
}

}  // namespace minerva
