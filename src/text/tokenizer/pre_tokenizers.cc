#include "text/tokenizer/pre_tokenizers.h"

#include <algorithm>

#include "text/tokenizer/byte_level.h"
#include "text/tokenizer/splitting.h"
#include "text/tokenizer/unicode_tables.h"
#include "text/tokenizer/utf8_codec.h"

namespace minerva::tokenizers {

namespace {

/// Cuts at single characters that a predicate accepts.
template <class IsDelimiter>
class CharacterSplit final : public PreTokenizer {
 public:
  CharacterSplit(IsDelimiter is_delimiter, SplitBehavior behavior)
      : is_delimiter_(is_delimiter), behavior_(behavior) {}
  Result<void> apply(Pieces& pieces, const TimeBudget& /*budget*/) const override {
    std::vector<Segment> segments;
    return split_pieces(pieces,
                        [&](std::string_view piece, std::uint32_t offset, auto& list) -> Result<void> {
                          segments_by_character(piece, is_delimiter_, segments);
                          append_split(segments, behavior_, offset, list);
                          return {};
                        });
  }

 private:
  IsDelimiter is_delimiter_;
  SplitBehavior behavior_;
};

template <class IsDelimiter>
PreTokenizerPointer make_character_split(IsDelimiter is_delimiter, SplitBehavior behavior) {
  return std::make_unique<CharacterSplit<IsDelimiter>>(is_delimiter, behavior);
}

class Split final : public PreTokenizer {
 public:
  Split(Pattern pattern, SplitBehavior behavior, bool invert)
      : pattern_(std::move(pattern)), behavior_(behavior), invert_(invert) {}
  Result<void> apply(Pieces& pieces, const TimeBudget& budget) const override {
    std::vector<Segment> segments;
    return split_pieces(pieces,
                        [&](std::string_view piece, std::uint32_t offset, auto& list) -> Result<void> {
                          MINERVA_TRY(pattern_.segments(piece, budget, segments));
                          if (invert_) {
                            for (Segment& segment : segments) segment.is_match = !segment.is_match;
                          }
                          append_split(segments, behavior_, offset, list);
                          return {};
                        });
  }
  SplitScanner scanner() const noexcept override {
    // A scanner's pieces are all matches: isolated, they are the pieces.
    return behavior_ == SplitBehavior::Isolated ? pattern_.scanner() : nullptr;
  }

 private:
  Pattern pattern_;
  SplitBehavior behavior_;
  bool invert_;
};

class ByteLevel final : public PreTokenizer {
 public:
  ByteLevel(bool add_prefix_space, bool use_regex, bool to_alphabet)
      : add_prefix_space_(add_prefix_space), use_regex_(use_regex), to_alphabet_(to_alphabet) {}

  Result<void> apply(Pieces& pieces, const TimeBudget& /*budget*/) const override {
    if (add_prefix_space_) prefix(pieces);
    if (use_regex_) {
      MINERVA_TRY(
          split_pieces(pieces, [](std::string_view piece, std::uint32_t offset, auto& list) -> Result<void> {
            for (std::size_t at = 0; at < piece.size();) {
              const std::size_t end = scan_gpt2(piece, at);
              list.push_back(
                  {offset + static_cast<std::uint32_t>(at), offset + static_cast<std::uint32_t>(end)});
              at = end;
            }
            return {};
          }));
    }
    if (to_alphabet_) write_in_alphabet(pieces);
    return {};
  }

  SplitScanner scanner() const noexcept override {
    return use_regex_ && !add_prefix_space_ && !to_alphabet_ ? scan_gpt2 : nullptr;
  }
  bool changes_nothing() const noexcept { return !use_regex_ && !add_prefix_space_ && !to_alphabet_; }

 private:
  static void prefix(Pieces& pieces) {
    Pieces out;
    out.first_at_start = pieces.first_at_start;
    for (std::size_t i = 0; i < pieces.list.size(); ++i) {
      const auto begin = static_cast<std::uint32_t>(out.text.size());
      if (!pieces[i].starts_with(' ')) out.text += ' ';
      out.text += pieces[i];
      out.list.push_back({begin, static_cast<std::uint32_t>(out.text.size())});
    }
    pieces = std::move(out);
  }
  static void write_in_alphabet(Pieces& pieces) {
    Pieces out;
    out.first_at_start = pieces.first_at_start;
    for (std::size_t i = 0; i < pieces.list.size(); ++i) {
      const auto begin = static_cast<std::uint32_t>(out.text.size());
      append_byte_level(out.text, pieces[i]);
      out.list.push_back({begin, static_cast<std::uint32_t>(out.text.size())});
    }
    pieces = std::move(out);
  }

  bool add_prefix_space_;
  bool use_regex_;
  bool to_alphabet_;
};

class FixedLength final : public PreTokenizer {
 public:
  explicit FixedLength(std::size_t characters) : characters_(characters) {}
  Result<void> apply(Pieces& pieces, const TimeBudget& /*budget*/) const override {
    return split_pieces(pieces,
                        [&](std::string_view piece, std::uint32_t offset, auto& list) -> Result<void> {
                          std::uint32_t begin = 0;
                          std::size_t count = 0;
                          for (std::uint32_t i = 0; i < piece.size();) {
                            i += utf8_length(static_cast<unsigned char>(piece[i]));
                            if (++count == characters_ || i == piece.size()) {
                              list.push_back({offset + begin, offset + i});
                              begin = i;
                              count = 0;
                            }
                          }
                          return {};
                        });
  }

 private:
  std::size_t characters_;
};

/// Spaces become a visible character, which each word then begins with.
class Metaspace final : public PreTokenizer {
 public:
  Metaspace(char32_t replacement, PrependScheme scheme, bool split) : scheme_(scheme), split_(split) {
    append_utf8(replacement_, replacement);
  }
  Result<void> apply(Pieces& pieces, const TimeBudget& /*budget*/) const override {
    Pieces out;
    out.first_at_start = pieces.first_at_start;
    std::string changed;
    for (std::size_t i = 0; i < pieces.list.size(); ++i) {
      changed.clear();
      for (const char c : pieces[i]) {
        if (c == ' ') {
          changed += replacement_;
        } else {
          changed += c;
        }
      }
      const bool prepend = scheme_ == PrependScheme::Always ||
                           (scheme_ == PrependScheme::First && i == 0 && pieces.first_at_start);
      const auto begin = static_cast<std::uint32_t>(out.text.size());
      if (prepend && !changed.starts_with(replacement_)) out.text += replacement_;
      out.text += changed;
      append(out, begin);
    }
    pieces = std::move(out);
    return {};
  }

 private:
  /// The text from `begin` on as one piece, or cut before each replacement.
  void append(Pieces& out, std::uint32_t begin) const {
    const auto size = static_cast<std::uint32_t>(out.text.size());
    if (!split_) {
      out.list.push_back({begin, size});
      return;
    }
    const std::string_view text = std::string_view(out.text).substr(begin);
    std::vector<Segment> segments;
    const char32_t replacement = decode_utf8(replacement_.data()).value;
    segments_by_character(text, [&](char32_t c) { return c == replacement; }, segments);
    append_split(segments, SplitBehavior::MergedWithNext, begin, out.list);
  }

  std::string replacement_;
  PrependScheme scheme_;
  bool split_;
};

class UnicodeScripts final : public PreTokenizer {
 public:
  Result<void> apply(Pieces& pieces, const TimeBudget& /*budget*/) const override {
    return split_pieces(pieces, [](std::string_view piece, std::uint32_t offset, auto& list) -> Result<void> {
      // Characters without a script stay with what is before them; at the very beginning they are dropped, as
      // the reference does.
      std::uint8_t last = 0;
      std::uint32_t begin = UINT32_MAX;
      for (std::uint32_t i = 0; i < piece.size();) {
        const CodePoint c = decode_utf8(piece.data() + i);
        const std::uint8_t script = script_of(c.value);
        if (script != 0 && script != last) {
          if (begin != UINT32_MAX) list.push_back({offset + begin, offset + i});
          begin = i;
        }
        if (script != 0) last = script;
        i += c.length;
      }
      if (begin != UINT32_MAX)
        list.push_back({offset + begin, offset + static_cast<std::uint32_t>(piece.size())});
      return {};
    });
  }
};

/// `\w+|[^\w\s]+`
class Whitespace final : public PreTokenizer {
 public:
  Result<void> apply(Pieces& pieces, const TimeBudget& /*budget*/) const override {
    return split_pieces(pieces, [](std::string_view piece, std::uint32_t offset, auto& list) -> Result<void> {
      enum class Kind : std::uint8_t { Space, Word, Sign };
      Kind last = Kind::Space;
      std::uint32_t begin = 0;
      const auto close = [&](std::uint32_t end) {
        if (last != Kind::Space) list.push_back({offset + begin, offset + end});
      };
      for (std::uint32_t i = 0; i < piece.size();) {
        const CodePoint c = decode_utf8(piece.data() + i);
        const Kind kind =
            is_white_space(c.value) ? Kind::Space : (is_word(c.value) ? Kind::Word : Kind::Sign);
        if (kind != last) {
          close(i);
          begin = i;
        }
        last = kind;
        i += c.length;
      }
      close(static_cast<std::uint32_t>(piece.size()));
      return {};
    });
  }
};

class Sequence final : public PreTokenizer {
 public:
  explicit Sequence(std::vector<PreTokenizerPointer> parts) : parts_(std::move(parts)) {}
  Result<void> apply(Pieces& pieces, const TimeBudget& budget) const override {
    const std::size_t bytes_max = expanded_bytes_max(pieces.text.size());
    for (const auto& part : parts_) {
      MINERVA_TRY(part->apply(pieces, budget));
      if (pieces.text.size() > bytes_max || budget.used_up()) return too_much_text();
    }
    return {};
  }
  SplitScanner scanner() const noexcept override {
    if (parts_.size() == 1) return parts_[0]->scanner();
    if (parts_.size() != 2) return nullptr;
    const auto* second = dynamic_cast<const ByteLevel*>(parts_[1].get());
    return second != nullptr && second->changes_nothing() ? parts_[0]->scanner() : nullptr;
  }

 private:
  std::vector<PreTokenizerPointer> parts_;
};

}  // namespace

PreTokenizerPointer make_bert_pre_tokenizer() {
  std::vector<PreTokenizerPointer> parts;
  parts.push_back(make_whitespace_split_pre_tokenizer());
  parts.push_back(make_punctuation_pre_tokenizer(SplitBehavior::Isolated));
  return make_pre_tokenizer_sequence(std::move(parts));
}
PreTokenizerPointer make_byte_level_pre_tokenizer(bool add_prefix_space, bool use_regex, bool to_alphabet) {
  return std::make_unique<ByteLevel>(add_prefix_space, use_regex, to_alphabet);
}
PreTokenizerPointer make_delimiter_pre_tokenizer(char32_t delimiter) {
  return make_character_split([delimiter](char32_t c) { return c == delimiter; }, SplitBehavior::Removed);
}
PreTokenizerPointer make_digits_pre_tokenizer(bool individual) {
  return make_character_split(is_numeric, individual ? SplitBehavior::Isolated : SplitBehavior::Contiguous);
}
PreTokenizerPointer make_fixed_length_pre_tokenizer(std::size_t characters) {
  return std::make_unique<FixedLength>(characters);
}
PreTokenizerPointer make_metaspace_pre_tokenizer(char32_t replacement, PrependScheme scheme, bool split) {
  return std::make_unique<Metaspace>(replacement, scheme, split);
}
PreTokenizerPointer make_punctuation_pre_tokenizer(SplitBehavior behavior) {
  return make_character_split(is_punctuation, behavior);
}
PreTokenizerPointer make_split_pre_tokenizer(Pattern pattern, SplitBehavior behavior, bool invert) {
  return std::make_unique<Split>(std::move(pattern), behavior, invert);
}
PreTokenizerPointer make_unicode_scripts_pre_tokenizer() {
  return std::make_unique<UnicodeScripts>();
}
PreTokenizerPointer make_whitespace_pre_tokenizer() {
  return std::make_unique<Whitespace>();
}
PreTokenizerPointer make_whitespace_split_pre_tokenizer() {
  return make_character_split(is_white_space, SplitBehavior::Removed);
}
PreTokenizerPointer make_pre_tokenizer_sequence(std::vector<PreTokenizerPointer> parts) {
  return std::make_unique<Sequence>(std::move(parts));
}

}  // namespace minerva::tokenizers
