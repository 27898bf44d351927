// Until there is a converter: nothing is converted, and the reason is said.
#include <utility>

#include "convert/convert.h"

namespace minerva::convert {
namespace {

std::unexpected<Error> refusal() {
  return invalid_request("this version of Minerva does not convert Hugging Face directories to GGUF",
                         "Leave out --backend llama, or give a GGUF of the model.");
}

}  // namespace

Result<void> can_convert(const ModelDescription& /*description*/) {
  return refusal();
}
Result<void> to_gguf(const ModelDescription& /*description*/, const std::filesystem::path& /*out*/,
                     WeightType /*type*/, const LoadProgress& /*progress*/) {
  return refusal();
}
Result<std::uint64_t> gguf_bytes(const ModelDescription& /*description*/, WeightType /*type*/) {
  return refusal();
}

ConversionCache::ConversionCache(std::filesystem::path folder, std::uint64_t bytes_max)
    : folder_(std::move(folder)), bytes_max_(bytes_max) {}
Result<std::filesystem::path> ConversionCache::get(const ModelDescription& /*description*/,
                                                   const LoadProgress& /*progress*/) {
  return refusal();
}

}  // namespace minerva::convert
