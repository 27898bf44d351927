// A merges.txt from anywhere: what is taken is a JSON list of strings, each two tokens with a space between.
#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "text/tokenizer/vocabulary_files.h"

namespace {

void check(bool condition) {
  if (!condition) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto list =
      minerva::tokenizers::merges_as_json(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!list) {
    check(list.error().code == minerva::ErrorCode::ModelLoading);
    check(!list.error().message.empty() && !list.error().remedy.empty());
    return 0;
  }
  simdjson::dom::parser parser;
  simdjson::dom::array array;
  check(parser.parse(*list).get_array().get(array) == simdjson::SUCCESS);
  for (const auto element : array) {
    std::string_view merge;
    check(element.get_string().get(merge) == simdjson::SUCCESS);
    const std::size_t space = merge.find(' ');
    check(space != std::string_view::npos && space > 0 && space + 1 < merge.size());
  }
  return 0;
}
