#include "formats/hf/tokenizer_kind.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/file.h"
#include "base/limits.h"

namespace minerva::hf {
namespace {

namespace fs = std::filesystem;

void skip_space(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
}

bool take(std::string_view& text, char c) {
  skip_space(text);
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

/// The string after `"key" :`, when `text` starts with that.
std::string string_after(std::string_view text) {
  if (!take(text, ':') || !take(text, '"')) return "";
  const auto end = text.find('"');
  constexpr std::size_t kTypeBytesMax = 32;
  return end > kTypeBytesMax ? "" : std::string(text.substr(0, end));
}

/// Reads `path` until the type of the model is found, in steps that double.
std::string model_type_of(const fs::path& path) {
  const auto file = File::open(path);
  if (!file) return "";
  const std::uint64_t most = std::min(file->size(), limits::kTokenizerSearchBytesMax);
  std::string text;
  for (std::uint64_t step = 64 * limits::kKiB; text.size() < most; step *= 2) {
    const std::size_t had = text.size();
    text.resize(static_cast<std::size_t>(std::min(most, had + step)));
    if (!file->read(had, std::as_writable_bytes(std::span(text)).subspan(had))) return "";
    // What was searched before, less what may have been cut.
    constexpr std::size_t kOverlap = 4 * limits::kKiB;
    if (auto type = find_model_type(std::string_view(text).substr(had > kOverlap ? had - kOverlap : 0));
        !type.empty()) {
      return type;
    }
  }
  return "";
}

TokenizerKind kind_of(std::string_view type) {
  if (type == "BPE") return TokenizerKind::Bpe;
  if (type == "Unigram") return TokenizerKind::Unigram;
  if (type == "WordPiece") return TokenizerKind::WordPiece;
  return TokenizerKind::Other;
}

constexpr std::array kFiles = {
    std::pair{"tokenizer.model", TokenizerKind::SentencePiece},
    std::pair{"spiece.model", TokenizerKind::SentencePiece},
    std::pair{"tekken.json", TokenizerKind::Other},
    std::pair{"merges.txt", TokenizerKind::Bpe},
    std::pair{"vocab.txt", TokenizerKind::WordPiece},
};

}  // namespace

std::string find_model_type(std::string_view json) {
  constexpr std::string_view kModel = "\"model\"";
  for (auto at = json.find(kModel); at != std::string_view::npos; at = json.find(kModel, at + 1)) {
    // The key, not an added token of that name: an object follows. Its type stands before its vocabulary.
    std::string_view object = json.substr(at + kModel.size());
    if (!take(object, ':') || !take(object, '{')) continue;
    const std::string_view settings = object.substr(0, object.find("\"vocab\""));
    constexpr std::string_view kType = "\"type\"";
    if (const auto type = settings.find(kType); type != std::string_view::npos) {
      return string_after(settings.substr(type + kType.size()));
    }
    // Files of before 2020 state no type.
    if (settings.find("\"end_of_word_suffix\"") != std::string_view::npos) return "BPE";
    if (settings.find("\"max_input_chars_per_word\"") != std::string_view::npos) return "WordPiece";
  }
  return "";
}

TokenizerSummary summarise_tokenizer(const fs::path& directory) {
  if (path_exists(directory / "tokenizer.json")) {
    std::string type = model_type_of(directory / "tokenizer.json");
    const TokenizerKind kind = kind_of(type);
    return {kind, type.empty() ? "tokenizer.json" : std::move(type)};
  }
  for (const auto& [name, kind] : kFiles) {
    if (path_exists(directory / name)) return {kind, name};
  }
  return {};
}

}  // namespace minerva::hf
