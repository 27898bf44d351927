#include "text/jinja/big_integer.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "text/jinja/budget.h"
#include "text/jinja/raise.h"

namespace minerva::jinja {
namespace {

constexpr std::size_t kLimbsMax = 2048;  // 65,536 bits, some 19,700 digits
constexpr unsigned kLimbBits = 32;

void check_size(std::size_t limbs) {
  if (limbs > kLimbsMax) raise_limit("an integer has more than 65536 bits");
}

}  // namespace

BigInteger::BigInteger(std::int64_t number) : is_negative_(number < 0) {
  auto size = number < 0 ? ~static_cast<std::uint64_t>(number) + 1 : static_cast<std::uint64_t>(number);
  for (; size != 0; size >>= kLimbBits) limbs_.push_back(static_cast<std::uint32_t>(size));
}

void BigInteger::trim(Limbs& limbs) {
  while (!limbs.empty() && limbs.back() == 0) limbs.pop_back();
}

BigInteger BigInteger::make(Limbs limbs, bool is_negative) {
  trim(limbs);
  check_size(limbs.size());
  BigInteger result;
  result.is_negative_ = is_negative && !limbs.empty();
  result.limbs_ = std::move(limbs);
  return result;
}

BigInteger BigInteger::parse(std::string_view digits, int base) {
  Limbs limbs;
  for (const char c : digits) {
    std::uint64_t carry =
        c <= '9' ? static_cast<std::uint64_t>(c - '0') : static_cast<std::uint64_t>((c | 0x20) - 'a' + 10);
    for (std::uint32_t& limb : limbs) {
      carry += std::uint64_t{limb} * static_cast<std::uint64_t>(base);
      limb = static_cast<std::uint32_t>(carry);
      carry >>= kLimbBits;
    }
    if (carry != 0) limbs.push_back(static_cast<std::uint32_t>(carry));
    check_size(limbs.size());
    spend(1 + limbs.size() / 16);
  }
  return make(std::move(limbs), false);
}

BigInteger BigInteger::truncated(double number) {
  int exponent = 0;
  const double fraction = std::frexp(std::fabs(std::trunc(number)), &exponent);
  constexpr int kMantissa = std::numeric_limits<double>::digits;
  if (exponent <= kMantissa) return {static_cast<std::int64_t>(number)};
  const auto mantissa = static_cast<std::int64_t>(std::ldexp(fraction, kMantissa));
  const BigInteger size = BigInteger(mantissa).shifted_left(static_cast<std::size_t>(exponent - kMantissa));
  return number < 0 ? -size : size;
}

BigInteger BigInteger::operator-() const {
  return make(limbs_, !is_negative_);
}

int BigInteger::compare(const Limbs& a, const Limbs& b) {
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  for (std::size_t i = a.size(); i-- > 0;)
    if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
  return 0;
}

BigInteger::Limbs BigInteger::sum(const Limbs& a, const Limbs& b) {
  Limbs out;
  std::uint64_t carry = 0;
  for (std::size_t i = 0; i < std::max(a.size(), b.size()) || carry != 0; ++i) {
    carry += std::uint64_t{i < a.size() ? a[i] : 0} + (i < b.size() ? b[i] : 0);
    out.push_back(static_cast<std::uint32_t>(carry));
    carry >>= kLimbBits;
  }
  return out;
}

BigInteger::Limbs BigInteger::difference(const Limbs& a, const Limbs& b) {
  Limbs out = a;
  std::int64_t borrow = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    std::int64_t limb = std::int64_t{out[i]} - (i < b.size() ? b[i] : 0) - borrow;
    borrow = limb < 0 ? 1 : 0;
    if (limb < 0) limb += std::int64_t{1} << kLimbBits;
    out[i] = static_cast<std::uint32_t>(limb);
  }
  return out;
}

BigInteger BigInteger::operator+(const BigInteger& other) const {
  if (is_negative_ == other.is_negative_) return make(sum(limbs_, other.limbs_), is_negative_);
  if (compare(limbs_, other.limbs_) >= 0) return make(difference(limbs_, other.limbs_), is_negative_);
  return make(difference(other.limbs_, limbs_), other.is_negative_);
}

BigInteger BigInteger::operator*(const BigInteger& other) const {
  check_size(limbs_.size() + other.limbs_.size() - std::min<std::size_t>(1, limbs_.size()));
  spend(1 + limbs_.size() * other.limbs_.size() / 64);
  Limbs out(limbs_.size() + other.limbs_.size());
  for (std::size_t i = 0; i < limbs_.size(); ++i) {
    std::uint64_t carry = 0;
    for (std::size_t j = 0; j < other.limbs_.size(); ++j) {
      carry += out[i + j] + std::uint64_t{limbs_[i]} * other.limbs_[j];
      out[i + j] = static_cast<std::uint32_t>(carry);
      carry >>= kLimbBits;
    }
    out[i + other.limbs_.size()] = static_cast<std::uint32_t>(carry);
  }
  return make(std::move(out), is_negative_ != other.is_negative_);
}

std::uint32_t BigInteger::divide_small(Limbs& limbs, std::uint32_t divisor) {
  std::uint64_t rest = 0;
  for (std::size_t i = limbs.size(); i-- > 0;) {
    rest = (rest << kLimbBits) | limbs[i];
    limbs[i] = static_cast<std::uint32_t>(rest / divisor);
    rest %= divisor;
  }
  trim(limbs);
  return static_cast<std::uint32_t>(rest);
}

/// Knuth's algorithm D.
std::pair<BigInteger::Limbs, BigInteger::Limbs> BigInteger::divide(const Limbs& a, const Limbs& b) {
  if (compare(a, b) < 0) return {{}, a};
  if (b.size() == 1) {
    Limbs quotient = a;
    const std::uint32_t rest = divide_small(quotient, b[0]);
    return {std::move(quotient), rest == 0 ? Limbs{} : Limbs{rest}};
  }
  spend(1 + a.size() * b.size() / 64);
  const auto shift = static_cast<unsigned>(std::countl_zero(b.back()));
  const auto shifted = [&](const Limbs& limbs) {
    Limbs out(limbs.size() + 1);
    for (std::size_t i = 0; i < limbs.size(); ++i) {
      const std::uint64_t wide = std::uint64_t{limbs[i]} << shift;
      out[i] |= static_cast<std::uint32_t>(wide);
      out[i + 1] = static_cast<std::uint32_t>(wide >> kLimbBits);
    }
    return out;
  };
  Limbs u = shifted(a);
  Limbs v = shifted(b);
  v.pop_back();
  const std::size_t n = v.size();
  Limbs quotient(u.size() - n);
  constexpr std::uint64_t kBase = std::uint64_t{1} << kLimbBits;
  for (std::size_t j = quotient.size(); j-- > 0;) {
    const std::uint64_t top = (std::uint64_t{u[j + n]} << kLimbBits) | u[j + n - 1];
    std::uint64_t guess = top / v[n - 1];
    std::uint64_t rest = top % v[n - 1];
    while (guess >= kBase || guess * v[n - 2] > ((rest << kLimbBits) | u[j + n - 2])) {
      --guess;
      rest += v[n - 1];
      if (rest >= kBase) break;
    }
    std::int64_t borrow = 0;
    std::uint64_t carry = 0;
    for (std::size_t i = 0; i < n; ++i) {
      carry += guess * v[i];
      const std::int64_t limb =
          std::int64_t{u[i + j]} - borrow - static_cast<std::int64_t>(carry & (kBase - 1));
      u[i + j] = static_cast<std::uint32_t>(limb);
      borrow = limb < 0 ? 1 : 0;
      carry >>= kLimbBits;
    }
    const std::int64_t limb = std::int64_t{u[j + n]} - borrow - static_cast<std::int64_t>(carry);
    u[j + n] = static_cast<std::uint32_t>(limb);
    if (limb < 0) {
      --guess;
      std::uint64_t back = 0;
      for (std::size_t i = 0; i < n; ++i) {
        back += std::uint64_t{u[i + j]} + v[i];
        u[i + j] = static_cast<std::uint32_t>(back);
        back >>= kLimbBits;
      }
      u[j + n] += static_cast<std::uint32_t>(back);
    }
    quotient[j] = static_cast<std::uint32_t>(guess);
  }
  Limbs remainder(n);
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint64_t wide = (std::uint64_t{u[i + 1]} << kLimbBits) | u[i];
    remainder[i] = static_cast<std::uint32_t>(wide >> shift);
  }
  trim(quotient);
  trim(remainder);
  return {std::move(quotient), std::move(remainder)};
}

std::pair<BigInteger, BigInteger> BigInteger::divided(const BigInteger& divisor) const {
  auto [quotient, remainder] = divide(limbs_, divisor.limbs_);
  BigInteger whole = make(std::move(quotient), is_negative_ != divisor.is_negative_);
  BigInteger rest = make(std::move(remainder), is_negative_);
  if (!rest.is_zero() && is_negative_ != divisor.is_negative_) {
    whole = whole - BigInteger(1);
    rest = rest + divisor;
  }
  return {std::move(whole), std::move(rest)};
}

BigInteger BigInteger::power(std::uint64_t exponent) const {
  BigInteger result(1);
  BigInteger base = *this;
  for (; exponent > 0; exponent /= 2) {
    spend(1);
    if (exponent % 2 != 0) result = result * base;
    if (exponent > 1) base = base * base;
  }
  return result;
}

std::strong_ordering BigInteger::operator<=>(const BigInteger& other) const {
  if (is_negative_ != other.is_negative_)
    return is_negative_ ? std::strong_ordering::less : std::strong_ordering::greater;
  const int order = compare(limbs_, other.limbs_) * (is_negative_ ? -1 : 1);
  return order <=> 0;
}

std::optional<std::int64_t> BigInteger::small() const {
  if (limbs_.size() > 2) return std::nullopt;
  std::uint64_t size = 0;
  for (std::size_t i = limbs_.size(); i-- > 0;) size = (size << kLimbBits) | limbs_[i];
  const auto most =
      static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) + (is_negative_ ? 1 : 0);
  if (size > most) return std::nullopt;
  return is_negative_ ? static_cast<std::int64_t>(~size + 1) : static_cast<std::int64_t>(size);
}

std::size_t BigInteger::bit_length() const {
  return limbs_.empty()
             ? 0
             : limbs_.size() * kLimbBits - static_cast<std::size_t>(std::countl_zero(limbs_.back()));
}

std::size_t BigInteger::bit_count() const {
  std::size_t count = 0;
  for (const std::uint32_t limb : limbs_) count += static_cast<std::size_t>(std::popcount(limb));
  return count;
}

BigInteger BigInteger::shifted_left(std::size_t bits) const {
  Limbs out(bits / kLimbBits);
  check_size(out.size() + limbs_.size() + 1);
  std::uint64_t carry = 0;
  for (const std::uint32_t limb : limbs_) {
    carry |= std::uint64_t{limb} << (bits % kLimbBits);
    out.push_back(static_cast<std::uint32_t>(carry));
    carry >>= kLimbBits;
  }
  out.push_back(static_cast<std::uint32_t>(carry));
  return make(std::move(out), is_negative_);
}

double BigInteger::real() const {
  // The upper 64 bits, the lowest of which also stands for all below: enough to round to the nearest, ties to
  // even.
  const std::size_t bits = bit_length();
  std::uint64_t top = 0;
  bool has_more = false;
  for (std::size_t i = 0; i < bits; ++i) {
    const std::size_t at = bits - 1 - i;
    const std::uint64_t bit = (limbs_[at / kLimbBits] >> (at % kLimbBits)) & 1U;
    if (i < 64) {
      top = (top << 1U) | bit;
    } else {
      has_more = has_more || bit != 0;
    }
  }
  if (has_more) top |= 1;
  const double size = std::ldexp(static_cast<double>(top), bits > 64 ? static_cast<int>(bits - 64) : 0);
  return is_negative_ ? -size : size;
}

double BigInteger::ratio(const BigInteger& divisor) const {
  // A quotient of more than 64 bits with a mark for the rest is rounded once.
  const auto distance =
      static_cast<std::int64_t>(bit_length()) - static_cast<std::int64_t>(divisor.bit_length());
  const std::int64_t shift = 66 - distance;
  const BigInteger above = shift > 0 ? shifted_left(static_cast<std::size_t>(shift)) : *this;
  const BigInteger below = shift < 0 ? divisor.shifted_left(static_cast<std::size_t>(-shift)) : divisor;
  auto [quotient, remainder] = divide(above.limbs_, below.limbs_);
  if (!remainder.empty() && !quotient.empty()) quotient[0] |= 1;
  const double size = std::ldexp(make(std::move(quotient), false).real(), static_cast<int>(-shift));
  if (std::isinf(size)) raise("OverflowError", "integer division result too large for a float");
  return is_negative_ != divisor.is_negative_ ? -size : size;
}

std::string BigInteger::digits() const {
  if (limbs_.empty()) return "0";
  constexpr std::uint32_t kChunk = 1'000'000'000;
  std::string out;
  for (Limbs rest = limbs_; !rest.empty();) {
    spend(1 + rest.size() / 16);
    std::uint32_t chunk = divide_small(rest, kChunk);
    for (int i = 0; i < 9 && (chunk != 0 || !rest.empty()); ++i, chunk /= 10)
      out += static_cast<char>('0' + chunk % 10);
  }
  std::ranges::reverse(out);
  // Python refuses longer ones, because writing them takes quadratic time.
  constexpr std::size_t kDigitsMax = 4300;
  if (out.size() > kDigitsMax) {
    raise_value_error(
        "Exceeds the limit (4300 digits) for integer string conversion; use sys.set_int_max_str_digits() to "
        "increase "
        "the limit");
  }
  return out;
}

}  // namespace minerva::jinja
