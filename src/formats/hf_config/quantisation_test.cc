#include "formats/hf_config/quantisation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace minerva {
namespace {

using ::testing::HasSubstr;

HfConfig config(const std::string& text) {
  return HfConfig::parse(text, "config.json").value();
}

TEST(Quantisation, NamesTheMethod) {
  struct Case {
    const char* json;
    const char* method;
  };
  for (
      const Case& c : {
          Case{"{}", ""},
          Case{R"({"quantization_config":null})", ""},
          Case{R"({"quantization_config":{}})", ""},
          Case{R"({"quantization_config":{"quant_method":"GPTQ"}})", "gptq"},
          Case{R"({"quantization_config":{"load_in_4bit":true}})", "bitsandbytes"},
          Case{R"({"quantization_config":{"load_in_8bit":true,"load_in_4bit":false}})", "bitsandbytes"},
          Case{R"({"text_config":{"quantization_config":{"quant_method":"awq"}}})", "awq"},
          Case{R"({"quantization":{"group_size":64,"bits":4}})", "mlx"},
          Case{R"({"quantization_config":{"group_size":64,"bits":4}})", "mlx"},
          Case{
              R"({"quantization":{"group_size":64,"bits":4},"quantization_config":{"group_size":64,"bits":4}})",
              "mlx"},
          Case{R"({"quantization_config":{"quant_method":"mxfp4"}})", "mxfp4"},
      }) {
    EXPECT_EQ(quantisation_method(config(c.json)).value(), c.method) << c.json;
  }
}

TEST(Quantisation, PassesWhatIsRead) {
  for (const char* json :
       {"{}", R"({"quantization":{"group_size":64,"bits":4}})",
        R"({"quantization_config":{"quant_method":"mxfp4"}})",
        R"({"quantization_config":{"quant_method":"fp8","weight_block_size":[128,128]}})"}) {
    const auto result = check_quantisation(config(json));
    EXPECT_TRUE(result) << json;
  }
}

TEST(Quantisation, RefusesTheRestByName) {
  struct Case {
    const char* method;
    const char* message;
  };
  for (const Case& c : {Case{"gptq", "GPTQ"}, Case{"awq", "AWQ"}, Case{"bitsandbytes", "bitsandbytes"},
                        Case{"compressed-tensors", "compressed-tensors"}, Case{"hqq", "HQQ"},
                        Case{"aqlm", "AQLM"}, Case{"torchao", "torchao"}, Case{"quanto", "Quanto"},
                        Case{"vptq", "VPTQ"}, Case{"new-method", "'new-method'"}}) {
    const auto result = check_quantisation(
        config(std::string(R"({"quantization_config":{"quant_method":")") + c.method + "\"}}"));
    ASSERT_FALSE(result) << c.method;
    EXPECT_EQ(result.error().code, ErrorCode::ModelLoading);
    EXPECT_THAT(result.error().message, HasSubstr(c.message));
    EXPECT_THAT(result.error().remedy, HasSubstr("GGUF"));
  }
  const auto fp8 = check_quantisation(config(R"({"quantization_config":{"quant_method":"fp8"}})"));
  ASSERT_FALSE(fp8);
  EXPECT_THAT(fp8.error().message, HasSubstr("weight_block_size"));
}

TEST(Quantisation, RefusesWrongTypes) {
  EXPECT_FALSE(check_quantisation(config(R"({"quantization_config":7})")));
  EXPECT_FALSE(check_quantisation(config(R"({"quantization_config":{"quant_method":7}})")));
  EXPECT_FALSE(check_quantisation(config(R"({"quantization_config":{"load_in_4bit":"yes"}})")));
}

}  // namespace
}  // namespace minerva
