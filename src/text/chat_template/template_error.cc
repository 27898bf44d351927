#include "text/chat_template/template_error.h"

#include <fmt/format.h>

#include <string>

namespace minerva {
namespace {

using jinja::Failure;
using jinja::FailureKind;

constexpr std::size_t kMessageBytesMax = 500;

/// The words without a full stop, which the sentence around them has.
std::string words(const Failure& failure) {
  std::string text = in_one_line(failure.message);
  if (text.ends_with('.') && !text.ends_with("...")) text.pop_back();
  return text;
}

std::string place(const Failure& failure) {
  return failure.line == 0 ? "" : fmt::format(" in line {}", failure.line);
}

std::unexpected<Error> no_memory() {
  return fail(ErrorCode::OutOfMemory, "There is not enough memory to render the chat template.",
              "Close other programs, or shorten the messages.");
}

std::unexpected<Error> small_stack() {
  return invalid_request("The calling thread has too little stack left to run the model's chat template.",
                         "Call from a thread with a larger stack: 2 MB are always enough.");
}

std::string limit_message(const Failure& failure) {
  return fmt::format("The chat template exceeds a limit{}: {}.", place(failure), words(failure));
}

std::string fault_message(const Failure& failure) {
  return fmt::format("The chat template is wrong{}: {}.", place(failure), words(failure));
}

}  // namespace

std::string in_one_line(std::string_view text) {
  std::string line;
  for (const char byte : text.substr(0, kMessageBytesMax)) {
    const bool blank = static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f;
    if (!blank) {
      line += byte;
    } else if (!line.empty() && line.back() != ' ') {
      line += ' ';
    }
  }
  if (text.size() > kMessageBytesMax) {
    while (!line.empty() && (static_cast<unsigned char>(line.back()) & 0xC0) == 0x80) line.pop_back();
    if (!line.empty() && static_cast<unsigned char>(line.back()) >= 0xC0) line.pop_back();
    line += "...";
  }
  return line;
}

std::unexpected<Error> parsing_error(const Failure& failure) {
  if (failure.kind == FailureKind::Memory) return no_memory();
  if (failure.kind == FailureKind::Stack) return small_stack();
  return model_loading(
      failure.kind == FailureKind::Limit ? limit_message(failure) : fault_message(failure),
      "The template in the model's files may be damaged or written for another program. Download the model "
      "again, or use it without its template.");
}

std::unexpected<Error> rendering_error(const Failure& failure) {
  switch (failure.kind) {
    case FailureKind::Memory:
      return no_memory();
    case FailureKind::Stack:
      return small_stack();
    case FailureKind::Raised:
      return invalid_request(
          "The model's chat template rejects these messages: " + in_one_line(failure.message),
          "Change the roles, their order or the contents as the template asks.");
    case FailureKind::Limit:
      return invalid_request(
          limit_message(failure),
          "The fault is in the model's chat template, not in Minerva: shorten or split the messages, or use "
          "the model without its template.");
    case FailureKind::Syntax:
    case FailureKind::Execution:
      break;
  }
  return invalid_request(
      fmt::format("The model's chat template cannot work with these messages{}: {}.", place(failure),
                  words(failure)),
      "Give the roles and fields that the template reads, or use the model without its template; the same "
      "happens in transformers.");
}

}  // namespace minerva
