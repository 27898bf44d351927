// What a new user reads about a directory or file that does not run: the true cause, and what to do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "formats/checkpoint.h"
#include "minerva/model_description.h"
#include "support/pickle_builder.h"
#include "support/temp_dir.h"

namespace minerva {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct File {
  std::string name;
  std::string content;
};

struct Refusal {
  const char* name;
  std::vector<File> files;  ///< beside, or in place of, those of a small sound directory
  const char* message;
  const char* remedy;
};
void PrintTo(const Refusal& refusal, std::ostream* out) {
  *out << refusal.name;
}

/// A safetensors file of F32 vectors of two elements.
std::string tensors(const std::vector<std::string>& names) {
  std::string header = "{";
  std::size_t bytes = 0;
  for (const std::string& name : names) {
    header += (bytes > 0 ? ",\"" : "\"") + name + R"(":{"dtype":"F32","shape":[2],"data_offsets":[)" +
              std::to_string(bytes) + "," + std::to_string(bytes + 8) + "]}";
    bytes += 8;
  }
  header += "}";
  return testing::little_endian(header.size(), 8) + header + std::string(bytes, '\0');
}

const std::string kPointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 17\n";
const std::string kPage = "<!DOCTYPE html><html><title>Sign in</title></html>";
const std::string kIndex = R"({"weight_map":{"a":"model-00001-of-00001.safetensors"}})";
const std::string kSound = R"({"model_type":"llama","vocab_size":8})";

std::string with(std::string_view section) {
  return kSound.substr(0, kSound.size() - 1) + "," + std::string(section) + "}";
}

const std::vector<Refusal> kRefusals = {
    {"lfs_config", {{"config.json", kPointer}}, "'config.json' is a Git LFS pointer", "git lfs pull"},
    {"lfs_tokenizer_config",
     {{"tokenizer_config.json", kPointer}},
     "'tokenizer_config.json' is a Git LFS pointer",
     "git lfs pull"},
    {"lfs_template",
     {{"chat_template.jinja", kPointer}},
     "'chat_template.jinja' is a Git LFS pointer",
     "git lfs pull"},
    {"lfs_weights",
     {{"model.safetensors", kPointer}},
     "'model.safetensors' is a Git LFS pointer",
     "git lfs pull"},
    {"lfs_index",
     {{"model.safetensors", ""}, {"model.safetensors.index.json", kPointer}},
     "'model.safetensors.index.json' is a Git LFS pointer",
     "git lfs pull"},
    {"lfs_shard",
     {{"model.safetensors", ""},
      {"model.safetensors.index.json", kIndex},
      {"model-00001-of-00001.safetensors", kPointer}},
     "'model-00001-of-00001.safetensors' is a Git LFS pointer",
     "git lfs pull"},
    {"lfs_bin",
     {{"model.safetensors", ""}, {"pytorch_model.bin", kPointer}},
     "'pytorch_model.bin' is a Git LFS pointer",
     "git lfs pull"},
    {"page_config", {{"config.json", kPage}}, "'config.json' is a web page (HTML)", "hf auth login"},
    {"page_weights",
     {{"model.safetensors", kPage}},
     "'model.safetensors' is a web page (HTML)",
     "hf auth login"},
    {"page_bin",
     {{"model.safetensors", ""}, {"pytorch_model.bin", kPage}},
     "'pytorch_model.bin' is a web page (HTML)",
     "hf auth login"},
    {"denied_config",
     {{"config.json", "Access to model org/name is restricted.\n"}},
     "'config.json' is not valid JSON: it holds the text 'Access to model org/name is restricted.'",
     "hf auth login"},
    {"denied_weights",
     {{"model.safetensors", "Access denied"}},
     "'model.safetensors' is a text file",
     "why the download failed"},
    {"empty_config",
     {{"config.json", " \n"}},
     "'config.json' is not valid JSON: it is empty",
     "download the file again"},
    {"empty_weights", {{"model.safetensors", "-"}}, "'model.safetensors'", "again"},
    {"cut_config",
     {{"config.json", R"({"model_type":"llama","vocab)"}},
     "it ends in the middle, after 28 bytes",
     "The download was not finished"},
    {"broken_config",
     {{"config.json", R"({"model_type" "llama"})"}},
     "'config.json' is not valid JSON: parse error at",
     "correct it, or download it again"},
    {"gptq_side_file",
     {{"quantize_config.json", R"({"bits":4})"},
      {"model.safetensors", tensors({"q.qweight", "q.qzeros", "q.scales"})}},
     "'quantize_config.json': the weights are quantised with GPTQ, which Minerva does not read",
     "a GGUF file"},
    {"gptq_tensors",
     {{"model.safetensors", tensors({"q.qweight", "q.g_idx"})}},
     "'model.safetensors': the weights are quantised with GPTQ, which",
     "a GGUF file"},
    {"awq_side_file",
     {{"quant_config.json", R"({"w_bit":4})"}, {"model.safetensors", tensors({"q.qweight"})}},
     "'quant_config.json': the weights are quantised with AWQ, which",
     "a GGUF file"},
    {"modelopt_side_file",
     {{"hf_quant_config.json", R"({"producer":{"name":"modelopt"}})"},
      {"model.safetensors", tensors({"q.weight", "q.weight_scale_2"})}},
     "'hf_quant_config.json': the weights are quantised with NVIDIA ModelOpt, which",
     "a GGUF file"},
    {"bitsandbytes_tensors",
     {{"model.safetensors", tensors({"q.weight", "q.SCB"})}},
     "'model.safetensors': the weights are quantised with bitsandbytes (8-bit), which",
     "a GGUF file"},
    {"compression_config",
     {{"config.json", with(R"("compression_config":{"format":"pack-quantized"})")}},
     "'config.json': the weights are quantised with compressed-tensors, which",
     "a GGUF file"},
    {"compression_config_method",
     {{"config.json", with(R"("compression_config":{"quant_method":"compressed-tensors"})")}},
     "'config.json': the weights are quantised with compressed-tensors, which",
     "a GGUF file"},
    {"sparseml",
     {{"config.json", with(R"("quantization_config":{"quant_method":"sparseml"})")}},
     "'config.json': the weights are quantised with compressed-tensors, which",
     "a GGUF file"},
};

class Refusals : public ::testing::TestWithParam<Refusal> {};

TEST_P(Refusals, NameTheCauseAndTheRemedy) {
  const testing::TempDir dir;
  dir.write("config.json", kSound);
  dir.write("model.safetensors", tensors({"a"}));
  for (const File& file : GetParam().files) {
    const auto path = dir.write(file.name, file.content);
    if (file.content.empty()) std::filesystem::remove(path);
  }
  const auto description = describe(dir.path());
  const auto error = [&] {
    if (!description) return description.error();
    const auto checkpoint = Checkpoint::open(*description);
    return checkpoint ? Error{} : checkpoint.error();
  }();
  EXPECT_EQ(error.code, ErrorCode::ModelLoading);
  EXPECT_THAT(error.message, HasSubstr(GetParam().message));
  EXPECT_THAT(error.remedy, HasSubstr(GetParam().remedy));
  EXPECT_THAT(error.remedy, Not(HasSubstr("may be corrupted")));
}
INSTANTIATE_TEST_SUITE_P(Directories, Refusals, ::testing::ValuesIn(kRefusals),
                         [](const auto& test) { return test.param.name; });

TEST(RefusalsOfGguf, NameWhatStandsInItsPlace) {
  const testing::TempDir dir;
  for (const auto& [content, message] :
       {std::pair{kPointer, "is a Git LFS pointer"}, {kPage, "is a web page"}}) {
    const auto description = describe(dir.write("m.gguf", content));
    ASSERT_FALSE(description);
    EXPECT_THAT(description.error().message, HasSubstr(message));
  }
}

// What nobody packed stays what it is: a file that was left over says nothing.
TEST(RefusalsOfQuantisations, AskForPackedWeights) {
  const testing::TempDir dir;
  dir.write("config.json", kSound);
  dir.write("quantize_config.json", R"({"bits":4})");
  dir.write("model.safetensors", tensors({"model.embed_tokens.weight"}));
  const auto description = describe(dir.path());
  ASSERT_TRUE(description) << description.error().message;
  EXPECT_TRUE(Checkpoint::open(*description));
}

}  // namespace
}  // namespace minerva
