// Cutting pieces into smaller ones: what all splitting pre-tokenizers share.
#pragma once

#include <string_view>
#include <vector>

#include "text/tokenizer/pre_tokenizers.h"
#include "text/tokenizer/utf8_codec.h"

namespace minerva::tokenizers {

/// Appends to `list` what `behavior` makes of the segments of a piece that begins at `offset`.
void append_split(const std::vector<Segment>& segments, SplitBehavior behavior, std::uint32_t offset,
                  std::vector<Pieces::Piece>& list);

/// Cuts `text` into single characters that `is_delimiter` accepts and what lies between them.
template <class IsDelimiter>
void segments_by_character(std::string_view text, IsDelimiter&& is_delimiter, std::vector<Segment>& out) {
  out.clear();
  std::uint32_t done = 0;
  for (std::uint32_t i = 0; i < text.size();) {
    const CodePoint c = decode_utf8(text.data() + i);
    if (is_delimiter(c.value)) {
      if (done < i) out.push_back({done, i, false});
      out.push_back({i, i + c.length, true});
      done = i + c.length;
    }
    i += c.length;
  }
  if (done < text.size()) out.push_back({done, static_cast<std::uint32_t>(text.size()), false});
}

/// Replaces every piece by what `split(view, offset, list)` appends for it.
template <class Split>
Result<void> split_pieces(Pieces& pieces, Split&& split) {
  std::vector<Pieces::Piece> list;
  list.reserve(pieces.list.size());
  for (std::size_t i = 0; i < pieces.list.size(); ++i) {
    const std::size_t before = list.size();
    const std::uint32_t begin = pieces.list[i].begin;
    MINERVA_TRY(split(pieces[i], begin, list));
    const bool kept_start = list.size() > before && list[before].begin == begin;
    if (i == 0 && !kept_start) pieces.first_at_start = false;
  }
  pieces.list = std::move(list);
  return {};
}

}  // namespace minerva::tokenizers
