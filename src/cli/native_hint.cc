#include "cli/native_hint.h"

#include "backends/backend.h"
#include "backends/native/native_backend.h"

namespace minerva::cli {

std::optional<std::string> native_hint(const ModelDescription& description, std::string_view backend) {
  if (backend != "llama" || description.format != Format::Gguf) return std::nullopt;
  if (make_native_backend()->supports(description).support != Support::Yes) return std::nullopt;
  return "Minerva's own engine runs this file too, and is often faster on a CPU: --backend native";
}

}  // namespace minerva::cli
