#include "formats/torch_bin/torch_bin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "support/paths.h"
#include "support/pickle_builder.h"

namespace minerva::torch_bin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::PickleBuilder;
using ::testing::SizeIs;
using testing::torch_archive;
using testing::zip_archive;
using testing::ZipPart;

Result<std::vector<TensorInfo>> read(const std::string& bytes) {
  return read_tensors(MemorySource(std::as_bytes(std::span(bytes)), "pytorch_model.bin"));
}

void expect_refused(const std::string& bytes, std::string_view message,
                    ErrorCode code = ErrorCode::ModelLoading) {
  const auto result = read(bytes);
  ASSERT_FALSE(result) << message;
  EXPECT_EQ(result.error().code, code);
  EXPECT_THAT(result.error().message, HasSubstr("'pytorch_model.bin'"));
  EXPECT_THAT(result.error().message, HasSubstr(message));
  EXPECT_FALSE(result.error().remedy.empty());
}

/// A dictionary of one F32 tensor [2] named "w" of storage "0".
PickleBuilder one_tensor() {
  return PickleBuilder()
      .empty_dict()
      .string("w")
      .tensor({.storage_elements = 2, .shape = {2}, .strides = {1}})
      .set_item();
}
const std::string kEightBytes = "12345678";

std::vector<TensorInfo> fixture(const std::string& name) {
  const auto file = File::open(testing::test_data() / "formats" / name);
  EXPECT_TRUE(file) << file.error().message;
  auto tensors = read_tensors(*file);
  EXPECT_TRUE(tensors) << tensors.error().message;
  return *tensors;
}

const TensorInfo& named(const std::vector<TensorInfo>& tensors, std::string_view name) {
  const auto found = std::ranges::find(tensors, name, &TensorInfo::name);
  EXPECT_NE(found, tensors.end()) << name;
  return *found;
}

TEST(TorchBin, ReadsWhatTorchWrites) {
  const auto tensors = fixture("bin/pytorch_model.bin");
  EXPECT_THAT(tensors, SizeIs(30));
  const TensorInfo& head = named(tensors, "lm_head.weight");
  EXPECT_EQ(head.dtype, DType::BF16);
  EXPECT_THAT(head.shape, ElementsAre(512, 64));
  EXPECT_THAT(head.strides, ElementsAre(64, 1));
  EXPECT_EQ(head.offset % 64, 0U);
}

TEST(TorchBin, ReadsViewsOfSharedStorage) {
  const auto tensors = fixture("bin-views-f32/pytorch_model.bin");
  const TensorInfo& q = named(tensors, "model.layers.0.self_attn.q_proj.weight");
  const TensorInfo& o = named(tensors, "model.layers.0.self_attn.o_proj.weight");
  EXPECT_THAT(q.strides, ElementsAre(64, 1));
  EXPECT_THAT(o.strides, ElementsAre(1, 64)) << "transposed";
  EXPECT_EQ(o.offset, q.offset + 64 * 64 * 4) << "one storage, one after the other";
}

TEST(TorchBin, ReadsItsOwnArchive) {
  const std::string bytes = torch_archive(one_tensor().finish(), {{"0", kEightBytes}});
  const auto tensors = read(bytes);
  ASSERT_TRUE(tensors) << tensors.error().message;
  ASSERT_THAT(*tensors, SizeIs(1));
  EXPECT_EQ(bytes.substr((*tensors)[0].offset, 8), kEightBytes);
}

TEST(TorchBin, LeavesOutWhatIsNoTensor) {
  const auto pickle = PickleBuilder()
                          .ordered_dict()
                          .string("step")
                          .integer(3)
                          .set_item()
                          .string("w")
                          .tensor({.storage_elements = 2, .offset = 1, .shape = {1}, .strides = {1}})
                          .set_item()
                          .string("config")
                          .empty_dict()
                          .set_item();
  const std::string bytes = torch_archive(pickle.finish(), {{"0", kEightBytes}});
  const auto tensors = read(bytes);
  ASSERT_TRUE(tensors) << tensors.error().message;
  ASSERT_THAT(*tensors, SizeIs(1));
  EXPECT_EQ(bytes.substr((*tensors)[0].offset, 4), "5678") << "the storage offset is applied";
}

TEST(TorchBin, SaysWhatOtherFilesAre) {
  expect_refused("", "does not begin as a zip");
  expect_refused("{\"a\":1}", "does not begin as a zip");
  expect_refused("<!DOCTYPE html><html>", "is a web page");
  expect_refused("pickle" + std::string(251, '\0') + "ustar" + std::string(300, '\0'),
                 "a tar archive, as PyTorch wrote them before version 0.1.11", ErrorCode::InvalidRequest);
  expect_refused("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n", "Git LFS pointer");
  expect_refused("PK\x03\x04 and then nothing", "not a sound zip archive");
}

TEST(TorchBin, SaysWhatOtherArchivesAre) {
  const std::string pickle = one_tensor().finish();
  expect_refused(zip_archive({}), "it has no data.pkl");
  expect_refused(zip_archive({{.name = "a.txt", .data = "x"}}), "it has no data.pkl");
  expect_refused(zip_archive({{.name = "data.pkl", .data = pickle}}), "it has no data.pkl");
  expect_refused(zip_archive({{.name = "a/b/data.pkl", .data = pickle}}), "it has no data.pkl");
  expect_refused(
      zip_archive({{.name = "a/data.pkl", .data = pickle}, {.name = "b/data.pkl", .data = pickle}}),
      "more than one data.pkl");
  expect_refused(
      zip_archive({{.name = "a/data.pkl", .data = pickle}, {.name = "a/constants.pkl", .data = pickle}}),
      "TorchScript", ErrorCode::InvalidRequest);
  expect_refused(zip_archive({{.name = "a/data.pkl", .data = pickle}, {.name = "a/code/x.py", .data = ""}}),
                 "TorchScript", ErrorCode::InvalidRequest);
  expect_refused(
      zip_archive({{.name = "a/data.pkl", .data = pickle}, {.name = "a/byteorder", .data = "big"}}),
      "byte order 'big'");
}

TEST(TorchBin, AnyFolderNameAndNoByteOrderWillDo) {
  const auto bytes = zip_archive({{.name = "../x/data.pkl", .data = one_tensor().finish()}});
  expect_refused(bytes, "it has no data.pkl");
  EXPECT_TRUE(read(zip_archive({{.name = "my model/data.pkl", .data = one_tensor().finish()},
                                {.name = "my model/data/0", .data = kEightBytes}})));
}

TEST(TorchBin, RefusesStoragesThatDoNotFit) {
  const std::string pickle = one_tensor().finish();
  expect_refused(torch_archive(pickle, {}), "lacks storage '0'");
  expect_refused(torch_archive(pickle, {{"1", kEightBytes}}), "lacks storage '0'");
  expect_refused(torch_archive(pickle, {{"0", "1234567"}}),
                 "should hold 2 elements of 4 bytes, but has 7 bytes");
  expect_refused(torch_archive(pickle, {{"0", "123456789"}}), "but has 9 bytes");
  const auto huge = PickleBuilder().empty_dict().string("w").tensor(
      {.storage_elements = std::int64_t{1} << 62, .shape = {2}, .strides = {1}});
  expect_refused(torch_archive(PickleBuilder(huge).set_item().finish(), {{"0", ""}}),
                 "should hold 4611686018427387904");
  // The same storage under another type.
  const auto twice = one_tensor().string("v").tensor(
      {.storage_elements = 2, .shape = {2}, .strides = {1}, .type = "DoubleStorage"});
  expect_refused(torch_archive(PickleBuilder(twice).set_item().finish(), {{"0", kEightBytes}}),
                 "2 elements of 8 bytes");
}

TEST(TorchBin, KeysAreNamesNotPaths) {
  const auto pickle = PickleBuilder()
                          .empty_dict()
                          .string("w")
                          .tensor({.key = "../../0", .storage_elements = 2, .shape = {2}, .strides = {1}})
                          .set_item();
  expect_refused(torch_archive(pickle.finish(), {{"0", kEightBytes}}), "lacks storage '../../0'");
}

TEST(TorchBin, RefusesOtherRoots) {
  expect_refused(torch_archive(PickleBuilder().none().finish(), {}),
                 "holds None; expected a dictionary of tensors");
  expect_refused(torch_archive(PickleBuilder().empty_dict().finish(), {}), "holds no tensors");
  const auto nested = PickleBuilder().empty_dict().string("state_dict").raw(one_tensor().finish().substr(2));
  std::string bytes = nested.finish();
  bytes.resize(bytes.size() - 2);  // the inner and the outer STOP
  expect_refused(torch_archive(bytes + "s.", {{"0", kEightBytes}}), "its tensors lie under 'state_dict'",
                 ErrorCode::InvalidRequest);
  const auto numbered =
      PickleBuilder().empty_dict().integer(1).tensor({.storage_elements = 2, .shape = {2}, .strides = {1}});
  expect_refused(torch_archive(PickleBuilder(numbered).set_item().finish(), {{"0", kEightBytes}}),
                 "holds no tensors");
  const auto twice = one_tensor().string("w").tensor({.storage_elements = 2, .shape = {2}, .strides = {1}});
  expect_refused(torch_archive(PickleBuilder(twice).set_item().finish(), {{"0", kEightBytes}}),
                 "two tensors are named 'w'");
}

/// All entries that the files of make_bin_files.py have, whatever the format.
void expect_all_entries(const char* name) {
  const auto file = File::open(testing::test_data() / "bin" / name);
  ASSERT_TRUE(file) << file.error().message;
  const auto tensors = read_tensors(*file);
  ASSERT_TRUE(tensors) << tensors.error().message;
  const auto bytes = read_file(testing::test_data() / "bin" / name, 1 << 20);
  const auto first = [&](std::string_view tensor) {
    float value = 0;
    std::memcpy(&value, bytes->data() + named(*tensors, tensor).offset, sizeof value);
    return value;
  };
  EXPECT_EQ(first("first"), 0);
  EXPECT_EQ(first("turned"), 12);
  EXPECT_THAT(named(*tensors, "turned").strides, ElementsAre(1, 4));
  EXPECT_EQ(first("expanded"), 7);
  EXPECT_THAT(named(*tensors, "expanded").shape, ElementsAre(5));
  EXPECT_THAT(named(*tensors, "expanded").strides, ElementsAre(0));
  EXPECT_THAT(named(*tensors, "rows").strides, ElementsAre(0, 1));
  EXPECT_EQ(first("parameter"), 9);
  EXPECT_EQ(named(*tensors, "plain").dtype, DType::BF16);
  EXPECT_EQ(named(*tensors, "double").dtype, DType::F64);
  EXPECT_EQ(named(*tensors, "mask").dtype, DType::Bool);
  EXPECT_THAT(named(*tensors, "empty").shape, ElementsAre(0, 3));
  EXPECT_THAT(named(*tensors, "scalar").shape, ElementsAre());
  EXPECT_THAT(named(*tensors, "complex").problem, HasSubstr("ComplexFloatStorage"));
  EXPECT_THAT(named(*tensors, "conjugate").problem, HasSubstr("ComplexFloatStorage"));
  EXPECT_THAT(named(*tensors, "sparse").problem, HasSubstr("_rebuild_sparse_tensor"));
  EXPECT_EQ(std::ranges::find(*tensors, "optimizer", &TensorInfo::name), tensors->end());
}

TEST(TorchBin, TakesWhatNobodyNeeds) {
  expect_all_entries("unneeded.bin");
}

TEST(TorchBin, ReadsTheFormatOfBefore16) {
  expect_all_entries("legacy.bin");
  const auto bytes = read_file(testing::test_data() / "bin/legacy.bin", 1 << 20);
  ASSERT_TRUE(bytes);
  for (std::size_t size = 0; size < bytes->size(); ++size) EXPECT_FALSE(read(bytes->substr(0, size))) << size;
}

TEST(TorchBin, ChecksTheFormatOfBefore16) {
  const std::string head =
      std::string("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.") + "\x80\x02M\xe9\x03.";
  const auto system = [](bool little) {
    return PickleBuilder().empty_dict().string("little_endian").boolean(little).set_item().finish();
  };
  const std::string keys = PickleBuilder().empty_list().string("0").append().finish();
  const std::string data = testing::little_endian(2, 8) + kEightBytes;
  const std::string start = head + system(true);
  const auto tensors = read(start + one_tensor().finish() + keys + data);
  ASSERT_TRUE(tensors) << tensors.error().message;
  EXPECT_EQ((start + one_tensor().finish() + keys + data).substr((*tensors)[0].offset, 8), kEightBytes);
  expect_refused(head + system(false) + one_tensor().finish() + keys + data, "big-endian order");
  expect_refused(start + one_tensor().finish() + PickleBuilder().empty_list().finish() + data,
                 "lacks storage '0'");
  expect_refused(start + one_tensor().finish() + PickleBuilder().none().finish() + data,
                 "no list of its storages");
  expect_refused(
      start + one_tensor().finish() + PickleBuilder().empty_list().string("1").append().finish() + data,
      "a storage that no tensor names");
  expect_refused(start + one_tensor().finish() + keys + testing::little_endian(3, 8) + kEightBytes,
                 "has 3 elements in storage '0', expected 2");
  expect_refused(start + one_tensor().finish() + keys + testing::little_endian(2, 8) + "1234567",
                 "ends too early");
  expect_refused(head.substr(0, 15) + "\x80\x02K\x01." + system(true), "a version of PyTorch's old format");
  expect_refused(start + PickleBuilder().global("posix", "system").string("id").raw("\x85R").finish(),
                 "asks for the Python name 'posix.system'");
  const auto twice = one_tensor().string("v").tensor(
      {.storage_elements = 2, .shape = {2}, .strides = {1}, .type = "DoubleStorage"});
  expect_refused(start + PickleBuilder(twice).set_item().finish() + keys + data, "two sizes of storage '0'");
}

TEST(TorchBin, RefusesMaliciousPickles) {
  expect_refused(
      torch_archive(PickleBuilder().global("posix", "system").string("id").raw("\x85R").finish(), {}),
      "asks for the Python name 'posix.system'");
}

TEST(TorchBin, RefusesEveryTruncation) {
  const std::string bytes = torch_archive(one_tensor().finish(), {{"0", kEightBytes}});
  for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(read(bytes.substr(0, size))) << size;
}

}  // namespace
}  // namespace minerva::torch_bin
