// Norms, activations, softmax, rotation: one row at a time. An element's result does not depend on where in a
// vector it stands; sums run in an order that depends on the width alone.
#pragma once

#include "kernels/impl/math.h"
#include "kernels/impl/numbers.h"
#include "kernels/impl/table.h"

namespace minerva::kernels::MINERVA_ISA {

/// y[i] = fn(x[i])
template <class Fn>
MINERVA_INLINE void map(const float* x, float* y, std::int64_t n, Fn fn) {
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(y + i, fn(load(x + i)));
  if (i < n) store_n(y + i, fn(load_n(x + i, static_cast<int>(n - i))), static_cast<int>(n - i));
}
/// y[i] = fn(a[i], b[i])
template <class Fn>
MINERVA_INLINE void map(const float* a, const float* b, float* y, std::int64_t n, Fn fn) {
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(y + i, fn(load(a + i), load(b + i)));
  if (i < n) {
    const int rest = static_cast<int>(n - i);
    store_n(y + i, fn(load_n(a + i, rest), load_n(b + i, rest)), rest);
  }
}

/// Sum of fn(x[i]); fn(0) for lanes past the end must be 0 or is masked by `fn` itself.
template <class Fn>
MINERVA_INLINE float sum_map(const float* x, std::int64_t n, Fn fn) {
  F acc[4] = {zero(), zero(), zero(), zero()};
  std::int64_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
    for (int j = 0; j < 4; ++j) acc[j] = add(acc[j], fn(load(x + i + j * kLanes)));
  }
  for (; i + kLanes <= n; i += kLanes) acc[0] = add(acc[0], fn(load(x + i)));
  if (i < n) {
    alignas(64) float rest[kLanes] = {};
    const int count = static_cast<int>(n - i);
    store_n(rest, fn(load_n(x + i, count)), count);  // lanes past the end stay 0 whatever fn(0) is
    acc[1] = add(acc[1], load(rest));
  }
  return sum(add(add(acc[0], acc[1]), add(acc[2], acc[3])));
}

MINERVA_INLINE float square_root(float x) {
  return __builtin_sqrtf(x);
}

/// y = (x - mean) * factor * weight + bias
inline void apply_norm(const NormRow& r, float mean, float factor) {
  const F shift = set1(mean);
  const F scale = set1(factor);
  const F one = set1(r.plus_one ? 1.0F : 0.0F);
  const auto at = [&](std::int64_t i, auto load_some, auto store_some) {
    F value = mul(sub(load_some(r.x + i), shift), scale);
    if (r.weight != nullptr) value = mul(value, add(load_some(r.weight + i), one));
    if (r.bias != nullptr) value = add(value, load_some(r.bias + i));
    store_some(r.y + i, value);
  };
  std::int64_t i = 0;
  for (; i + kLanes <= r.width; i += kLanes)
    at(i, [](const float* p) { return load(p); }, [](float* p, F v) { store(p, v); });
  if (i < r.width) {
    const int rest = static_cast<int>(r.width - i);
    at(i, [&](const float* p) { return load_n(p, rest); }, [&](float* p, F v) { store_n(p, v, rest); });
  }
}

inline void rms_norm(const NormRow& r) {
  const float squares = sum_map(r.x, r.width, [](F v) { return mul(v, v); });
  apply_norm(r, 0.0F, 1.0F / square_root(squares / static_cast<float>(r.width) + r.epsilon));
}

inline void layer_norm(const NormRow& r) {
  const auto width = static_cast<float>(r.width);
  const float mean = sum_map(r.x, r.width, [](F v) { return v; }) / width;
  const F shift = set1(mean);
  const float squares = sum_map(r.x, r.width, [&](F v) { return mul(sub(v, shift), sub(v, shift)); });
  apply_norm(r, mean, 1.0F / square_root(squares / width + r.epsilon));
}

MINERVA_INLINE F xielu(F x, const ActivationParameters& p) {
  const F positive = fma(mul(set1(p.alpha_p), x), x, mul(set1(p.beta), x));
  const F clipped = min(set1(p.eps), x);  // expm1(clipped) - x
  const F tail = add(exp_minus_1_minus_x(clipped), sub(clipped, x));
  const F negative = fma(tail, set1(p.alpha_n), mul(set1(p.beta), x));
  return select_less(zero(), x, positive, negative);
}

/// Calls `use` with the function of `kind`; SwigluOai has none of its own.
template <class Use>
MINERVA_INLINE void with_activation(Activation kind, const ActivationParameters& p, Use use) {
  switch (kind) {
    case Activation::Silu:
      use([](F x) { return silu(x); });
      return;
    case Activation::Gelu:
      use([](F x) { return gelu(x); });
      return;
    case Activation::GeluTanh:
      use([](F x) { return gelu_tanh(x); });
      return;
    case Activation::Relu:
      use([](F x) { return relu(x); });
      return;
    case Activation::Relu2:
      use([](F x) { return relu2(x); });
      return;
    case Activation::Relu6:
      use([](F x) { return relu6(x); });
      return;
    case Activation::LeakyRelu:
      use([&](F x) { return leaky_relu(x, p.slope); });
      return;
    case Activation::QuickGelu:
      use([](F x) { return quick_gelu(x); });
      return;
    case Activation::Gelu10:
      use([](F x) { return gelu_10(x); });
      return;
    case Activation::HardSwish:
      use([](F x) { return hard_swish(x); });
      return;
    case Activation::Mish:
      use([](F x) { return mish(x); });
      return;
    case Activation::Tanh:
      use([](F x) { return tanh(x); });
      return;
    case Activation::Sigmoid:
      use([](F x) { return sigmoid(x); });
      return;
    case Activation::Laplace:
      use([](F x) { return laplace(x); });
      return;
    case Activation::SqrtSoftplus:
      use([](F x) { return sqrt(softplus(x)); });
      return;
    case Activation::Linear:
      use([](F x) { return x; });
      return;
    case Activation::XIelu:
      use([&](F x) { return xielu(x, p); });
      return;
    case Activation::SwigluOai:
      return;
  }
}

inline void activate(Activation kind, float* x, std::int64_t n, const ActivationParameters& p) {
  with_activation(kind, p, [&](auto fn) { map(x, x, n, fn); });
}

MINERVA_INLINE F swiglu_oai(F gate, F up, const ActivationParameters& p) {
  const F limit = set1(p.limit);
  gate = min(limit, gate);
  up = max(set1(-p.limit), min(limit, up));
  return mul(add(up, set1(1.0F)), mul(gate, sigmoid(mul(gate, set1(p.alpha)))));
}

inline void activate_gated(Activation kind, const float* gate, const float* up, float* y, std::int64_t n,
                           const ActivationParameters& p) {
  if (kind == Activation::SwigluOai) {
    map(gate, up, y, n, [&](F g, F u) { return swiglu_oai(g, u, p); });
    return;
  }
  with_activation(kind, p, [&](auto fn) { map(gate, up, y, n, [&](F g, F u) { return mul(fn(g), u); }); });
}

inline float maximum(const float* x, std::int64_t n) {
  F best = set1(-__builtin_inff());
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) best = max(best, load(x + i));
  float result = max_of(best);
  for (; i < n; ++i) result = x[i] > result ? x[i] : result;
  return result;
}

inline void softmax(float* x, std::int64_t n, float factor) {
  if (factor != 1.0F) map(x, x, n, [&](F v) { return mul(v, set1(factor)); });
  const F top = set1(maximum(x, n));
  map(x, x, n, [&](F v) { return exp(sub(v, top)); });
  const F inverse = set1(1.0F / sum_map(x, n, [](F v) { return v; }));
  map(x, x, n, [&](F v) { return mul(v, inverse); });
}

inline void add_scaled(float* y, const float* x, std::int64_t n, float factor) {
  if (factor == 1.0F) {
    map(y, x, y, n, [](F a, F b) { return add(a, b); });
  } else {
    map(y, x, y, n, [&](F a, F b) { return add(a, mul(set1(factor), b)); });
  }
}
inline void scale_all(float* x, std::int64_t n, float factor) {
  map(x, x, n, [&](F v) { return mul(v, set1(factor)); });
}
inline void soft_cap(float* x, std::int64_t n, float cap) {
  map(x, x, n, [&](F v) { return mul(set1(cap), tanh(div(v, set1(cap)))); });
}
inline void clamp(float* x, std::int64_t n, float limit) {
  map(x, x, n, [&](F v) { return max(set1(-limit), min(set1(limit), v)); });
}

inline void rotate_halves(float* x, int dims, const float* cosines, const float* sines) {
  const int half = dims / 2;
  const auto turn = [&](int i, auto load_some, auto store_some) {
    const F a = load_some(x + i);
    const F b = load_some(x + i + half);
    const F c = load_some(cosines + i);
    const F s = load_some(sines + i);
    store_some(x + i, sub(mul(a, c), mul(b, s)));
    store_some(x + i + half, add(mul(b, c), mul(a, s)));
  };
  int i = 0;
  for (; i + kLanes <= half; i += kLanes)
    turn(i, [](const float* p) { return load(p); }, [](float* p, F v) { store(p, v); });
  if (i < half)
    turn(
        i, [&](const float* p) { return load_n(p, half - i); },
        [&](float* p, F v) { store_n(p, v, half - i); });
}

inline void rotate_pairs(float* x, int dims, const float* cosines, const float* sines) {
  for (int i = 0; i < dims / 2; ++i) {
    const float a = x[2 * i];
    const float b = x[2 * i + 1];
    x[2 * i] = a * cosines[i] - b * sines[i];
    x[2 * i + 1] = b * cosines[i] + a * sines[i];
  }
}

/// x[2i] goes to i, x[2i+1] to i + dims/2.
inline void unpair(float* x, int dims) {
  float odd[kUnpairedMax / 2];
  const int half = dims / 2;
  for (int i = 0; i < half; ++i) odd[i] = x[2 * i + 1];
  for (int i = 0; i < half; ++i) x[i] = x[2 * i];
  __builtin_memcpy(x + half, odd, static_cast<std::size_t>(half) * sizeof(float));
}

inline void rotate(float* x, int heads, int head_dim, const RotaryTable& table, const float* cosines,
                   const float* sines) {
  const int dims = table.dims;
  for (int head = 0; head < heads; ++head, x += head_dim) {
    if (table.unpair) unpair(x, dims);
    if (table.pairs) {
      rotate_pairs(x, dims, cosines, sines);
    } else {
      rotate_halves(x, dims, cosines, sines);
    }
  }
}

/// To bf16, nearest even; NaN stays NaN.
MINERVA_INLINE std::uint16_t to_bf16(float x) {
  const std::uint32_t word = float_bits(x);
  if ((word & 0x7FFFFFFFU) > 0x7F800000U) return static_cast<std::uint16_t>((word >> 16) | 0x40U);
  return static_cast<std::uint16_t>((word + 0x7FFFU + ((word >> 16) & 1U)) >> 16);
}

inline void convert(const float* x, std::int64_t n, ScalarType type, void* out) {
  auto* bytes = static_cast<std::byte*>(out);
  switch (type) {
    case ScalarType::F32:
      __builtin_memcpy(out, x, static_cast<std::size_t>(n) * 4);
      return;
    case ScalarType::BF16:
      for (std::int64_t i = 0; i < n; ++i) {
        const std::uint16_t value = to_bf16(x[i]);
        __builtin_memcpy(bytes + 2 * i, &value, 2);
      }
      return;
    case ScalarType::F16: {
      std::int64_t i = 0;
      for (; i + kLanes <= n; i += kLanes) store_f16(bytes + 2 * i, load(x + i));
      if (i < n) {
        std::uint16_t rest[kLanes];
        store_f16(rest, load_n(x + i, static_cast<int>(n - i)));
        __builtin_memcpy(bytes + 2 * i, rest, static_cast<std::size_t>(n - i) * 2);
      }
      return;
    }
  }
}

}  // namespace minerva::kernels::MINERVA_ISA
