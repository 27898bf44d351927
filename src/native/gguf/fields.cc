#include "native/gguf/fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>
#include <variant>

namespace minerva::native {
namespace {

constexpr double kNumberMax = 1e30;  // everything here becomes a float
constexpr std::uint64_t kVocabularyMax = std::uint64_t{1} << 28;

}  // namespace

template <class T>
T GgufFields::keep(Result<T> result, std::type_identity_t<T> otherwise) {
  if (result) return std::move(*result);
  if (!error_) error_ = std::move(result).error();
  return otherwise;
}

int GgufFields::in_range(std::string_view suffix, std::uint64_t value, std::int64_t min, std::int64_t max) {
  if (std::cmp_greater_equal(value, min) && std::cmp_less_equal(value, max)) return static_cast<int>(value);
  reject(suffix, fmt::format("is {}, expected {} to {}", value, min, max));
  return static_cast<int>(min);
}

int GgufFields::integer(std::string_view suffix, std::optional<std::int64_t> fallback, std::int64_t min,
                        std::int64_t max) {
  const auto value = keep(model_.metadata().get_unsigned(key(suffix)), {});
  if (value) return in_range(suffix, *value, min, max);
  if (!fallback && !has(suffix) && !error_)
    error_ = model_.metadata().missing(key(suffix), "an integer").error();
  return static_cast<int>(fallback.value_or(min));
}

template <class T>
std::uint64_t GgufFields::common_element(std::string_view suffix) {
  const auto values = keep(model_.metadata().get_numbers<T>(key(suffix)), {});
  if (values.empty() || values.front() < 0) {
    reject(suffix, "is an array without a first element of 0 or more");
    return 0;
  }
  if (std::ranges::any_of(values, [&](T value) { return value != values.front(); })) {
    reject(suffix, "differs from layer to layer, which the native backend does not compute");
  }
  return static_cast<std::uint64_t>(values.front());
}

int GgufFields::same_in_layers(std::string_view suffix, std::optional<std::int64_t> fallback,
                               std::int64_t min, std::int64_t max) {
  const gguf::KeyValue* entry = model_.metadata().find(key(suffix));
  const auto* array = entry == nullptr ? nullptr : std::get_if<gguf::ArrayInfo>(&entry->value);
  if (array == nullptr) return integer(suffix, fallback, min, max);
  const std::uint64_t value = array->element == gguf::ValueType::I32 ? common_element<std::int32_t>(suffix)
                                                                     : common_element<std::uint32_t>(suffix);
  return in_range(suffix, value, min, max);
}

float GgufFields::number(std::string_view suffix, std::optional<double> fallback) {
  const auto value = keep(model_.metadata().get_number(key(suffix)), {});
  if (value && !(std::abs(*value) <= kNumberMax)) reject(suffix, fmt::format("is {}", *value));
  if (!value && !fallback && !has(suffix) && !error_)
    error_ = model_.metadata().missing(key(suffix), "a number").error();
  return static_cast<float>(value.value_or(fallback.value_or(1.0)));
}

bool GgufFields::boolean(std::string_view suffix) {
  return keep(model_.metadata().require<bool>(key(suffix)), false);
}

std::string GgufFields::text(std::string_view suffix, std::string_view fallback) {
  return keep(model_.metadata().get_string(key(suffix), 256), {}).value_or(std::string(fallback));
}

std::optional<std::vector<bool>> GgufFields::layer_flags(std::string_view suffix, int layers) {
  const gguf::KeyValue* entry = model_.metadata().find(key(suffix));
  const auto* array = entry == nullptr ? nullptr : std::get_if<gguf::ArrayInfo>(&entry->value);
  if (array == nullptr) return std::nullopt;
  std::vector<bool> flags(static_cast<std::size_t>(layers));
  if (std::cmp_not_equal(array->count, layers)) {
    reject(suffix, fmt::format("has {} elements for {} layers", array->count, layers));
    return flags;
  }
  const auto take = [&](const auto& values) {
    for (std::size_t i = 0; i < values.size(); ++i) flags[i] = values[i] != 0;
  };
  switch (array->element) {
    case gguf::ValueType::U32:
      take(keep(model_.metadata().get_numbers<std::uint32_t>(key(suffix)), {}));
      break;
    case gguf::ValueType::I32:
      take(keep(model_.metadata().get_numbers<std::int32_t>(key(suffix)), {}));
      break;
    default:  // bool; anything else is refused
      take(keep(model_.metadata().get_numbers<std::uint8_t>(key(suffix)), {}));
  }
  return flags;
}

int GgufFields::vocabulary_size() {
  const gguf::ArrayInfo* tokens = keep(model_.metadata().get_array("tokenizer.ggml.tokens"), nullptr);
  if (tokens == nullptr) return integer("vocab_size", {}, 1, kVocabularyMax);
  if (tokens->count >= 1 && tokens->count <= kVocabularyMax) return static_cast<int>(tokens->count);
  if (!error_) {
    error_ = model_loading(fmt::format("'{}': key 'tokenizer.ggml.tokens' has {} elements, expected 1 to {}",
                                       model_.first().name(), tokens->count, kVocabularyMax),
                           kDownloadAgain)
                 .error();
  }
  return 1;
}

GgufFields::Found GgufFields::find(std::string_view name) const {
  for (const gguf::File& file : model_.files) {
    if (const gguf::TensorInfo* info = file.find_tensor(name)) return {&file, info};
  }
  return {};
}

std::vector<float> GgufFields::tensor(std::string_view name, std::int64_t count) {
  std::vector<float> values(static_cast<std::size_t>(count), 1.0F);
  const auto wrong = [&](const std::string& file, const std::string& what) {
    if (error_) return;
    error_ = model_loading(fmt::format("'{}': tensor '{}' {}", file, name, what), kDownloadAgain).error();
  };
  const auto [file, info] = find(name);
  if (info == nullptr) {
    wrong(model_.first().name(), "is missing");
  } else if (info->type != GgmlType::F32) {
    wrong(file->name(), fmt::format("is stored as {}, expected F32", ggml_type_traits(info->type).name));
  } else if (std::cmp_not_equal(info->elements, count)) {
    wrong(file->name(), fmt::format("has {} elements, expected {}", info->elements, count));
  } else if (auto read = file->source()->read(file->data_offset() + info->offset,
                                              std::as_writable_bytes(std::span(values)));
             !read && !error_) {
    error_ = std::move(read).error();
  }
  return values;
}

void GgufFields::reject(std::string_view suffix, std::string_view what) {
  if (error_) return;
  error_ = model_loading(fmt::format("'{}': key '{}' {}", model_.metadata().file_name(), key(suffix), what),
                         "Check the file against its original, or leave out --backend: llama.cpp may run it.")
               .error();
}

}  // namespace minerva::native
