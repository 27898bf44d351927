// A tokenizer.json from anywhere: load it, encode a text, decode what comes out. The text follows the JSON
// after a zero byte.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer/tokenizer_json.h"

namespace {

void check(bool condition) {
  if (!condition) __builtin_trap();
}

/// All pieces of a stream together are the decoded text.
void check_stream(const minerva::Tokenizer& tokenizer, const std::vector<minerva::TokenId>& ids,
                  bool skip_special) {
  const auto whole = tokenizer.decode(ids, skip_special);
  const auto stream = tokenizer.stream(skip_special);
  std::string text;
  bool good = true;
  for (const auto id : ids) {
    const auto piece = stream->push(id);
    good = good && piece.has_value();
    if (piece) text += *piece;
  }
  const auto last = stream->finish();
  if (last) text += *last;
  if (good && whole && last) check(text == *whole);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = input.find('\0');
  const std::string_view json = input.substr(0, end);
  const std::string_view text =
      end == std::string_view::npos ? "Hello  w\xC3\xB6rld <s>1234's \xE4\xB8\xAD\n" : input.substr(end + 1);
  const auto tokenizer = minerva::parse_tokenizer_json(std::string(json));
  if (!tokenizer) {
    check(!tokenizer.error().message.empty() && !tokenizer.error().remedy.empty());
    return 0;
  }
  for (const bool add_special : {false, true}) {
    const auto ids = (*tokenizer)->encode(text, {.add_special = add_special, .parse_special = add_special});
    if (!ids) continue;
    check_stream(**tokenizer, *ids, add_special);
  }
  std::vector<minerva::TokenId> some;
  for (std::size_t id = 0; id < (*tokenizer)->vocabulary_size() && some.size() < 300; ++id) {
    some.push_back(static_cast<minerva::TokenId>(id));
    (void)(*tokenizer)->token_bytes(some.back());
  }
  check_stream(**tokenizer, some, false);
  return 0;
}
