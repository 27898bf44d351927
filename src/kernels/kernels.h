// The arithmetic of a forward pass on the CPU, for one instruction set chosen at run time.
//
// Every result depends only on its own row: bit for bit the same alone, in any batch, and on any number of
// threads. What may change it is the instruction set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/thread_pool.h"
#include "minerva/types.h"
#include "tensor/weight_matrix.h"

namespace minerva::kernels {

enum class Isa : std::uint8_t {
  Scalar,
  Avx2,    ///< AVX2, FMA, F16C
  Avx512,  ///< F, BW, DQ, VL, VNNI, BF16, VBMI
};

std::string_view isa_name(Isa isa) noexcept;  ///< "scalar", "avx2", "avx512"
std::vector<Isa> available_isas();            ///< of this processor and build, narrowest first
/// The widest available, or the one that the environment variable MINERVA_ISA names when it is available.
Isa best_isa();

/// `count` rows of `width` floats, `stride` floats apart.
struct Rows {
  float* data = nullptr;
  std::int64_t count = 0;
  std::int64_t width = 0;
  std::int64_t stride = 0;

  Rows() = default;
  Rows(float* d, std::int64_t n, std::int64_t w) : data(d), count(n), width(w), stride(w) {}
  Rows(float* d, std::int64_t n, std::int64_t w, std::int64_t s) : data(d), count(n), width(w), stride(s) {}
  float* row(std::int64_t i) const { return data + i * stride; }
};

struct ConstRows {
  const float* data = nullptr;
  std::int64_t count = 0;
  std::int64_t width = 0;
  std::int64_t stride = 0;

  ConstRows() = default;
  ConstRows(const float* d, std::int64_t n, std::int64_t w) : data(d), count(n), width(w), stride(w) {}
  ConstRows(const float* d, std::int64_t n, std::int64_t w, std::int64_t s)
      : data(d), count(n), width(w), stride(s) {}
  ConstRows(const Rows& r) : data(r.data), count(r.count), width(r.width), stride(r.stride) {}
  const float* row(std::int64_t i) const { return data + i * stride; }
};

/// One product y = x W^T (+ bias) of several that share x.
struct LinearOutput {
  const WeightMatrix* weight = nullptr;  ///< [N, K]
  Rows y;                                ///< [M, N]
  const float* bias = nullptr;           ///< [N], or none
};

struct NormParameters {
  const float* weight = nullptr;  ///< [weight_rows, width]; none: 1
  const float* bias = nullptr;    ///< [weight_rows, width], or none
  std::int64_t weight_rows = 1;   ///< row r uses weight row r % weight_rows (a norm of each head)
  float epsilon = 1e-6F;
  bool plus_one = false;  ///< multiply by 1 + weight
};

enum class Activation : std::uint8_t {
  Silu,
  Gelu,      ///< with the error function
  GeluTanh,  ///< the tanh approximation
  Relu,
  Relu2,      ///< relu squared
  Relu6,      ///< relu, at most 6
  LeakyRelu,  ///< below 0 times `slope`
  QuickGelu,  ///< x sigmoid(1.702 x)
  Gelu10,     ///< Gelu, clamped to [-10, 10]
  HardSwish,  ///< x relu6(x + 3) / 6
  Mish,       ///< x tanh(softplus(x))
  Tanh,
  Sigmoid,
  Laplace,       ///< (1 + erf((x - 0.707107) / (0.282095 sqrt 2))) / 2
  SqrtSoftplus,  ///< sqrt(ln(1 + e^x))
  Linear,        ///< x
  XIelu,         ///< apertus
  SwigluOai,     ///< gpt_oss, gated only: clamp; gate sigmoid(alpha gate) (up + 1)
};

struct ActivationParameters {
  float alpha_p = 0.8F;  ///< XIelu: already softplus(alpha_p)
  float alpha_n = 0.8F;  ///< XIelu: already beta + softplus(alpha_n)
  float beta = 0.5F;     ///< XIelu
  float eps = -1e-6F;    ///< XIelu
  float slope = 0.01F;   ///< LeakyRelu
  float alpha = 1.702F;  ///< SwigluOai
  float limit = 7.0F;    ///< SwigluOai

  bool operator==(const ActivationParameters&) const = default;
};

inline constexpr int kUnpairedMax = 1024;

/// Cosines and sines of positions.
struct RotaryTable {
  const float* cosines = nullptr;  ///< [rows, dims / 2]
  const float* sines = nullptr;
  std::int64_t stride = 0;  ///< floats from a table row to the next
  int dims = 0;             ///< leading elements of each head that rotate; the rest stays
  bool pairs = false;       ///< (2i, 2i+1) rotate together, instead of (i, i + dims/2)
  /// Elements 2i and 2i+1 are first put at i and i + dims/2; not together with `pairs`. dims <= kUnpairedMax.
  bool unpair = false;
};

/// Keys and values of one sequence in one layer. Element (position p, kv head h, dimension d) of the keys is
/// keys[((p - origin) * position_stride + h * head_stride) + d], counted in elements of `type`; same for
/// values.
struct KvView {
  const void* keys = nullptr;
  const void* values = nullptr;
  ScalarType type = ScalarType::F32;
  std::int64_t key_position_stride = 0;
  std::int64_t key_head_stride = 0;
  std::int64_t value_position_stride = 0;
  std::int64_t value_head_stride = 0;
  std::int64_t origin = 0;  ///< the position that lies at the base pointers
};

/// What query row i sees: positions first..last of its sequence, both included; none when first > last.
/// Neighbouring rows with the same `cache` pointer are computed together (faster for prompts).
struct AttentionRow {
  const KvView* cache = nullptr;
  std::int64_t first = 0;
  std::int64_t last = -1;
};

struct AttentionShape {
  int heads = 0;
  int kv_heads = 0;   ///< divides heads; query head h reads kv head h / (heads / kv_heads)
  int head_dim = 0;   ///< of queries and keys
  int value_dim = 0;  ///< of values and outputs
  float scale = 1.0F;
  float soft_cap = 0.0F;                ///< 0: none
  const float* alibi_slopes = nullptr;  ///< [heads]: adds slope * (position - last); or none
  const float* sinks = nullptr;  ///< [heads]: a logit that only takes part in the normalisation; or none
};

/// The functions of one instruction set, on one thread pool. Owns scratch memory that grows with use
/// (std::bad_alloc is the only exception), so one call at a time. Inputs are trusted: weights passed
/// check_weight, shapes agree, pointers are valid; outputs overlap inputs only where said.
class Kernels {
 public:
  Kernels(Isa isa, ThreadPool& pool);
  ~Kernels();
  Kernels(const Kernels&) = delete;
  Kernels& operator=(const Kernels&) = delete;

  Isa isa() const noexcept { return isa_; }
  ThreadPool& pool() const noexcept { return pool_; }

  /// Every output from the same x [M, K], in one parallel region. Exact: float32 throughout. Fast (and
  /// Default): x as bf16 for BF16, FP8 and MXFP8 weights where the processor multiplies bf16; x as int8 in
  /// blocks of 32 for the other quantised types; F32 and F16 weights as in exact.
  void linear(std::span<const LinearOutput> outputs, ConstRows x, NumericMode mode);
  void linear(const WeightMatrix& weight, ConstRows x, Rows y, NumericMode mode) {
    const LinearOutput output{&weight, y, nullptr};
    linear({&output, 1}, x, mode);
  }

  /// Row `row` of `w` as float32 [K].
  void dequantize_row(const WeightMatrix& w, std::int64_t row, float* out) const;

  // In place allowed (y = x) for the following.
  void rms_norm(ConstRows x, Rows y, const NormParameters& parameters);
  void layer_norm(ConstRows x, Rows y, const NormParameters& parameters);
  void activate(Activation kind, Rows x, const ActivationParameters& parameters = {});
  /// y = act(gate) * up
  void activate_gated(Activation kind, ConstRows gate, ConstRows up, Rows y,
                      const ActivationParameters& parameters = {});
  void softmax(Rows x, float scale = 1.0F);
  void add(Rows y, ConstRows x, float factor = 1.0F);  ///< y += factor * x
  void scale(Rows x, float factor);
  void soft_cap(Rows x, float cap);  ///< x = cap * tanh(x / cap)
  void clamp(Rows x, float limit);   ///< to [-limit, limit]
  /// Rotates `heads` heads of head_dim in each row of x; row i uses table row table_rows[i].
  void rotate(Rows x, int heads, int head_dim, const RotaryTable& table, const std::int64_t* table_rows);

  /// Rows of queries [M, heads * head_dim] to outputs [M, heads * value_dim], which may not overlap.
  void attend(const AttentionShape& shape, std::span<const AttentionRow> rows, ConstRows queries, Rows out);

  /// n floats to `type`, rounded to nearest even: for a KV cache.
  void convert(const float* x, std::int64_t n, ScalarType type, void* out) const;

  std::uint64_t scratch_bytes() const noexcept;  ///< held now

 private:
  struct State;
  Isa isa_;
  ThreadPool& pool_;
  std::unique_ptr<State> state_;
};

}  // namespace minerva::kernels
