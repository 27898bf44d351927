// A converter without files: what it makes of a directory is said beforehand.
#pragma once

#include <atomic>
#include <string>

#include "runtime/converter.h"

namespace minerva::testing {

class FakeConverter : public Converter {
 public:
  std::string refuses;  ///< why it can't convert; empty: it can
  std::string fails;    ///< why converting fails; empty: it does not
  ErrorCode fails_with = ErrorCode::ModelLoading;
  std::atomic<int> converted = 0;

  Result<void> can_convert(const ModelDescription&) const override {
    if (!refuses.empty()) return invalid_request(refuses, "Leave it as it is.");
    return {};
  }
  Result<std::uint64_t> gguf_bytes(const ModelDescription& directory) const override {
    return directory.tensor_bytes;
  }
  Result<ModelDescription> get(const ModelDescription& directory, const LoadProgress& progress) override {
    ++converted;
    if (!fails.empty()) return fail(fails_with, fails, kDownloadAgain);
    for (const float fraction : {0.0F, 1.0F}) {
      if (progress && !progress(fraction))
        return fail(ErrorCode::Cancelled, "converting was cancelled", "Open the model again.");
    }
    ModelDescription gguf = directory;
    gguf.path = "converted.gguf";
    gguf.format = Format::Gguf;
    gguf.name = "converted";
    gguf.chat_templates = {{"default", "the converter's"}};
    return gguf;
  }
};

}  // namespace minerva::testing
