// The public entry points: what is it, and what does it hold?
#include "formats/gguf/describe.h"

#include <fmt/format.h>

#include <new>
#include <string>
#include <utility>

#include "formats/gguf/split.h"
#include "formats/hf/describe.h"
#include "formats/inspect.h"
#include "formats/quote.h"
#include "minerva/model_description.h"

namespace minerva {
namespace {

/// Runs `step`; running out of memory in a library is an error like any other.
template <class Step>
auto guarded(Step step) -> decltype(step()) {
  try {
    return step();
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::OutOfMemory, "there is not enough memory to read the headers of the model",
                "Close other programs, or raise the memory limit of this process.");
  } catch (const std::exception& error) {
    return internal_error(fmt::format("describing the model failed: {}", error.what()));
  }
}

Result<ModelDescription> describe_gguf(const Inspection& inspection) {
  if (inspection.gguf_files.size() != 1) {
    constexpr std::size_t kShown = 16;
    std::string names;
    for (const auto& file : inspection.gguf_files) {
      if (&file - inspection.gguf_files.data() == kShown) break;
      names += fmt::format("{}{}", names.empty() ? "" : ", ", quoted(file.filename().string()));
    }
    if (inspection.gguf_files.size() > kShown) names += " ...";
    return invalid_request(
        fmt::format("the directory {} holds {} GGUF models: {}", quoted(display_name(inspection.path)),
                    inspection.gguf_files.size(), names),
        "Give the path of one of these files.");
  }
  const auto& path = inspection.gguf_files.front();
  auto model = gguf::open_model(path);
  if (!model) {
    // In a directory, a .gguf may be anything: say what it is.
    const auto file = inspection.is_directory ? inspect(path) : inspection;
    if (file && format_of(file->kind) != Format::Gguf && file->kind != Kind::UnknownFile) {
      return not_runnable(file->kind, display_name(path));
    }
    return std::unexpected(std::move(model).error());
  }
  return gguf::describe_model(*model);
}

/// A file that has the name of a format it is not, so far as its bytes go.
bool is_damaged_weight_file(const Inspection& inspection) {
  const auto extension = inspection.path.extension();
  return (inspection.kind == Kind::UnknownFile || inspection.kind == Kind::EmptyFile) &&
         (extension == ".gguf" || extension == ".safetensors");
}

Result<ModelDescription> describe_inspected(const Inspection& inspection) {
  const Format format = format_of(inspection.kind);
  if (format == Format::Gguf) return describe_gguf(inspection);
  if (is_runnable(format)) return hf::describe_directory(inspection.path, format);
  const std::string name = display_name(inspection.path);
  if (is_damaged_weight_file(inspection)) {
    return model_loading(
        fmt::format("{} {}", quoted(name),
                    inspection.kind == Kind::EmptyFile
                        ? "is empty"
                        : fmt::format("is no {} file: it does not begin as one",
                                      inspection.path.extension() == ".gguf" ? "GGUF" : "safetensors")),
        kDownloadAgain);
  }
  return not_runnable(inspection.kind, name, inspection.holds ? "holds" : "is");
}

}  // namespace

Result<Format> detect(const std::filesystem::path& path) {
  return guarded([&]() -> Result<Format> {
    MINERVA_ASSIGN(const Inspection inspection, inspect(path));
    return format_of(inspection.kind);
  });
}

Result<ModelDescription> describe(const std::filesystem::path& path) {
  return guarded([&]() -> Result<ModelDescription> {
    MINERVA_ASSIGN(const Inspection inspection, inspect(path));
    MINERVA_ASSIGN(ModelDescription description, describe_inspected(inspection));
    description.path = inspection.path;
    return description;
  });
}

}  // namespace minerva
