#include "convert/vocabulary.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/file.h"
#include "base/limits.h"
#include "convert/merge_order.h"
#include "convert/pre_tokenizer.h"
#include "convert/sentencepiece_parts.h"
#include "formats/quote.h"
#include "formats/stand_in.h"
#include "text/tokenizer/hf_tokenizer.h"
#include "text/tokenizer/json_fields.h"
#include "text/tokenizer/sentencepiece_model.h"
#include "text/tokenizer/tokenizer_json.h"
#include "text/tokenizer/vocabulary_files.h"

namespace minerva::convert {
namespace {

using tokenizers::HfTokenizer;
using tokenizers::JsonDocument;
using tokenizers::JsonField;

constexpr float kAddedScore = -1000.0F;  // as llama.cpp's converter has it
constexpr float kUnusedScore = -10000.0F;
constexpr std::string_view kMarker = "\xe2\x96\x81";  // U+2581, SentencePiece's space

constexpr std::array<std::string_view, 4> kPhi3Tokens = {"</s>", "<unk>", "<s>", "<|endoftext|>"};

std::unexpected<Error> no_such_tokenizer(std::string_view what) {
  return invalid_request(fmt::format("llama.cpp has no tokenizer like this model's: {}", what),
                         "Run the directory itself (Minerva keeps its tokenizer), or convert it with "
                         "'minerva convert --no-tokenizer'.");
}

std::int32_t number(TokenType type) {
  return static_cast<std::int32_t>(type);
}

bool is_byte_token(std::string_view text) {
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'); };
  return text.size() == 6 && text.starts_with("<0x") && is_hex(text[3]) && is_hex(text[4]) && text[5] == '>';
}

/// Tokens that should be special but that some publishers did not mark.
bool looks_special(std::string_view text) {
  constexpr std::array<std::string_view, 4> kTexts = {"<pad>", "<mask>", "<2mass>", "[@BOS@]"};
  if (std::ranges::find(kTexts, text) != kTexts.end()) return true;
  return (text.starts_with("<|") && text.ends_with("|>")) ||
         (text.starts_with("<\xef\xbd\x9c") && text.ends_with("\xef\xbd\x9c>")) ||
         (text.starts_with("<unused") && text.ends_with(">"));
}

std::string with_spaces(std::string text) {
  for (std::size_t at = text.find(kMarker); at != std::string::npos; at = text.find(kMarker, at + 1)) {
    text.replace(at, kMarker.size(), " ");
  }
  return text;
}

class JsonReader {
 public:
  JsonReader(const JsonField& root, const HfTokenizer& tokenizer, std::size_t rows)
      : root_(root), tokenizer_(tokenizer), rows_(rows) {}

  Result<GgufVocabulary> read() {
    MINERVA_ASSIGN(const JsonField model, root_.field("model"));
    MINERVA_ASSIGN(const std::string type, model.string_or("type", "BPE", 64));
    if (type != "BPE") return no_such_tokenizer(fmt::format("it is a {} model", type));
    for (const char* name : {"continuing_subword_prefix", "end_of_word_suffix"}) {
      MINERVA_ASSIGN(const std::string text, model.string_or(name, "", limits::kTokenizerInsertBytesMax));
      if (!text.empty()) return no_such_tokenizer(fmt::format("it has a {}", name));
    }
    read_added();
    MINERVA_TRY(read_merges(model));
    MINERVA_ASSIGN(const bool byte_fallback, model.boolean_or("byte_fallback", false));
    MINERVA_ASSIGN(const bool whole_words, model.boolean_or("ignore_merges", false));
    if (byte_fallback) {
      MINERVA_TRY(sentencepiece(whole_words));
    } else {
      MINERVA_TRY(byte_level(whole_words));
    }
    const auto has = [this](std::string_view text) {
      return std::ranges::find(vocabulary_.tokens, text) != vocabulary_.tokens.end();
    };
    vocabulary_.has_phi3_tokens = std::ranges::all_of(kPhi3Tokens, has);
    if (tokenizer_.vocabulary_size() > rows_) {
      note(fmt::format("the tokenizer has {} tokens beyond the {} rows of the embedding: they are left out",
                       tokenizer_.vocabulary_size() - rows_, rows_));
    }
    return std::move(vocabulary_);
  }

 private:
  void note(std::string text) { vocabulary_.notes.push_back(std::move(text)); }

  // Also those that only the files beside tokenizer.json name.
  void read_added() {
    bool single_words = false;
    for (const auto& [id, token] : tokenizer_.added().all()) {
      added_.emplace(token.content);
      vocabulary_.strips_spaces = vocabulary_.strips_spaces || token.lstrip || token.rstrip;
      single_words = single_words || token.single_word;
    }
    if (single_words) note("llama.cpp finds added tokens inside of words, too");
  }

  // Checked by the tokenizer's own reader: pairs, or texts with one space.
  Result<void> read_merges(const JsonField& model) {
    MINERVA_ASSIGN(const JsonField list, model.field("merges"));
    MINERVA_ASSIGN(const auto elements, list.elements(limits::kGgufArrayElementCountMax));
    merges_.reserve(elements.size());
    for (const JsonField& element : elements) {
      if (element.is_string()) {
        MINERVA_ASSIGN(const std::string_view text, element.string());
        if (text.starts_with("#version")) continue;
        const std::size_t space = text.find(' ');
        merges_.emplace_back(text.substr(0, space), text.substr(std::min(space, text.size() - 1) + 1));
        continue;
      }
      MINERVA_ASSIGN(const auto parts, element.elements(2));
      if (parts.size() != 2) return element.expected("two tokens");
      MINERVA_ASSIGN(const std::string_view left, parts[0].string());
      MINERVA_ASSIGN(const std::string_view right, parts[1].string());
      merges_.emplace_back(left, right);
    }
    return {};
  }

  void fill_tokens(bool has_bytes) {
    for (std::size_t i = 0; i < rows_; ++i) {
      const auto id = static_cast<TokenId>(i);
      const auto* added = tokenizer_.added().token(id);
      if (added != nullptr && !(has_bytes && is_byte_token(added->content))) {
        add_added(*added);
        continue;
      }
      const auto text = tokenizer_.token_text(id);
      if (!text) {
        add(fmt::format("[PAD{}]", i), TokenType::Unused);
      } else if (has_bytes && is_byte_token(*text)) {
        add(*text, TokenType::Byte);
      } else {
        add(*text, TokenType::Normal);
      }
    }
  }
  // By its content: what the normalizer makes of it is for the tokenizer's own search.
  void add_added(const tokenizers::AddedToken& token) {
    if (token.special || looks_special(token.content)) {
      add(token.content, TokenType::Control);
    } else {
      add(with_spaces(token.content), TokenType::UserDefined);
    }
  }
  void add(std::string text, TokenType type) {
    vocabulary_.tokens.push_back(std::move(text));
    vocabulary_.types.push_back(number(type));
  }

  Result<void> byte_level(bool whole_words) {
    const auto pre = root_.find("pre_tokenizer");
    const PreTokenizer known = pre ? recognise_pre_tokenizer(*pre, whole_words) : PreTokenizer{};
    if (known.name.empty()) return no_such_tokenizer("its pre_tokenizer is none of those it knows");
    if (const auto normalizer = root_.find("normalizer")) {
      MINERVA_ASSIGN(const std::string type, normalizer->string_or("type", "", 64));
      if (type != "NFC") return no_such_tokenizer(fmt::format("it has a normalizer ({})", type));
      note("llama.cpp does not normalise text (NFC): text that is not composed splits otherwise");
    }
    if (!known.note.empty()) note(std::string(known.note));
    if (known.whole_words != whole_words) {
      note("llama.cpp takes whole words that are tokens otherwise than the tokenizer: rare words may differ");
    }
    vocabulary_.model = "gpt2";
    vocabulary_.pre = known.name;
    fill_tokens(false);
    vocabulary_.merges.reserve(merges_.size());
    for (const auto& [left, right] : merges_) vocabulary_.merges.push_back(fmt::format("{} {}", left, right));
    return {};
  }

  Result<void> sentencepiece(bool whole_words) {
    MINERVA_ASSIGN(const SentencePieceParts parts, recognise_sentencepiece(root_));
    if (!parts.known) return no_such_tokenizer(parts.why_not);
    vocabulary_.model = "llama";
    vocabulary_.pre = "default";
    vocabulary_.add_space_prefix = parts.space_prefix;
    if (!parts.note.empty()) note(parts.note);
    const bool with_space = std::ranges::any_of(tokenizer_.added().all(), [](const auto& entry) {
      return entry.second.normalized && !entry.second.special;
    });
    if (parts.prepends && with_space) {
      note(
          "the tokenizer finds added tokens of its own with the space before them, llama.cpp without: pieces "
          "beside "
          "them may differ");
    }
    fill_tokens(true);
    if (std::ranges::count(vocabulary_.types, number(TokenType::Byte)) != 256) {
      return no_such_tokenizer("it does not have all byte tokens <0x00> to <0xFF>");
    }
    std::unordered_set<std::string> apart = added_;  // as they are written there, and as they stand here
    for (std::size_t i = 0; i < vocabulary_.tokens.size(); ++i) {
      if (vocabulary_.types[i] != number(TokenType::Normal)) apart.insert(vocabulary_.tokens[i]);
    }
    auto scored = score_by_merges(vocabulary_.tokens, merges_,
                                  [&](std::string_view text) { return apart.contains(std::string(text)); });
    for (std::size_t i = 0; i < scored.scores.size(); ++i) {
      const auto type = static_cast<TokenType>(vocabulary_.types[i]);
      if (type == TokenType::Control || type == TokenType::UserDefined) scored.scores[i] = kAddedScore;
      if (type == TokenType::Unused) scored.scores[i] = kUnusedScore;
    }
    vocabulary_.scores = std::move(scored.scores);
    if (whole_words || scored.pairs_without_merge > 0 || scored.scattered_tokens > 0) {
      note(
          fmt::format("llama.cpp joins pieces by score, not by the tokenizer's merges: some texts split "
                      "otherwise ({} pairs have no merge, {} tokens no single place)",
                      scored.pairs_without_merge, scored.scattered_tokens));
    }
    return {};
  }

  const JsonField& root_;
  const HfTokenizer& tokenizer_;
  std::size_t rows_;
  std::unordered_set<std::string> added_;
  std::vector<Merge> merges_;
  GgufVocabulary vocabulary_;
};

Result<GgufVocabulary> read_sentencepiece_file(const std::filesystem::path& path, std::size_t rows) {
  MINERVA_ASSIGN(const std::string bytes, read_model_file(path, limits::kTokenizerFileBytesMax));
  MINERVA_ASSIGN(const auto model, tokenizers::parse_sentencepiece_model(bytes, path.filename().string()));
  if (!model.is_bpe) return no_such_tokenizer("it is a Unigram model");
  GgufVocabulary vocabulary{.model = "llama", .pre = "default"};
  vocabulary.add_space_prefix = model.add_dummy_prefix;
  for (std::size_t i = 0; i < rows; ++i) {
    const bool there = i < model.pieces.size();
    vocabulary.tokens.push_back(there ? model.pieces[i].text : fmt::format("[PAD{}]", i));
    vocabulary.scores.push_back(there ? model.pieces[i].score : kUnusedScore);
    vocabulary.types.push_back(there ? static_cast<std::int32_t>(model.pieces[i].type)
                                     : number(TokenType::Unused));
  }
  if (model.add_dummy_prefix) {
    vocabulary.notes.emplace_back("llama.cpp also puts a space before text behind a special token");
  }
  if (!model.charsmap.empty()) {
    vocabulary.notes.emplace_back("llama.cpp does not normalise text as the tokenizer.model does");
  }
  if (model.pieces.size() > rows) {
    vocabulary.notes.push_back(
        fmt::format("the tokenizer has {} tokens beyond the embedding's rows", model.pieces.size() - rows));
  }
  return vocabulary;
}

}  // namespace

Result<GgufVocabulary> read_vocabulary(const std::filesystem::path& directory, std::size_t rows) {
  if (rows == 0 || rows > limits::kVocabularySizeMax) {
    return model_loading(fmt::format("'config.json': field 'vocab_size' is {}", rows),
                         "Download the model again.");
  }
  const auto json = directory / "tokenizer.json";
  if (!path_exists(json)) {
    const auto model = directory / "tokenizer.model";
    if (path_exists(model)) return read_sentencepiece_file(model, rows);
    if (tokenizers::has_vocabulary_files(directory)) {
      MINERVA_ASSIGN(const auto tokenizer, load_vocabulary_files(directory));
      MINERVA_ASSIGN(const auto files, tokenizers::read_vocabulary_files(directory));
      return make_vocabulary(files.document.root(), *tokenizer, rows);
    }
    return model_loading(
        "the directory has no tokenizer.json and no tokenizer.model",
        "Download the tokenizer's files too, or convert with 'minerva convert --no-tokenizer'.");
  }
  MINERVA_ASSIGN(const auto tokenizer, load_tokenizer_json(directory));
  MINERVA_ASSIGN(const JsonDocument document, JsonDocument::load(json, limits::kTokenizerFileBytesMax));
  return make_vocabulary(document.root(), *tokenizer, rows);
}

Result<GgufVocabulary> make_vocabulary(const JsonField& root, const Tokenizer& tokenizer, std::size_t rows) {
  const auto* const pieces = dynamic_cast<const HfTokenizer*>(&tokenizer);
  if (pieces == nullptr) return internal_error("tokenizer.json gave a tokenizer of another kind");
  return JsonReader(root, *pieces, rows).read();
}

std::string harmless_name(std::string name, const GgufVocabulary& vocabulary) {
  if (vocabulary.has_phi3_tokens && vocabulary.strips_spaces) return name;  // a Phi-3 indeed
  std::string lower = name;
  std::ranges::transform(lower, lower.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c + 0x20 : c; });
  for (const std::string_view trigger : {"phi-3", "phi3"}) {
    for (std::size_t at = lower.find(trigger); at != std::string::npos; at = lower.find(trigger)) {
      name.replace(at, trigger.size(), name.substr(at, 3) + " 3");
      lower.replace(at, trigger.size(), "phi 3");
    }
  }
  return name;
}

void set_vocabulary(GgufVocabulary vocabulary, KeyValues& keys) {
  keys.set("tokenizer.ggml.model", vocabulary.model);
  keys.set("tokenizer.ggml.pre", vocabulary.pre);
  keys.set("tokenizer.ggml.tokens", std::move(vocabulary.tokens));
  if (!vocabulary.scores.empty()) keys.set("tokenizer.ggml.scores", std::move(vocabulary.scores));
  keys.set("tokenizer.ggml.token_type", std::move(vocabulary.types));
  if (!vocabulary.merges.empty()) keys.set("tokenizer.ggml.merges", std::move(vocabulary.merges));
  if (vocabulary.add_space_prefix) keys.set("tokenizer.ggml.add_space_prefix", *vocabulary.add_space_prefix);
}

}  // namespace minerva::convert
