#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>

#include "minerva/model_description.h"
#include "support/gguf_builder.h"
#include "support/temp_dir.h"

namespace minerva {
namespace {

using ::testing::HasSubstr;
using testing::tiny_llama;

TEST(Describe, ReadsAGgufFile) {
  const testing::TempDir dir;
  const auto path = dir.write("tiny.gguf", tiny_llama().build());
  const auto d = describe(path);
  ASSERT_TRUE(d) << d.error().message;
  EXPECT_EQ(d->path, std::filesystem::canonical(path));
  EXPECT_EQ(d->format, Format::Gguf);
  EXPECT_EQ(d->weight_files, std::vector{d->path});
}

TEST(Describe, TakesADirectoryWithOneGguf) {
  const testing::TempDir dir;
  dir.write("tiny.gguf", tiny_llama().build());
  dir.write("README.md", "x");
  const auto d = describe(dir.path());
  ASSERT_TRUE(d) << d.error().message;
  EXPECT_EQ(d->path, std::filesystem::canonical(dir.path()));
  ASSERT_EQ(d->weight_files.size(), 1U);
  EXPECT_EQ(d->weight_files[0].filename(), "tiny.gguf");
}

TEST(Describe, ListsTheModelsOfADirectoryWithSeveral) {
  const testing::TempDir dir;
  for (const auto* name : {"a.gguf", "b.gguf"}) dir.write(name, tiny_llama().build());
  const auto d = describe(dir.path());
  ASSERT_FALSE(d);
  EXPECT_EQ(d.error().code, ErrorCode::InvalidRequest);
  EXPECT_THAT(d.error().message, HasSubstr("2 GGUF models: 'a.gguf', 'b.gguf'"));
  EXPECT_THAT(d.error().remedy, HasSubstr("one of these"));
}

TEST(Describe, TakesADirectoryWithASplitGguf) {
  const testing::TempDir dir;
  auto first = tiny_llama();
  first.kv<std::uint16_t>("split.no", 0).kv<std::uint16_t>("split.count", 2);
  testing::GgufBuilder second;
  second.kv<std::uint16_t>("split.no", 1).kv<std::uint16_t>("split.count", 2).f32_tensor("extra", {32});
  dir.write("m-00001-of-00002.gguf", first.build());
  auto d = describe(dir.path());
  ASSERT_FALSE(d);
  EXPECT_EQ(d.error().code, ErrorCode::ModelLoading);
  EXPECT_THAT(d.error().message, HasSubstr("'m-00002-of-00002.gguf'"));
  dir.write("m-00002-of-00002.gguf", second.build());
  for (const auto& path : {dir.path(), dir.path() / "m-00002-of-00002.gguf"}) {
    d = describe(path);
    ASSERT_TRUE(d) << d.error().message;
    EXPECT_EQ(d->weight_files.size(), 2U);
    EXPECT_EQ(d->tensor_count, 12U);
  }
}

struct Foreign {
  const char* file;
  std::string content;
  Format format;
  const char* message;
  const char* remedy;
};
void PrintTo(const Foreign& foreign, std::ostream* out) {
  *out << foreign.file;
}

const Foreign kForeign[] = {
    {"m.safetensors", std::string("\x02\0\0\0\0\0\0\0{}", 10), Format::Safetensors, "one safetensors file",
     "Put config.json and tokenizer.json"},
    {"old.bin", "tjgg\x03", Format::OldGgml, "old ggml format",
     "convert_llama_ggml_to_gguf.py --input old.bin"},
    {"m.tflite", std::string("\x1C\0\0\0TFL3", 8), Format::TfLite, "TensorFlow Lite", "hf download"},
    {"m.h5", "\x89HDF\r\n\x1A\n", Format::KerasHdf5, "HDF5", "from_tf=True"},
    {"p.gguf", "version https://git-lfs.github.com/spec/v1\n", Format::Text, "Git LFS pointer",
     "git lfs pull"},
    {"h.gguf", "<!DOCTYPE html>", Format::Text, "web page", "/resolve/"},
    {"t.txt", "hello", Format::Text, "text file", "GGUF files"},
    {"e.bin", "", Format::Empty, "an empty file", "download"},
    {"a.zip", std::string("PK\x05\x06\0\0", 6), Format::Archive, "zip archive", "unzip a.zip"},
    {"x.xyz", std::string(64, '\xFE'), Format::Unknown, "in no format that Minerva knows", "GGUF files"},
};
class DescribeForeign : public ::testing::TestWithParam<Foreign> {};
TEST_P(DescribeForeign, SaysWhatItIsAndWhatToDo) {
  const testing::TempDir dir;
  const auto path = dir.write(GetParam().file, GetParam().content);
  const auto format = detect(path);
  ASSERT_TRUE(format);
  EXPECT_EQ(*format, GetParam().format);
  const auto d = describe(path);
  ASSERT_FALSE(d);
  EXPECT_EQ(d.error().code, ErrorCode::InvalidRequest);
  EXPECT_THAT(d.error().message, HasSubstr(GetParam().message));
  EXPECT_THAT(d.error().message, HasSubstr(GetParam().file));
  EXPECT_THAT(d.error().remedy, HasSubstr(GetParam().remedy));
}
INSTANTIATE_TEST_SUITE_P(Files, DescribeForeign, ::testing::ValuesIn(kForeign));

TEST(Describe, CallsADirectoryByWhatItHolds) {
  const testing::TempDir dir;
  dir.write("model.onnx", "x");
  const auto d = describe(dir.path());
  ASSERT_FALSE(d);
  EXPECT_EQ(d.error().code, ErrorCode::InvalidRequest);
  EXPECT_THAT(d.error().message, HasSubstr("holds an ONNX model"));
}

TEST(Describe, CallsADamagedWeightFileDamaged) {
  const testing::TempDir dir;
  const std::pair<const char*, std::string> cases[] = {{"zeros.gguf", std::string(5000, '\0')},
                                                       {"empty.gguf", ""},
                                                       {"cut.gguf", "GG\x01"},
                                                       {"cut.safetensors", std::string("\x02\0\0", 3)},
                                                       {"magic.gguf", "GGUF"}};
  for (const auto& [name, content] : cases) {
    const auto d = describe(dir.write(name, content));
    ASSERT_FALSE(d) << name;
    EXPECT_EQ(d.error().code, ErrorCode::ModelLoading) << name;
    EXPECT_THAT(d.error().message, HasSubstr(name));
    EXPECT_THAT(d.error().remedy, HasSubstr("corrupted or incomplete"));
  }
}

TEST(Describe, LooksIntoAGgufOfADirectoryThatIsNone) {
  const testing::TempDir dir;
  dir.write("m.gguf", "version https://git-lfs.github.com/spec/v1\n");
  const auto d = describe(dir.path());
  ASSERT_FALSE(d);
  EXPECT_THAT(d.error().message, HasSubstr("'m.gguf' is a Git LFS pointer"));
  EXPECT_THAT(d.error().remedy, HasSubstr("git lfs pull"));
}

TEST(Describe, RefusesAnAdapter) {
  const testing::TempDir dir;
  testing::GgufBuilder builder;
  builder.string("general.architecture", "llama").string("general.type", "adapter").f32_tensor("a", {8});
  const auto path = dir.write("lora.gguf", builder.build());
  EXPECT_EQ(detect(path).value_or(Format::Unknown), Format::LoraAdapter);
  // Where no glance at the first bytes shows it, the description does.
  auto hidden = tiny_llama();
  hidden.erase("general.type").string("general.type", "adapter");
  for (const auto& file : {path, dir.write("hidden.gguf", hidden.build())}) {
    const auto d = describe(file);
    ASSERT_FALSE(d);
    EXPECT_EQ(d.error().code, ErrorCode::InvalidRequest);
    EXPECT_THAT(d.error().remedy, HasSubstr("llama-export-lora"));
  }
}

// ---- real models

template <class Step>
double fastest_ms(Step step) {
  double best = 1e9;
  for (int i = 0; i < 20; ++i) {
    const auto start = std::chrono::steady_clock::now();
    step();
    best = std::min(
        best, std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

TEST(DescribeModel, ReadsSmolLm2) {
  const auto path = testing::smollm2_gguf();
  MINERVA_NEEDS_MODEL(path);
  const auto d = describe(path);
  ASSERT_TRUE(d) << d.error().message;
  EXPECT_EQ(d->architecture, "llama");
  EXPECT_EQ(d->quantisation, "Q4_1");
  EXPECT_EQ(d->parameter_count, 134'515'008U);
  EXPECT_EQ(d->tensor_count, 272U);
  EXPECT_EQ(d->layer_count, 30U);
  EXPECT_EQ(d->kv_head_count, 3U);
  EXPECT_EQ(d->vocabulary_size, 49'152U);
  EXPECT_EQ(d->tokenizer_detail, "gpt2/smollm");
  EXPECT_EQ(d->chat_templates.size(), 1U);
}

TEST(DescribeModel, ReadsGemmaWithinItsTime) {
  const auto path = testing::gemma3_gguf();
  MINERVA_NEEDS_MODEL(path);
  const auto d = describe(path);
  ASSERT_TRUE(d) << d.error().message;
  EXPECT_EQ(d->architecture, "gemma3");
  EXPECT_EQ(d->quantisation, "Q4_K_M");
  EXPECT_EQ(d->vocabulary_size, 262'144U);
  EXPECT_EQ(d->parameter_count, 268'098'176U);
#ifdef NDEBUG
  EXPECT_LE(fastest_ms([&] { EXPECT_TRUE(describe(path)); }), 5.0);
  EXPECT_LE(fastest_ms([&] { EXPECT_TRUE(detect(path)); }), 0.1);
#else
  EXPECT_LE(fastest_ms([&] { EXPECT_TRUE(describe(path)); }), 100.0);
#endif
}

TEST(DescribeModel, ReadsMiniLm) {
  const auto path = testing::minilm_dir();
  MINERVA_NEEDS_MODEL(path);
  const auto d = describe(path);
  ASSERT_TRUE(d) << d.error().message;
  EXPECT_EQ(d->architecture, "bert");
  EXPECT_EQ(d->tokenizer, TokenizerKind::WordPiece);
  EXPECT_EQ(d->parameter_count, 22'713'728U);
}

}  // namespace
}  // namespace minerva
