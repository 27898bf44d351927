#include "text/tokenizer/load.h"

#include <fmt/format.h>

#include "text/tokenizer/llama_vocabulary.h"

namespace minerva {

Result<std::shared_ptr<const Tokenizer>> load_tokenizer(const ModelDescription& description) {
  if (description.format == Format::Gguf) return load_gguf_tokenizer(description);
  return invalid_request(fmt::format("'{}' ({}) has a tokenizer that this version does not read",
                                     description.path.string(), format_name(description.format)),
                         "Use a GGUF of this model.");
}

}  // namespace minerva
