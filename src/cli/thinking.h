// What a model thinks before it answers, told apart from the answer.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace minerva::cli {

/// A part of an answer as it comes.
struct AnswerPart {
  bool thinking = false;
  std::string text;

  friend bool operator==(const AnswerPart&, const AnswerPart&) = default;
};

/// Takes "<think>", "</think>" and what other families write for them out of a text that comes in pieces. A
/// mark counts at the text's beginning or, to end what it began, anywhere; the line ends around marks go with
/// them.
class ThinkingSplitter {
 public:
  /// `prompt`: what the answer continues; some templates write the first mark themselves.
  explicit ThinkingSplitter(std::string_view prompt);

  /// What is certain by now.
  std::vector<AnswerPart> push(std::string_view piece);
  /// The text ends: what was held back is text after all.
  std::vector<AnswerPart> finish();
  bool is_thinking() const noexcept { return !closing_.empty(); }

 private:
  void look_for_beginning();
  void look_for_end(std::vector<AnswerPart>& out);

  enum class State : unsigned char { Beginning, Thinking, AfterThinking, Answer };
  State state_ = State::Beginning;
  std::string held_;
  std::string_view closing_;  // the mark that ends the thinking; empty outside of it
  bool drops_space_ = true;   // before the first character of a part
};

}  // namespace minerva::cli
