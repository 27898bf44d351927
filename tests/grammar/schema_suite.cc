// How much of what people write is taken, and whether it is held: schema_suite [--refused] [--wrong] FILE...
//
// A file has a line for each schema: {"id": ..., "schema": text, "texts": [text...], "meta": [[number of the
// instance, whether it is valid, ...]...]}, one entry of `meta` for each text. Prints how many schemas are
// accepted, how many of the valid and the invalid instances (an instance counts as accepted when one of its
// texts is), how long it took, and why schemas are refused, by frequency. Answers are followed byte by byte,
// without a tokenizer. With --refused each schema that is refused is listed, with --wrong each invalid text
// that is accepted and each valid instance that is not.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "support/byte_tokenizer.h"
#include "text/grammar/grammar.h"
#include "text/grammar/grammar_builder.h"
#include "text/grammar/schema.h"

namespace {

using minerva::OutputConstraint;
using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

struct Options {
  bool refused = false;
  bool wrong = false;
};

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

bool accepts(const minerva::CompiledGrammar& compiled, const std::string& text) {
  const auto matcher = compiled.matcher();
  for (const char c : text)
    if (!matcher->accept(static_cast<unsigned char>(c))) return false;
  return matcher->may_end();
}

// The keyword and the reason, without where and what it is about.
std::string kind_of(const std::string& message) {
  std::string kind;
  const std::size_t keyword = message.find(", keyword ");
  const std::size_t colon = message.find(": ", keyword == std::string::npos ? 0 : keyword);
  if (keyword != std::string::npos) kind = message.substr(keyword + 10, colon - keyword - 10) + ": ";
  bool quoted = false;
  for (const char c : message.substr(colon == std::string::npos ? 0 : colon + 2)) {
    if (c == '"') quoted = !quoted;
    if (!quoted && !(c >= '0' && c <= '9')) kind += c;
  }
  return kind;
}

class Times {
 public:
  void add(double ms, const std::string& id) { times_.emplace_back(ms, id); }
  void print(const char* what) {
    if (times_.empty()) return;
    std::ranges::sort(times_);
    const auto at = [&](double part) {
      return times_[std::min(times_.size() - 1,
                             static_cast<std::size_t>(part * static_cast<double>(times_.size())))]
          .first;
    };
    fmt::print("{}: p50 {:.2f} ms, p90 {:.2f} ms, p99 {:.1f} ms, most {:.1f} ms ({})\n", what, at(0.5),
               at(0.9), at(0.99), times_.back().first, times_.back().second);
  }

 private:
  std::vector<std::pair<double, std::string>> times_;
};

class Suite {
 public:
  explicit Suite(const Options& options) : options_(options) {}

  void run(const Json& test) {
    const auto id = test["id"].get<std::string>();
    const OutputConstraint constraint = {.kind = OutputConstraint::Kind::JsonSchema,
                                         .text = test["schema"].get<std::string>()};
    ++schemas_;
    {
      minerva::grammar::GrammarBuilder builder;
      const auto start = Clock::now();
      const auto root = minerva::grammar::parse_schema(constraint.text, builder);
      translation_.add(milliseconds_since(start), id);
    }
    const auto start = Clock::now();
    // A compiler of its own, so that nothing is known from before.
    const auto compiled =
        minerva::make_grammar_compiler(tokenizer_, tokenizer_->vocabulary_size())->compile(constraint);
    compilation_.add(milliseconds_since(start), id);
    if (!compiled) {
      reasons_[kind_of(compiled.error().message)].push_back(id);
      if (options_.refused) fmt::print("refused {}: {}\n", id, compiled.error().message);
      return;
    }
    ++accepted_;
    match(test, id, **compiled);
  }

  void print() {
    fmt::print("schemas accepted: {} of {} ({:.1f} %)\n", accepted_, schemas_,
               100.0 * accepted_ / std::max(schemas_, 1));
    fmt::print("of their valid instances accepted: {} of {}, as they are written {} of {} texts\n",
               valid_accepted_, valid_, valid_texts_accepted_, valid_texts_);
    fmt::print("of their invalid instances accepted: {} of {} ({} of {} texts)\n", invalid_accepted_,
               invalid_, invalid_texts_accepted_, invalid_texts_);
    translation_.print("translation");
    compilation_.print("compilation (bytes as vocabulary)");
    std::vector<std::pair<std::size_t, std::string>> reasons;
    for (const auto& [reason, ids] : reasons_)
      reasons.emplace_back(ids.size(), reason + " (" + ids.front() + ")");
    std::ranges::sort(reasons, std::greater());
    for (const auto& [count, reason] : reasons) fmt::print("{:5}  {}\n", count, reason);
  }

 private:
  void match(const Json& test, const std::string& id, const minerva::CompiledGrammar& compiled) {
    std::map<int, std::pair<bool, bool>> instances;  // whether valid, whether some text of it is accepted
    for (std::size_t i = 0; i < test["texts"].size(); ++i) {
      const auto text = test["texts"][i].get<std::string>();
      const bool valid = test["meta"][i][1].get<bool>();
      const bool accepted = accepts(compiled, text);
      auto& instance = instances[test["meta"][i][0].get<int>()];
      instance = {valid, instance.second || accepted};
      (valid ? valid_texts_ : invalid_texts_) += 1;
      (valid ? valid_texts_accepted_ : invalid_texts_accepted_) += accepted ? 1 : 0;
      if (options_.wrong && !valid && accepted)
        fmt::print("INVALID accepted, {}: {}\n  schema {}\n", id, text,
                   test["schema"].get<std::string>().substr(0, 2000));
    }
    for (const auto& [number, state] : instances) {
      const auto [valid, accepted] = state;
      (valid ? valid_ : invalid_) += 1;
      (valid ? valid_accepted_ : invalid_accepted_) += accepted ? 1 : 0;
      if (options_.wrong && valid && !accepted)
        fmt::print("valid not accepted, {}: instance {}\n", id, number);
    }
  }

  Options options_;
  std::shared_ptr<const minerva::Tokenizer> tokenizer_ = std::make_shared<minerva::testing::ByteTokenizer>();
  int schemas_ = 0;
  int accepted_ = 0;
  int valid_ = 0;
  int valid_accepted_ = 0;
  int invalid_ = 0;
  int invalid_accepted_ = 0;
  int valid_texts_ = 0;
  int valid_texts_accepted_ = 0;
  int invalid_texts_ = 0;
  int invalid_texts_accepted_ = 0;
  Times translation_;
  Times compilation_;
  std::map<std::string, std::vector<std::string>> reasons_;
};

}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--refused") {
      options.refused = true;
    } else if (argument == "--wrong") {
      options.wrong = true;
    } else {
      std::ifstream in(argument);
      if (!in) {
        fmt::print(stderr, "{} cannot be read\n", argument);
        return 1;
      }
      Suite suite(options);
      for (std::string line; std::getline(in, line);) {
        std::fflush(stdout);
        suite.run(Json::parse(line));
      }
      fmt::print("{}\n", argument);
      suite.print();
    }
  }
  return 0;
}
