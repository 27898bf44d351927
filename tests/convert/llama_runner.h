// llama.cpp with nothing of ours around it, and with float32 keys and values.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "minerva/types.h"

struct llama_model;
struct llama_context;

namespace minerva::testing {

class LlamaRunner {
 public:
  /// Fails the test when the file does not load.
  explicit LlamaRunner(const std::filesystem::path& path);
  ~LlamaRunner();
  LlamaRunner(const LlamaRunner&) = delete;
  LlamaRunner& operator=(const LlamaRunner&) = delete;

  bool loaded() const { return context_ != nullptr; }
  std::size_t vocabulary_size() const;
  /// Forgets everything, computes `ids` and gives the last row's logits.
  std::vector<float> start(std::vector<TokenId> ids);
  /// One token more.
  std::vector<float> go_on(TokenId id);
  std::vector<TokenId> greedy(std::vector<TokenId> prompt, std::size_t count);
  /// By the file's own vocabulary.
  std::vector<TokenId> tokenize(const std::string& text, bool add_special) const;

 private:
  std::vector<float> decode(std::span<TokenId> ids);

  llama_model* model_ = nullptr;
  llama_context* context_ = nullptr;
};

}  // namespace minerva::testing
