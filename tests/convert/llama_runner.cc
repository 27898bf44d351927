#include "convert/llama_runner.h"

#include <gtest/gtest.h>
#include <llama.h>

#include <algorithm>

#include "text/llama_library.h"

namespace minerva::testing {

LlamaRunner::LlamaRunner(const std::filesystem::path& path) {
  start_llama_library();
  model_ = llama_model_load_from_file(path.c_str(), llama_model_default_params());
  EXPECT_NE(model_, nullptr) << path;
  if (model_ == nullptr) return;
  llama_context_params params = llama_context_default_params();
  params.n_ctx = 512;
  params.n_batch = 512;
  params.n_threads = 1;
  params.n_threads_batch = 1;
  params.type_k = GGML_TYPE_F32;
  params.type_v = GGML_TYPE_F32;
  params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
  params.swa_full = true;
  context_ = llama_init_from_model(model_, params);
  EXPECT_NE(context_, nullptr) << path;
}

LlamaRunner::~LlamaRunner() {
  if (context_ != nullptr) llama_free(context_);
  if (model_ != nullptr) llama_model_free(model_);
}

std::size_t LlamaRunner::vocabulary_size() const {
  return static_cast<std::size_t>(llama_vocab_n_tokens(llama_model_get_vocab(model_)));
}

std::vector<float> LlamaRunner::decode(std::span<TokenId> ids) {
  const auto count = static_cast<std::int32_t>(ids.size());
  EXPECT_EQ(llama_decode(context_, llama_batch_get_one(ids.data(), count)), 0);
  const float* const logits = llama_get_logits_ith(context_, -1);
  return {logits, logits + vocabulary_size()};
}

std::vector<float> LlamaRunner::start(std::vector<TokenId> ids) {
  llama_memory_clear(llama_get_memory(context_), true);
  return decode(ids);
}

std::vector<float> LlamaRunner::go_on(TokenId id) {
  return decode({&id, 1});
}

std::vector<TokenId> LlamaRunner::greedy(std::vector<TokenId> prompt, std::size_t count) {
  std::vector<TokenId> answer;
  std::vector<float> logits = start(std::move(prompt));
  while (answer.size() < count) {
    answer.push_back(static_cast<TokenId>(std::ranges::max_element(logits) - logits.begin()));
    if (answer.size() < count) logits = go_on(answer.back());
  }
  return answer;
}

std::vector<TokenId> LlamaRunner::tokenize(const std::string& text, bool add_special) const {
  const llama_vocab* const vocabulary = llama_model_get_vocab(model_);
  std::vector<TokenId> ids(text.size() + 16);
  const int count = llama_tokenize(vocabulary, text.data(), static_cast<std::int32_t>(text.size()),
                                   ids.data(), static_cast<std::int32_t>(ids.size()), add_special, true);
  ids.resize(static_cast<std::size_t>(std::max(count, 0)));
  return ids;
}

}  // namespace minerva::testing
