#include "formats/torch_bin/zip_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/pickle_builder.h"

namespace minerva::torch_bin {
namespace {

using ::testing::HasSubstr;
using testing::little_endian;
using ::testing::SizeIs;
using testing::zip_archive;
using testing::ZipPart;

Result<ZipDirectory> read(const std::string& bytes) {
  return ZipDirectory::read(MemorySource(std::as_bytes(std::span(bytes)), "w.bin"));
}

void expect_refused(const std::string& bytes, std::string_view message) {
  const auto result = read(bytes);
  ASSERT_FALSE(result) << message;
  EXPECT_EQ(result.error().code, ErrorCode::ModelLoading);
  EXPECT_THAT(result.error().message, HasSubstr("'w.bin'"));
  EXPECT_THAT(result.error().message, HasSubstr(message));
  EXPECT_FALSE(result.error().remedy.empty());
}

const std::vector<ZipPart> kTwo = {{.name = "a/one", .data = "first"}, {.name = "a/two", .data = "second!"}};

TEST(ZipDirectory, FindsDataInPlace) {
  for (const bool zip64 : {false, true}) {
    const std::string bytes = zip_archive(kTwo, zip64);
    const auto zip = read(bytes);
    ASSERT_TRUE(zip) << zip.error().message;
    ASSERT_THAT(zip->entries(), SizeIs(2));
    const ZipEntry* two = zip->find("a/two");
    ASSERT_NE(two, nullptr);
    EXPECT_EQ(bytes.substr(two->data_offset, two->bytes), "second!");
    EXPECT_EQ(two->data_offset % 64, 0U);
    EXPECT_EQ(zip->find("a/three"), nullptr);
  }
}

TEST(ZipDirectory, ReadsAnEmptyArchive) {
  EXPECT_THAT(read(zip_archive({}))->entries(), SizeIs(0));
}

TEST(ZipDirectory, SurvivesAMove) {
  auto zip = read(zip_archive(kTwo));
  const ZipDirectory moved = std::move(*zip);
  ASSERT_NE(moved.find("a/one"), nullptr);
  EXPECT_EQ(moved.find("a/one")->bytes, 5U);
}

TEST(ZipDirectory, RefusesEveryTruncation) {
  for (const bool zip64 : {false, true}) {
    const std::string bytes = zip_archive(kTwo, zip64);
    for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(read(bytes.substr(0, size))) << size;
  }
}

TEST(ZipDirectory, RefusesBytesAroundTheArchive) {
  expect_refused(zip_archive(kTwo) + "x", "the directory expected at its end");
  expect_refused("x" + zip_archive(kTwo), "does not end at byte");
  expect_refused("x" + zip_archive(kTwo, true), "zip64 record");
}

TEST(ZipDirectory, RefusesEntriesThatLie) {
  struct Case {
    ZipPart part;
    const char* message;
  };
  const std::uint32_t in64 = 0xFFFFFFFF;
  const std::vector<Case> cases = {
      {{.name = "x", .data = "12345", .method = 8}, "entry 'x' is compressed"},
      {{.name = "x", .data = "12345", .flags = 1}, "entry 'x' is encrypted"},
      {{.name = "x", .data = "12345", .central_bytes = 6}, "its sizes differ: 6 and 5"},
      {{.name = "x", .data = "12345", .central_bytes = 4, .central_stored_bytes = 4},
       "contradicts the directory"},
      {{.name = "x",
        .data = "12345",
        .central_bytes = 4000,
        .central_stored_bytes = 4000,
        .local_bytes = 4000},
       "has 4000 bytes at byte"},
      {{.name = "x", .data = "12345", .central_bytes = in64, .central_stored_bytes = in64},
       "lacks its zip64 sizes"},
      {{.name = "x", .data = "12345", .central_offset = in64}, "lacks its zip64 sizes"},
      {{.name = "x", .data = "12345", .central_offset = 1'000'000}, "is said to begin at byte 1000000"},
      {{.name = "x", .data = "12345", .central_offset = 1}, "does not begin at byte 1"},
      {{.name = "x", .data = "12345", .local_name = "y"}, "does not begin at byte"},
      {{.name = "x", .data = "12345", .local_name = ""}, "does not begin at byte"},
      {{.name = "x", .data = "12345", .central_offset = 0}, "does not begin at byte 0"},
      {{.name = "a/one", .data = "12345"}, "two entries are named 'a/one'"},
      {{.name = "a/one", .data = "first", .central_offset = 0}, "entries 'a/one' and 'a/one' overlap"},
      // 2^64 - 1 bytes in the zip64 field: offset + size must not wrap.
      {{.name = "x",
        .data = "12345",
        .central_bytes = in64,
        .central_stored_bytes = in64,
        .local_bytes = in64,
        .central_extra = little_endian(1, 2) + little_endian(16, 2) + std::string(16, '\xff')},
       "has 18446744073709551615 bytes at byte"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.message);
    auto parts = kTwo;
    parts.push_back(c.part);
    expect_refused(zip_archive(parts), c.message);
  }
}

TEST(ZipDirectory, ReadsZip64Sizes) {
  const std::uint32_t in64 = 0xFFFFFFFF;
  const auto bytes =
      zip_archive({{.name = "x",
                    .data = "12345",
                    .central_bytes = in64,
                    .central_stored_bytes = in64,
                    .local_bytes = in64,
                    // A field of another kind first.
                    .central_extra = little_endian(7, 2) + little_endian(1, 2) + "?" + little_endian(1, 2) +
                                     little_endian(16, 2) + little_endian(5, 8) + little_endian(5, 8)}});
  const auto zip = read(bytes);
  ASSERT_TRUE(zip) << zip.error().message;
  EXPECT_EQ(bytes.substr(zip->entries()[0].data_offset, zip->entries()[0].bytes), "12345");
}

// Numbers at the end of the file, replaced: where `from_end` bytes remain.
std::string with_number(std::string bytes, std::size_t from_end, std::uint64_t value, unsigned size) {
  return bytes.replace(bytes.size() - from_end, size, little_endian(value, size));
}

TEST(ZipDirectory, RefusesEndRecordsThatLie) {
  const std::string plain = zip_archive(kTwo);
  const std::string wide = zip_archive(kTwo, true);
  expect_refused(with_number(plain, 12, 3, 2), "it is one part of several");
  expect_refused(with_number(plain, 18, 1, 2), "it is one part of several");
  expect_refused(with_number(with_number(plain, 12, 3, 2), 14, 3, 2),
                 "claims 3 entries but has only 102 bytes");
  expect_refused(with_number(with_number(plain, 12, 1, 2), 14, 1, 2), "bytes after its 1 entries");
  expect_refused(with_number(with_number(plain, 12, 9, 2), 14, 9, 2), "claims 9 entries but has only");
  expect_refused(with_number(plain, 10, 1, 4), "does not end at byte");
  expect_refused(with_number(plain, 6, 1, 4), "does not end at byte");
  expect_refused(with_number(plain, 10, 0xFFFFFFFF, 4), "zip64 record is missing");
  const auto name_length = plain.find("PK\x01\x02") + 28;
  expect_refused(with_number(plain, plain.size() - name_length, 0xFFFF, 2),
                 "entry 1 of 2 in its directory is cut");
  expect_refused(with_number(plain, plain.size() - name_length, 6, 2),
                 "entry 2 of 2 in its directory is cut or damaged");
  expect_refused(with_number(plain, 2, 1, 2), "the directory expected at its end");
  // zip64: the end record's fields are 22 + 20 bytes further in.
  expect_refused(with_number(wide, 12, 3, 2), "contradict each other");
  expect_refused(with_number(wide, 10, 1, 4), "contradict each other");
  expect_refused(with_number(wide, 42 + 16, 7, 8), "contradict each other");
  expect_refused(with_number(wide, 42 + 24, 7, 8), "it is one part of several");
  expect_refused(with_number(wide, 22 + 12, ~std::uint64_t{0}, 8), "zip64 record is said to stand at byte");
  expect_refused(with_number(wide, 22 + 12, 0, 8), "there is no zip64 record at byte 0");
  // Sizes beyond 32 bits, believed by both records.
  auto huge = with_number(with_number(wide, 10, 0xFFFFFFFF, 4), 6, 0xFFFFFFFF, 4);
  huge = with_number(with_number(huge, 42 + 16, ~std::uint64_t{0}, 8), 42 + 8, 2, 8);
  expect_refused(huge, "does not end at byte");
  auto many = with_number(with_number(wide, 12, 0xFFFF, 2), 14, 0xFFFF, 2);
  many = with_number(with_number(many, 42 + 24, 1ULL << 40, 8), 42 + 32, 1ULL << 40, 8);
  expect_refused(many, "claims 1099511627776 entries");
}

}  // namespace
}  // namespace minerva::torch_bin
