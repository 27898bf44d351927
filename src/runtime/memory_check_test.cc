#include "runtime/memory_check.h"

#include <gtest/gtest.h>

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
  const auto error = check(1024, 4'000'000'000).error();
  EXPECT_NE(error.remedy.find("Q4_K_M quantisation of this model (about 2.4 GB)"), std::string::npos)
      << error.remedy;
}

TEST_F(MemoryCheckTest, AndElseASmallerModel) {
  const auto error = check(1024, 1'000'000'000).error();
  EXPECT_NE(error.remedy.find("smaller model"), std::string::npos) << error.remedy;
}

}  // namespace
}  // namespace minerva
