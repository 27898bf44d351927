// What the GGUF tests share: parsing a builder's bytes from memory.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "formats/gguf/file.h"
#include "support/gguf_builder.h"

namespace minerva::gguf {

/// Bytes that own themselves.
class OwnedBytes final : public ByteSource {
 public:
  explicit OwnedBytes(std::string bytes)
      : bytes_(std::move(bytes)), source_(std::as_bytes(std::span(bytes_)), "test.gguf") {}
  std::uint64_t size() const noexcept override { return source_.size(); }
  Result<void> read(std::uint64_t offset, std::span<std::byte> out) const override {
    return source_.read(offset, out);
  }
  const std::string& name() const noexcept override { return source_.name(); }

 private:
  std::string bytes_;
  MemorySource source_;
};

inline Result<File> parse_bytes(std::string bytes) {
  return File::parse(std::make_shared<OwnedBytes>(std::move(bytes)));
}
inline Result<File> parse(const testing::GgufBuilder& builder) {
  return parse_bytes(builder.build());
}

/// A ModelLoading error that names the file, says `text` and has a remedy.
inline void expect_damaged(const Error& error, const std::string& text) {
  EXPECT_EQ(error.code, ErrorCode::ModelLoading);
  EXPECT_THAT(error.message, ::testing::HasSubstr("'test.gguf'"));
  EXPECT_THAT(error.message, ::testing::HasSubstr(text));
  EXPECT_GT(error.remedy.size(), 20U) << error.message;
}

}  // namespace minerva::gguf
