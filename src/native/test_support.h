// For this module's tests: reference models loaded, and sequences computed the plain way.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "formats/checkpoint.h"
#include "kernels/kernels.h"
#include "minerva/model_description.h"
#include "native/families/families.h"
#include "native/forward.h"

namespace minerva::native::testing {

using Tokens = std::vector<TokenId>;
using Logits = std::vector<float>;

/// A Hugging Face directory as the native engine sees it.
struct LoadedModel {
  DecoderSpec spec;
  DecoderWeights weights;
};

inline Result<std::unique_ptr<LoadedModel>> load_model(const std::filesystem::path& dir) {
  MINERVA_ASSIGN(const ModelDescription description, describe(dir));
  MINERVA_ASSIGN(const HfConfig config, HfConfig::open(dir));
  auto model = std::make_unique<LoadedModel>();
  MINERVA_ASSIGN(model->spec, decoder_spec(config));
  MINERVA_ASSIGN(std::shared_ptr<Checkpoint> checkpoint, Checkpoint::open(description));
  MINERVA_ASSIGN(model->weights, bind_weights(model->spec, std::move(checkpoint), {}));
  return model;
}

/// The only tensor of an expected.safetensors: last_logits [cases, vocabulary], float32.
inline Logits reference_logits(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::uint64_t header_bytes = 0;
  in.read(reinterpret_cast<char*>(&header_bytes), sizeof header_bytes);
  in.seekg(0, std::ios::end);
  const auto bytes = static_cast<std::size_t>(in.tellg()) - sizeof header_bytes - header_bytes;
  Logits logits(bytes / sizeof(float));
  in.seekg(static_cast<std::streamoff>(sizeof header_bytes + header_bytes));
  in.read(reinterpret_cast<char*>(logits.data()),
          static_cast<std::streamsize>(logits.size() * sizeof(float)));
  return logits;
}

inline TokenId best(std::span<const float> logits) {
  return static_cast<TokenId>(std::ranges::max_element(logits) - logits.begin());
}

inline float largest_difference(std::span<const float> a, std::span<const float> b) {
  EXPECT_EQ(a.size(), b.size());
  float largest = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

/// A model on one instruction set and some threads.
class Runner {
 public:
  Runner(const LoadedModel& model, NumericMode mode, kernels::Isa isa = kernels::best_isa(), int threads = 1)
      : model_(model),
        mode_(mode),
        pool_(threads),
        kernels_(isa, pool_),
        forward_(model.spec, model.weights, kernels_, mode) {}

  /// A new sequence, with a cache of the type that the backend gives this mode.
  std::unique_ptr<SequenceState> begin(std::size_t planned) const {
    return std::make_unique<SequenceState>(model_.spec,
                                           mode_ == NumericMode::Exact ? ScalarType::F32 : ScalarType::F16,
                                           static_cast<std::uint32_t>(planned));
  }

  /// Goes on with `tokens[i]` in `sequences[i]`, all in one batch: the last logits of each.
  std::vector<Logits> decode(std::span<SequenceState* const> sequences, std::span<const Tokens> tokens) {
    std::vector<ForwardRow> rows;
    std::vector<std::size_t> last;
    for (std::size_t i = 0; i < sequences.size(); ++i) {
      std::int64_t position = sequences[i]->cache.length();
      EXPECT_TRUE(sequences[i]->cache.reserve(static_cast<std::int64_t>(tokens[i].size())).has_value());
      for (const TokenId token : tokens[i])
        rows.push_back({.sequence = sequences[i], .position = position++, .token = token});
      rows.back().wants_logits = true;
      last.push_back(rows.size() - 1);
    }
    EXPECT_TRUE(forward_.run(rows, {}));
    std::vector<Logits> logits;
    for (const std::size_t row : last) {
      const auto output = forward_.output(row);
      logits.emplace_back(output.begin(), output.end());
    }
    return logits;
  }

  Logits decode(SequenceState& sequence, const Tokens& tokens) {
    SequenceState* const one = &sequence;
    return decode({&one, 1}, {&tokens, 1}).front();
  }

 private:
  const LoadedModel& model_;
  NumericMode mode_;
  ThreadPool pool_;
  kernels::Kernels kernels_;
  ForwardPass forward_;
};

}  // namespace minerva::native::testing
