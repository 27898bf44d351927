// The C API's models: opening, text, generating.
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "capi/callbacks.h"
#include "capi/guard.h"
#include "capi/handles.h"
#include "capi/requests.h"
#include "capi/results.h"

namespace minerva::capi {
namespace {

Result<std::vector<ChatMessage>> to_messages(const minerva_chat_message* messages, std::size_t count) {
  if (count > 0) MINERVA_TRY(need(messages, "messages"));
  std::vector<ChatMessage> to;
  for (const auto& message : std::span(messages, count)) {
    MINERVA_TRY(need(message.role, "a message's role"));
    MINERVA_TRY(need(message.content, "a message's content"));
    to.push_back({.role = message.role, .content = message.content});
  }
  return to;
}

/// Sets the prompt fields of `request` to the prompt of `rendered`, which goes to `*prompt`.
Result<void> hand_out_prompt(GenerationRequest rendered, minerva_generation_request& request,
                             minerva_text*& prompt) {
  auto* text = std::get_if<std::string>(&rendered.prompt);
  if (text == nullptr) return internal_error("a chat template gave token ids");
  prompt = std::make_unique<OwnedText>(std::move(*text)).release();
  request.prompt = prompt->data;
  request.prompt_size = prompt->size;
  request.prompt_ids = nullptr;
  request.prompt_ids_count = 0;
  request.add_special = rendered.add_special;
  request.parse_special = rendered.parse_special;
  return {};
}

Result<std::shared_ptr<LoadedModel>> open_model(Engine& engine, const std::filesystem::path& path,
                                                const minerva_model_options& options) {
  MINERVA_ASSIGN(const ModelOptions wanted, to_model_options(options));
  const auto call = std::make_shared<ProgressCall>(options.on_progress, options.progress_data);
  LoadProgress progress;
  if (options.on_progress != nullptr) progress = [call](float fraction) { return (*call)(fraction); };
  auto model = engine.open(path, wanted, progress, to_stop_token(options.cancel));
  call->close();
  if (call->threw()) return callback_threw();
  return model;
}

}  // namespace
}  // namespace minerva::capi

using namespace minerva;        // NOLINT(google-build-using-namespace): the functions below are C's
using namespace minerva::capi;  // NOLINT(google-build-using-namespace)

minerva_status minerva_model_open(minerva_engine* engine, const char* path,
                                  const minerva_model_options* options, minerva_model** model,
                                  minerva_error** error) {
  clear(model);
  return guarded(error, [&]() -> Result<void> {
    MINERVA_TRY(need(engine, "engine"));
    MINERVA_TRY(need(model, "model"));
    MINERVA_ASSIGN(const auto where, to_path(path));
    MINERVA_ASSIGN(const auto wanted, read_struct(options));
    MINERVA_ASSIGN(auto opened, open_model(engine->engine, where, wanted));
    *model = std::make_unique<minerva_model>(std::move(opened)).release();
    return {};
  });
}

void minerva_model_free(minerva_model* model) {
  delete model;
}

minerva_status minerva_model_get_info(const minerva_model* model, minerva_model_info** info,
                                      minerva_error** error) {
  clear(info);
  return guarded(error, [&]() -> Result<void> {
    MINERVA_TRY(need(model, "model"));
    MINERVA_TRY(need(info, "info"));
    *info = std::make_unique<OwnedModelInfo>(*model->model).release();
    return {};
  });
}

void minerva_model_info_free(minerva_model_info* info) {
  delete static_cast<OwnedModelInfo*>(info);
}

minerva_status minerva_model_tokenize(const minerva_model* model, const char* text, size_t size,
                                      bool add_special, bool parse_special, minerva_tokens** tokens,
                                      minerva_error** error) {
  clear(tokens);
  return guarded(error, [&]() -> Result<void> {
    MINERVA_TRY(need(model, "model"));
    MINERVA_TRY(need(tokens, "tokens"));
    MINERVA_ASSIGN(const auto given, to_text(text, size, "text"));
    MINERVA_ASSIGN(auto ids, model->model->tokenize(given, add_special, parse_special));
    *tokens = std::make_unique<OwnedTokens>(std::move(ids)).release();
    return {};
  });
}

minerva_status minerva_model_detokenize(const minerva_model* model, const int32_t* ids, size_t count,
                                        bool skip_special, minerva_text** text, minerva_error** error) {
  clear(text);
  return guarded(error, [&]() -> Result<void> {
    MINERVA_TRY(need(model, "model"));
    MINERVA_TRY(need(text, "text"));
    if (count > 0) MINERVA_TRY(need(ids, "ids"));
    const std::span given(ids, count);
    MINERVA_ASSIGN(auto decoded, model->model->detokenize({given.begin(), given.end()}, skip_special));
    *text = std::make_unique<OwnedText>(std::move(decoded)).release();
    return {};
  });
}

minerva_status minerva_model_render_chat(const minerva_model* model, const minerva_chat_message* messages,
                                         size_t count, minerva_generation_request* request,
                                         minerva_text** prompt, minerva_error** error) {
  clear(prompt);
  return guarded(error, [&]() -> Result<void> {
    MINERVA_TRY(need(model, "model"));
    MINERVA_TRY(need(request, "request"));
    MINERVA_TRY(need(prompt, "prompt"));
    MINERVA_TRY(check_struct(*request));
    MINERVA_ASSIGN(const auto conversation, to_messages(messages, count));
    MINERVA_ASSIGN(auto rendered, model->model->render_chat(conversation));
    return hand_out_prompt(std::move(rendered), *request, *prompt);
  });
}

minerva_status minerva_model_render_chat_json(const minerva_model* model, const char* messages, size_t size,
                                              const minerva_chat_options* options,
                                              minerva_generation_request* request, minerva_text** prompt,
                                              minerva_error** error) {
  clear(prompt);
  return guarded(error, [&]() -> Result<void> {
    MINERVA_TRY(need(model, "model"));
    MINERVA_TRY(need(request, "request"));
    MINERVA_TRY(need(prompt, "prompt"));
    MINERVA_TRY(check_struct(*request));
    MINERVA_ASSIGN(const auto conversation, to_text(messages, size, "messages"));
    MINERVA_ASSIGN(const auto wanted, to_chat_options(options));
    MINERVA_ASSIGN(auto rendered, model->model->render_chat_json(conversation, wanted));
    return hand_out_prompt(std::move(rendered), *request, *prompt);
  });
}

minerva_status minerva_model_generate(minerva_model* model, const minerva_generation_request* request,
                                      minerva_text_callback on_text, void* user_data,
                                      minerva_generation** generation, minerva_error** error) {
  clear(generation);
  return guarded(error, [&]() -> Result<void> {
    MINERVA_TRY(need(model, "model"));
    MINERVA_TRY(need(request, "request"));
    MINERVA_ASSIGN(const GenerationRequest wanted, to_generation_request(*request));
    TextCall call(on_text, user_data);
    const TextCallback stream = on_text == nullptr ? TextCallback() : TextCallback(std::ref(call));
    MINERVA_ASSIGN(auto made, model->model->generate(wanted, stream));
    if (call.threw()) return callback_threw();
    if (generation != nullptr) *generation = std::make_unique<OwnedGeneration>(std::move(made)).release();
    return {};
  });
}

void minerva_generation_free(minerva_generation* generation) {
  delete static_cast<OwnedGeneration*>(generation);
}
