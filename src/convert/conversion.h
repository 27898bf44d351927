// One conversion, planned and then written.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/error.h"
#include "convert/convert.h"
#include "convert/gguf_writer.h"
#include "convert/tensor_plan.h"

namespace minerva::convert {

/// All that a GGUF file will hold, but for the matrices' numbers, which stay in the directory's mapped files.
/// Movable; `write` by one thread at a time.
class Conversion {
 public:
  /// Errors: those of convert_to_gguf before anything is written.
  static Result<Conversion> plan(const ModelDescription& description, const ConversionOptions& options);

  std::uint64_t file_bytes() const noexcept { return layout_.file_bytes(); }
  const ConversionReport& report() const noexcept { return report_; }
  Result<void> write(const std::filesystem::path& out, OutputFile::Existing existing,
                     const LoadProgress& progress) const;

 private:
  Conversion(GgufLayout layout, TensorPlan plan, ConversionReport report);

  GgufLayout layout_;
  TensorPlan plan_;
  ConversionReport report_;
};

}  // namespace minerva::convert
