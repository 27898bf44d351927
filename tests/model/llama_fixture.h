// Shared by the tests of the llama backend: a model opened once, and a plain libllama loop to compare with.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "backends/backend.h"

namespace minerva::testing {

/// What `describe` would say, as far as the backend needs it.
ModelDescription describe_gguf(const std::filesystem::path& path);

/// Loads with the llama backend; fails the test on an error.
std::shared_ptr<Model> load_llama(const std::filesystem::path& path);

/// Rows of `sequence` from `first` on; the last one asks for logits.
std::vector<BatchRow> make_rows(std::span<const TokenId> ids, SequenceId sequence, Position first);

/// Decodes `ids` in chunks of `chunk` from `first` on; the logits of the last row (a copy; empty on failure).
std::vector<float> decode_all(Context& context, std::span<const TokenId> ids, SequenceId sequence = 0,
                              Position first = 0, std::size_t chunk = 512);

TokenId best(std::span<const float> logits);

/// `count` greedy tokens after `prompt`.
std::vector<TokenId> generate_greedy(Context& context, std::vector<TokenId> prompt, std::size_t count,
                                     SequenceId sequence = 0);

/// The same with nothing but libllama.
std::vector<TokenId> generate_greedy_plain(const std::filesystem::path& path, std::vector<TokenId> prompt,
                                           std::size_t count);

/// The largest difference of two rows of logits.
float max_difference(std::span<const float> a, std::span<const float> b);

/// `count` ids that look like text to a model: the tokens of a repeated, slowly changing sentence.
std::vector<TokenId> long_prompt(const Tokenizer& tokenizer, std::size_t count);

}  // namespace minerva::testing
