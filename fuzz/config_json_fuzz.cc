// Any bytes as config.json: every getter is tried on every field, and a decoder is made of it. Nothing may
// crash, every error names the file, and no decoder is larger than its bounds.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "formats/hf_config/hf_config.h"
#include "formats/hf_config/quantisation.h"
#include "native/families/families.h"
#include "native/forward.h"
#include "native/kv_cache.h"

namespace {

using minerva::HfConfig;

void check(bool condition) {
  if (!condition) std::abort();
}

template <class T>
bool sound(const minerva::Result<T>& result) {
  if (result) return true;
  const minerva::Error& error = result.error();
  check(error.code == minerva::ErrorCode::ModelLoading);
  check(error.message.starts_with("'config.json'") && !error.remedy.empty());
  check(error.message.size() < 1500 && error.message.find('\n') == std::string::npos);
  return false;
}

void read_all(const HfConfig& config) {
  sound(config.text());
  sound(config.dtype());
  for (const std::string& key : config.keys()) {
    const auto number = config.require_int(key, -10, 1'000'000);
    if (sound(number)) check(*number >= -10 && *number <= 1'000'000);
    const auto real = config.float_or(key, 0.5, 0, 1e30);
    if (sound(real)) check(*real >= 0 && *real <= 1e30);
    sound(config.bool_or(key, true));
    sound(config.string_or({"__none__", key.c_str()}, "x"));
    sound(config.int_list(key, 0, HfConfig::kIntMax));
    sound(config.float_list(key, -HfConfig::kFloatMax, HfConfig::kFloatMax));
    sound(config.bool_list(key));
    sound(config.string_list(key));
    const auto object = config.object(key);
    if (sound(object) && *object) read_all(**object);
    const auto objects = config.object_list(key);
    if (!sound(objects) || config.is_object(key)) continue;
    for (const HfConfig& element : *objects) read_all(element);
  }
}

void check_decoder(const HfConfig& config) {
  namespace native = minerva::native;
  const auto spec = native::decoder_spec(config);
  if (!sound(spec)) return;
  check(spec->layers.size() == static_cast<std::size_t>(spec->layer_count));
  check(spec->layer_count >= 1 && spec->layer_count <= native::kLayersMax);
  check(spec->hidden >= 1 && spec->hidden <= native::kWidthMax);
  check(spec->vocabulary >= 1 && spec->vocabulary <= native::kWidthMax);
  check(spec->kv_heads >= 1 && spec->heads % spec->kv_heads == 0 && spec->heads <= native::kHeadsMax);
  check(spec->experts.used >= 0 && spec->experts.used <= spec->experts.count);
  for (const native::RotarySpec& rotary : spec->rotary) {
    check(native::rotary_frequencies(rotary, 4096).size() <= native::kHeadMax);
  }
  native::SequenceCache::bytes_needed(*spec, minerva::ScalarType::F32, spec->context_length, 1024);
  native::ForwardPass::working_bytes(*spec, 512, 8);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto config = HfConfig::parse(text, "config.json");
  if (!sound(config)) return 0;
  read_all(*config);
  sound(minerva::check_quantisation(*config));
  check_decoder(*config);
  return 0;
}
