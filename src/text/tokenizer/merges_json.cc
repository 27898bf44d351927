#include "text/tokenizer/merges_json.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "formats/quote.h"
#include "text/tokenizer/byte_level.h"

namespace minerva::tokenizers {

namespace {

/// Merges are looked up in blocks, so that the memory they need is on its way before it is needed.
constexpr std::size_t kBlock = 64;

struct Entry {
  std::string_view left;
  std::string_view right;
  std::size_t index;  // in the file
  // The keys of both and of what they become, in the block's buffer.
  std::size_t left_begin;
  std::size_t right_begin;
  std::size_t merged_begin;
  std::size_t merged_end;
  bool is_literal;  // a part isn't written in the byte-level alphabet
  std::array<std::uint64_t, 3> hashes;
  // What was found.
  TokenId left_id;
  TokenId right_id;
  TokenId merged_id;
};

class Reader {
 public:
  Reader(const JsonField& merges, const Vocabulary& vocabulary, const BpeOptions& options)
      : merges_(merges), vocabulary_(vocabulary), options_(options) {}

  Result<MergeTable> read() {
    simdjson::dom::array array;
    if (merges_.value().get_array().get(array) != simdjson::SUCCESS) return merges_.expected("an array");
    std::size_t count = 0;
    for ([[maybe_unused]] const auto element : array) ++count;
    table_.reserve(count);
    std::size_t index = 0;
    for (const simdjson::dom::element element : array) {
      MINERVA_ASSIGN(const auto parts, parts_of(element, index));
      ++index;
      if (!parts) continue;
      MINERVA_TRY(prepare(parts->first, parts->second, index - 1));
      if (used_ == kBlock) MINERVA_TRY(resolve_block());
    }
    MINERVA_TRY(resolve_block());
    return std::move(table_);
  }

 private:
  using Parts = std::pair<std::string_view, std::string_view>;

  std::unexpected<Error> error(std::size_t index, std::string_view what) const {
    return merges_.error_at(fmt::format("[{}]", index), what);
  }

  /// Nothing for the version line that old files begin with.
  Result<std::optional<Parts>> parts_of(const simdjson::dom::element& element, std::size_t index) {
    std::string_view text;
    if (element.get_string().get(text) == simdjson::SUCCESS) {
      is_text_ = true;
      if (text.starts_with("#version")) return std::optional<Parts>();
      const std::size_t space = text.find(' ');
      if (space == std::string_view::npos || text.find(' ', space + 1) != std::string_view::npos) {
        return error(index, fmt::format("expected two tokens with a space between, found {}", quoted(text)));
      }
      return std::optional(Parts(text.substr(0, space), text.substr(space + 1)));
    }
    simdjson::dom::array pair;
    Parts parts;
    const bool is_pair = element.get_array().get(pair) == simdjson::SUCCESS && pair.size() == 2 &&
                         pair.at(0).get_string().get(parts.first) == simdjson::SUCCESS &&
                         pair.at(1).get_string().get(parts.second) == simdjson::SUCCESS;
    if (!is_pair || is_text_)
      return error(index, "expected two tokens, all as [\"a\", \"b\"] or all as \"a b\"");
    return std::optional(parts);
  }

  bool append_key(std::string_view token) {
    if (!vocabulary_.byte_level()) {
      keys_ += token;
      return true;
    }
    return append_from_byte_level(keys_, token);
  }

  Result<void> prepare(std::string_view left, std::string_view right, std::size_t index) {
    Entry& entry = block_[used_++];
    entry.left = left;
    entry.right = right;
    entry.index = index;
    entry.left_begin = keys_.size();
    entry.is_literal = !append_key(left);
    entry.right_begin = keys_.size();
    entry.is_literal |= !append_key(right);
    const std::size_t right_end = keys_.size();
    const std::string& prefix = options_.continuing_subword_prefix;
    if (prefix.empty()) {
      entry.merged_begin = entry.left_begin;
    } else {
      if (right.size() < prefix.size()) {
        return error(index, fmt::format("{} is shorter than the continuing_subword_prefix", quoted(right)));
      }
      entry.merged_begin = right_end;
      keys_ += left;
      keys_ += right.substr(prefix.size());
    }
    entry.merged_end = keys_.size();
    const std::string_view keys = keys_;
    entry.hashes = {hash_bytes(keys.substr(entry.left_begin, entry.right_begin - entry.left_begin)),
                    hash_bytes(keys.substr(entry.right_begin, right_end - entry.right_begin)),
                    hash_bytes(keys.substr(entry.merged_begin, entry.merged_end - entry.merged_begin))};
    for (const std::uint64_t hash : entry.hashes) vocabulary_.prefetch_slot(hash);
    right_ends_[used_ - 1] = right_end;
    return {};
  }

  Result<TokenId> known(std::optional<TokenId> id, const Entry& entry, std::string_view what) const {
    if (id) return *id;
    return error(entry.index, fmt::format("{} of the merge {} + {} is not in model.vocab", what,
                                          quoted(entry.left), quoted(entry.right)));
  }

  Result<void> resolve(Entry& entry, std::size_t right_end) {
    const auto look_up = [&](std::size_t begin, std::size_t end, std::size_t hash) {
      return vocabulary_.find_key(std::string_view(keys_).substr(begin, end - begin), entry.hashes[hash]);
    };
    std::optional<TokenId> left;
    std::optional<TokenId> right;
    std::optional<TokenId> merged;
    if (entry.is_literal) {
      left = vocabulary_.find(entry.left);
      right = vocabulary_.find(entry.right);
      merged = vocabulary_.find(std::string(entry.left) + std::string(entry.right));
    } else {
      left = look_up(entry.left_begin, entry.right_begin, 0);
      right = look_up(entry.right_begin, right_end, 1);
      merged = look_up(entry.merged_begin, entry.merged_end, 2);
    }
    MINERVA_ASSIGN(entry.left_id, known(left, entry, "the first part"));
    MINERVA_ASSIGN(entry.right_id, known(right, entry, "the second part"));
    MINERVA_ASSIGN(entry.merged_id, known(merged, entry, "the result"));
    table_.prefetch(entry.left_id, entry.right_id);
    table_.note_strings(entry.left, entry.right, options_);
    return {};
  }

  Result<void> resolve_block() {
    for (std::size_t i = 0; i < used_; ++i) {
      for (const std::uint64_t hash : block_[i].hashes) vocabulary_.prefetch_string(hash);
    }
    for (std::size_t i = 0; i < used_; ++i) MINERVA_TRY(resolve(block_[i], right_ends_[i]));
    for (std::size_t i = 0; i < used_; ++i) {
      table_.add(block_[i].left_id, block_[i].right_id,
                 {rank_++, static_cast<std::uint32_t>(block_[i].merged_id)});
    }
    used_ = 0;
    keys_.clear();
    return {};
  }

  const JsonField& merges_;
  const Vocabulary& vocabulary_;
  const BpeOptions& options_;
  MergeTable table_;
  std::array<Entry, kBlock> block_{};
  std::array<std::size_t, kBlock> right_ends_{};
  std::size_t used_ = 0;
  std::string keys_;
  std::uint32_t rank_ = 0;
  bool is_text_ = false;
};

}  // namespace

Result<MergeTable> read_merges(const JsonField& merges, const Vocabulary& vocabulary,
                               const BpeOptions& options) {
  return Reader(merges, vocabulary, options).read();
}

}  // namespace minerva::tokenizers
