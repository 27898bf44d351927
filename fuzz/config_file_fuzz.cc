// Any bytes as the user's configuration file: nothing may crash, every error names the file, and what is
// accepted is what the engine takes.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "runtime/config_file.h"
#include "runtime/preference.h"

namespace {

void check(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using minerva::check_names;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto config = minerva::parse_config(text, "/nowhere/config.json");
  if (!config) {
    check(config.error().code == minerva::ErrorCode::InvalidRequest);
    check(config.error().message.find("config.json") != std::string_view::npos);
    check(!config.error().remedy.empty());
    return 0;
  }
  check(check_names(config->backends, "config").has_value());
  for (const minerva::ModelConfig& model : config->models)
    check(check_names(model.backends, "config").has_value());
  return 0;
}
