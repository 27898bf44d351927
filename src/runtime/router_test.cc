// Every format, preference and failure: which backend runs the model, why, and what the error says.
#include "runtime/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backend/fake_backend.h"
#include "backend/fake_converter.h"
#include "runtime/model_loader.h"

namespace minerva {
namespace {

using testing::FakeBehaviour;
using testing::FakeConverter;
using ::testing::HasSubstr;

// What goes wrong, one letter for each backend: '+' nothing, 'a' its architecture is not supported, 'f' the
// load fails, 'm' not enough memory, '-' the build lacks it. For llama with a directory also 'c' (it can't be
// converted), 'x' (converting fails) and 'b' (converting is Busy).
struct RouteCase {
  const char* name;
  Format format;
  const char* preference;  // "": nobody said anything; "!" in front: of the environment, not the request
  char llama;
  char native;
  NumericMode numeric;
  const char* runs_on;         // "": an error
  const char* says;            // in the reason, or in the error
  const char* fallbacks = "";  // "native: why; ..." parts that the fallbacks or the error hold, '|' between
  ErrorCode code = ErrorCode::ModelLoading;
};

class RouterTest : public ::testing::TestWithParam<RouteCase> {
 protected:
  std::shared_ptr<FakeBehaviour> make(const char* name, char what, bool numeric, bool gguf_only) {
    auto behaviour = std::make_shared<FakeBehaviour>();
    behaviour->name = name;
    behaviour->numeric_modes = numeric;
    behaviour->fail_load = what == 'f';
    if (what == 'm') behaviour->weights_bytes = 1'000'000;
    const bool is_gguf = GetParam().format == Format::Gguf;
    if (gguf_only && !is_gguf) behaviour->support = {Support::AfterConversion, "it runs GGUF files only"};
    if (what == 'a') behaviour->support = {Support::No, "it does not know the architecture"};
    if (what != '-') backends_.push_back(testing::make_fake_backend(behaviour));
    return behaviour;
  }
  Backends backends_;
};

std::string joined(const std::vector<Fallback>& links) {
  std::string out;
  for (const Fallback& link : links) out += link.backend + ": " + link.reason + "; ";
  return out;
}

void expect_parts(const std::string& text, std::string_view parts) {
  while (!parts.empty()) {
    const auto bar = std::min(parts.find('|'), parts.size());
    EXPECT_THAT(text, HasSubstr(std::string(parts.substr(0, bar))));
    parts.remove_prefix(std::min(bar + 1, parts.size()));
  }
}

TEST_P(RouterTest, ChoosesFallsBackAndSaysWhy) {
  const RouteCase& c = GetParam();
  make("llama", c.llama, false, true);
  make("native", c.native, true, false);
  auto converter = std::make_shared<FakeConverter>();
  if (c.llama == 'c') converter->refuses = "llama.cpp computes it differently";
  if (c.llama == 'x') converter->fails = "a shard is missing";
  if (c.llama == 'b') {
    converter->fails = "the folder is full of what is in use";
    converter->fails_with = ErrorCode::Busy;
  }
  const ModelLoader loader(
      {.backends = backends_,
       .converter = converter,
       .ledger = std::make_shared<MemoryLedger>(500'000),
       .load_tokenizer = [](const ModelDescription&) { return std::make_shared<testing::FakeTokenizer>(); }});
  LoadOrder order;
  order.description.path = "model";
  order.description.format = c.format;
  order.options.numeric_mode = c.numeric;
  order.options.context_tokens = 64;
  std::string_view preference = c.preference;
  if (preference.starts_with('!')) {
    order.preference = {split_names(preference.substr(1)), "by MINERVA_BACKEND"};
  } else if (!preference.empty()) {
    order.preference = {split_names(preference), "by the request (--backend)"};
  }
  const auto model = loader.load(order, {}, {});
  if (*c.runs_on == '\0') {
    ASSERT_FALSE(model) << (*model)->parts().backend->name();
    EXPECT_EQ(model.error().code, c.code) << model.error().message;
    EXPECT_THAT(model.error().message, HasSubstr(c.says));
    EXPECT_FALSE(model.error().remedy.empty());
    expect_parts(model.error().message, c.fallbacks);
    return;
  }
  ASSERT_TRUE(model) << model.error().message;
  const auto& parts = (*model)->parts();
  EXPECT_EQ(parts.backend->name(), c.runs_on);
  EXPECT_THAT(parts.backend_reason, HasSubstr(c.says));
  EXPECT_EQ(parts.fallbacks.empty(), *c.fallbacks == '\0') << joined(parts.fallbacks);
  expect_parts(joined(parts.fallbacks), c.fallbacks);
  const bool converts = c.format != Format::Gguf && parts.backend->name() == "llama";
  EXPECT_EQ(parts.directory.has_value(), converts);
  EXPECT_EQ(converter->converted, converts || c.llama == 'x' || c.llama == 'b' ? 1 : 0);
}

constexpr auto kAny = NumericMode::Default;
constexpr auto kExact = NumericMode::Exact;
constexpr auto kGguf = Format::Gguf;
constexpr auto kHf = Format::HfSafetensors;
constexpr auto kOom = ErrorCode::OutOfMemory;
constexpr auto kInvalid = ErrorCode::InvalidRequest;

INSTANTIATE_TEST_SUITE_P(
    Gguf, RouterTest,
    ::testing::Values(
        RouteCase{"Default", kGguf, "", '+', '+', kAny, "llama", "a GGUF file runs on the llama backend"},
        RouteCase{"Auto", kGguf, "auto", '+', '+', kAny, "llama", "by default"},
        RouteCase{"Asked", kGguf, "native", '+', '+', kAny, "native",
                  "was asked for by the request (--backend)"},
        RouteCase{"Environment", kGguf, "!native", '+', '+', kAny, "native", "asked for by MINERVA_BACKEND"},
        RouteCase{"List", kGguf, "native,llama", '+', '+', kAny, "native", "asked for"},
        RouteCase{"Twice", kGguf, "llama,llama", 'f', '+', kAny, "", "the fake file is broken"},
        RouteCase{"Architecture", kGguf, "", 'a', '+', kAny, "native", "that the llama backend can't run",
                  "llama: it does not know the architecture"},
        RouteCase{"LoadFails", kGguf, "", 'f', '+', kAny, "native", "the native backend takes a GGUF file",
                  "llama: the fake file is broken"},
        RouteCase{"Memory", kGguf, "", 'm', '+', kAny, "native", "takes a GGUF file",
                  "llama: |requires|is available"},
        RouteCase{"Numeric", kGguf, "", '+', '+', kExact, "native", "takes a GGUF file",
                  "llama: it has one numeric mode only"},
        RouteCase{"NumericAsked", kGguf, "llama", '+', '+', kExact, "", "one numeric mode only", "",
                  kInvalid},
        RouteCase{"NumericNotKnown", kGguf, "", '+', 'a', kExact, "", "no backend can run",
                  "llama: it has one numeric mode only|native: it does not know", kInvalid},
        RouteCase{"NotBuilt", kGguf, "", '-', '+', kAny, "native", "takes a GGUF file",
                  "llama: this version of Minerva was built without it"},
        RouteCase{"AskedListFallsBack", kGguf, "native,llama", '+', 'f', kAny, "llama",
                  "asked for by the request (--backend), after native", "native: the fake file is broken"},
        RouteCase{"AskedThenAuto", kGguf, "native,auto", '+', 'a', kAny, "llama", "by default",
                  "native: it does not know"},
        RouteCase{"AloneIsAlone", kGguf, "native", '+', 'f', kAny, "", "the fake file is broken"},
        RouteCase{"AloneWithoutArchitecture", kGguf, "native", '+', 'a', kAny, "", "it does not know", "",
                  kInvalid},
        RouteCase{"AloneWithoutMemory", kGguf, "llama", 'm', '+', kAny, "", "requires", "", kOom},
        RouteCase{"NobodyKnowsIt", kGguf, "", 'a', 'a', kAny, "", "no backend can run 'model', a GGUF file",
                  "llama: it does not|native: it does not"},
        RouteCase{"BothFail", kGguf, "", 'f', 'f', kAny, "", "no backend could run 'model'",
                  "llama: the fake file|native: the fake file"},
        RouteCase{"BothTooLarge", kGguf, "", 'm', 'm', kAny, "", "no backend could run",
                  "llama: |native: ", kOom},
        RouteCase{"TooLargeThenBroken", kGguf, "", 'm', 'f', kAny, "", "no backend could run",
                  "llama: |requires|native: the fake file", kOom},
        RouteCase{"UnknownThenBroken", kGguf, "", 'a', 'f', kAny, "", "no backend could run",
                  "llama: it does not know|native: the fake file"},
        RouteCase{"NothingBuilt", kGguf, "", '-', '-', kAny, "", "llama: this version"}),
    [](const auto& test) { return std::string(test.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Directory, RouterTest,
    ::testing::Values(
        RouteCase{"Default", kHf, "", '+', '+', kAny, "native",
                  "a Hugging Face directory (safetensors) runs on the native backend by default"},
        RouteCase{"Bin", Format::HfTorchBin, "", '+', '+', kAny, "native", "(.bin)"},
        RouteCase{"Mlx", Format::HfMlx, "", '+', '+', kAny, "native", "(MLX)"},
        RouteCase{"Exact", kHf, "", '+', '+', kExact, "native", "by default"},
        RouteCase{"AskedForLlama", kHf, "llama", '+', '+', kAny, "llama",
                  "the llama backend was asked for by the request (--backend), converted to GGUF"},
        RouteCase{"EnvironmentLlama", kHf, "!llama", '+', '+', kAny, "llama",
                  "by MINERVA_BACKEND, converted"},
        RouteCase{"Architecture", kHf, "", '+', 'a', kAny, "llama", "can't run, converted to GGUF",
                  "native: it does not know"},
        RouteCase{"LoadFails", kHf, "", '+', 'f', kAny, "llama", "converted to GGUF",
                  "native: the fake file is broken"},
        RouteCase{"Memory", kHf, "", '+', 'm', kAny, "llama", "converted to GGUF", "native: |requires"},
        RouteCase{"CantConvert", kHf, "llama", 'c', '+', kAny, "",
                  "llama: it runs GGUF files only, and this one can't be converted: llama.cpp computes", "",
                  kInvalid},
        RouteCase{"CantConvertThenNative", kHf, "llama,native", 'c', '+', kAny, "native", "after llama",
                  "llama: it runs GGUF files only|computes it differently"},
        RouteCase{"ConvertingFails", kHf, "llama", 'x', '+', kAny, "",
                  "converting it to GGUF failed: a shard is missing"},
        RouteCase{"ConvertingBusy", kHf, "llama", 'b', '+', kAny, "", "the folder is full", "",
                  ErrorCode::Busy},
        RouteCase{"ConvertingBusyThenNative", kHf, "llama,native", 'b', '+', kAny, "native", "asked for",
                  "llama: converting it to GGUF failed: the folder is full"},
        RouteCase{"ConvertingFailsThenNative", kHf, "llama,auto", 'x', '+', kAny, "native", "by default",
                  "llama: converting it to GGUF failed: a shard"},
        RouteCase{"NativeAloneIsAlone", kHf, "native", '+', 'a', kAny, "", "it does not know"},
        RouteCase{"LlamaAloneIsAlone", kHf, "llama", 'f', '+', kAny, "", "the fake file is broken"},
        RouteCase{"NothingCan", kHf, "", 'c', 'a', kAny, "", "no backend can run",
                  "native: it does not know|llama: it runs GGUF files only"},
        RouteCase{"ExactNeedsNative", kHf, "", '+', 'a', kExact, "", "no backend can run",
                  "native: it does not know|llama: it has one numeric mode only", kInvalid},
        RouteCase{"BothTooLarge", kHf, "", 'm', 'm', kAny, "", "no backend could run",
                  "native: |llama: ", kOom},
        RouteCase{"MlxCantConvert", Format::HfMlx, "", 'c', 'f', kAny, "", "no backend could run",
                  "native: the fake file|llama: it runs GGUF"},
        RouteCase{"NotBuilt", kHf, "", '+', '-', kAny, "llama", "converted",
                  "native: this version of Minerva was built without it"}),
    [](const auto& test) { return std::string(test.param.name); });

// Who says it, in order.
TEST(Preference, TheNearestWins) {
  const Config config =
      parse_config(R"({"backend": "llama", "models": {"/m/a": {"backend": ["native", "auto"]}}})",
                   "/etc/config.json")
          .value();
  const auto choose = [&](std::vector<std::string> request, std::vector<std::string> engine,
                          std::optional<std::string> environment, const char* path) {
    return choose_preference(request, path, {std::move(engine), std::move(environment), &config}).value();
  };
  EXPECT_THAT(choose({"native"}, {"llama"}, "llama", "/m/a").by, HasSubstr("--backend"));
  EXPECT_THAT(choose({}, {"native"}, "llama", "/m/a").by, HasSubstr("engine's options"));
  EXPECT_EQ(choose({}, {}, "native, llama", "/m/a").names, (std::vector<std::string>{"native", "llama"}));
  EXPECT_EQ(choose({}, {}, "native", "/m/a").by, "by MINERVA_BACKEND");
  EXPECT_EQ(choose({}, {}, {}, "/m/a").by, "for this model by the configuration file '/etc/config.json'");
  EXPECT_EQ(choose({}, {}, {}, "/m/a").names, (std::vector<std::string>{"native", "auto"}));
  EXPECT_EQ(choose({}, {}, {}, "/m/b").by, "by the configuration file '/etc/config.json'");
  EXPECT_TRUE(choose_preference({}, "/m/b", {})->names.empty());
}

TEST(Preference, AWrongNameIsRefusedWhereItStands) {
  const auto error = [](std::vector<std::string> request, std::vector<std::string> engine,
                        std::optional<std::string> environment) {
    const auto chosen = choose_preference(request, "m", {std::move(engine), std::move(environment), nullptr});
    EXPECT_EQ(chosen.error().code, ErrorCode::InvalidRequest);
    EXPECT_THAT(chosen.error().remedy, HasSubstr("auto, llama, native"));
    return chosen.error().message;
  };
  EXPECT_THAT(error({"cuda"}, {}, {}), HasSubstr("the request (--backend): 'cuda' is no backend"));
  EXPECT_THAT(error({"llama", ""}, {}, {}), HasSubstr("'' is no backend"));
  EXPECT_THAT(error({}, {"mlx"}, {}), HasSubstr("the engine's options: 'mlx'"));
  EXPECT_THAT(error({}, {}, "llama;native"), HasSubstr("MINERVA_BACKEND: 'llama;native'"));
}

// A directory that runs converted keeps what is its own, and conversion is the first half of the progress.
TEST(ModelLoader, AConvertedDirectoryKeepsItsOwn) {
  auto llama = std::make_shared<FakeBehaviour>();
  llama->support = {Support::AfterConversion, "it runs GGUF files only"};
  ModelDescription tokenized;
  const ModelLoader loader({.backends = {testing::make_fake_backend(llama)},
                            .converter = std::make_shared<FakeConverter>(),
                            .ledger = std::make_shared<MemoryLedger>(1'000'000),
                            .load_tokenizer = [&](const ModelDescription& description) {
                              tokenized = description;
                              return std::make_shared<testing::FakeTokenizer>();
                            }});
  LoadOrder order;
  order.description.path = "directory";
  order.description.name = "its name";
  order.description.format = Format::HfSafetensors;
  order.description.chat_templates = {{"default", "its own"}};
  order.description.sampling.temperature = 0.25F;
  order.preference = {{"llama"}, "by the request"};
  std::vector<float> told;
  const auto model = loader.load(order,
                                 [&](float fraction) {
                                   told.push_back(fraction);
                                   return true;
                                 },
                                 {});
  ASSERT_TRUE(model) << model.error().message;
  const auto& parts = (*model)->parts();
  EXPECT_EQ(parts.description.format, Format::Gguf);
  EXPECT_EQ(parts.description.path, "directory");
  EXPECT_EQ(parts.description.name, "its name");
  EXPECT_EQ(parts.description.chat_templates[0].source, "its own");
  EXPECT_EQ(parts.description.sampling.temperature, 0.25F);
  EXPECT_EQ(parts.directory->format, Format::HfSafetensors);
  EXPECT_EQ(tokenized.format, Format::HfSafetensors)
      << "the directory's tokenizer, not the GGUF's vocabulary";
  EXPECT_EQ(told, (std::vector<float>{0.0F, 0.5F, 0.75F}));
}

TEST(ModelLoader, CancellingDoesNotFallBack) {
  auto llama = std::make_shared<FakeBehaviour>();
  auto native = std::make_shared<FakeBehaviour>();
  native->name = "native";
  auto ledger = std::make_shared<MemoryLedger>(1'000'000);
  const ModelLoader loader(
      {.backends = {testing::make_fake_backend(llama), testing::make_fake_backend(native)},
       .converter = std::make_shared<FakeConverter>(),
       .ledger = ledger});
  LoadOrder order;
  order.description.format = Format::Gguf;
  EXPECT_EQ(loader.load(order, [](float) { return false; }, {}).error().code, ErrorCode::Cancelled);
  EXPECT_EQ(native->loads, 0);
  EXPECT_EQ(ledger->granted_bytes(), 0U) << "what was reserved is given back";
}

}  // namespace
}  // namespace minerva
