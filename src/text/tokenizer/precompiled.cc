// SentencePiece's compiled character map: a double-array trie over UTF-8 bytes whose values are offsets into
// a block of NUL-terminated replacements.
#include <fmt/format.h>
#include <simdjson.h>
#include <utf8proc.h>

#include <cstring>
#include <optional>
#include <vector>

#include "base/limits.h"
#include "text/tokenizer/normalizers.h"
#include "text/tokenizer/utf8_codec.h"

namespace minerva::tokenizers {

namespace {

/// Characters that belong together and are shorter than this are looked up as one.
constexpr std::size_t kGraphemeBytesEnd = 6;

class Precompiled final : public Normalizer {
 public:
  Precompiled(std::vector<std::uint32_t> units, std::string replacements)
      : units_(std::move(units)), replacements_(std::move(replacements)) {}

  Result<void> apply(NormalizedText& text, const TimeBudget& /*budget*/) const override {
    std::string out;
    out.reserve(text.text.size());
    const std::string_view whole = text.text;
    for (std::size_t begin = 0; begin < whole.size();) {
      const std::size_t end = grapheme_end(whole, begin);
      append_grapheme(out, whole.substr(begin, end - begin));
      begin = end;
      if (out.size() > limits::kTokenizerExpandedBytesMax) return too_much_text();
    }
    text.text = std::move(out);
    return {};
  }

 private:
  static std::size_t grapheme_end(std::string_view text, std::size_t begin) {
    CodePoint previous = decode_utf8(text.data() + begin);
    std::size_t end = begin + previous.length;
    utf8proc_int32_t state = 0;
    while (end < text.size()) {
      const CodePoint next = decode_utf8(text.data() + end);
      if (utf8proc_grapheme_break_stateful(static_cast<utf8proc_int32_t>(previous.value),
                                           static_cast<utf8proc_int32_t>(next.value), &state)) {
        break;
      }
      end += next.length;
      previous = next;
    }
    return end;
  }

  void append_grapheme(std::string& out, std::string_view grapheme) const {
    if (grapheme.size() < kGraphemeBytesEnd) {
      if (const auto replacement = find(grapheme)) {
        out += *replacement;
        return;
      }
    }
    for (std::size_t i = 0; i < grapheme.size();) {
      const std::string_view character =
          grapheme.substr(i, utf8_length(static_cast<unsigned char>(grapheme[i])));
      out += find(character).value_or(character);
      i += character.size();
    }
  }

  /// The replacement for the shortest entry that `chunk` begins with (that the reference takes it for the
  /// whole chunk is no mistake of ours).
  std::optional<std::string_view> find(std::string_view chunk) const {
    const auto offset = [](std::uint32_t unit) { return (unit >> 10U) << ((unit & (1U << 9U)) >> 6U); };
    std::size_t node = offset(units_[0]);
    for (const char c : chunk) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte == 0) return std::nullopt;
      node ^= byte;
      if (node >= units_.size()) return std::nullopt;
      const std::uint32_t unit = units_[node];
      if ((unit & ((1U << 31U) | 0xFFU)) != byte) return std::nullopt;
      node ^= offset(unit);
      if (node >= units_.size()) return std::nullopt;
      if ((unit & (1U << 8U)) != 0) return replacement_at(units_[node] & ~(1U << 31U));
    }
    return std::nullopt;
  }

  std::optional<std::string_view> replacement_at(std::size_t begin) const {
    // An offset into the middle of a character would make invalid text.
    if (begin > replacements_.size()) return std::nullopt;
    if (begin < replacements_.size() && is_continuation(replacements_[begin])) return std::nullopt;
    const std::size_t end = std::min(replacements_.find('\0', begin), replacements_.size());
    return std::string_view(replacements_).substr(begin, end - begin);
  }

  std::vector<std::uint32_t> units_;
  std::string replacements_;
};

}  // namespace

Result<NormalizerPointer> make_precompiled_normalizer(std::string_view charsmap) {
  constexpr const char* kRemedy =
      "The character map of this tokenizer is damaged: download the file again, or convert it again.";
  std::uint32_t trie_bytes = 0;
  if (charsmap.size() < sizeof trie_bytes) {
    return model_loading(
        fmt::format("the character map has {} bytes, too few for its header", charsmap.size()), kRemedy);
  }
  std::memcpy(&trie_bytes, charsmap.data(), sizeof trie_bytes);
  charsmap.remove_prefix(sizeof trie_bytes);
  if (trie_bytes < 4 || trie_bytes > charsmap.size()) {
    return model_loading(fmt::format("the character map's trie should have {} bytes, but {} are left",
                                     trie_bytes, charsmap.size()),
                         kRemedy);
  }
  std::vector<std::uint32_t> units(trie_bytes / 4);
  std::memcpy(units.data(), charsmap.data(), units.size() * 4);
  charsmap.remove_prefix(units.size() * 4);
  if (!simdjson::validate_utf8(charsmap.data(), charsmap.size())) {
    return model_loading("the character map's replacements are not valid UTF-8", kRemedy);
  }
  return NormalizerPointer(std::make_unique<Precompiled>(std::move(units), std::string(charsmap)));
}

}  // namespace minerva::tokenizers
