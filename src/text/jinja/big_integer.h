// Python's int beyond 64 bits. Bounded: what would have more than some ten thousand digits is a limit
// exceeded.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace minerva::jinja {

class BigInteger {
 public:
  BigInteger() = default;
  BigInteger(std::int64_t number);  // NOLINT(google-explicit-constructor)
  /// Digits of a base from 2 to 36, nothing else.
  static BigInteger parse(std::string_view digits, int base);
  /// The whole part of a finite number.
  static BigInteger truncated(double number);

  BigInteger operator-() const;
  BigInteger operator+(const BigInteger& other) const;
  BigInteger operator-(const BigInteger& other) const { return *this + -other; }
  BigInteger operator*(const BigInteger& other) const;
  /// The quotient rounded down and its remainder, which has the divisor's sign. `divisor` is not 0.
  std::pair<BigInteger, BigInteger> divided(const BigInteger& divisor) const;
  BigInteger power(std::uint64_t exponent) const;

  std::strong_ordering operator<=>(const BigInteger& other) const;
  bool operator==(const BigInteger& other) const = default;
  bool is_negative() const { return is_negative_; }
  bool is_zero() const { return limbs_.empty(); }
  std::optional<std::int64_t> small() const;  ///< when it fits
  double real() const;                        ///< the nearest; infinite when it is too large
  /// `this / divisor` as the nearest float. Raises where Python does.
  double ratio(const BigInteger& divisor) const;
  std::string digits() const;      ///< decimal, without a sign
  std::size_t bit_length() const;  ///< of the absolute value, as what follows
  std::size_t bit_count() const;   ///< ones
  std::size_t bytes() const { return limbs_.capacity() * sizeof(std::uint32_t); }

 private:
  using Limbs = std::vector<std::uint32_t>;
  static void trim(Limbs& limbs);
  static int compare(const Limbs& a, const Limbs& b);
  static Limbs sum(const Limbs& a, const Limbs& b);
  static Limbs difference(const Limbs& a, const Limbs& b);  ///< a >= b
  static std::uint32_t divide_small(Limbs& limbs, std::uint32_t divisor);
  static std::pair<Limbs, Limbs> divide(const Limbs& a, const Limbs& b);
  static BigInteger make(Limbs limbs, bool is_negative);
  BigInteger shifted_left(std::size_t bits) const;

  Limbs limbs_;  ///< of 32 bits, the lowest first; none at the end is zero
  bool is_negative_ = false;
};

}  // namespace minerva::jinja
