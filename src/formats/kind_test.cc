#include "formats/kind.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

namespace minerva {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class EveryKind : public ::testing::TestWithParam<int> {};

TEST_P(EveryKind, IsToldWithARemedyUnlessItRuns) {
  const auto kind = static_cast<Kind>(GetParam());
  const Format format = format_of(kind);
  EXPECT_EQ(format == Format::Unknown, kind == Kind::UnknownFile || kind == Kind::UnknownDirectory ||
                                           kind == Kind::HfFlax || kind == Kind::OpenVino ||
                                           kind == Kind::Diffusion || kind == Kind::HubCacheEntry ||
                                           kind == Kind::Numpy);
  if (is_runnable(format)) return;
  const Error error = not_runnable(kind, "thing.bin").error();
  EXPECT_EQ(error.code, ErrorCode::InvalidRequest);
  EXPECT_THAT(error.message, HasSubstr("'thing.bin' is "));
  EXPECT_GT(error.message.size(), 20U);
  EXPECT_GT(error.remedy.size(), 30U);
  EXPECT_THAT(error.remedy, Not(HasSubstr("{")));  // every placeholder was filled
  EXPECT_TRUE(error.remedy.ends_with('.') || error.remedy.find("thing.bin") != std::string::npos ||
              error.remedy.ends_with("git lfs pull"))
      << error.remedy;
}
INSTANTIATE_TEST_SUITE_P(All, EveryKind, ::testing::Range(0, static_cast<int>(Kind::UnknownDirectory) + 1));

TEST(NotRunnable, GivesTheExactCommand) {
  EXPECT_THAT(
      not_runnable(Kind::OldGgml, "llama-7b.bin").error().remedy,
      HasSubstr("python convert_llama_ggml_to_gguf.py --input llama-7b.bin --output llama-7b.bin.gguf"));
  EXPECT_THAT(not_runnable(Kind::GgufAdapter, "lora.gguf").error().remedy,
              HasSubstr("llama-export-lora -m BASE.gguf --lora lora.gguf -o merged.gguf"));
  EXPECT_THAT(not_runnable(Kind::PeftAdapter, "my-lora").error().remedy,
              HasSubstr("from_pretrained('my-lora')"));
  EXPECT_THAT(not_runnable(Kind::GitLfsPointer, "m.gguf").error().remedy, HasSubstr("git lfs pull"));
  EXPECT_THAT(not_runnable(Kind::Tar, "m.tar").error().remedy, HasSubstr("tar -xf m.tar"));
  EXPECT_THAT(not_runnable(Kind::HfTensorFlow, "bert").error().remedy, HasSubstr("from_tf=True"));
  EXPECT_THAT(not_runnable(Kind::SafetensorsFile, "w.safetensors").error().remedy,
              HasSubstr("Put config.json and tokenizer.json"));
}

TEST(NotRunnable, PutsNoStrangeNameIntoACommand) {
  for (const auto* name : {"a b.zip", "$(reboot).zip", "x';rm -rf ~;'.zip", "-rf.zip", "", "a\n.zip"}) {
    const Error error = not_runnable(Kind::Zip, name).error();
    EXPECT_THAT(error.remedy, HasSubstr("unzip FILE")) << name;
  }
}

TEST(FormatName, IsUniqueAndStable) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(Format::Unknown); ++i) {
    EXPECT_TRUE(names.insert(format_name(static_cast<Format>(i))).second) << i;
  }
  EXPECT_EQ(format_name(Format::Gguf), "gguf");
  EXPECT_EQ(format_name(Format::HfSafetensors), "hf-safetensors");
  EXPECT_EQ(format_name(Format::HfMlx), "mlx");
  EXPECT_EQ(format_name(Format::Onnx), "onnx");
  EXPECT_TRUE(is_runnable(Format::HfTorchBin));
  EXPECT_FALSE(is_runnable(Format::Safetensors));
}

TEST(TokenizerKindName, IsUnique) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(TokenizerKind::Other); ++i) {
    EXPECT_TRUE(names.insert(tokenizer_kind_name(static_cast<TokenizerKind>(i))).second) << i;
  }
}

}  // namespace
}  // namespace minerva
