#include "formats/stand_in.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "base/file.h"
#include "base/limits.h"
#include "formats/kind.h"
#include "formats/quote.h"
#include "formats/sniff.h"

namespace minerva {
namespace {

constexpr std::string_view kSpaces = " \t\r\n";

Kind kind_of(std::string_view head, std::uint64_t file_bytes, std::string_view name) {
  return sniff(std::as_bytes(std::span(head.substr(0, limits::kDetectBytes))), file_bytes, name);
}

/// As not_runnable says it of a path; but here it is a part of a model, which is broken.
Error as_part(Kind kind, std::string_view name) {
  Error error = not_runnable(kind, name).error();
  error.code = ErrorCode::ModelLoading;
  return error;
}

/// The bytes from the first to the last that are no space.
std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(kSpaces);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpaces) + 1 - begin);
}

/// Whether a document opens and does not close.
bool is_cut(std::string_view text) {
  return (text.starts_with('{') && !text.ends_with('}')) || (text.starts_with('[') && !text.ends_with(']'));
}

}  // namespace

std::optional<Error> stand_in_error(std::string_view head, std::uint64_t file_bytes, std::string_view name) {
  const Kind kind = kind_of(head, file_bytes, name);
  if (kind != Kind::GitLfsPointer && kind != Kind::Html) return std::nullopt;
  return as_part(kind, name);
}

Result<std::string> read_model_file(const std::filesystem::path& path, std::uint64_t bytes_max,
                                    std::size_t padding) {
  MINERVA_ASSIGN(std::string content, read_file(path, bytes_max, padding));
  if (auto error = stand_in_error(content, content.size(), path.filename().string())) {
    return std::unexpected(*std::move(error));
  }
  return content;
}

std::unexpected<Error> not_json(std::string_view text, std::string_view name, std::string_view reason) {
  if (auto error = stand_in_error(text, text.size(), name)) return std::unexpected(*std::move(error));
  const auto bad = [&](std::string_view what, const char* remedy) {
    return model_loading(fmt::format("{} is not valid JSON: {}", quoted(name), what), remedy);
  };
  const std::string_view content = trimmed(text);
  if (content.empty()) return bad("it is empty", "The download did not start: download the file again.");
  if (is_cut(content)) {
    return bad(fmt::format("it ends in the middle, after {} bytes", text.size()),
               "The download was not finished, or the disk is full: download the file again.");
  }
  if (kind_of(text, text.size(), name) == Kind::PlainText) {
    const std::string_view line = content.substr(0, content.find_first_of("\r\n"));
    return bad(
        fmt::format("it holds the text {}", quoted(line)),
        "If that is a server's answer, it says why the download failed (a gated model: accept its terms "
        "and use your token, hf auth login). Download the file again.");
  }
  return bad(reason, "The file may be damaged, or was edited: correct it, or download it again.");
}

}  // namespace minerva
