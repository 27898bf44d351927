// Malformed GGUF files through everything up to a computed token: each ends with an error that a user can act
// on (or works, where the change was harmless), quickly and in little memory.
#include <gtest/gtest.h>

#include <array>
#include <ctime>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

#include "backends/llama/llama_backend.h"
#include "base/memory.h"
#include "model/llama_fixture.h"
#include "support/gguf_builder.h"
#include "support/temp_dir.h"

namespace minerva {
namespace {

using namespace testing;

constexpr double kSecondsMax = 2;
constexpr std::uint64_t kBytesMax = 512ULL << 20U;

#ifdef __SANITIZE_ADDRESS__
using LeaksAllowed = __lsan::ScopedDisabler;
#else
struct LeaksAllowed {
  LeaksAllowed() {}
};
#endif

/// What a user would do with the file, as far as it goes.
Result<void> use(const std::filesystem::path& path) {
  const LeaksAllowed scope;  // libllama frees nothing where it gives up
  MINERVA_ASSIGN(const ModelDescription description, describe(path));
  const auto backend = make_llama_backend();
  const SupportAnswer answer = backend->supports(description);
  if (answer.support != Support::Yes) return invalid_request(answer.reason, "Use another model.");
  const ContextOptions options{.context_tokens = 64, .sequences_max = 1, .batch_tokens = 32, .threads = 1};
  MINERVA_ASSIGN(const MemoryNeed need, backend->memory_needed(description, {}, options));
  if (need.total() > kBytesMax) return fail(ErrorCode::OutOfMemory, "the test's limit", "None.");
  MINERVA_ASSIGN(const auto model, backend->load(description, {}, {}));
  MINERVA_ASSIGN(auto ids, model->vocabulary()->encode("the th a\n\xC3\xA9"));
  MINERVA_TRY(model->vocabulary()->decode(ids, true));
  MINERVA_ASSIGN(const auto context, model->new_context(options));
  ids.push_back(0);
  const DecodeResult result = context->decode(make_rows(ids, 0, 0));
  if (result.status != DecodeStatus::Ok) return std::unexpected(result.error);
  return {};
}

class MalformedGguf : public ::testing::Test {
 protected:
  // Uses `content` under the limits of time and memory.
  Result<void> use_content(std::string_view content) { return use_file(folder_.write("bad.gguf", content)); }
  Result<void> use_file(const std::filesystem::path& path) {
    const std::clock_t start = std::clock();  // processor time: other tests may run beside
    auto result = use(path);
    EXPECT_LT(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, kSecondsMax);
    EXPECT_LT(peak_resident_bytes(), base_ + kBytesMax);
    if (!result) {
      const ErrorCode code = result.error().code;
      EXPECT_TRUE(code == ErrorCode::ModelLoading || code == ErrorCode::InvalidRequest ||
                  code == ErrorCode::OutOfMemory)
          << result.error().message;
      EXPECT_FALSE(result.error().message.empty());
      EXPECT_FALSE(result.error().remedy.empty());
    }
    return result;
  }
  void expect_refused(std::string_view content) {
    const auto result = use_content(content);
    ASSERT_FALSE(result);
    EXPECT_NE(result.error().code, ErrorCode::OutOfMemory) << result.error().message;
  }

  TempDir folder_;
  std::uint64_t base_ = peak_resident_bytes();
};

TEST_F(MalformedGguf, TheSoundOneWorks) {
  const auto result = use_content(tiny_llama().build());
  EXPECT_TRUE(result) << result.error().message;
}

TEST_F(MalformedGguf, RealModelCutAnywhere) {
  MINERVA_NEEDS_MODEL(smollm2_gguf());
  const auto path = folder_.path() / "cut.gguf";
  std::filesystem::copy_file(smollm2_gguf(), path);
  const std::uint64_t size = std::filesystem::file_size(path);
  for (std::uint64_t part = 63; part < 64; --part) {  // from long to short: one copy serves all
    SCOPED_TRACE(part);
    std::filesystem::resize_file(path, size * part / 64);
    EXPECT_FALSE(use_file(path));
  }
}

TEST_F(MalformedGguf, HeaderCutAnywhere) {
  const std::string whole = tiny_llama().build();
  const std::size_t header = tiny_llama().header().size();
  for (std::size_t length = 0; length < header; length += length < 64 ? 1 : 97) {
    SCOPED_TRACE(length);
    expect_refused(std::string_view(whole).substr(0, length));
  }
  expect_refused(std::string_view(whole).substr(0, whole.size() - 64));
}

TEST_F(MalformedGguf, HeaderFields) {
  static constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  using Break = std::function<void(GgufBuilder&)>;
  std::vector<Break> cases = {
      [](GgufBuilder& b) { b.magic("GGUX"); },
      [](GgufBuilder& b) { b.magic("ggml"); },
      [](GgufBuilder& b) { b.alignment(0); },
      [](GgufBuilder& b) { b.alignment(3); },
      [](GgufBuilder& b) { b.erase("general.alignment").u32("general.alignment", 0x80000000); },
      [](GgufBuilder& b) { b.string("general.architecture", "llama"); },  // twice
      [](GgufBuilder& b) { b.raw_array("x.y", gguf_type::kU32, kMax, ""); },
      [](GgufBuilder& b) { b.raw_array("x.y", gguf_type::kString, 1ULL << 40U, ""); },
      [](GgufBuilder& b) { b.raw_array("x.y", gguf_type::kArray, 1, gguf_bytes<std::uint32_t>(9)); },
      [](GgufBuilder& b) { b.raw_array("x.y", 77, 1, "    "); },
      [](GgufBuilder& b) { b.raw("x.y", 13, "    "); },
      [](GgufBuilder& b) { b.raw("x.y", 0xffffffff, "    "); },
      [](GgufBuilder& b) { b.raw("x.y", gguf_type::kString, gguf_string("abc", kMax)); },
      [](GgufBuilder& b) { b.raw("x.y", gguf_type::kString, gguf_string("abc", 1ULL << 31U)); },
      [](GgufBuilder& b) { b.raw_record(gguf_string("key", kMax)); },
      [](GgufBuilder& b) { b.tensor_named("output_norm.weight").name = "token_embd.weight"; },
      [](GgufBuilder& b) { b.tensor_named("output_norm.weight").name = std::string(64, 'n'); },
      [](GgufBuilder& b) { b.tensor_named("output_norm.weight").name_bytes = kMax; },
      [](GgufBuilder& b) { b.tensor_named("output_norm.weight").dim_count = 5; },
      [](GgufBuilder& b) { b.tensor_named("output_norm.weight").dim_count = 0xffffffff; },
      [](GgufBuilder& b) { b.tensor_named("output_norm.weight").dims = {0}; },
      [](GgufBuilder& b) { b.tensor_named("output_norm.weight").dims = {kMax}; },
      [](GgufBuilder& b) { b.tensor_named("output_norm.weight").dims = {1ULL << 62U, 4}; },
      [](GgufBuilder& b) { b.tensor_named("output_norm.weight").dims = {1ULL << 32U, 1ULL << 32U}; },
      [](GgufBuilder& b) { b.tensor_named("output_norm.weight").dims = {32, 0x7fffffff, 0x7fffffff, 4}; },
      [](GgufBuilder& b) { b.tensor_named("blk.0.ffn_up.weight").offset = kMax; },
      [](GgufBuilder& b) { b.tensor_named("blk.0.ffn_up.weight").offset = 1; },
      [](GgufBuilder& b) { b.tensor_named("blk.0.ffn_up.weight").offset = 0; },
      [](GgufBuilder& b) { b.tensor_named("blk.0.ffn_up.weight").offset = 1ULL << 40U; },
  };
  for (const std::uint32_t version : {0U, 1U, 4U, 0x03000000U, 0xffffffffU})
    cases.emplace_back([=](GgufBuilder& b) { b.version(version); });
  for (const std::uint64_t count : {0ULL, 1ULL, 1000ULL, 1ULL << 31U, 1ULL << 32U, 1ULL << 60U, ~0ULL}) {
    cases.emplace_back([=](GgufBuilder& b) { b.claim_tensor_count(count); });
    cases.emplace_back([=](GgufBuilder& b) { b.claim_key_value_count(count); });
  }
  for (const std::uint32_t type :
       {4U, 5U, 9U, 15U, 24U, 25U, 26U, 27U, 28U, 31U, 36U, 38U, 43U, 255U, 0xffffffffU}) {
    cases.emplace_back([=](GgufBuilder& b) { b.tensor_named("output_norm.weight").type = type; });
    cases.emplace_back([=](GgufBuilder& b) { b.tensor_named("blk.0.attn_q.weight").type = type; });
  }
  for (std::size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(i);
    auto builder = tiny_llama();
    cases[i](builder);
    expect_refused(builder.build());
  }
}

// Bytes of a value of `type`: 0, -1 or the largest.
std::string extreme_bytes(std::uint32_t type, int which) {
  using namespace gguf_type;
  const auto number = [&]<class T>(T) {
    using L = std::numeric_limits<T>;
    return gguf_bytes<T>(which == 0 ? T{0} : which == 1 ? static_cast<T>(-1) : L::max());
  };
  switch (type) {
    case kU8:
      return number(std::uint8_t{});
    case kI8:
      return number(std::int8_t{});
    case kU16:
      return number(std::uint16_t{});
    case kI16:
      return number(std::int16_t{});
    case kU32:
      return number(std::uint32_t{});
    case kI32:
      return number(std::int32_t{});
    case kF32:
      return number(float{});
    case kF64:
      return number(double{});
    case kU64:
      return number(std::uint64_t{});
    case kI64:
      return number(std::int64_t{});
    case kBool:
      return gguf_bytes<std::uint8_t>(which == 0 ? 0 : 1);
    case kString:
      return gguf_string(which == 0 ? "" : which == 1 ? "\xff\xfe" : std::string(70'000, 'x'));
    default: {  // arrays of one u32, one string, or nothing
      if (which == 0) return gguf_bytes(kU32) + gguf_bytes<std::uint64_t>(0);
      if (which == 1) return gguf_bytes(kU32) + gguf_bytes<std::uint64_t>(1) + gguf_bytes(0xffffffffU);
      return gguf_bytes(kString) + gguf_bytes<std::uint64_t>(1) + gguf_string("x");
    }
  }
}

class MalformedKey : public MalformedGguf, public ::testing::WithParamInterface<const char*> {};

TEST_P(MalformedKey, EveryTypeAtItsBounds) {
  int refused = 0;
  for (std::uint32_t type = 0; type <= 12; ++type) {
    for (const int which : {0, 1, 2}) {
      SCOPED_TRACE(type * 10 + static_cast<std::uint32_t>(which));
      auto builder = tiny_llama();
      builder.erase(GetParam()).raw(GetParam(), type, extreme_bytes(type, which));
      refused += use_content(builder.build()) ? 0 : 1;
    }
  }
  auto builder = tiny_llama();
  builder.erase(GetParam());
  static_cast<void>(use_content(builder.build()));
  EXPECT_GT(refused, 0) << "no value of any type was wrong";
}

INSTANTIATE_TEST_SUITE_P(
    Keys, MalformedKey,
    ::testing::Values(
        "general.architecture", "general.alignment", "llama.block_count", "llama.context_length",
        "llama.embedding_length", "llama.feed_forward_length", "llama.attention.head_count",
        "llama.attention.head_count_kv", "llama.rope.dimension_count", "llama.rope.freq_base",
        "llama.rope.scaling.type", "llama.rope.scaling.factor", "llama.attention.key_length",
        "llama.attention.value_length", "llama.attention.layer_norm_rms_epsilon", "llama.vocab_size",
        "llama.expert_count", "llama.expert_used_count", "llama.pooling_type", "llama.attention.causal",
        "llama.nextn_predict_layers", "tokenizer.ggml.model", "tokenizer.ggml.pre", "tokenizer.ggml.tokens",
        "tokenizer.ggml.scores", "tokenizer.ggml.token_type", "tokenizer.ggml.merges",
        "tokenizer.ggml.bos_token_id", "tokenizer.ggml.eos_token_id", "tokenizer.ggml.unknown_token_id",
        "tokenizer.ggml.add_bos_token", "tokenizer.chat_template"),
    [](const auto& test) {
      std::string name = test.param;
      for (char& c : name) c = c == '.' ? '_' : c;
      return name;
    });

// A file without an error of its own kind may still lack what an architecture needs: whatever libllama does
// then, the process goes on.
TEST_F(MalformedGguf, TensorsMissingOneByOne) {
  for (const char* name :
       {"token_embd.weight", "output_norm.weight", "blk.0.attn_norm.weight", "blk.0.attn_q.weight",
        "blk.0.attn_k.weight", "blk.0.attn_v.weight", "blk.0.attn_output.weight", "blk.0.ffn_norm.weight",
        "blk.0.ffn_gate.weight", "blk.0.ffn_up.weight", "blk.0.ffn_down.weight"}) {
    SCOPED_TRACE(name);
    auto builder = tiny_llama();
    builder.tensor_named(name).name = "unused.weight";
    expect_refused(builder.build());
  }
}

TEST_F(MalformedGguf, ForeignTensorsUnderEveryArchitecture) {
  for (const char* architecture :
       {"qwen2", "qwen3",      "gemma",     "gemma2",        "gemma3", "gemma3n", "phi2",      "phi3",
        "mamba", "rwkv6",      "deepseek2", "falcon",        "gpt2",   "gptneox", "llama4",    "jamba",
        "lfm2",  "nemotron_h", "gpt-oss",   "minicpm3",      "plamo2", "qwen35",  "falcon-h1", "bert",
        "t5",    "clip",       "dream",     "no-such-thing", ""}) {
    SCOPED_TRACE(architecture);
    GgufBuilder builder = tiny_llama();
    builder.erase("general.architecture").string("general.architecture", architecture);
    const std::string prefix = std::string(architecture) + ".";
    builder.u32(prefix + "block_count", 1)
        .u32(prefix + "context_length", 64)
        .u32(prefix + "embedding_length", 32);
    builder.u32(prefix + "feed_forward_length", 64).u32(prefix + "attention.head_count", 2);
    builder.u32(prefix + "attention.head_count_kv", 1).u32(prefix + "rope.dimension_count", 16);
    builder.f32(prefix + "attention.layer_norm_rms_epsilon", 1e-5F)
        .f32(prefix + "attention.layer_norm_epsilon", 1e-5F);
    builder.u32(prefix + "ssm.conv_kernel", 4)
        .u32(prefix + "ssm.inner_size", 64)
        .u32(prefix + "ssm.state_size", 16);
    builder.u32(prefix + "ssm.time_step_rank", 4).u32(prefix + "ssm.group_count", 1);
    static_cast<void>(use_content(builder.build()));
  }
}

TEST_F(MalformedGguf, WeightsThatAreNoNumbers) {
  for (const char byte : {'\xff', '\x7f', '\x80'}) {
    auto builder = tiny_llama();
    for (const char* name : {"token_embd.weight", "blk.0.attn_q.weight", "blk.0.ffn_down.weight"}) {
      std::string& data = builder.tensor_named(name).data;
      data.assign(data.size(), byte);
    }
    static_cast<void>(use_content(builder.build()));  // what comes out is for the sampler to judge
  }
}

}  // namespace
}  // namespace minerva
