#include "formats/gguf/file.h"

#include <algorithm>
#include <utility>

#include "formats/gguf/parser.h"

namespace minerva::gguf {

File::File(std::shared_ptr<const ByteSource> source) : source_(std::move(source)), metadata_(source_) {}

Result<File> File::open(const std::filesystem::path& path) {
  MINERVA_ASSIGN(minerva::File file, minerva::File::open(path));
  return parse(std::make_shared<minerva::File>(std::move(file)));
}

Result<File> File::parse(std::shared_ptr<const ByteSource> source) {
  return Parser(std::move(source)).parse();
}

const TensorInfo* File::find_tensor(std::string_view name) const noexcept {
  const auto found = std::ranges::find(tensors_, name, &TensorInfo::name);
  return found == tensors_.end() ? nullptr : &*found;
}

}  // namespace minerva::gguf
