#include "cli/thinking.h"

#include <algorithm>
#include <array>
#include <utility>

namespace minerva::cli {
namespace {

struct Marks {
  std::string_view begin;
  std::string_view end;
};

// As the families' chat templates write them into the text; marks that are special tokens never get there.
constexpr std::array kMarks = {
    Marks{"<think>", "</think>"},                        // Qwen, DeepSeek, SmolLM3, GLM, Granite ...
    Marks{"<thinking>", "</thinking>"},                  //
    Marks{"<thought>", "</thought>"},                    // EXAONE Deep
    Marks{"<reasoning>", "</reasoning>"},                // Reka
    Marks{"<seed:think>", "</seed:think>"},              // Seed-OSS
    Marks{"[THINK]", "[/THINK]"},                        // Magistral
    Marks{"<|START_THINKING|>", "<|END_THINKING|>"},     // Command A Reasoning
    Marks{"<|inner_prefix|>", "<|inner_suffix|>"},       // Apertus
    Marks{"<|channel>thought\n", "<channel|>"},          // Gemma
    Marks{"<|channel|>analysis<|message|>", "<|end|>"},  // gpt-oss
    Marks{"\u25C1think\u25B7", "\u25C1/think\u25B7"},    // Kimi
};

constexpr std::string_view kSpace = " \t\r\n";

std::string_view without_leading_space(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
  return text;
}

std::string_view without_trailing_space(std::string_view text) {
  return text.substr(0, text.find_last_not_of(kSpace) + 1);
}

// Bytes at the end of `text` that may be the beginning of `mark`, the space before it included.
std::size_t possible_mark_bytes(std::string_view text, std::string_view mark) {
  std::size_t bytes = std::min(text.size(), mark.size() - 1);
  while (bytes > 0 && !mark.starts_with(text.substr(text.size() - bytes))) --bytes;
  const std::string_view before = text.substr(0, text.size() - bytes);
  return text.size() - without_trailing_space(before).size();
}

}  // namespace

ThinkingSplitter::ThinkingSplitter(std::string_view prompt) {
  const std::string_view end = without_trailing_space(prompt);
  for (const Marks& marks : kMarks) {
    if (!end.ends_with(without_trailing_space(marks.begin))) continue;
    state_ = State::Thinking;
    closing_ = marks.end;
  }
}

std::vector<AnswerPart> ThinkingSplitter::push(std::string_view piece) {
  held_ += piece;
  std::vector<AnswerPart> out;
  for (State before = State::Answer; before != state_ && !held_.empty();) {
    before = state_;
    if (state_ == State::Beginning || state_ == State::AfterThinking) look_for_beginning();
    if (state_ == State::Thinking) look_for_end(out);
  }
  if (state_ == State::Answer && !held_.empty()) out.push_back({false, std::exchange(held_, {})});
  return out;
}

void ThinkingSplitter::look_for_beginning() {
  const std::string_view text = without_leading_space(held_);
  bool may_come = text.empty();
  for (const Marks& marks : kMarks) {
    if (text.starts_with(marks.begin)) {
      held_ = std::string(text.substr(marks.begin.size()));
      state_ = State::Thinking;
      closing_ = marks.end;
      drops_space_ = true;
      return;
    }
    may_come = may_come || marks.begin.starts_with(text);
  }
  if (may_come) return;
  // Only what follows thinking loses the space before it: an answer's own is its own.
  if (state_ == State::AfterThinking) held_ = std::string(text);
  state_ = State::Answer;
}

void ThinkingSplitter::look_for_end(std::vector<AnswerPart>& out) {
  if (drops_space_) held_ = std::string(without_leading_space(held_));
  if (held_.empty()) return;
  const auto end = held_.find(closing_);
  const bool ended = end != std::string::npos;
  const std::size_t certain = ended ? without_trailing_space(std::string_view(held_).substr(0, end)).size()
                                    : held_.size() - possible_mark_bytes(held_, closing_);
  if (certain > 0) {
    out.push_back({true, held_.substr(0, certain)});
    drops_space_ = false;
  }
  held_.erase(0, ended ? end + closing_.size() : certain);
  if (!ended) return;
  closing_ = {};
  state_ = State::AfterThinking;
}

std::vector<AnswerPart> ThinkingSplitter::finish() {
  std::vector<AnswerPart> out;
  if (state_ == State::Thinking) held_ = std::string(without_trailing_space(held_));
  if (state_ == State::AfterThinking) held_ = std::string(without_leading_space(held_));
  if (!held_.empty()) out.push_back({state_ == State::Thinking, held_});
  held_.clear();
  return out;
}

}  // namespace minerva::cli
