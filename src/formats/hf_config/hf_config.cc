#include "formats/hf_config/hf_config.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/checked.h"
#include "base/file.h"
#include "base/limits.h"
#include "formats/hf_config/python_json.h"
#include "formats/quote.h"

namespace minerva {
namespace {

using Json = nlohmann::json;

/// The number in `{"__float__": "Infinity"}`, or nothing for any other value.
std::optional<double> python_float(const Json& value) {
  if (!value.is_object() || value.size() != 1) return std::nullopt;
  const auto entry = value.find("__float__");
  if (entry == value.end() || !entry->is_string()) return std::nullopt;
  const auto& text = entry->get_ref<const std::string&>();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (text == "Infinity") return kInfinity;
  if (text == "-Infinity") return -kInfinity;
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  return std::nullopt;
}

/// What a value is, for messages: "a string ('abc')", "32.5".
std::string describe_value(const Json& value) {
  if (const auto number = python_float(value)) return fmt::format("{}", *number);
  switch (value.type()) {
    case Json::value_t::null:
      return "null";
    case Json::value_t::boolean:
      return value.get<bool>() ? "true" : "false";
    case Json::value_t::string:
      return fmt::format("the string {}", minerva::quoted(value.get_ref<const std::string&>()));
    case Json::value_t::object:
      return "an object";
    case Json::value_t::array:
      return fmt::format("a list of {}", value.size());
    case Json::value_t::number_integer:
      return fmt::format("{}", value.get<std::int64_t>());
    case Json::value_t::number_unsigned:
      return fmt::format("{}", value.get<std::uint64_t>());
    default:
      return fmt::format("{}", value.get<double>());
  }
}

template <class T>
std::string describe_range(std::string_view what, T min, T max, T lowest, T highest) {
  if (min <= lowest && max >= highest) return std::string(what);
  if (max >= highest) return fmt::format("{} of at least {}", what, min);
  if (min <= lowest) return fmt::format("{} of at most {}", what, max);
  return fmt::format("{} from {} to {}", what, min, max);
}

std::optional<std::int64_t> integer_of(const Json& value) {
  if (value.is_number_unsigned()) return checked_cast<std::int64_t>(value.get<std::uint64_t>());
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (!value.is_number_float()) return std::nullopt;
  const double number = value.get<double>();
  // Doubles beyond 2^53 no longer say which integer was meant.
  constexpr double kExact = 9007199254740992.0;
  if (std::trunc(number) != number || std::abs(number) > kExact) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

}  // namespace

struct HfConfig::File {
  std::string name;
  Json json;
};

HfConfig::HfConfig(std::shared_ptr<const File> file, const Json* node, std::string path)
    : file_(std::move(file)), node_(node), path_(std::move(path)) {}

// ---- opening

Result<HfConfig> HfConfig::open(const std::filesystem::path& path) {
  std::error_code ignored;  // what cannot be looked at cannot be opened either, and that says why
  const auto file = std::filesystem::is_directory(path, ignored) ? path / "config.json" : path;
  MINERVA_ASSIGN(const std::string text, read_file(file, limits::kConfigBytesMax));
  return parse(text, file.filename().string());
}

Result<HfConfig> HfConfig::parse(std::string_view text, std::string file) {
  MINERVA_ASSIGN(Json json, parse_python_json(text, file, limits::kJsonDepthMax));
  if (!json.is_object()) {
    return model_loading(fmt::format("'{}' holds {}; expected an object", file, describe_value(json)),
                         "This is not the file its name promises: download it again from the model's page.");
  }
  auto shared = std::make_shared<File>(std::move(file), std::move(json));
  const Json* node = &shared->json;
  return HfConfig(std::move(shared), node, "");
}

// ---- sections

const std::string& HfConfig::file() const noexcept {
  return file_->name;
}

HfConfig HfConfig::root() const {
  return {file_, &file_->json, ""};
}

Result<HfConfig> HfConfig::text() const {
  MINERVA_ASSIGN(auto nested, object("text_config"));
  return nested ? *nested : *this;
}

Result<std::string> HfConfig::dtype() const {
  const auto field = find({"dtype", "torch_dtype"});
  if (!field || field->value->is_object()) return "";  // an object: one type for each part of the model
  MINERVA_ASSIGN(std::string name, to_string(*field));
  constexpr std::string_view kPrefix = "torch.";
  if (name.starts_with(kPrefix)) name.erase(0, kPrefix.size());
  return name == "auto" ? "" : name;
}

// ---- finding

std::string HfConfig::path_of(std::string_view name) const {
  return path_ + std::string(name);
}

std::optional<HfConfig::Field> HfConfig::find_even_null(const FieldNames& names) const {
  for (const std::string& name : names.all()) {
    if (const auto entry = node_->find(name); entry != node_->end()) return Field{path_of(name), &*entry};
  }
  return std::nullopt;
}

std::optional<HfConfig::Field> HfConfig::find(const FieldNames& names) const {
  for (const std::string& name : names.all()) {
    const auto entry = node_->find(name);
    if (entry != node_->end() && !entry->is_null()) return Field{path_of(name), &*entry};
  }
  return std::nullopt;
}

Result<HfConfig::Field> HfConfig::find_required(const FieldNames& names) const {
  if (auto field = find(names)) return *std::move(field);
  return error(names, is_null(names) ? "is null; a value is required" : "is missing");
}

bool HfConfig::has(const FieldNames& names) const {
  return find(names).has_value();
}

bool HfConfig::is_null(const FieldNames& names) const {
  const auto field = find_even_null(names);
  return field && field->value->is_null();
}

bool HfConfig::is_object(const FieldNames& names) const {
  const auto field = find(names);
  return field && field->value->is_object() && !python_float(*field->value);
}

std::vector<std::string> HfConfig::keys() const {
  std::vector<std::string> names;
  names.reserve(node_->size());
  for (const auto& entry : node_->items()) names.push_back(entry.key());
  return names;
}

std::vector<HfConfig::Field> HfConfig::elements(const Field& field) const {
  if (!field.value->is_array()) return {field};
  std::vector<Field> out;
  out.reserve(field.value->size());
  for (const Json& value : *field.value)
    out.push_back({fmt::format("{}[{}]", field.path, out.size()), &value});
  return out;
}

// ---- errors

std::string HfConfig::describe(const FieldNames& names) const {
  // Where several are there, the message is about the one that was read.
  const auto found = find_even_null(names);
  if (found) return minerva::quoted(found->path);
  std::string text = minerva::quoted(path_of(names.all().front()));
  for (std::size_t i = 1; i < names.all().size(); ++i)
    text += " or " + minerva::quoted(path_of(names.all()[i]));
  return text;
}

std::unexpected<Error> HfConfig::error(const FieldNames& names, std::string_view what) const {
  return model_loading(fmt::format("'{}': field {} {}", file(), describe(names), what),
                       fmt::format("Check the field in {}, or download that file again.", file()));
}

std::unexpected<Error> HfConfig::mismatch(const Field& field, std::string_view expected) const {
  return model_loading(fmt::format("'{}': field {} is {}; expected {}", file(), minerva::quoted(field.path),
                                   describe_value(*field.value), expected),
                       fmt::format("Check the field in {}, or download that file again.", file()));
}

// ---- converting

Result<std::int64_t> HfConfig::to_int(const Field& field, std::int64_t min, std::int64_t max) const {
  const auto number = integer_of(*field.value);
  if (number && *number >= min && *number <= max) return *number;
  return mismatch(field, describe_range<std::int64_t>("an integer", min, max,
                                                      std::numeric_limits<std::int64_t>::min(), kIntMax));
}

Result<double> HfConfig::to_float(const Field& field, double min, double max) const {
  std::optional<double> number = python_float(*field.value);
  if (field.value->is_number()) number = field.value->get<double>();
  if (number && *number >= min && *number <= max) return *number;
  return mismatch(field, describe_range<double>("a number", min, max, -kFloatMax, kFloatMax));
}

Result<bool> HfConfig::to_bool(const Field& field) const {
  if (field.value->is_boolean()) return field.value->get<bool>();
  return mismatch(field, "true or false");
}

Result<std::string> HfConfig::to_string(const Field& field) const {
  if (field.value->is_string()) return field.value->get<std::string>();
  return mismatch(field, "a string");
}

Result<HfConfig> HfConfig::to_object(const Field& field) const {
  if (!field.value->is_object() || python_float(*field.value)) return mismatch(field, "an object");
  return HfConfig(file_, field.value, field.path + ".");
}

// ---- getters

Result<void> HfConfig::require(const FieldNames& names) const {
  MINERVA_TRY(find_required(names));
  return {};
}

Result<std::int64_t> HfConfig::require_int(const FieldNames& names, std::int64_t min,
                                           std::int64_t max) const {
  MINERVA_ASSIGN(const Field field, find_required(names));
  return to_int(field, min, max);
}

Result<double> HfConfig::require_float(const FieldNames& names, double min, double max) const {
  MINERVA_ASSIGN(const Field field, find_required(names));
  return to_float(field, min, max);
}

Result<bool> HfConfig::require_bool(const FieldNames& names) const {
  MINERVA_ASSIGN(const Field field, find_required(names));
  return to_bool(field);
}

Result<std::string> HfConfig::require_string(const FieldNames& names) const {
  MINERVA_ASSIGN(const Field field, find_required(names));
  return to_string(field);
}

Result<HfConfig> HfConfig::require_object(const FieldNames& names) const {
  MINERVA_ASSIGN(const Field field, find_required(names));
  return to_object(field);
}

Result<std::int64_t> HfConfig::int_or(const FieldNames& names, std::int64_t fallback, std::int64_t min,
                                      std::int64_t max) const {
  const auto field = find(names);
  return field ? to_int(*field, min, max) : fallback;
}

Result<double> HfConfig::float_or(const FieldNames& names, double fallback, double min, double max) const {
  const auto field = find(names);
  return field ? to_float(*field, min, max) : fallback;
}

Result<bool> HfConfig::bool_or(const FieldNames& names, bool fallback) const {
  const auto field = find(names);
  return field ? to_bool(*field) : fallback;
}

Result<std::string> HfConfig::string_or(const FieldNames& names, std::string fallback) const {
  const auto field = find(names);
  return field ? to_string(*field) : std::move(fallback);
}

Result<std::optional<std::int64_t>> HfConfig::optional_int(const FieldNames& names, std::int64_t min,
                                                           std::int64_t max) const {
  const auto field = find(names);
  if (!field) return std::nullopt;
  return to_int(*field, min, max);
}

Result<std::optional<double>> HfConfig::optional_float(const FieldNames& names, double min,
                                                       double max) const {
  const auto field = find(names);
  if (!field) return std::nullopt;
  return to_float(*field, min, max);
}

Result<std::optional<HfConfig>> HfConfig::object(const FieldNames& names) const {
  const auto field = find(names);
  if (!field) return std::nullopt;
  return to_object(*field);
}

const Json* HfConfig::value(const FieldNames& names) const {
  const auto field = find(names);
  return field ? field->value : nullptr;
}

template <class Convert>
auto HfConfig::list(const FieldNames& names, Convert convert) const {
  using T = typename decltype(convert(Field{}))::value_type;
  const auto read = [&]() -> Result<std::vector<T>> {
    std::vector<T> out;
    const auto field = find(names);
    if (!field) return out;
    for (const Field& element : elements(*field)) {
      MINERVA_ASSIGN(T value, convert(element));
      out.push_back(std::move(value));
    }
    return out;
  };
  return read();
}

Result<std::vector<std::int64_t>> HfConfig::int_list(const FieldNames& names, std::int64_t min,
                                                     std::int64_t max) const {
  return list(names, [&](const Field& field) { return to_int(field, min, max); });
}

Result<std::vector<double>> HfConfig::float_list(const FieldNames& names, double min, double max) const {
  return list(names, [&](const Field& field) { return to_float(field, min, max); });
}

Result<std::vector<bool>> HfConfig::bool_list(const FieldNames& names) const {
  return list(names, [&](const Field& field) { return to_bool(field); });
}

Result<std::vector<std::string>> HfConfig::string_list(const FieldNames& names) const {
  return list(names, [&](const Field& field) { return to_string(field); });
}

Result<std::vector<HfConfig>> HfConfig::object_list(const FieldNames& names) const {
  return list(names, [&](const Field& field) { return to_object(field); });
}

}  // namespace minerva
