// A decoder as data: what the one forward pass needs to know to compute any model of the supported families.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernels/kernels.h"
#include "native/rotary.h"

namespace minerva::native {

enum class NormKind : std::uint8_t { Rms, Layer };

/// How every norm of a model normalises.
struct NormSpec {
  NormKind kind = NormKind::Rms;
  float epsilon = 1e-6F;
  bool plus_one = false;  ///< the stored weight is w - 1

  bool operator==(const NormSpec&) const = default;
};

/// How q, k and v lie in a fused projection's output.
enum class QkvLayout : std::uint8_t {
  Separate,      ///< three projections
  Concatenated,  ///< all q heads, all k heads, all v heads
  PerHead,       ///< q, k, v of each head (gpt_neox, bloom, old falcon with as many kv heads)
  PerGroup,      ///< for each kv head: its q heads, then k, then v (falcon)
};

enum class QkNorm : std::uint8_t {
  None,
  PerHead,    ///< one weight of head_dim for all heads, before the rotation
  FullWidth,  ///< over all heads together, before the rotation
  EachHead,   ///< a weight for each head (stablelm, cohere), before the rotation
};

enum class Residual : std::uint8_t {
  Sequential,       ///< x += attention(norm(x)); x += mlp(norm(x))
  Parallel,         ///< x += attention(n) + mlp(n), one norm n for both
  ParallelTwoNorms  ///< x += attention(norm1(x)) + mlp(norm2(x))
};

enum class PositionKind : std::uint8_t { Rotary, Learned, Alibi, None };

struct ExpertsSpec {
  int count = 0;                     ///< 0: a dense model
  int used = 0;                      ///< per token
  int intermediate = 0;              ///< width of one expert
  bool softmax_before_top_k = true;  ///< else softmax (or sigmoid) over the chosen ones
  bool normalise = false;            ///< the chosen weights are made to sum to 1
  bool sigmoid = false;              ///< scores are sigmoids (deepseek_v3, glm4_moe)
  float scale = 1.0F;                ///< routed_scaling_factor
  int groups = 1;                    ///< group-limited choice (deepseek)
  int groups_used = 1;
  bool group_score_is_top2 = false;  ///< sum of a group's two best (v3), else its best (v2)
  int shared_intermediate = 0;       ///< width of the shared expert; 0: none
  bool shared_gate = false;          ///< the shared expert is scaled by a sigmoid gate (qwen2_moe)

  bool operator==(const ExpertsSpec&) const = default;
};

/// Latent attention (deepseek): keys and values come from a narrow vector a token; the last `rotary_dims` of
/// a head's head_dim rotate, and those of the keys are the same for all heads.
struct LatentSpec {
  int rank = 0;        ///< of that vector; 0: ordinary attention
  int query_rank = 0;  ///< queries come from such a vector too; 0: from the input
  int rotary_dims = 0;

  bool operator==(const LatentSpec&) const = default;
};

/// What takes the place of attention in layers that keep a state of fixed size.
enum class MixerKind : std::uint8_t {
  Attention,
  Convolution,  ///< over the last few positions, gated (lfm2)
  DeltaNet,     ///< gated delta rule behind a convolution (qwen3_next)
};

struct RecurrentSpec {
  int taps = 0;                                                    ///< positions that a convolution sees
  int channels = 0;                                                ///< that it runs over
  int key_heads = 0, value_heads = 0, key_dim = 0, value_dim = 0;  ///< DeltaNet

  bool operator==(const RecurrentSpec&) const = default;
};

/// Which modules add a bias where the file has one: others are not in the model, and transformers does not
/// load them. A bias that is not in the file is zero.
struct BiasSpec {
  bool qkv = false;     ///< q, k and v
  bool o = false;       ///< what brings attention's heads together
  bool mlp = false;     ///< all of a dense MLP, and of the shared expert
  bool latent = false;  ///< the narrow vectors of latent attention
  bool mixer = false;   ///< of a recurrent layer
  bool experts = false;
  bool router = false;
  bool head = false;
  bool norms = false;

  bool operator==(const BiasSpec&) const = default;
};

struct LayerSpec {
  MixerKind mixer = MixerKind::Attention;
  int window = 0;  ///< tokens a query sees, itself included; 0: all before it
  bool rotary = true;
  int rotary_index = 0;  ///< which of DecoderSpec::rotary
  bool experts = false;  ///< mixture of experts instead of a dense MLP

  bool operator==(const LayerSpec&) const = default;
};

/// Tensor names; "{}" stands for the layer's index, "{e}" for the expert's. Empty: the model has none.
struct TensorNames {
  std::string embedding, position_embedding, embedding_norm, project_in, project_out;
  std::string output_norm, head;
  std::string attention_norm, post_attention_norm, mlp_norm, post_mlp_norm;
  std::string q, k, v, qkv, o, q_norm, k_norm, sinks;
  std::string q_a, q_a_norm, q_b, kv_a, kv_a_norm, kv_b;                               ///< latent attention
  std::string mixer_in, mixer_ba, mixer_out, mixer_norm, convolution, a_log, dt_bias;  ///< recurrent layers
  std::string gate, up, gate_up, down;
  std::string activation;  ///< the module whose parameters a learned activation has
  std::string router, router_bias, router_correction;
  std::string expert_gate, expert_up, expert_down;
  std::string stacked_gate, stacked_up, stacked_down;  ///< [experts, rows, columns]
  std::string stacked_gate_up;  ///< gpt_oss, with stacked_down: see WeightBinder::interleaved_expert;
                                ///< tensors, not modules
  std::string shared_gate, shared_up, shared_down, shared_router;

  bool operator==(const TensorNames&) const = default;
};

/// Everything is per token unless it says otherwise; sizes are elements.
struct DecoderSpec {
  std::string family;
  int hidden = 0;
  int embedding_width =
      0;  ///< of the embedding and the head where they are projected (opt); else 0 or hidden
  int layer_count = 0;
  int heads = 0;
  int kv_heads = 0;
  int head_dim = 0;   ///< of q and k
  int value_dim = 0;  ///< of v
  int intermediate = 0;
  int vocabulary = 0;
  std::uint32_t context_length = 0;

  PositionKind positions = PositionKind::Rotary;
  float alibi_scale = 1.0F;  ///< of ALiBi's slopes
  int position_offset = 0;   ///< added to the index of a learned position (opt: 2)
  std::vector<RotarySpec> rotary;
  std::vector<LayerSpec> layers;

  NormSpec norm;
  QkNorm qk_norm = QkNorm::None;
  std::optional<NormSpec> qk_norm_spec;  ///< where it differs from `norm`
  bool qk_norm_after_rotary = false;
  Residual residual = Residual::Sequential;
  bool norm_after_residual = false;  ///< x = norm(x + attention(x)); x = norm(x + mlp(x)) (opt-350m)
  bool residual_after_norm = false;  ///< x = norm(x) first: the block adds to that (bloom can)
  QkvLayout qkv = QkvLayout::Separate;
  bool attention_gate = false;  ///< q's projection gives each head's gate behind it (qwen3_next)
  LatentSpec latent;
  RecurrentSpec recurrent;
  kernels::Activation activation = kernels::Activation::Silu;
  kernels::ActivationParameters activation_parameters;  ///< where they are the model's, not the layer's
  bool learned_activation = false;                      ///< each layer has parameters of its own
  bool activation_in_float =
      false;                ///< they are not rounded to bfloat16, nor what follows from them (apertus)
  bool gated = true;        ///< act(gate(x)) * up(x), else act(up(x))
  bool transposed = false;  ///< linear weights are stored [in, out] (gpt2)
  bool tied_head = false;

  float embedding_scale = 1.0F;
  float residual_scale = 1.0F;   ///< what each block adds is multiplied by it
  float attention_scale = 0.0F;  ///< of q.k; always set
  float attention_softcap = 0.0F;
  float logit_scale = 1.0F;
  float logit_softcap = 0.0F;
  float qkv_clip = 0.0F;  ///< q, k, v are clamped to [-clip, clip], after their norms (olmoe)

  ExpertsSpec experts;
  BiasSpec biases;
  TensorNames names;
  int fp8_block_rows = 128;  ///< of FP8 weights, one scale each
  int fp8_block_cols = 128;

  bool operator==(const DecoderSpec&) const = default;
};

}  // namespace minerva::native
