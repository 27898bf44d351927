#include "runtime/memory_check.h"

#include <gtest/gtest.h>

#include <vector>

#include "backend/fake_backend.h"

namespace minerva {
namespace {

class MemoryCheckTest : public ::testing::Test {
 protected:
  MemoryCheckTest() {
    behaviour_->weights_bytes = 8'000'000'000;
    behaviour_->kv_bytes_per_token = 1'000'000;
    description_.name = "big";
    description_.tensor_bytes = 8'000'000'000;
    description_.parameter_count = 4'000'000'000;
    description_.embedding_length = 4096;
    backend_ = testing::make_fake_backend(behaviour_);
  }
  Result<void> check(std::uint32_t context_tokens, std::uint64_t available) {
    return check_memory(*backend_, description_, {}, {.context_tokens = context_tokens}, available);
  }
  std::shared_ptr<testing::FakeBehaviour> behaviour_ = std::make_shared<testing::FakeBehaviour>();
  std::shared_ptr<InferenceBackend> backend_;
  ModelDescription description_;
};

TEST_F(MemoryCheckTest, FitsExactly) {
  EXPECT_TRUE(check(1024, 9'024'000'000).has_value());
}

TEST_F(MemoryCheckTest, SaysBothNumbersAndAContextThatFits) {
  const auto error = check(4096, 9'000'000'000).error();
  EXPECT_EQ(error.code, ErrorCode::OutOfMemory);
  EXPECT_NE(error.message.find("requires 12.1 GB but only 9.0 GB is available"), std::string::npos)
      << error.message;
  EXPECT_NE(error.remedy.find("-c 768"), std::string::npos) << error.remedy;
  EXPECT_TRUE(check(768, 9'000'000'000).has_value());
}

TEST_F(MemoryCheckTest, OffersAQuantisationWhenNoContextHelps) {
  const auto remedy = [&](std::uint64_t available) { return check(1024, available).error().remedy; };
  EXPECT_NE(remedy(4'000'000'000).find("Q5_K_M quantisation of this model (about 2.9 GB)"), std::string::npos)
      << remedy(4'000'000'000);
  // Not Q4_K_M, of which a backend may keep a second copy.
  EXPECT_NE(remedy(3'700'000'000).find("Q3_K_M quantisation of this model (about 1.9 GB)"), std::string::npos)
      << remedy(3'700'000'000);
}

// What is offered is to fit still when a little less is available, or a little more taken.
TEST_F(MemoryCheckTest, OffersWithAMargin) {
  const std::uint64_t available = 8'512'000'000;  // 512 tokens, to the byte
  EXPECT_TRUE(check(512, available).has_value());
  const auto error = check(4096, available).error();
  EXPECT_NE(error.remedy.find("-c 256"), std::string::npos) << error.remedy;
}

TEST_F(MemoryCheckTest, OffersAnotherBackendThatSupportsTheModel) {
  const auto other = std::make_shared<testing::FakeBehaviour>();
  other->name = "native";
  other->weights_bytes = 4'000'000'000;
  other->kv_bytes_per_token = 1'000'000;
  const std::vector backends = {backend_, testing::make_fake_backend(other)};
  const auto remedy = [&](std::uint64_t available, NumericMode mode = NumericMode::Default) {
    return check_memory(*backend_, description_, {.numeric_mode = mode}, {.context_tokens = 1024}, available,
                        backends)
        .error()
        .remedy;
  };
  EXPECT_NE(remedy(7'000'000'000).find("the native backend, which needs 5.0 GB (--backend native)"),
            std::string::npos)
      << remedy(7'000'000'000);
  EXPECT_EQ(remedy(7'000'000'000).find("llama"), std::string::npos) << "not the one that was asked";
  EXPECT_NE(remedy(4'700'000'000).find("--backend native -c 512"), std::string::npos)
      << remedy(4'700'000'000);
  EXPECT_EQ(remedy(7'000'000'000, NumericMode::Exact).find("native"), std::string::npos)
      << "it has no numeric modes";
  other->support = {Support::No, "it does not know the architecture"};
  EXPECT_EQ(remedy(7'000'000'000).find("native"), std::string::npos);
}

// K-quantisations of rows that are no whole super-blocks become something larger.
TEST_F(MemoryCheckTest, OffersNoQuantisationThatTheModelWillNotBecome) {
  description_.embedding_length = 576;
  description_.vocabulary_size = 49152;
  EXPECT_NE(check(1024, 4'000'000'000).error().remedy.find("smaller model"), std::string::npos);
  EXPECT_NE(check(1024, 5'500'000'000).error().remedy.find("Q8_0"), std::string::npos);
}

// Numbers that round to the same are told apart.
TEST_F(MemoryCheckTest, SaysBytesWhereRoundingHidesTheDifference) {
  const auto error = check(1024, 9'023'999'999).error();
  EXPECT_NE(error.message.find("requires 9024000000 bytes but only 9023999999 are available"),
            std::string::npos)
      << error.message;
}

TEST_F(MemoryCheckTest, AndElseASmallerModel) {
  const auto error = check(1024, 1'000'000'000).error();
  EXPECT_NE(error.remedy.find("smaller model"), std::string::npos) << error.remedy;
}

}  // namespace
}  // namespace minerva
