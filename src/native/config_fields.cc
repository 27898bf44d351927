#include "native/config_fields.h"

#include <limits>
#include <utility>

namespace minerva::native {
namespace {

constexpr double kNumberMax = 1e30;  // everything here becomes a float

}  // namespace

template <class T>
T ConfigFields::keep(Result<T> result, T otherwise) {
  if (result) return std::move(*result);
  if (!error_) error_ = std::move(result).error();
  return otherwise;
}

int ConfigFields::integer(const FieldNames& names, std::optional<std::int64_t> fallback, std::int64_t min,
                          std::int64_t max) {
  auto result = fallback ? config_.int_or(names, *fallback, min, max) : config_.require_int(names, min, max);
  return static_cast<int>(keep(std::move(result), fallback.value_or(min)));
}

float ConfigFields::number(const FieldNames& names, std::optional<double> fallback) {
  auto result = fallback ? config_.float_or(names, *fallback, -kNumberMax, kNumberMax)
                         : config_.require_float(names, -kNumberMax, kNumberMax);
  return static_cast<float>(keep(std::move(result), fallback.value_or(1.0)));
}

int ConfigFields::window(const FieldNames& names, int fallback) {
  if (config_.is_null(names)) return 0;
  const int window = integer(names, fallback, std::numeric_limits<int>::min());
  return window > 0 || !config_.has(names) ? window : -1;
}

bool ConfigFields::boolean(const FieldNames& names, bool fallback) {
  return !config_.is_null(names) && keep(config_.bool_or(names, fallback), fallback);
}

std::string ConfigFields::text(const FieldNames& names, std::string_view fallback) {
  return keep(config_.string_or(names, std::string(fallback)), std::string(fallback));
}

std::vector<std::string> ConfigFields::texts(const FieldNames& names) {
  return keep(config_.string_list(names), {});
}

std::vector<std::int64_t> ConfigFields::integers(const FieldNames& names) {
  return keep(config_.int_list(names, -HfConfig::kIntMax, HfConfig::kIntMax), {});
}

std::vector<double> ConfigFields::numbers(const FieldNames& names) {
  return keep(config_.float_list(names, -kNumberMax, kNumberMax), {});
}

std::optional<HfConfig> ConfigFields::object(const FieldNames& names) {
  return keep(config_.object(names), {});
}

void ConfigFields::reject(const FieldNames& names, std::string_view what) {
  if (!error_) error_ = config_.error(names, what).error();
}

void ConfigFields::adopt(const ConfigFields& nested) {
  if (!error_) error_ = nested.error_;
}

}  // namespace minerva::native
