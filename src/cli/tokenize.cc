// `minerva tokenize`: the token ids of a text, without loading weights.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <span>

#include "cli/command.h"
#include "cli/human.h"
#include "cli/model_location.h"
#include "cli/text_source.h"
#include "text/tokenizer/load.h"
#include "text/tokenizer/tokenizer.h"

namespace minerva::cli {
namespace {

using Json = nlohmann::ordered_json;

const CommandText kText = {
    .name = "tokenize",
    .synopsis = "[MODEL] [TEXT] [options]",
    .summary = "show the token ids of a text",
    .about =
        "Shows the token ids of a text and the piece each one stands for. The text is the\n"
        "second argument (the first with -m), -p, -f or standard input: one of them, byte\n"
        "for byte.",
    .examples = {"minerva tokenize -p \"Hello, world\"", "minerva tokenize llama.gguf -f prompt.txt --ids",
                 "minerva tokenize llama.gguf --jsonl < texts.jsonl"}};

class TokenizeCommand : public Command {
 public:
  const CommandText& text() const override { return kText; }
  void declare(Arguments& arguments) override;
  Result<int> execute(Console& console) override;

 private:
  Result<int> answer_text(const Tokenizer& tokenizer, Console& console) const;
  Result<int> answer_lines(const Tokenizer& tokenizer, Console& console) const;
  Result<Json> answer_line(const Tokenizer& tokenizer, const std::string& line) const;

  ModelFlags model_;
  TextFlags text_;
  bool ids_only_ = false;
  bool lines_ = false;
  EncodeOptions encode_;
};

void TokenizeCommand::declare(Arguments& arguments) {
  arguments.group("Input");
  declare_model(arguments, model_);
  arguments.positional("TEXT", text_.positional);
  declare_text(arguments, text_);
  arguments.toggle("--no-bos", "no special tokens around the text", Listed::InShort, encode_.add_special,
                   false);
  arguments.toggle("--no-parse-special", "special tokens written in the text are plain text", Listed::InShort,
                   encode_.parse_special, false);
  arguments.toggle("--ids", "print the ids only: 1,2,3", Listed::InShort, ids_only_);
  arguments.toggle("--jsonl", "answer each line {\"text\":...} of standard input", Listed::InShort, lines_);
  declare_common(arguments, common_);
}

Result<int> TokenizeCommand::answer_text(const Tokenizer& tokenizer, Console& console) const {
  MINERVA_ASSIGN(const auto text, read_text(text_, TextUse::Alone));
  if (!text) {
    return invalid_request("there is no text",
                           "Give it as the second argument, with -p TEXT or -f FILE, or pipe it in.");
  }
  MINERVA_ASSIGN(const std::vector<TokenId> ids, tokenizer.encode(*text, encode_));
  if (console.json()) {
    Json tokens = Json::array();
    for (const TokenId id : ids) {
      tokens.push_back(
          {{"id", id}, {"piece", tokenizer.token_bytes(id, true)}, {"special", tokenizer.is_special(id)}});
    }
    console.out_json({{"ids", ids}, {"tokens", std::move(tokens)}});
    return 0;
  }
  if (ids_only_) {
    console.out(fmt::format("{}\n", fmt::join(ids, ",")));
    return 0;
  }
  for (const TokenId id : ids) {
    if (!console.out(fmt::format("{:>8}  {}{}\n", id, visible(tokenizer.token_bytes(id, true)),
                                 tokenizer.is_special(id) ? "  special" : ""))) {
      break;
    }
  }
  if (console.err_is_terminal()) console.note(fmt::format("{} tokens, {} bytes", ids.size(), text->size()));
  return 0;
}

Result<Json> TokenizeCommand::answer_line(const Tokenizer& tokenizer, const std::string& line) const {
  const Json request = Json::parse(line, nullptr, false);
  if (!request.is_object() || !request.contains("text") || !request["text"].is_string()) {
    return invalid_request("it is no JSON object with a string \"text\"",
                           "Write one object a line: {\"text\": \"...\"}.");
  }
  const auto text = request["text"].get<std::string>();
  MINERVA_ASSIGN(const auto ids,
                 tokenizer.encode(text, {.add_special = false, .parse_special = encode_.parse_special}));
  MINERVA_ASSIGN(const auto with_special,
                 tokenizer.encode(text, {.add_special = true, .parse_special = encode_.parse_special}));
  MINERVA_ASSIGN(const auto decoded, tokenizer.decode(ids, false));
  MINERVA_ASSIGN(const auto skipped, tokenizer.decode(ids, true));
  return Json{{"ids", ids},
              {"ids_with_special", with_special},
              {"decoded", decoded},
              {"decoded_skip_special", skipped}};
}

Result<int> TokenizeCommand::answer_lines(const Tokenizer& tokenizer, Console& console) const {
  std::string line;
  for (std::size_t number = 1; std::getline(std::cin, line); ++number) {
    auto answer = answer_line(tokenizer, line);
    if (!answer) {
      Error error = std::move(answer).error();
      error.message = fmt::format("line {}: {}", number, error.message);
      return std::unexpected(std::move(error));
    }
    if (!console.out_json(*answer)) break;
  }
  return 0;
}

Result<int> TokenizeCommand::execute(Console& console) {
  if (lines_ && (text_.given() || ids_only_)) {
    return invalid_request("--jsonl reads its texts from standard input and takes no other text and no --ids",
                           "Leave one of them out.");
  }
  MINERVA_TRY(settle_positionals(model_, text_));
  MINERVA_ASSIGN(const auto path, locate_model(model_, text().name));
  MINERVA_ASSIGN(const auto description, describe(path));
  MINERVA_ASSIGN(const auto tokenizer, load_tokenizer(description));
  return lines_ ? answer_lines(*tokenizer, console) : answer_text(*tokenizer, console);
}

}  // namespace

std::unique_ptr<Command> make_tokenize_command() {
  return std::make_unique<TokenizeCommand>();
}

}  // namespace minerva::cli
