// Converted tokenizers in llama.cpp: the ids that transformers gives.
#include <gtest/gtest.h>
#include <llama.h>

#include <algorithm>
#include <memory>

#include "convert/converted.h"
#include "convert/gguf_writer.h"
#include "convert/vocabulary.h"
#include "support/paths.h"
#include "support/tokenizer_cases.h"
#include "text/llama_library.h"
#include "text/tokenizer/load.h"

namespace minerva {
namespace {

namespace fs = std::filesystem;
using namespace testing;

// A GGUF with a vocabulary and no weights.
class LlamaVocabulary {
 public:
  explicit LlamaVocabulary(const fs::path& path) {
    start_llama_library();
    llama_model_params params = llama_model_default_params();
    params.vocab_only = true;
    model_.reset(llama_model_load_from_file(path.c_str(), params));
    EXPECT_NE(model_, nullptr);
  }
  std::vector<TokenId> encode(std::string_view text, bool add_special) const {
    if (model_ == nullptr) return {};
    std::vector<TokenId> ids(text.size() + 16);
    const int count = llama_tokenize(llama_model_get_vocab(model_.get()), text.data(),
                                     static_cast<std::int32_t>(text.size()), ids.data(),
                                     static_cast<std::int32_t>(ids.size()), add_special, true);
    ids.resize(static_cast<std::size_t>(std::max(count, 0)));
    return ids;
  }

 private:
  struct Free {
    void operator()(llama_model* model) const noexcept { llama_model_free(model); }
  };
  std::unique_ptr<llama_model, Free> model_;
};

fs::path write_vocabulary(const TempDir& folder, const fs::path& directory, std::size_t rows,
                          std::vector<std::string>& notes) {
  auto vocabulary = convert::read_vocabulary(directory, rows);
  EXPECT_TRUE(vocabulary) << vocabulary.error().message;
  if (!vocabulary) return {};
  convert::KeyValues keys;
  keys.set("general.architecture", std::string("llama"));
  for (const char* key :
       {"context_length", "embedding_length", "block_count", "feed_forward_length", "attention.head_count"}) {
    keys.set(std::string("llama.") + key, std::uint32_t{1});
  }
  keys.set("llama.attention.layer_norm_rms_epsilon", 1e-5F);
  notes = vocabulary->notes;
  convert::set_vocabulary(std::move(*vocabulary), keys);
  ModelDescription description;
  description.path = directory;
  description.format = Format::HfSafetensors;
  EXPECT_TRUE(convert::set_special_tokens(description, rows, keys));
  const auto layout = convert::GgufLayout::make(keys, {{.name = "none", .dims = {1}}});
  EXPECT_TRUE(layout);
  const auto path = folder.path() / "vocabulary.gguf";
  const std::array<std::byte, 4> zero{};
  EXPECT_TRUE(convert::write_gguf(*layout, path, OutputFile::Existing::Replace,
                                  [&](std::size_t, const convert::ByteSink& sink) { return sink(zero); },
                                  {}));
  return path;
}

struct RealCase {
  const char* name;
  std::size_t rows;
  int differing;  ///< texts of 450 that llama.cpp splits otherwise, whoever converts
  std::size_t notes;
};
std::ostream& operator<<(std::ostream& out, const RealCase& c) {
  return out << c.name;
}

class ConvertedTokenizerTest : public ::testing::TestWithParam<RealCase> {};

INSTANTIATE_TEST_SUITE_P(
    Real, ConvertedTokenizerTest,
    ::testing::Values(RealCase{"llama3", 128256, 0, 0}, RealCase{"llama2", 32000, 0, 0},
                      RealCase{"qwen3", 151936, 145, 1},  // 144 of them are not NFC
                      RealCase{"gemma3", 262145, 1, 0},   // one with the marker itself, beside other markers
                      RealCase{"gptoss", 201088, 16,
                               2}),  // llama.cpp merges within whole words, and leaves marks out
    [](const auto& test) { return std::string(test.param.name); });

TEST_P(ConvertedTokenizerTest, SplitsAsTransformersDoes) {
  const RealCase& c = GetParam();
  const auto file = assets().parent_path() / "tokenizers" / c.name / "tokenizer.json";
  if (!fs::exists(file)) GTEST_SKIP() << c.name << "'s tokenizer.json is missing: run tools/fetch-tokenizers";
  const TempDir directory;
  directory.write("config.json", R"({"model_type": "llama"})");
  fs::create_symlink(file, directory.path() / "tokenizer.json");
  std::vector<std::string> notes;
  const TempDir folder;
  const LlamaVocabulary llama(write_vocabulary(folder, directory.path(), c.rows, notes));
  EXPECT_EQ(notes.size(), c.notes) << (notes.empty() ? "" : notes[0]);
  int differing = 0;
  const auto cases = test_data() / "tokenizers" / c.name / "cases.jsonl";
  for_each_json_line(cases, [&](const simdjson::dom::element& line, std::size_t) {
    const std::string_view text = line["text"].get_string().value();
    const bool same = llama.encode(text, false) == ids_of(line["ids"].value()) &&
                      llama.encode(text, true) == ids_of(line["ids_with_special"].value());
    if (!same) ++differing;
  });
  EXPECT_LE(differing, c.differing);
}

// The vocabularies of the test models.
TEST(ConvertedTokenizers, SplitPromptsAsTheDirectoryDoes) {
  for (const char* name : {"llama", "qwen2", "qwen3", "arcee", "gpt_bigcode", "mistral-full", "phi3-full"}) {
    const fs::path directory = test_model(name);
    const TempDir folder;
    std::vector<std::string> notes;
    const LlamaVocabulary llama(write_vocabulary(folder, directory, 512, notes));
    const auto expected = read_json(directory / "expected.json");
    for (const auto& c : expected["cases"]) {
      EXPECT_EQ(llama.encode(c["prompt"].get<std::string>(), true),
                c["prompt_ids"].get<std::vector<TokenId>>())
          << name << ": " << c["prompt"];
    }
  }
}

// A directory with nothing but SentencePiece's own file.
TEST(ConvertedTokenizers, OfATokenizerModel) {
  const fs::path models = test_data() / "tokenizers" / "sentencepiece";
  const TempDir directory;
  fs::copy(models / "bpe", directory.path(), fs::copy_options::recursive);
  directory.write("config.json", R"({"model_type": "llama"})");
  const TempDir folder;
  std::vector<std::string> notes;
  const LlamaVocabulary llama(write_vocabulary(folder, directory.path(), 512, notes));
  const auto count = for_each_json_line(
      models / "bpe" / "cases.jsonl", [&](const simdjson::dom::element& line, std::size_t) {
        const std::string_view text = line["text"].get_string().value();
        if (text.find('<') != std::string_view::npos) return;  // behind special tokens: see the note
        EXPECT_EQ(llama.encode(text, true), ids_of(line["ids_with_special"].value())) << text;
      });
  EXPECT_GT(count, 3U);
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_NE(notes[0].find("behind a special token"), std::string::npos);
  const auto unigram = convert::read_vocabulary(models / "unigram", 512);
  ASSERT_FALSE(unigram);
  EXPECT_EQ(unigram.error().code, ErrorCode::InvalidRequest);
  const TempDir empty;
  const auto nothing = convert::read_vocabulary(empty.path(), 512);
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().code, ErrorCode::ModelLoading);
}

/// A directory with one of the tokenizers of conversions/tokenizers, and the GGUF that is made of it.
class Pair {
 public:
  Pair(const std::string& name, std::size_t rows) {
    directory_.write("config.json", R"({"model_type": "llama"})");
    fs::copy(test_data() / "conversions" / "tokenizers" / (name + ".json"),
             directory_.path() / "tokenizer.json");
    ModelDescription description;
    description.path = directory_.path();
    description.format = Format::HfSafetensors;
    directory_tokenizer_ = load_tokenizer(description).value();
    description.weight_files = {write_vocabulary(folder_, directory_.path(), rows, notes)};
    description.path = description.weight_files[0];
    description.format = Format::Gguf;
    gguf_tokenizer_ = load_tokenizer(description).value();
  }
  std::vector<TokenId> of_directory(std::string_view text) const {
    return directory_tokenizer_->encode(text, {}).value();
  }
  std::vector<TokenId> of_gguf(std::string_view text) const {
    return gguf_tokenizer_->encode(text, {}).value();
  }
  const Tokenizer& gguf() const { return *gguf_tokenizer_; }
  const Tokenizer& directory() const { return *directory_tokenizer_; }
  bool has_note(std::string_view part) const {
    return std::ranges::any_of(notes, [&](const auto& note) { return note.find(part) != std::string::npos; });
  }

  std::vector<std::string> notes;

 private:
  TempDir directory_;
  TempDir folder_;
  std::shared_ptr<const Tokenizer> directory_tokenizer_;
  std::shared_ptr<const Tokenizer> gguf_tokenizer_;
};

TEST(ConvertedTokenizers, ThatLeaveMarksOutHaveANote) {
  for (const char* name : {"tekken", "gpt4o"}) {
    const Pair pair(name, 436);
    EXPECT_TRUE(pair.has_note("combining marks")) << name;
    EXPECT_EQ(pair.of_gguf("The quick brown fox, 12 times"),
              pair.of_directory("The quick brown fox, 12 times"));
    const char* const hindi = "नमस्ते दुनिया";
    EXPECT_NE(pair.of_gguf(hindi), pair.of_directory(hindi)) << "no difference any more: drop the note";
  }
}

TEST(ConvertedTokenizers, KeepAddedTokens) {
  const Pair gemma("gemma", 330);
  EXPECT_FALSE(gemma.has_note("added tokens"));
  const Pair llama2("llama2", 330);
  EXPECT_TRUE(llama2.has_note("added tokens of its own"));
  for (const char* text : {"hello [TAG] world", "the tok en", "[TAG]", "a[TAG]tok en"}) {
    EXPECT_EQ(gemma.of_gguf(text), gemma.of_directory(text)) << text;
    const auto ids = llama2.of_gguf(text);
    EXPECT_TRUE(std::ranges::any_of(ids, [](TokenId id) { return id == 328 || id == 329; })) << text;
  }
}

// Whatever libllama would clean up.
TEST(ConvertedTokenizers, GiveTheTextBack) {
  for (const char* name : {"tekken", "gemma", "llama2"}) {
    const Pair pair(name, name == std::string("tekken") ? 436 : 330);
    for (const char* text : {"A , b . c ! d ? I 'm  ,end", " it 's ' we 've ", "x", "  two", ""}) {
      const auto ids = pair.of_gguf(text);
      EXPECT_EQ(pair.gguf().decode(ids, true).value(), text) << name;
      EXPECT_EQ(pair.gguf().decode(ids, false).value(), text) << name;
    }
  }
}

}  // namespace
}  // namespace minerva
