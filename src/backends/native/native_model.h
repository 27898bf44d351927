// A model of the native engine: its spec and weights.
#pragma once

#include <memory>
#include <mutex>

#include "backends/backend.h"
#include "native/decoder_spec.h"
#include "native/weights.h"

namespace minerva {

class NativeModel final : public Model, public std::enable_shared_from_this<NativeModel> {
 public:
  NativeModel(native::DecoderSpec spec, native::DecoderWeights weights, NumericMode mode);

  const ModelInfo& info() const noexcept override { return info_; }
  Result<std::unique_ptr<Context>> new_context(const ContextOptions& options) override;
  const Error* poisoned() const noexcept override;

  const native::DecoderSpec& spec() const noexcept { return spec_; }
  const native::DecoderWeights& weights() const noexcept { return weights_; }
  NumericMode mode() const noexcept { return mode_; }
  /// What keys and values are stored as: float32 in exact, half precision in fast.
  ScalarType kv_type() const noexcept {
    return mode_ == NumericMode::Exact ? ScalarType::F32 : ScalarType::F16;
  }

 private:
  native::DecoderSpec spec_;
  native::DecoderWeights weights_;
  NumericMode mode_;
  ModelInfo info_;
  mutable std::once_flag poison_once_;
  mutable Error poison_;
};

}  // namespace minerva
