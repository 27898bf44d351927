// Any bytes as config.json: every getter is tried on every field. Nothing may crash, and every error names
// the file.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "formats/hf_config/hf_config.h"
#include "formats/hf_config/quantisation.h"

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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto config = HfConfig::parse(text, "config.json");
  if (!sound(config)) return 0;
  read_all(*config);
  sound(minerva::check_quantisation(*config));
  return 0;
}
