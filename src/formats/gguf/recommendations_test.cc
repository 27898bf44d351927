#include "formats/gguf/recommendations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "formats/gguf/test_support.h"
#include "minerva/model_description.h"
#include "support/temp_dir.h"

namespace minerva::gguf {
namespace {

using ::testing::ElementsAre;
using testing::GgufBuilder;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

ModelDescription describe_file(const GgufBuilder& builder) {
  const testing::TempDir dir;
  const auto d = describe(dir.write("model.gguf", builder.build()));
  EXPECT_TRUE(d) << d.error().message;
  return d ? *d : ModelDescription{};
}

TEST(GgufRecommendations, AreReadWithAnyTypeOfNumber) {
  auto builder = testing::tiny_llama();
  builder.f32("general.sampling.temp", 0.6F).kv<std::int32_t>("general.sampling.top_k", 20);
  builder.kv<std::int32_t>("general.sampling.penalty_last_n", -1);
  builder.kv<double>("general.sampling.min_p", 0.0).f32("general.sampling.xtc_threshold", 0.1F);
  builder.kv<std::int32_t>("general.sampling.mirostat", 0).f32("general.sampling.xtc_probability", 0);
  const auto d = describe_file(builder);
  EXPECT_THAT(d.notes, IsEmpty());
  EXPECT_FLOAT_EQ(d.sampling.temperature.value_or(0), 0.6F);
  EXPECT_EQ(d.sampling.top_k, 20);
  EXPECT_EQ(d.sampling.penalty_last_n, -1);
  EXPECT_EQ(d.sampling.min_p, 0.0F);
  EXPECT_FALSE(d.sampling.temperature_first);
}

TEST(GgufRecommendations, TheSequenceSaysWhichStepsAndWhenTheTemperature) {
  auto builder = testing::tiny_llama();
  builder.string("general.sampling.sequence", "penalties;Temperature;top-k;nucleus;typ_p");
  builder.kv<std::int32_t>("general.sampling.top_k", 20).f32("general.sampling.min_p", 0.3F);
  auto d = describe_file(builder);
  EXPECT_THAT(d.notes, IsEmpty());
  EXPECT_TRUE(d.sampling.temperature_first);
  EXPECT_EQ(d.sampling.top_k, 20);
  EXPECT_EQ(d.sampling.min_p, 0.0F);  // not in the sequence: not taken
  EXPECT_EQ(d.sampling.top_p, std::nullopt);
  builder.erase("general.sampling.sequence")
      .string("general.sampling.sequence", "dry;top_k;top_p;min_p;xtc;temp");
  d = describe_file(builder);
  EXPECT_THAT(d.notes, IsEmpty());
  EXPECT_FALSE(d.sampling.temperature_first);
  EXPECT_FLOAT_EQ(d.sampling.min_p.value_or(0), 0.3F);
}

struct Noted {
  const char* name;
  void (*tell)(GgufBuilder& builder);
  const char* note;
};
void PrintTo(const Noted& noted, std::ostream* out) {
  *out << noted.name;
}

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();
const Noted kNoted[] = {
    {"temperature_negative", [](auto& b) { b.f32("general.sampling.temp", -1); },
     "'general.sampling.temp' is -1, expected 0 to 100"},
    {"temperature_nan", [](auto& b) { b.f32("general.sampling.temp", kNan); }, "is nan"},
    {"temperature_infinite", [](auto& b) { b.f32("general.sampling.temp", kInf); }, "is inf"},
    {"top_k_fraction", [](auto& b) { b.f32("general.sampling.top_k", 1.5F); }, "expected a whole number"},
    {"top_k_string", [](auto& b) { b.string("general.sampling.top_k", "40"); },
     "has type string, expected a number"},
    {"top_p_0", [](auto& b) { b.f32("general.sampling.top_p", 0); }, "expected above 0, at most 1"},
    {"top_p_2", [](auto& b) { b.f32("general.sampling.top_p", 2); }, "expected above 0, at most 1"},
    {"penalty_0", [](auto& b) { b.f32("general.sampling.penalty_repeat", 0); },
     "expected above 0, at most 100"},
    {"penalty_last_n", [](auto& b) { b.f32("general.sampling.penalty_last_n", -2); }, "-1 or more"},
    {"mirostat", [](auto& b) { b.u32("general.sampling.mirostat", 2); },
     "'general.sampling.mirostat' cannot be followed"},
    {"xtc", [](auto& b) { b.f32("general.sampling.xtc_probability", 0.5F); }, "cannot be followed"},
    {"unknown", [](auto& b) { b.f32("general.sampling.new_thing", 1); }, "Minerva does not know it"},
    {"no_name", [](auto& b) { b.f32("general.sampling.", 1); }, "Minerva does not know it"},
    {"sequence_order", [](auto& b) { b.string("general.sampling.sequence", "min_p;top_k;temperature"); },
     "an order that cannot be followed"},
    {"sequence_step", [](auto& b) { b.string("general.sampling.sequence", "top_k;infill;temperature"); },
     "an order that cannot be followed"},
    {"sequence_empty", [](auto& b) { b.string("general.sampling.sequence", ""); }, "cannot be followed"},
    {"sequence_number", [](auto& b) { b.u32("general.sampling.sequence", 1); }, "has type u32"},
};
class GgufRecommendationNoted : public ::testing::TestWithParam<Noted> {};
TEST_P(GgufRecommendationNoted, AndNothingIsStopped) {
  auto builder = testing::tiny_llama();
  GetParam().tell(builder);
  EXPECT_THAT(describe_file(builder).notes, ElementsAre(HasSubstr(GetParam().note)));
}
INSTANTIATE_TEST_SUITE_P(Keys, GgufRecommendationNoted, ::testing::ValuesIn(kNoted),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace minerva::gguf
