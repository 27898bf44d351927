#include "formats/sniff.h"

#include <gtest/gtest.h>

#include <cstring>
#include <optional>
#include <string>

#include "base/limits.h"
#include "support/gguf_builder.h"

namespace minerva {
namespace {

using namespace std::string_literals;
using testing::gguf_bytes;
using testing::GgufBuilder;

/// A local file header of a zip, stored, and its content.
std::string zip_entry(const std::string& name, const std::string& content, std::uint16_t flags = 0) {
  return "PK\x03\x04\x14\0"s + gguf_bytes<std::uint16_t>(flags) + std::string(10, '\0') +
         gguf_bytes<std::uint32_t>((flags & 8U) != 0 ? 0U : static_cast<std::uint32_t>(content.size())) +
         gguf_bytes<std::uint32_t>(static_cast<std::uint32_t>(content.size())) +
         gguf_bytes<std::uint16_t>(static_cast<std::uint16_t>(name.size())) + gguf_bytes<std::uint16_t>(0) +
         name + content;
}

/// A protocol buffer field of bytes; `length` when the content shown is only its beginning.
std::string proto(unsigned number, const std::string& content, std::optional<unsigned> length = {}) {
  const auto varint = [](unsigned value) {
    std::string out;
    for (; value >= 0x80; value >>= 7U) out += static_cast<char>(value | 0x80U);
    return out + static_cast<char>(value);
  };
  return varint(number << 3U | 2U) + varint(length.value_or(static_cast<unsigned>(content.size()))) + content;
}

std::string safetensors(const std::string& json, std::size_t data) {
  return gguf_bytes<std::uint64_t>(json.size()) + json + std::string(data, '\0');
}

struct Case {
  const char* name;
  Kind kind;
  std::string bytes;
  const char* file = "file";
  std::uint64_t more_bytes = 0;  ///< of the file, beyond `bytes`
};
void PrintTo(const Case& c, std::ostream* out) {
  *out << c.name;
}

const std::string kOnnx =
    "\x08\x09"s + proto(2, "pytorch") + proto(3, "2.4.0") + proto(7, "\x0A\x05node", 5000);
const std::string kNode = proto(1, proto(1, "input") + proto(2, "Placeholder") + proto(3, "x"));

const Case kCases[] = {
    {"gguf", Kind::Gguf, GgufBuilder().string("general.architecture", "llama").build()},
    {"gguf_magic_only", Kind::Gguf, "GGUF"},
    {"gguf_type_model", Kind::Gguf, GgufBuilder().string("general.type", "model").build()},
    {"gguf_big_endian", Kind::Gguf, GgufBuilder().version(0x03000000).build()},
    {"gguf_adapter", Kind::GgufAdapter,
     GgufBuilder()
         .string("general.architecture", "llama")
         .u32("x", 1)
         .string("general.type", "adapter")
         .build()},
    {"gguf_lying", Kind::Gguf, GgufBuilder().raw_record(testing::gguf_string("k", ~0ULL)).build()},
    {"safetensors", Kind::SafetensorsFile, safetensors("{}", 0)},
    {"safetensors_long", Kind::SafetensorsFile, safetensors("{" + std::string(3000, ' '), 0), "file", 100},
    {"safetensors_cut", Kind::SafetensorsFile, "\xFF\xFF\0\0\0\0\0\0{"s, "model.safetensors"},
    {"not_safetensors", Kind::UnknownFile, "\xFF\xFF\0\0\0\0\0\0{"s},
    {"onnx", Kind::Onnx, kOnnx, "model.onnx", 5000},
    {"onnx_any_name", Kind::Onnx, kOnnx, "download", 5000},
    {"onnx_graph_first", Kind::Onnx, "\x08\x07"s + proto(7, "\x0A\x05node", 5000), "x", 5000},
    {"onnx_opset", Kind::Onnx, "\x08\x07"s + proto(8, "\x0A\0\x10\x0D"s) + proto(7, "\x0A\x05node", 500), "x",
     500},
    {"onnx_runtime", Kind::OnnxRuntime, "\x20\0\0\0ORTM\0\0\0\0"s},
    {"saved_model", Kind::TensorFlowSavedModel,
     "\x08\x01"s + proto(2, "\x0A\x20\x12\x1E" + std::string(28, 'a'), 9000), "saved_model.pb", 9000},
    {"graph", Kind::TensorFlowGraph, kNode + kNode, "frozen.pb"},
    {"core_ml", Kind::CoreMl, "\x08\x04"s + proto(2, proto(1, proto(1, "input")), 100), "x.mlmodel", 100},
    {"core_ml_any_name", Kind::CoreMl,
     "\x08\x04"s + proto(2, proto(1, proto(1, "input"))) + proto(502, "\x08\x01", 90), "x", 90},
    {"hdf5", Kind::KerasHdf5, "\x89HDF\r\n\x1A\n\0\0\0\0"s},
    {"keras", Kind::KerasZip, zip_entry("metadata.json", "{}") + zip_entry("config.json", "{}"), "x"},
    {"keras_by_weights", Kind::KerasZip, zip_entry("a", "1") + zip_entry("model.weights.h5", "x"), "x"},
    {"keras_by_name", Kind::KerasZip, zip_entry("metadata.json", "{}", 8), "m.keras"},
    {"tflite", Kind::TfLite, "\x1C\0\0\0TFL3\x14\0\x20\0"s},
    {"ggml", Kind::OldGgml, "lmgg\0\x7D\0\0"s},
    {"ggmf", Kind::OldGgml, "fmgg\x01\0\0\0"s},
    {"ggjt", Kind::OldGgml, "tjgg\x03\0\0\0"s},
    {"ggla", Kind::GgmlAdapter, "algg\x01\0\0\0"s},
    {"torch", Kind::TorchZip, zip_entry("archive/data.pkl", "\x80\x02}."), "pytorch_model.bin"},
    {"torch_later_entry", Kind::TorchZip,
     zip_entry("archive/version", "3\n") + zip_entry("archive/data.pkl", "x")},
    {"torch_descriptor", Kind::TorchZip, zip_entry("archive/data.pkl", "\x80\x02}.", 8)},
    {"torch_legacy", Kind::TorchLegacyPickle, "\x80\x02\x8A\x0Al\xFC\x9C\x46\xF9 j\xA8P\x19.\x80\x02"s},
    {"pickle_2", Kind::Pickle, "\x80\x02}q\x01."s},
    {"pickle_4", Kind::Pickle, "\x80\x04\x95\x10\0\0\0\0\0\0\0"s},
    {"pickle_5", Kind::Pickle, "\x80\x05\x95\x10\0\0\0\0\0\0\0"s},
    {"npz", Kind::Numpy, zip_entry("weights.npy", "\x93NUMPY")},
    {"npy", Kind::Numpy, "\x93NUMPY\x01\0v\0{"s},
    {"zip", Kind::Zip, zip_entry("readme.txt", "hello")},
    {"zip_empty", Kind::Zip, "PK\x05\x06"s + std::string(18, '\0')},
    {"zip_cut", Kind::Zip, "PK\x03\x04\x14\0"s},
    {"zip_name_cut", Kind::Zip, zip_entry(std::string(60'000, 'n'), "").substr(0, 4096), "file", 60'000},
    {"gzip", Kind::Gzip, "\x1F\x8B\x08\0\0\0\0\0"s},
    {"bzip2", Kind::Bzip2, "BZh91AY&SY\xAA\xBB"s},
    {"xz", Kind::Xz, "\xFD\x37zXZ\0\0\x04"s},
    {"zstd", Kind::Zstd, "\x28\xB5\x2F\xFD\x04\0"s},
    {"seven_zip", Kind::SevenZip, "7z\xBC\xAF\x27\x1C\0\x04"s},
    {"rar", Kind::Rar, "Rar!\x1A\x07\x01\0"s},
    {"tar", Kind::Tar,
     "model/config.json"s + std::string(240, '\0') + "ustar\00000"s + std::string(300, '\0')},
    {"lfs", Kind::GitLfsPointer,
     "version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 98362432\n"},
    {"html", Kind::Html, "\n <!DOCTYPE html><html><body>404</body></html>"},
    {"html_short", Kind::Html, "<HTML><head>"},
    {"html_bom", Kind::Html, "\xEF\xBB\xBF<!doctype HTML>"},
    {"json", Kind::Json, "{\"model_type\": \"llama\"}"},
    {"json_error", Kind::Json, "{\"error\":\"Repository not found\"}", "model.gguf"},
    {"json_list", Kind::Json, "[1]"},
    {"text", Kind::PlainText, "Entry not found"},
    {"text_utf8", Kind::PlainText,
     "Gr\xC3\xBC\xC3\x9F"
     "e"},
    {"text_cut_in_a_character", Kind::PlainText, "Gr\xC3\xBC\xC3", "file", 10},
    {"text_ends_in_half_a_character", Kind::UnknownFile, "Gr\xC3\xBC\xC3"},
    {"empty", Kind::EmptyFile, ""},
    {"zeros", Kind::UnknownFile, std::string(4096, '\0')},
    {"ones", Kind::UnknownFile, std::string(4096, '\xFF')},
    {"one_zero", Kind::UnknownFile, "\0"s},
    {"magic_almost", Kind::UnknownFile, "GGU\0\0\0\0"s},
    {"png", Kind::UnknownFile, "\x89PNG\r\n\x1A\n\0\0\0\rIHDR"s},
    {"elf", Kind::UnknownFile,
     "\x7F"
     "ELF\x02\x01\x01\0\0\0\0\0\0\0\0\0"s},
};

class Sniff : public ::testing::TestWithParam<Case> {};

Kind sniff_bytes(std::string_view bytes, std::uint64_t file_bytes, std::string_view name) {
  const auto head = std::as_bytes(std::span(bytes)).first(std::min(bytes.size(), limits::kDetectBytes));
  return sniff(head, file_bytes, name);
}

TEST_P(Sniff, TellsTheKind) {
  const Case& c = GetParam();
  EXPECT_EQ(sniff_bytes(c.bytes, c.bytes.size() + c.more_bytes, c.file), c.kind);
}

TEST_P(Sniff, LooksAtNothingBeyondTheBytesItGets) {
  // Under AddressSanitizer an access beyond a cut copy is an error.
  const Case& c = GetParam();
  const std::size_t most = std::min(c.bytes.size(), limits::kDetectBytes);
  for (std::size_t length = 0; length <= most; length += most > 600 ? 37 : 1) {
    const std::vector<char> copy(c.bytes.begin(), c.bytes.begin() + static_cast<std::ptrdiff_t>(length));
    const std::string_view bytes(copy.data(), copy.size());
    EXPECT_LE(sniff_bytes(bytes, c.bytes.size(), c.file), Kind::UnknownDirectory);
    EXPECT_LE(sniff_bytes(bytes, bytes.size(), c.file), Kind::UnknownDirectory);
  }
}
INSTANTIATE_TEST_SUITE_P(Files, Sniff, ::testing::ValuesIn(kCases),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace minerva
