// A model's weights, checked against its DecoderSpec and ready for the forward pass.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "formats/checkpoint.h"
#include "minerva/types.h"
#include "native/decoder_spec.h"
#include "native/recurrent.h"
#include "tensor/weight_matrix.h"

namespace minerva::native {

/// y = x W^T + bias. The weight is a view of the checkpoint, or of `owned` where the file's layout could not
/// be used as it is.
struct Linear {
  WeightMatrix weight;
  std::vector<float> bias;  ///< empty: none
  std::vector<std::byte> owned;

  bool exists() const noexcept { return weight.rows > 0; }
  const float* bias_data() const noexcept { return bias.empty() ? nullptr : bias.data(); }
};

/// Weight and bias of a norm in float32; both empty where the model has no such norm.
struct Norm {
  std::vector<float> weight;
  std::vector<float> bias;
  bool exists() const noexcept { return !weight.empty(); }
};

/// act(gate x) * (up x), or act(up x) without a gate; gate_up holds gate's rows first, then up's.
struct Mlp {
  Linear gate, up, gate_up, down;
};

/// Of a layer with a state instead of keys and values.
struct RecurrentWeights {
  Linear in, ba, out;
  Convolution convolution;
  std::vector<float> decay, dt_bias;  ///< of each value head; decay: -exp(A_log)
  Norm norm;
};

struct LayerWeights {
  Norm attention_norm, post_attention_norm, mlp_norm, post_mlp_norm, q_norm, k_norm;
  Linear q, k, v, qkv, o;
  Linear q_a, q_b, kv_a, kv_b;  ///< latent attention
  Norm q_a_norm, kv_a_norm;
  RecurrentWeights recurrent;
  std::vector<float> sinks;
  Mlp mlp;  ///< the dense MLP, or the shared expert
  Linear router, shared_router;
  std::vector<float> router_correction;
  std::vector<Mlp> experts;
  kernels::ActivationParameters activation;
};

struct DecoderWeights {
  Linear embedding, position_embedding, project_in, project_out, head;
  Norm embedding_norm, output_norm;
  std::vector<LayerWeights> layers;
  std::shared_ptr<const Checkpoint> checkpoint;  ///< what the views look into
  std::uint64_t owned_bytes = 0;                 ///< held beside the mapping
  std::vector<std::string> unread;               ///< names of weights in the files that no module has
};

/// Binds every tensor that `spec` names: presence, shape and type are checked before the first is used.
/// Errors: ModelLoading naming the tensor;
/// Cancelled when `progress` returns false.
Result<DecoderWeights> bind_weights(const DecoderSpec& spec, std::shared_ptr<Checkpoint> checkpoint,
                                    const LoadProgress& progress);

}  // namespace minerva::native
