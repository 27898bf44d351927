#include "model/llama_fixture.h"

#include <fmt/format.h>
#include <llama.h>

#include <algorithm>
#include <cmath>

#include "backends/llama/llama_backend.h"
#include "text/llama_library.h"

namespace minerva::testing {

ModelDescription describe_gguf(const std::filesystem::path& path) {
  auto description = describe(path);
  EXPECT_TRUE(description) << description.error().message;
  return description.value_or(ModelDescription{});
}

std::shared_ptr<Model> load_llama(const std::filesystem::path& path) {
  auto model = make_llama_backend()->load(describe_gguf(path), {}, {});
  EXPECT_TRUE(model) << model.error().message;
  return model.value_or(nullptr);
}

std::vector<BatchRow> make_rows(std::span<const TokenId> ids, SequenceId sequence, Position first) {
  std::vector<BatchRow> rows;
  for (const TokenId id : ids) rows.push_back({.input = id, .sequence = sequence, .position = first++});
  if (!rows.empty()) rows.back().output = RowOutput::Logits;
  return rows;
}

std::vector<float> decode_all(Context& context, std::span<const TokenId> ids, SequenceId sequence,
                              Position first, std::size_t chunk) {
  std::vector<float> logits;
  while (!ids.empty()) {
    const std::size_t count = std::min(chunk, ids.size());
    const auto rows = make_rows(ids.first(count), sequence, first);
    const DecodeResult result = context.decode(rows);
    EXPECT_EQ(result.status, DecodeStatus::Ok) << result.error.message;
    if (result.status != DecodeStatus::Ok) return {};
    const auto output = context.outputs(count - 1);
    logits.assign(output.begin(), output.end());
    first += static_cast<Position>(count);
    ids = ids.subspan(count);
  }
  return logits;
}

TokenId best(std::span<const float> logits) {
  return static_cast<TokenId>(std::ranges::max_element(logits) - logits.begin());
}

std::vector<TokenId> generate_greedy(Context& context, std::vector<TokenId> prompt, std::size_t count,
                                     SequenceId sequence) {
  std::vector<TokenId> answer;
  auto logits = decode_all(context, prompt, sequence);
  auto position = static_cast<Position>(prompt.size());
  while (!logits.empty()) {
    answer.push_back(best(logits));
    if (answer.size() == count) break;
    logits = decode_all(context, std::span(answer).last(1), sequence, position++);
  }
  return answer;
}

std::vector<TokenId> generate_greedy_plain(const std::filesystem::path& path, std::vector<TokenId> prompt,
                                           std::size_t count) {
  start_llama_library();
  llama_model* const model = llama_model_load_from_file(path.c_str(), llama_model_default_params());
  llama_context_params params = llama_context_default_params();
  params.n_ctx = 4096;
  params.n_batch = 512;
  params.n_threads = 1;
  params.n_threads_batch = 1;
  llama_context* const context = llama_init_from_model(model, params);
  const std::size_t width = static_cast<std::size_t>(llama_vocab_n_tokens(llama_model_get_vocab(model)));
  std::vector<TokenId> answer;
  std::span<TokenId> rest = prompt;
  while (!rest.empty()) {
    const std::size_t chunk = std::min<std::size_t>(512, rest.size());
    if (llama_decode(context, llama_batch_get_one(rest.data(), static_cast<std::int32_t>(chunk))) != 0) break;
    rest = rest.subspan(chunk);
  }
  while (answer.size() < count) {
    answer.push_back(best({llama_get_logits_ith(context, -1), width}));
    TokenId next = answer.back();
    if (llama_decode(context, llama_batch_get_one(&next, 1)) != 0) break;
  }
  llama_free(context);
  llama_model_free(model);
  return answer;
}

float max_difference(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size()) return INFINITY;
  float difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference = std::max(difference, std::abs(a[i] - b[i]));
  return difference;
}

std::vector<TokenId> long_prompt(const Tokenizer& tokenizer, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i)
    text += fmt::format("On day {} the harbour was quiet and {} boats went out. ", i, i * 7 % 31);
  auto ids = tokenizer.encode(text.substr(0, count * 8)).value_or(std::vector<TokenId>{});
  EXPECT_GE(ids.size(), count);
  ids.resize(count);
  return ids;
}

}  // namespace minerva::testing
