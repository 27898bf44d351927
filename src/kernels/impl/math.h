// exp, tanh, erf and what is built of them, on vectors: within a few units in the last place of float32.
#pragma once

namespace minerva::kernels::MINERVA_ISA {

/// Cephes' expf: 2^n times a polynomial on [-ln2/2, ln2/2]. 0 below -104, infinity above 89, NaN for NaN.
MINERVA_INLINE F exp(F x) {
  const F clamped = min(set1(89.0F), max(set1(-104.0F), x));
  const F n = round_even(mul(clamped, set1(1.44269504F)));
  const F r = fma(n, set1(2.12194440e-4F), fma(n, set1(-0.693359375F), clamped));
  F p = set1(1.9875691500e-4F);
  p = fma(p, r, set1(1.3981999507e-3F));
  p = fma(p, r, set1(8.3334519073e-3F));
  p = fma(p, r, set1(4.1665795894e-2F));
  p = fma(p, r, set1(1.6666665459e-1F));
  p = fma(p, r, set1(5.0000001201e-1F));
  p = fma(mul(p, r), r, add(r, set1(1.0F)));
  return scale_by_power(p, n);
}

/// exp(x) - 1 - x for x <= 0, without cancellation near 0.
MINERVA_INLINE F exp_minus_1_minus_x(F x) {
  F p = set1(1.0F / 40320.0F);
  p = fma(p, x, set1(1.0F / 5040.0F));
  p = fma(p, x, set1(1.0F / 720.0F));
  p = fma(p, x, set1(1.0F / 120.0F));
  p = fma(p, x, set1(1.0F / 24.0F));
  p = fma(p, x, set1(1.0F / 6.0F));
  p = fma(p, x, set1(0.5F));
  const F near = mul(mul(p, x), x);
  const F far = sub(sub(exp(x), set1(1.0F)), x);
  return select_less(x, set1(-0.5F), far, near);
}

/// Cephes' tanhf.
MINERVA_INLINE F tanh(F x) {
  const F a = abs(x);
  const F z = mul(x, x);
  F p = set1(-5.70498872745e-3F);
  p = fma(p, z, set1(2.06390887954e-2F));
  p = fma(p, z, set1(-5.37397155531e-2F));
  p = fma(p, z, set1(1.33314422036e-1F));
  p = fma(p, z, set1(-3.33332819422e-1F));
  const F near = fma(mul(p, z), x, x);
  const F far = copy_sign(sub(set1(1.0F), div(set1(2.0F), add(exp(add(a, a)), set1(1.0F)))), x);
  return select_less(a, set1(0.625F), near, far);
}

/// Two polynomials: x P(x^2) near 0, 1 - exp(Q(|x|)) beyond.
MINERVA_INLINE F erf(F x) {
  const F t = abs(x);
  const F s = mul(x, x);
  F r = fma(set1(-1.72853470e-5F), t, set1(3.83197126e-4F));
  const F u = fma(set1(-3.88396438e-3F), t, set1(2.42546219e-2F));
  r = fma(r, s, u);
  r = fma(r, t, set1(-1.06777877e-1F));
  r = fma(r, t, set1(-6.34846687e-1F));
  r = fma(r, t, set1(-1.28717512e-1F));
  r = sub(mul(r, t), t);
  const F far = copy_sign(sub(set1(1.0F), exp(r)), x);
  F q = set1(-5.96761703e-4F);
  q = fma(q, s, set1(4.99119423e-3F));
  q = fma(q, s, set1(-2.67681349e-2F));
  q = fma(q, s, set1(1.12819925e-1F));
  q = fma(q, s, set1(-3.76125336e-1F));
  q = fma(q, s, set1(1.28379166e-1F));
  const F near = fma(q, x, x);
  return select_less(t, set1(0.927734375F), near, far);
}

MINERVA_INLINE F sigmoid(F x) {
  return div(set1(1.0F), add(set1(1.0F), exp(sub(zero(), x))));
}
MINERVA_INLINE F silu(F x) {
  return div(x, add(set1(1.0F), exp(sub(zero(), x))));
}
MINERVA_INLINE F gelu(F x) {
  return mul(mul(set1(0.5F), x), add(set1(1.0F), erf(mul(x, set1(0.70710678F)))));
}
MINERVA_INLINE F gelu_tanh(F x) {
  const F cube = mul(mul(x, x), x);
  const F inner = mul(set1(0.79788456F), fma(set1(0.044715F), cube, x));
  return mul(mul(set1(0.5F), x), add(set1(1.0F), tanh(inner)));
}
MINERVA_INLINE F relu(F x) {
  return max(zero(), x);
}
MINERVA_INLINE F relu2(F x) {
  return mul(relu(x), relu(x));
}
MINERVA_INLINE F relu6(F x) {
  return max(zero(), min(set1(6.0F), x));
}
MINERVA_INLINE F leaky_relu(F x, float slope) {
  return select_less(x, zero(), mul(set1(slope), x), x);
}
MINERVA_INLINE F quick_gelu(F x) {
  return mul(x, sigmoid(mul(set1(1.702F), x)));
}
MINERVA_INLINE F gelu_10(F x) {
  return max(set1(-10.0F), min(set1(10.0F), gelu(x)));
}
MINERVA_INLINE F hard_swish(F x) {
  return div(mul(x, relu6(add(x, set1(3.0F)))), set1(6.0F));
}
/// x tanh(ln(1 + e^x)) as a fraction of n = e^x (e^x + 2); beyond 20 the fraction is 1.
MINERVA_INLINE F mish(F x) {
  const F power = exp(min(set1(20.0F), x));
  const F n = mul(power, add(power, set1(2.0F)));
  return mul(x, div(n, add(n, set1(2.0F))));
}
/// The distribution function of a normal one, with MEGA's mean and deviation.
MINERVA_INLINE F laplace(F x) {
  const F scaled = div(sub(x, set1(0.707107F)), set1(0.282095F * 1.41421356F));
  return mul(set1(0.5F), add(set1(1.0F), erf(scaled)));
}
/// ln(1 + e^x) = max(x, 0) + ln(1 + t) with t = e^-|x|, and ln(1 + t) = 2 artanh(t / (2 + t)).
MINERVA_INLINE F softplus(F x) {
  const F t = exp(sub(zero(), abs(x)));
  const F z = div(t, add(t, set1(2.0F)));
  const F s = mul(z, z);
  F p = set1(1.0F / 15.0F);
  p = fma(p, s, set1(1.0F / 13.0F));
  p = fma(p, s, set1(1.0F / 11.0F));
  p = fma(p, s, set1(1.0F / 9.0F));
  p = fma(p, s, set1(1.0F / 7.0F));
  p = fma(p, s, set1(1.0F / 5.0F));
  p = fma(p, s, set1(1.0F / 3.0F));
  p = fma(p, s, set1(1.0F));
  return fma(add(z, z), p, max(zero(), x));
}

}  // namespace minerva::kernels::MINERVA_ISA
