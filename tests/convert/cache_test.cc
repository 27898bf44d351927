// Converted models in a folder: made once, found again, bounded, cleaned, by threads and processes at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "base/file_lock.h"
#include "convert/cache_folder.h"
#include "convert/converted.h"
#include "formats/gguf/file.h"

namespace minerva {
namespace {

namespace fs = std::filesystem;
using namespace testing;
using convert::ConversionCache;
using ::testing::HasSubstr;

constexpr std::uint64_t kPlenty = std::uint64_t{1} << 30;

std::vector<std::string> files_with(const fs::path& folder, std::string_view ending) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(ending)) names.push_back(name);
  }
  std::ranges::sort(names);
  return names;
}

class ConversionCacheTest : public ::testing::Test {
 protected:
  fs::path folder() const { return temp_.path() / "converted"; }
  static LoadProgress counting(std::atomic<int>& calls) {
    return [&calls](float) {
      ++calls;
      return true;
    };
  }
  TempDir temp_;
};

TEST_F(ConversionCacheTest, ConvertsOnceAndFindsItAgain) {
  const auto description = describe_directory(test_model("qwen2"));
  fs::path first;
  {
    ConversionCache cache(folder(), kPlenty);
    std::atomic<int> calls = 0;
    const auto path = cache.get(description, counting(calls));
    ASSERT_TRUE(path) << path.error().message;
    first = *path;
    EXPECT_GT(calls, 0);
    EXPECT_TRUE(gguf::File::open(first));
    calls = 0;
    EXPECT_EQ(cache.get(description, counting(calls)).value(), first);
    EXPECT_EQ(calls, 0) << "converted again";
  }
  const auto written = fs::last_write_time(first);
  ConversionCache other(folder(), kPlenty);
  EXPECT_EQ(other.get(description, {}).value(), first);
  EXPECT_EQ(fs::last_write_time(first), written);
}

TEST_F(ConversionCacheTest, NoticesThatAFileChanged) {
  const ModelCopy copy("qwen2");
  ConversionCache cache(folder(), kPlenty);
  const auto first = cache.get(describe_directory(copy.path()), {}).value();
  copy.patch({{"rms_norm_eps", 1e-3}});
  const auto second = cache.get(describe_directory(copy.path()), {}).value();
  EXPECT_NE(first, second);
  const auto file = gguf::File::open(second);
  ASSERT_TRUE(file);
  EXPECT_FLOAT_EQ(file->metadata().require<float>("qwen2.attention.layer_norm_rms_epsilon").value(), 1e-3F);
}

TEST_F(ConversionCacheTest, GivesTheReasonForWhatItCannotConvert) {
  ConversionCache cache(folder(), kPlenty);
  const auto path = cache.get(describe_directory(test_model("mistral")), {});
  ASSERT_FALSE(path);
  EXPECT_THAT(path.error().message, HasSubstr("no sliding window"));
  EXPECT_FALSE(fs::exists(folder()));
}

TEST_F(ConversionCacheTest, IsBoundedAndForgetsTheLeastRecentlyUsed) {
  const auto qwen2 = describe_directory(test_model("qwen2"));
  const auto qwen3 = describe_directory(test_model("qwen3"));
  const auto llama = describe_directory(test_model("llama"));
  const std::uint64_t size = convert::gguf_bytes(qwen3, convert::WeightType::Stored).value();
  ConversionCache cache(folder(), 3 * size);
  const auto a = cache.acquire(qwen2, {}).value().path;
  const auto b = cache.acquire(qwen3, {}).value().path;
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  ASSERT_TRUE(cache.acquire(qwen2, {}));  // b is now the least recently used
  ConversionCache smaller(folder(), 2 * size);
  const auto c = smaller.acquire(llama, {}).value().path;
  EXPECT_TRUE(fs::exists(a));
  EXPECT_FALSE(fs::exists(b));
  EXPECT_TRUE(fs::exists(c));
  EXPECT_EQ(files_with(folder(), ".gguf").size(), 2U);
}

TEST_F(ConversionCacheTest, NeverTakesAwayWhatIsInUse) {
  const auto qwen2 = describe_directory(test_model("qwen2"));
  const auto qwen3 = describe_directory(test_model("qwen3"));
  const std::uint64_t size = convert::gguf_bytes(qwen3, convert::WeightType::Stored).value() + 20'000;
  ConversionCache cache(folder(), size);
  std::optional<convert::ConvertedModel> held = cache.acquire(qwen2, {}).value();
  const auto refused = cache.acquire(qwen3, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::Busy);
  EXPECT_THAT(refused.error().message, HasSubstr("in use"));
  EXPECT_TRUE(fs::exists(held->path));
  EXPECT_EQ(files_with(folder(), ".gguf").size(), 1U);
  const fs::path path = held->path;
  held.reset();
  EXPECT_TRUE(cache.acquire(qwen3, {}));
  EXPECT_FALSE(fs::exists(path));
}

// `get` protects what it gave out only as long as there is room.
TEST_F(ConversionCacheTest, GetMakesRoomOfWhatItGaveOut) {
  const auto qwen2 = describe_directory(test_model("qwen2"));
  const auto qwen3 = describe_directory(test_model("qwen3"));
  ConversionCache cache(folder(), convert::gguf_bytes(qwen3, convert::WeightType::Stored).value() + 20'000);
  const auto first = cache.get(qwen2, {}).value();
  const auto second = cache.get(qwen3, {});
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_FALSE(fs::exists(first));
  EXPECT_TRUE(fs::exists(*second));
}

TEST_F(ConversionCacheTest, MakesAgainWhatWasDamaged) {
  const auto qwen2 = describe_directory(test_model("qwen2"));
  ConversionCache cache(folder(), kPlenty);
  const auto path = cache.acquire(qwen2, {}).value().path;
  const auto bytes = fs::file_size(path);
  fs::resize_file(path, 1000);
  EXPECT_TRUE(cache.acquire(qwen2, {}));
  EXPECT_EQ(fs::file_size(path), bytes);
}

// Somebody cleans up the folder while the program lives: it does not wait for itself.
TEST_F(ConversionCacheTest, MakesAgainWhatWasRemovedWhileGivenOut) {
  const auto qwen2 = describe_directory(test_model("qwen2"));
  ConversionCache cache(folder(), kPlenty);
  const auto path = cache.get(qwen2, {}).value();
  fs::remove(path);
  const auto again = cache.get(qwen2, {});
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(fs::exists(path));
  // Another program uses it: that is said after a while.
  ConversionCache other(folder(), kPlenty);
  const auto held = other.acquire(qwen2, {}).value();
  fs::remove(path);
  EXPECT_EQ(cache.get(qwen2, {}).error().code, ErrorCode::Busy);
}

TEST_F(ConversionCacheTest, RefusesWhatIsLargerThanItMayBe) {
  ConversionCache cache(folder(), 1000);
  const auto path = cache.get(describe_directory(test_model("qwen2")), {});
  ASSERT_FALSE(path);
  EXPECT_THAT(path.error().message, HasSubstr("may have 1000"));
  EXPECT_TRUE(files_with(folder(), ".gguf").empty());
}

TEST_F(ConversionCacheTest, CleansUpAfterConversionsThatBrokeOff) {
  const auto qwen2 = describe_directory(test_model("qwen2"));
  ConversionCache cache(folder(), kPlenty);
  const auto path = cache.acquire(qwen2, {}).value().path;
  const std::string name = path.filename().string();
  // Left by a process that died while it made this model, and by one that made another.
  std::ofstream(folder() / (name + ".999999999-0.partial")) << "half of it";
  std::ofstream(folder() / "gone-0123.gguf.999999999-3.partial") << "half of it";
  std::ofstream(folder() / "gone-0123.lock") << "1000000000\nsomething";
  fs::remove(path);
  ASSERT_TRUE(cache.acquire(qwen2, {}));
  EXPECT_TRUE(files_with(folder(), ".partial").empty());
  EXPECT_FALSE(fs::exists(folder() / "gone-0123.lock"));
}

TEST_F(ConversionCacheTest, CancellingLeavesNothing) {
  ConversionCache cache(folder(), kPlenty);
  const auto path = cache.get(describe_directory(test_model("qwen2")), [](float) { return false; });
  ASSERT_FALSE(path);
  EXPECT_EQ(path.error().code, ErrorCode::Cancelled);
  EXPECT_TRUE(files_with(folder(), ".gguf").empty());
  EXPECT_TRUE(files_with(folder(), ".partial").empty());
  EXPECT_TRUE(cache.get(describe_directory(test_model("qwen2")), {}));
}

TEST_F(ConversionCacheTest, ThreadsThatComeTogetherConvertOnce) {
  const auto description = describe_directory(test_model("qwen2"));
  constexpr int kThreads = 8;
  std::atomic<int> conversions = 0;
  std::vector<fs::path> paths(kThreads);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        ConversionCache cache(folder(), kPlenty);  // each its own, as processes have
        bool wrote = false;
        const auto path = cache.get(description, [&](float fraction) {
          wrote = wrote || fraction > 0;
          return true;
        });
        if (wrote) ++conversions;
        if (path) paths[static_cast<std::size_t>(i)] = *path;
      });
    }
  }
  EXPECT_EQ(conversions, 1);
  for (const auto& path : paths) EXPECT_EQ(path, paths[0]);
  EXPECT_TRUE(gguf::File::open(paths[0]));
}

// Many models, a folder that holds two: whatever happens, what was given out is there and whole.
TEST_F(ConversionCacheTest, ConcurrentUsersOfASmallFolder) {
  std::vector<ModelDescription> models;
  for (const char* name : {"qwen2", "qwen3", "llama", "phi3-full"}) {
    models.push_back(describe_directory(test_model(name)));
  }
  const std::uint64_t size = convert::gguf_bytes(models[1], convert::WeightType::Stored).value();
  std::atomic<int> given = 0;
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < 4; ++i) {
      threads.emplace_back([&, i] {
        ConversionCache cache(folder(), 2 * size + 50'000);
        for (std::size_t round = 0; round < 6; ++round) {
          const auto model = cache.acquire(models[(i + round) % models.size()], {});
          if (!model) {
            EXPECT_THAT(model.error().message, HasSubstr("in use"));
            continue;
          }
          ++given;
          const auto file = gguf::File::open(model->path);
          EXPECT_TRUE(file) << file.error().message;
        }
      });
    }
  }
  EXPECT_GT(given, 0);
  std::uint64_t total = 0;
  for (const auto& name : files_with(folder(), ".gguf")) total += fs::file_size(folder() / name);
  EXPECT_LE(total, 2 * size + 50'000);
}

}  // namespace
}  // namespace minerva
