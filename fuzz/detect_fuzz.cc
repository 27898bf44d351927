// The first bytes of any file: what is it called, and what is a user told?
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/limits.h"
#include "formats/kind.h"
#include "formats/sniff.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // The first byte chooses a name: some formats are told by it.
  constexpr const char* kNames[] = {"file",           "m.gguf",  "m.safetensors",
                                    "saved_model.pb", "m.keras", "m.mlmodel"};
  const char* name = size == 0 ? kNames[0] : kNames[data[0] % std::size(kNames)];
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(std::min<std::size_t>(size, 1));
  const auto head = bytes.first(std::min(bytes.size(), minerva::limits::kDetectBytes));
  for (const std::uint64_t more : {std::uint64_t{0}, std::uint64_t{1} << 40U}) {
    const minerva::Kind kind = minerva::sniff(head, bytes.size() + more, name);
    if (minerva::is_runnable(minerva::format_of(kind))) continue;
    const auto error = minerva::not_runnable(kind, name);
    if (error.error().message.empty() || error.error().remedy.empty()) __builtin_trap();
  }
  return 0;
}
