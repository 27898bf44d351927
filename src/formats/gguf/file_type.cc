#include "formats/gguf/file_type.h"

#include <algorithm>
#include <array>

namespace minerva::gguf {
namespace {

using enum GgmlType;

struct FileType {
  std::uint64_t number;
  std::string_view name;
  GgmlType base;      ///< the type that names the mix
  GgmlType fallback;  ///< what the quantiser takes where rows are no multiple of the base's block
};
constexpr std::array kFileTypes = {
    FileType{0, "F32", F32, F32},
    FileType{1, "F16", F16, F16},
    FileType{2, "Q4_0", Q4_0, Q4_0},
    FileType{3, "Q4_1", Q4_1, Q4_1},
    FileType{7, "Q8_0", Q8_0, Q8_0},
    FileType{8, "Q5_0", Q5_0, Q5_0},
    FileType{9, "Q5_1", Q5_1, Q5_1},
    FileType{10, "Q2_K", Q2_K, Q4_0},
    FileType{11, "Q3_K_S", Q3_K, Q4_0},
    FileType{12, "Q3_K_M", Q3_K, Q4_0},
    FileType{13, "Q3_K_L", Q3_K, Q4_0},
    FileType{14, "Q4_K_S", Q4_K, Q5_0},
    FileType{15, "Q4_K_M", Q4_K, Q5_0},
    FileType{16, "Q5_K_S", Q5_K, Q5_1},
    FileType{17, "Q5_K_M", Q5_K, Q5_1},
    FileType{18, "Q6_K", Q6_K, Q8_0},
    FileType{19, "IQ2_XXS", IQ2_XXS, IQ4_NL},
    FileType{20, "IQ2_XS", IQ2_XS, IQ4_NL},
    FileType{21, "Q2_K_S", Q2_K, Q4_0},
    FileType{22, "IQ3_XS", IQ3_S, IQ3_XXS},
    FileType{23, "IQ3_XXS", IQ3_XXS, IQ4_NL},
    FileType{24, "IQ1_S", IQ1_S, IQ4_NL},
    FileType{25, "IQ4_NL", IQ4_NL, IQ4_NL},
    FileType{26, "IQ3_S", IQ3_S, IQ4_NL},
    FileType{27, "IQ3_M", IQ3_S, IQ4_NL},
    FileType{28, "IQ2_S", IQ2_XS, IQ4_NL},
    FileType{29, "IQ2_M", IQ2_S, IQ4_NL},
    FileType{30, "IQ4_XS", IQ4_XS, IQ4_NL},
    FileType{31, "IQ1_M", IQ1_M, IQ4_NL},
    FileType{32, "BF16", BF16, BF16},
    FileType{36, "TQ1_0", TQ1_0, Q4_0},
    FileType{37, "TQ2_0", TQ2_0, Q4_0},
    FileType{38, "MXFP4_MOE", MXFP4, MXFP4},
    FileType{39, "NVFP4", NVFP4, NVFP4},
    FileType{40, "Q1_0", Q1_0, Q1_0},
    FileType{41, "Q2_0", Q2_0, Q4_0},
};

const FileType* find(std::uint64_t number) noexcept {
  const auto found = std::ranges::find(kFileTypes, number, &FileType::number);
  return found == kFileTypes.end() ? nullptr : &*found;
}

}  // namespace

std::string_view file_type_name(std::uint64_t file_type) noexcept {
  const FileType* found = find(file_type);
  return found == nullptr ? std::string_view{} : found->name;
}

std::string quantisation_label(std::optional<std::uint64_t> file_type, std::span<const File> files) {
  std::array<std::uint64_t, 64> elements{};  // by type number
  for (const File& file : files) {
    for (const TensorInfo& tensor : file.tensors())
      elements[static_cast<std::size_t>(tensor.type)] += tensor.elements;
  }
  const auto has = [&](GgmlType type) { return elements[static_cast<std::size_t>(type)] > 0; };
  const FileType* stated = file_type ? find(*file_type) : nullptr;
  if (stated != nullptr && (has(stated->base) || has(stated->fallback))) return std::string(stated->name);
  const auto most = std::ranges::max_element(elements);
  if (*most == 0) return "";
  return std::string(find_ggml_type(static_cast<std::uint32_t>(most - elements.begin()))->name);
}

}  // namespace minerva::gguf
