#include "runtime/file_identity.h"

#include <gtest/gtest.h>

#include <fstream>

#include "support/temp_dir.h"

namespace minerva {
namespace {

namespace fs = std::filesystem;

class FileIdentityTest : public ::testing::Test {
 protected:
  FileIdentityTest() {
    description_.path = dir_.path();
    description_.format = Format::HfSafetensors;
    description_.weight_files = {dir_.write("model.safetensors", "weights")};
    dir_.write("config.json", "{}");
    before_ = identity_of(description_);
  }
  void expect_changed(const char* file) const {
    EXPECT_NE(look_again(before_), before_);
    EXPECT_EQ(first_difference(before_, look_again(before_)), dir_.path() / file);
  }
  testing::TempDir dir_;
  ModelDescription description_;
  FileIdentity before_;
};

TEST_F(FileIdentityTest, StaysWhileNothingChanges) {
  EXPECT_EQ(look_again(before_), before_);
  EXPECT_EQ(identity_of(description_), before_);
  dir_.write("README.md", "no part of the model");
  EXPECT_EQ(look_again(before_), before_);
  EXPECT_TRUE(first_difference(before_, before_).empty());
}

TEST_F(FileIdentityTest, SeesAnotherSize) {
  dir_.write("model.safetensors", "more weights");
  expect_changed("model.safetensors");
}

TEST_F(FileIdentityTest, SeesAnotherTime) {
  fs::last_write_time(dir_.path() / "config.json", fs::file_time_type::clock::now() + std::chrono::hours(1));
  expect_changed("config.json");
}

TEST_F(FileIdentityTest, SeesAReplacementOfTheSameSizeAndTime) {
  const auto path = dir_.path() / "model.safetensors";
  const auto time = fs::last_write_time(path);
  const auto other = dir_.write("other", "WEIGHTS");
  fs::last_write_time(other, time);
  fs::rename(other, path);
  expect_changed("model.safetensors");
}

TEST_F(FileIdentityTest, SeesWhatComesAndGoes) {
  dir_.write("tokenizer.json", "{}");
  expect_changed("tokenizer.json");
  fs::remove(dir_.path() / "tokenizer.json");
  EXPECT_EQ(look_again(before_), before_);
  fs::remove(dir_.path() / "model.safetensors");
  expect_changed("model.safetensors");
}

}  // namespace
}  // namespace minerva
