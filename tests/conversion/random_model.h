// Llama-shaped models of random weights, of any size: large ones for what only size shows, small ones of
// shapes and types that no real model here has.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace minerva::testing {

enum class RandomType : std::uint8_t { F32, F16, BF16, Q8_0, Q4_0, Q4_K };

/// What the files hold. Equal shapes give equal weights: F32, F16 and BF16 exactly the same numbers, in a
/// GGUF and in a Hugging Face directory.
struct RandomModel {
  std::uint32_t hidden = 3072;  ///< a multiple of 256
  std::uint32_t layers = 0;
  std::uint32_t context = 8192;
  std::uint32_t vocabulary = 0;
  RandomType type = RandomType::BF16;

  std::uint32_t head_dim() const noexcept { return hidden >= 1024 ? 128 : 64; }
  std::uint32_t heads() const noexcept { return hidden / head_dim(); }
  std::uint32_t kv_heads() const noexcept { return heads() % 4 == 0 ? heads() / 4 : heads(); }
  std::uint32_t intermediate() const noexcept { return (hidden * 8 / 3 + 255) / 256 * 256; }
};

/// One tensor of it. Vectors have one row.
struct RandomTensor {
  std::string gguf_name;
  std::string hf_name;
  std::uint64_t rows = 1;
  std::uint64_t cols = 0;
  RandomType type = RandomType::F32;
  std::uint32_t interleaved_heads = 0;  ///< whose rows a GGUF interleaves; 0: none

  std::uint64_t row_bytes() const noexcept;
  std::uint64_t bytes() const noexcept { return rows * row_bytes(); }
};

/// All tensors in file order, the embedding (which is the head too) first.
std::vector<RandomTensor> tensors_of(const RandomModel& model);

/// Layers so that all tensors together have at least `bytes`.
std::uint32_t layers_for(RandomModel model, std::uint64_t bytes);

/// Row `row` of a tensor as a GGUF stores it (`hf`: as a Hugging Face directory does).
void fill_row(const RandomTensor& tensor, std::uint64_t row, bool hf, std::span<std::byte> out);

/// Streams the model into the file `path`, with the vocabulary of the GGUF `tokenizer`. Errors: those of
/// reading it; Internal when writing fails.
Result<void> write_random_gguf(const RandomModel& model, const std::filesystem::path& tokenizer,
                               const std::filesystem::path& path);
/// The same as a directory of safetensors files of at most about `shard_bytes` each. Of plain types only.
Result<void> write_random_directory(const RandomModel& model, const std::filesystem::path& tokenizer,
                                    const std::filesystem::path& dir, std::uint64_t shard_bytes);

/// How many tokens the vocabulary of a GGUF has.
Result<std::uint32_t> vocabulary_size_of(const std::filesystem::path& tokenizer);

struct CheckedModel {
  std::uint64_t tensors = 0;
  std::uint64_t bytes = 0;
  std::uint64_t beyond_4_gib =
      0;  ///< tensors of which some bytes lie beyond, counted from their file's start
};
/// Reads the file or directory at `path` as the native engine does and compares every byte. Errors: those of
/// reading; Internal naming the first tensor that differs.
Result<CheckedModel> check_random_model(const RandomModel& model, const std::filesystem::path& path);

}  // namespace minerva::testing
