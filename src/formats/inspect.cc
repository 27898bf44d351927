#include "formats/inspect.h"

#include <fmt/format.h>

#include <array>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "base/limits.h"
#include "formats/inspect_directory.h"
#include "formats/quote.h"
#include "formats/sniff.h"

namespace minerva {
namespace {

namespace fs = std::filesystem;

std::unexpected<Error> nothing_there(const fs::path& path, std::error_code error) {
  std::error_code ignored;
  if (fs::is_symlink(fs::symlink_status(path, ignored))) {
    return invalid_request(fmt::format("{} is a link to something that is not there", quoted(path.string())),
                           "Download the model again: the file that the link names was moved or removed.");
  }
  if (error && error != std::errc::no_such_file_or_directory && error != std::errc::not_a_directory) {
    return invalid_request(fmt::format("{} cannot be read: {}", quoted(path.string()), error.message()),
                           "Check the path and that this user may read it.");
  }
  return invalid_request(
      fmt::format("there is no file or directory {}", quoted(path.string())),
      "Check the spelling, and that the path is relative to the current directory or absolute.");
}

/// The folder's real path, the last part as given: files of the Hugging Face cache are links whose targets'
/// names say nothing.
fs::path canonical_but_last(const fs::path& path, bool is_directory) {
  std::error_code error;
  if (is_directory) {
    fs::path whole = fs::canonical(path, error);
    return error ? path : whole;
  }
  const fs::path folder = fs::canonical(path.has_parent_path() ? path.parent_path() : fs::path("."), error);
  return error ? path : folder / path.filename();
}

Result<void> inspect_file(Inspection& out) {
  MINERVA_ASSIGN(const File file, File::open(out.path, ErrorCode::InvalidRequest));
  std::array<std::byte, limits::kDetectBytes> buffer{};
  const auto head =
      std::span(buffer).first(static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), file.size())));
  if (const auto read = file.read(0, head); !read) {
    return invalid_request(read.error().message, read.error().remedy);
  }
  out.kind = sniff(head, file.size(), file.name());
  if (out.kind == Kind::Gguf) out.gguf_files = {out.path};
  const bool torch = out.kind == Kind::TorchZip || out.kind == Kind::TorchLegacyPickle;
  if ((torch || out.kind == Kind::SafetensorsFile) && path_exists(out.path.parent_path() / "config.json")) {
    out.kind = torch ? Kind::TorchInModelDirectory : Kind::SafetensorsInModelDirectory;
  }
  return {};
}

}  // namespace

std::string display_name(const fs::path& path) {
  const fs::path name = path.has_filename() ? path.filename() : path.parent_path().filename();
  return name.empty() ? path.string() : name.string();
}

Result<Inspection> inspect(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (path.empty() || !fs::exists(status)) return nothing_there(path, error);
  Inspection out;
  out.is_directory = fs::is_directory(status);
  out.path = canonical_but_last(path, out.is_directory);
  MINERVA_TRY(out.is_directory ? inspect_directory(out) : inspect_file(out));
  return out;
}

}  // namespace minerva
