// A model in memory that says a script, for tests of what computes its requests.
#pragma once

#include <memory>

#include "backend/fake_backend.h"
#include "runtime/resident_model.h"

namespace minerva::testing {

struct FakeResidentOptions {
  std::uint32_t trained_tokens = 1000;
  ModelOptions model = {};
  std::uint32_t queue_max = 64;
  std::uint64_t prefix_cache_bytes = 1U << 20U;
  std::shared_ptr<MemoryGrant> grant = {};  ///< null: nobody counts its memory
};

/// Greedy unless a request says otherwise.
inline std::unique_ptr<ResidentModel> make_fake_resident(std::shared_ptr<FakeBehaviour> behaviour,
                                                         const FakeResidentOptions& options) {
  ModelDescription description;
  description.path = "fake";
  description.format = Format::Gguf;
  description.context_length = options.trained_tokens;
  description.sampling.temperature = 0.0F;
  description.chat_templates = {{"default", "{% for m in messages %}{{ m.content }}{% endfor %}>"}};
  auto backend = make_fake_backend(std::move(behaviour));
  auto model = backend->load(description, {}, {}).value();
  auto tokenizer = model->vocabulary();
  return std::make_unique<ResidentModel>(
      ResidentModel::Parts{.grant = options.grant,
                           .description = std::move(description),
                           .backend = std::move(backend),
                           .backend_reason = "test",
                           .fallbacks = {},
                           .model = std::move(model),
                           .tokenizer = std::move(tokenizer),
                           .options = options.model,
                           .open_timings = {},
                           .arbiter = nullptr,
                           .queue_max = options.queue_max,
                           .prefix_cache_bytes = options.prefix_cache_bytes});
}

}  // namespace minerva::testing
