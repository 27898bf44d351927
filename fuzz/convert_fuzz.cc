// A config.json and, behind a zero byte, a tokenizer.json from anywhere: as the key-values of a GGUF file,
// which must be one that our own reader takes.
#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "convert/families.h"
#include "convert/gguf_writer.h"
#include "convert/hyper_parameters.h"
#include "convert/vocabulary.h"
#include "formats/gguf/file.h"
#include "text/tokenizer/tokenizer_json.h"

namespace {

using minerva::Result;
using minerva::convert::KeyValues;

void check(bool condition) {
  if (!condition) __builtin_trap();
}

void set_hyper_parameters(std::string_view config_text, KeyValues& keys) {
  const auto config = minerva::HfConfig::parse(config_text, "config.json");
  if (!config) return;
  const auto source = minerva::convert::read_source(*config);
  if (!source) {
    check(!source.error().message.empty() && !source.error().remedy.empty());
    return;
  }
  if (!minerva::convert::check_same_result(*source)) return;
  minerva::convert::set_hyper_parameters(*source, keys);
}

void set_vocabulary(std::string json, KeyValues& keys) {
  const auto tokenizer = minerva::parse_tokenizer_json(json);
  if (!tokenizer) return;
  json.reserve(json.size() + simdjson::SIMDJSON_PADDING);
  const auto document = minerva::tokenizers::JsonDocument::parse(std::move(json), "tokenizer.json");
  check(document.has_value());
  auto vocabulary = minerva::convert::make_vocabulary(document->root(), **tokenizer, 600);
  if (!vocabulary) {
    check(!vocabulary.error().message.empty() && !vocabulary.error().remedy.empty());
    return;
  }
  check(vocabulary->tokens.size() == 600 && vocabulary->types.size() == 600);
  check(vocabulary->scores.empty() || vocabulary->scores.size() == 600);
  minerva::convert::set_vocabulary(std::move(*vocabulary), keys);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = input.find('\0');
  KeyValues keys;
  set_hyper_parameters(input.substr(0, end), keys);
  if (end != std::string_view::npos) set_vocabulary(std::string(input.substr(end + 1)), keys);
  const auto layout = minerva::convert::GgufLayout::make(keys, {{.name = "t", .dims = {1}}});
  if (!layout) return 0;
  std::string file = layout->header() + std::string(static_cast<std::size_t>(layout->data_bytes()), '\0');
  const auto source = std::make_shared<minerva::MemorySource>(std::as_bytes(std::span(file)), "x.gguf");
  check(minerva::gguf::File::parse(source).has_value());
  return 0;
}
