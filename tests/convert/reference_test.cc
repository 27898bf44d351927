// Converted models against what llama.cpp's own converter writes: every tensor's name, type, shape and bytes,
// and every key-value, but for the differences that differences.json lists with their reasons.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <optional>
#include <set>

#include "convert/converted.h"
#include "formats/gguf/file.h"
#include "support/paths.h"

namespace minerva {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using namespace testing;

const fs::path kFolder = test_data() / "conversions";
constexpr std::size_t kLongArray = 16;
constexpr std::size_t kLongText = 200;

std::vector<std::string> references() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kFolder / "references")) {
    names.push_back(entry.path().stem().string());
  }
  std::ranges::sort(names);
  return names;
}

std::string bytes_text(std::string_view text) {
  return sha256_of(std::as_bytes(std::span(text)));
}

// Types as numpy spells them.
std::string type_text(gguf::ValueType type) {
  static const std::map<std::string_view, std::string> kNames = {
      {"u32", "uint32"}, {"i32", "int32"}, {"f32", "float32"}, {"u64", "uint64"}};
  const auto name = gguf::value_type_name(type);
  const auto found = kNames.find(name);
  return found == kNames.end() ? std::string(name) : found->second;
}

json long_array(const std::string& type, std::size_t count, std::string_view bytes) {
  return {{"type", "array of " + type}, {"count", count}, {"sha256", bytes_text(bytes)}};
}

template <class T>
json numbers_json(const gguf::Metadata& metadata, const std::string& key, const std::string& type) {
  const auto values = metadata.get_numbers<T>(key).value();
  if (values.size() > kLongArray) {
    return long_array(type, values.size(),
                      {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)});
  }
  return {{"type", "array of " + type}, {"value", values}};
}

json array_json(const gguf::Metadata& metadata, const std::string& key, gguf::ValueType element) {
  const std::string type = type_text(element);
  if (element == gguf::ValueType::F32) return numbers_json<float>(metadata, key, type);
  if (element == gguf::ValueType::I32) return numbers_json<std::int32_t>(metadata, key, type);
  if (element != gguf::ValueType::String) return {{"type", "array of " + type}};
  const auto strings = metadata.get_strings(key).value();
  std::string bytes;
  for (const std::string_view text : strings) {
    for (std::uint64_t size = text.size(), i = 0; i < 8; ++i) {
      bytes += static_cast<char>(size >> (8 * i) & 0xffU);
    }
    bytes += text;
  }
  if (strings.size() > kLongArray) return long_array(type, strings.size(), bytes);
  json values = json::array();
  for (const std::string_view text : strings) values.push_back(text);
  return {{"type", "array of " + type}, {"value", values}};
}

// As make_conversions.py writes them.
json value_json(const gguf::Metadata& metadata, const gguf::KeyValue& entry) {
  if (entry.type == gguf::ValueType::Array) {
    return array_json(metadata, entry.key, metadata.get_array(entry.key).value()->element);
  }
  json value;
  switch (entry.type) {
    case gguf::ValueType::String: {
      const std::string text = metadata.require_string(entry.key).value();
      if (text.size() > kLongText)
        return {{"type", "string"}, {"bytes", text.size()}, {"sha256", bytes_text(text)}};
      value = text;
      break;
    }
    case gguf::ValueType::Bool:
      value = std::get<bool>(entry.value);
      break;
    case gguf::ValueType::F32:
      value = std::get<double>(entry.value);
      break;
    default:
      value = metadata.get_number(entry.key).value().value();
  }
  return {{"type", type_text(entry.type)}, {"value", value}};
}

bool equal(const json& a, const json& b) {
  if (a == b) return true;
  if (a.value("type", "") != b.value("type", "") || !a.contains("value") || !b.contains("value"))
    return false;
  return a["value"].is_number() && b["value"].is_number() &&
         a["value"].get<double>() == b["value"].get<double>();
}

// The listed differences of a model.
class Differences {
 public:
  explicit Differences(std::string model) : model_(std::move(model)) {
    list_ = read_json(kFolder / "differences.json");
  }
  // Whether a difference of this kind ("only theirs", "only ours", "value") is listed. Marks it used.
  bool listed(const std::string& name, const std::string& kind) {
    return std::ranges::any_of(list_, [&](const json& entry) {
      if (entry["kind"] != kind || !applies(entry) || !matches(entry["name"], name)) return false;
      EXPECT_GT(entry["reason"].get<std::string>().size(), 20U) << name << ": no reason given";
      return true;
    });
  }

 private:
  bool applies(const json& entry) const {
    if (!entry.contains("models")) return true;
    return std::ranges::any_of(entry["models"], [&](const json& name) { return name == model_; });
  }
  // "*" at an end stands for anything.
  static bool matches(const std::string& pattern, std::string_view name) {
    if (pattern.starts_with("*")) return name.ends_with(pattern.substr(1));
    if (pattern.ends_with("*")) return name.starts_with(pattern.substr(0, pattern.size() - 1));
    return pattern == name;
  }

  std::string model_;
  json list_;
};

class ConversionReferenceTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const std::string name = GetParam();
    const auto dot = name.rfind('.');
    model_ = name.substr(0, dot);
    if (model_ == "smollm2") MINERVA_NEEDS_MODEL(smollm2_gguf());
    const std::map<std::string, convert::WeightType> types = {{"f32", convert::WeightType::F32},
                                                              {"bf16", convert::WeightType::BF16},
                                                              {"q8_0", convert::WeightType::Q8_0}};
    const auto path = convert_into(
        folder_, test_model(model_),
        {.type = types.at(name.substr(dot + 1)), .tokenizer = convert::TokenizerUse::IfPossible});
    auto file = gguf::File::open(path);
    ASSERT_TRUE(file) << file.error().message;
    file_.emplace(std::move(*file));
    reference_ = read_json(kFolder / "references" / (name + ".json"));
  }

  TempDir folder_;
  std::string model_;
  std::optional<gguf::File> file_;
  json reference_;
};

INSTANTIATE_TEST_SUITE_P(Models, ConversionReferenceTest, ::testing::ValuesIn(references()),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::ranges::replace_if(name, [](char c) { return !std::isalnum(c); }, '_');
                           return name;
                         });

TEST_P(ConversionReferenceTest, TensorsAreTheSame) {
  std::set<std::string> names;
  for (const json& expected : reference_["tensors"]) {
    const auto name = expected["name"].get<std::string>();
    names.insert(name);
    const gguf::TensorInfo* const tensor = file_->find_tensor(name);
    ASSERT_NE(tensor, nullptr) << name;
    EXPECT_EQ(ggml_type_traits(tensor->type).name, expected["type"].get<std::string>()) << name;
    const std::vector<std::uint64_t> dims(tensor->dims.begin(), tensor->dims.begin() + tensor->dim_count);
    EXPECT_EQ(dims, expected["shape"].get<std::vector<std::uint64_t>>()) << name;
    std::vector<std::byte> bytes(tensor->bytes);
    ASSERT_TRUE(file_->source()->read(file_->data_offset() + tensor->offset, bytes));
    EXPECT_EQ(sha256_of(bytes), expected["sha256"].get<std::string>()) << name;
  }
  for (const gguf::TensorInfo& tensor : file_->tensors()) {
    EXPECT_TRUE(names.contains(tensor.name)) << tensor.name << " is only ours";
  }
}

TEST_P(ConversionReferenceTest, KeyValuesAreTheSameButForListedDifferences) {
  Differences differences(model_);
  const gguf::Metadata& metadata = file_->metadata();
  // Where their script did not know the tokenizer, there is nothing to compare ours with.
  const bool tokenizer = reference_["tokenizer"].get<bool>();
  std::set<std::string> names;
  for (const auto& [key, expected] : reference_["key_values"].items()) {
    names.insert(key);
    const gguf::KeyValue* const entry = metadata.find(key);
    if (entry == nullptr) {
      EXPECT_TRUE(differences.listed(key, "only theirs")) << key << " is only theirs: " << expected;
      continue;
    }
    const json ours = value_json(metadata, *entry);
    if (equal(ours, expected)) continue;
    EXPECT_TRUE(differences.listed(key, "value")) << key << ": " << ours << ", theirs " << expected;
  }
  for (const gguf::KeyValue& entry : metadata.entries()) {
    if (names.contains(entry.key) || (!tokenizer && entry.key.starts_with("tokenizer."))) continue;
    EXPECT_TRUE(differences.listed(entry.key, "only ours")) << entry.key << " is only ours";
  }
}

}  // namespace
}  // namespace minerva
