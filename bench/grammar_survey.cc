// Constraints at work, over many schemas: minerva_grammar_survey MODEL SCHEMAS.jsonl [ANSWERS [OUT.jsonl]].
// A line of SCHEMAS has the schema as text under "schema" and a name under "id". Each is compiled for the
// model's vocabulary, then ANSWERS are drawn under its masks from random logits, which no model would give:
// the worst an answer can be. The times go to standard output, the answers to OUT, a line each, for a
// validator.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "minerva/model_description.h"
#include "text/grammar/grammar.h"
#include "text/tokenizer/load.h"

namespace minerva {
namespace {

using Json = nlohmann::ordered_json;

// Processor time of this process: what else the machine does makes no difference.
double milliseconds_since(std::clock_t start) {
  return static_cast<double>(std::clock() - start) * 1e3 / CLOCKS_PER_SEC;
}

class Times {
 public:
  void add(double milliseconds) { all_.push_back(milliseconds); }
  std::string line(std::string_view what) {
    if (all_.empty()) return fmt::format("{}: none", what);
    std::ranges::sort(all_);
    const auto at = [&](double part) {
      return all_[std::min(all_.size() - 1,
                           static_cast<std::size_t>(part * static_cast<double>(all_.size())))];
    };
    return fmt::format("{:28} {:8} p50 {:9.3f} p90 {:9.3f} p99 {:9.3f} p99.9 {:9.3f} max {:9.3f} ms", what,
                       all_.size(), at(0.5), at(0.9), at(0.99), at(0.999), all_.back());
  }

 private:
  std::vector<double> all_;
};

struct Survey {
  Times compiled, refused, first_masks, masks, accepts;
  int answers = 0, ended = 0, stuck = 0, failed = 0;
};

// One answer; without an end where it does not come in time. For a while anything goes, then what ends the
// answer is preferred, as a model would.
struct Answer {
  std::string text;
  bool ended = false;
};

// The ends of generation, then what closes a string, an object or an array.
std::vector<TokenId> closing_tokens(const Tokenizer& tokenizer) {
  std::vector<TokenId> ends;
  std::vector<TokenId> others;
  for (TokenId id = 0; id < static_cast<TokenId>(tokenizer.vocabulary_size()); ++id) {
    const std::string bytes = tokenizer.token_bytes(id);
    if (tokenizer.is_end_of_generation(id)) ends.push_back(id);
    if (bytes == "\"" || bytes == "}" || bytes == "]") others.push_back(id);
  }
  ends.insert(ends.end(), others.begin(), others.end());
  return ends;
}

Answer draw(const CompiledGrammar& compiled, const Tokenizer& tokenizer, const std::vector<TokenId>& closing,
            std::uint32_t seed, Survey& survey) {
  constexpr int kFreeSteps = 40;
  constexpr int kStepsMax = 600;
  const auto matcher = compiled.matcher();
  std::mt19937 random(seed);
  std::vector<std::uint32_t> mask((tokenizer.vocabulary_size() + 31) / 32);
  Answer answer;
  for (int step = 0; step < kStepsMax; ++step) {
    auto start = std::clock();
    const auto filled = matcher->fill_mask(mask);
    (step == 0 ? survey.first_masks : survey.masks).add(milliseconds_since(start));
    if (!filled) {
      ++survey.failed;
      fmt::print(stderr, "{}\n", filled.error().message);
      return answer;
    }
    std::vector<TokenId> ids;
    for (std::size_t word = 0; word < mask.size(); ++word)
      for (std::uint32_t bits = mask[word]; bits != 0; bits &= bits - 1)
        ids.push_back(static_cast<TokenId>(word * 32 + static_cast<std::size_t>(std::countr_zero(bits))));
    if (ids.empty()) {
      ++survey.stuck;
      fmt::print(stderr, "nothing may follow {}\n", answer.text);
      return answer;
    }
    TokenId id = ids[random() % ids.size()];
    if (step >= kFreeSteps) {
      const auto closes =
          std::ranges::find_if(closing, [&](TokenId each) { return std::ranges::binary_search(ids, each); });
      if (closes != closing.end()) id = *closes;
    }
    if (tokenizer.is_end_of_generation(id)) {
      answer.ended = true;
      return answer;
    }
    answer.text += tokenizer.token_bytes(id);
    start = std::clock();
    const auto accepted = matcher->accept(id);
    const bool must_end = accepted && matcher->must_end();  // which fills the next mask
    survey.accepts.add(milliseconds_since(start));
    if (!accepted) {
      ++survey.failed;
      fmt::print(stderr, "{}\n", accepted.error().message);
      return answer;
    }
    if (must_end) {
      answer.ended = true;
      return answer;
    }
  }
  return answer;
}

int run(int argc, char** argv) {
  const auto description = describe(argv[1]);
  if (!description) return fmt::print(stderr, "{}\n", description.error().message), 1;
  const std::shared_ptr<const Tokenizer> tokenizer = load_tokenizer(*description).value();
  int answers = 0;
  if (argc > 3) std::from_chars(argv[3], argv[3] + std::strlen(argv[3]), answers);
  std::ofstream out(argc > 4 ? argv[4] : "/dev/null");
  const auto compiler = make_grammar_compiler(tokenizer, tokenizer->vocabulary_size());
  auto start = std::clock();
  if (!compiler->compile({.kind = OutputConstraint::Kind::Regex, .text = "a"})) return 1;
  fmt::print("{} tokens; the first constraint {:.1f} ms\n", tokenizer->vocabulary_size(),
             milliseconds_since(start));
  const auto closing = closing_tokens(*tokenizer);
  Survey survey;
  std::ifstream in(argv[2]);
  std::uint32_t number = 0;
  for (std::string line; std::getline(in, line); ++number) {
    const Json entry = Json::parse(line);
    const auto schema = entry.at("schema").get<std::string>();
    start = std::clock();
    const auto compiled = compiler->compile({.kind = OutputConstraint::Kind::JsonSchema, .text = schema});
    const double took = milliseconds_since(start);
    (compiled ? survey.compiled : survey.refused).add(took);
    if (took > 500)
      fmt::print("{:.0f} ms: {}{}\n", took, entry.at("id").dump(),
                 compiled ? "" : ": " + compiled.error().message);
    if (!compiled) continue;
    for (int i = 0; i < answers; ++i) {
      const Answer answer =
          draw(**compiled, *tokenizer, closing, number * 1000 + static_cast<std::uint32_t>(i), survey);
      ++survey.answers;
      survey.ended += answer.ended ? 1 : 0;
      if (answer.ended)
        out << Json{{"id", entry.at("id")}, {"line", number}, {"text", answer.text}}.dump(
                   -1, ' ', false, Json::error_handler_t::replace)
            << '\n';
    }
  }
  fmt::print("{}\n{}\n{}\n{}\n{}\n", survey.compiled.line("compiled"), survey.refused.line("refused"),
             survey.first_masks.line("first mask"), survey.masks.line("mask"), survey.accepts.line("accept"));
  fmt::print("{} answers, {} ended, {} stuck, {} given up\n", survey.answers, survey.ended, survey.stuck,
             survey.failed);
  return 0;
}

}  // namespace
}  // namespace minerva

int main(int argc, char** argv) {
  if (argc < 3)
    return fmt::print(stderr, "minerva_grammar_survey MODEL SCHEMAS.jsonl [ANSWERS [OUT.jsonl]]\n"), 2;
  return minerva::run(argc, argv);
}
