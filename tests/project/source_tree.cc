#include "project/source_tree.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

#include "support/paths.h"

namespace minerva::testing {
namespace fs = std::filesystem;
namespace {

ProjectFile read(const fs::path& root, const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + file.string());
  return {.path = fs::relative(file, root).generic_string(),
          .text = std::string(std::istreambuf_iterator<char>(in), {})};
}

// Blanks `source` from `begin` to `end`, line ends excepted.
void blank(std::string& source, std::size_t begin, std::size_t end) {
  for (std::size_t i = begin; i < end; ++i)
    if (source[i] != '\n') source[i] = ' ';
}

// Where the literal that opens at `begin` ends: one past its closing quote.
std::size_t end_of_literal(std::string_view source, std::size_t begin) {
  for (std::size_t i = begin + 1; i < source.size(); ++i) {
    if (source[i] == '\\')
      ++i;
    else if (source[i] == source[begin] || source[i] == '\n')
      return i + 1;
  }
  return source.size();
}

// The same for a raw string literal, whose opening quote is at `quote`.
std::size_t end_of_raw_literal(std::string_view source, std::size_t quote) {
  const std::size_t open = source.find('(', quote);
  if (open == std::string_view::npos) return source.size();
  const std::string close = ")" + std::string(source.substr(quote + 1, open - quote - 1)) + "\"";
  const std::size_t found = source.find(close, open);
  return found == std::string_view::npos ? source.size() : found + close.size();
}

}  // namespace

std::vector<ProjectFile> project_files(const std::vector<std::string>& folders,
                                       const std::vector<std::string>& endings) {
  const fs::path root = source_root();
  const auto wanted = [&](const fs::directory_entry& entry) {
    const std::string name = entry.path().filename().string();
    return entry.is_regular_file() && (endings.empty() || std::ranges::any_of(endings, [&](const auto& e) {
                                         return name.ends_with(e);
                                       }));
  };
  std::vector<ProjectFile> files;
  for (const auto& folder : folders) {
    if (folder.empty()) {
      for (const auto& entry : fs::directory_iterator(root))
        if (wanted(entry)) files.push_back(read(root, entry.path()));
    } else if (fs::exists(root / folder)) {
      for (const auto& entry : fs::recursive_directory_iterator(root / folder))
        if (wanted(entry)) files.push_back(read(root, entry.path()));
    }
  }
  std::ranges::sort(files, {}, &ProjectFile::path);
  return files;
}

std::vector<Include> includes_of(std::string_view source) {
  std::vector<Include> found;
  for (std::size_t number = 1; !source.empty(); ++number) {
    std::string_view line = source.substr(0, source.find('\n'));
    source.remove_prefix(std::min(line.size() + 1, source.size()));
    for (const std::string_view expected : {"#", "include"}) {
      line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
      if (!line.starts_with(expected)) line = {};
      line.remove_prefix(std::min(expected.size(), line.size()));
    }
    const std::size_t open = line.find_first_of("<\"");
    if (open == std::string_view::npos) continue;
    const std::size_t close = line.find_first_of(">\"", open + 1);
    if (close == std::string_view::npos) continue;
    found.push_back({.name = std::string(line.substr(open + 1, close - open - 1)),
                     .angled = line[open] == '<',
                     .line = number});
  }
  return found;
}

std::string without_comments_and_strings(std::string_view source) {
  std::string text(source);
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i + 1;
    if (text.compare(i, 2, "//") == 0) {
      end = std::min(text.find('\n', i), text.size());
      blank(text, i, end);
    } else if (text.compare(i, 2, "/*") == 0) {
      end = std::min(text.find("*/", i + 2), text.size() - 2) + 2;
      blank(text, i, end);
    } else if (text[i] == '"') {
      end = i > 0 && text[i - 1] == 'R' ? end_of_raw_literal(text, i) : end_of_literal(text, i);
      blank(text, i + 1, end - 1);
    } else if (text[i] == '\'' && (i == 0 || !is_word(text[i - 1]))) {  // else a digit separator
      end = end_of_literal(text, i);
      blank(text, i + 1, end - 1);
    }
    i = end;
  }
  return text;
}

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

std::size_t line_of(std::string_view source, std::size_t offset) {
  return 1 + static_cast<std::size_t>(std::ranges::count(source.substr(0, offset), '\n'));
}

}  // namespace minerva::testing
