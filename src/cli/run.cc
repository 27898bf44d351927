// `minerva run`: one prompt, one answer.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>
#include <variant>

#include "base/terminal.h"
#include "cli/command.h"
#include "cli/generation_json.h"
#include "cli/human.h"
#include "cli/model_location.h"
#include "cli/model_session.h"
#include "cli/run_options.h"
#include "cli/text_source.h"
#include "formats/quote.h"

namespace minerva::cli {
namespace {

const CommandText kText = {
    .name = "run",
    .synopsis = "[MODEL] [PROMPT] [options]",
    .summary = "answer one prompt",
    .about =
        "Answers one prompt: the second argument (the first with -m), -p, -f or standard\n"
        "input. A text piped in beside a prompt is put before it.",
    .examples = {"minerva run -p \"Why is the sky blue?\"",
                 "minerva run llama.gguf \"Name three rivers.\" -n 64 --temp 0",
                 "git diff | minerva run -p \"Write a commit message for this diff.\"",
                 "minerva run --raw -p \"Once upon a time\" --json | jq -r .text",
                 "minerva run -p \"Is water wet?\" --choice yes --choice no"}};

class RunCommand : public Command {
 public:
  const CommandText& text() const override { return kText; }
  void declare(Arguments& arguments) override { declare_run(arguments, options_, common_); }
  Result<int> execute(Console& console) override;

 private:
  Result<std::string> read_prompt() const;
  Result<GenerationRequest> render(const LoadedModel& model, std::string prompt) const;
  Result<GenerationRequest> make_request(const LoadedModel& model, std::string prompt,
                                         Console& console) const;
  int finish(const LoadedModel& model, const GenerationRequest& request, const Generation& generation,
             Console& console) const;

  RunOptions options_;
  ChatOptions chat_options_;
  OutputConstraint constraint_;
};

Result<std::string> RunCommand::read_prompt() const {
  if (options_.prompt_ids) return std::string{};
  if (options_.messages) return read_text_file(*options_.messages);
  MINERVA_ASSIGN(auto prompt, read_text(options_.text, options_.raw ? TextUse::Raw : TextUse::Message));
  if (!prompt) {
    return invalid_request(
        "there is no prompt",
        "Give it as the second argument, with -p TEXT or -f FILE, or pipe it in; for a conversation "
        "use `minerva chat`.");
  }
  return *std::move(prompt);
}

/// `messages`, a JSON list, with one more of the assistant at its end; as it is when it is no list.
std::string with_answer(const std::string& messages, const std::string& answer) {
  auto list = nlohmann::ordered_json::parse(messages, nullptr, false);
  if (!list.is_array()) return messages;
  list.push_back({{"role", "assistant"}, {"content", answer}});
  return list.dump();
}

Result<GenerationRequest> RunCommand::render(const LoadedModel& model, std::string prompt) const {
  if (options_.messages) {
    return model.render_chat_json(options_.prefill ? with_answer(prompt, *options_.prefill) : prompt,
                                  chat_options_);
  }
  std::vector<ChatMessage> messages;
  if (options_.generation.system) messages.push_back({"system", *options_.generation.system});
  messages.push_back({"user", std::move(prompt)});
  if (options_.prefill) messages.push_back({"assistant", *options_.prefill});
  return model.render_chat(messages, chat_options_);
}

Result<GenerationRequest> RunCommand::make_request(const LoadedModel& model, std::string prompt,
                                                   Console& console) const {
  const GenerationFlags& flags = options_.generation;
  GenerationRequest request;
  const bool wants_template = !options_.raw && !options_.prompt_ids;
  if (wants_template && model.has_chat_template()) {
    MINERVA_ASSIGN(request, render(model, std::move(prompt)));
  } else if (options_.prompt_ids) {
    request.prompt = *options_.prompt_ids;
  } else {
    if (wants_template &&
        (flags.system || options_.messages || options_.prefill || options_.chat_template.given())) {
      return invalid_request(
          "the model has no chat template, so there is no place for --system, --messages, --tools, "
          "--documents, --chat-template-kwargs and --prefill-response",
          "Leave them out, or write them into the prompt.");
    }
    if (wants_template)
      console.note("note: the model has no chat template; it continues the prompt as it is (--raw)");
    request.prompt = std::move(prompt);
  }
  request.max_tokens = flags.max_tokens;
  request.sampling = flags.sampling;
  request.stop = flags.stop;
  request.ignore_eos = flags.ignore_eos;
  request.ignore_recommendations = flags.ignore_recommendations;
  request.constraint = constraint_;
  request.logprobs = console.json();
  request.top_logprobs = flags.top_logprobs;
  return request;
}

Result<int> RunCommand::execute(Console& console) {
  MINERVA_TRY(check_run(options_, common_));
  MINERVA_ASSIGN(constraint_, read_constraint(options_.generation.constraint));
  MINERVA_ASSIGN(chat_options_, read_template_flags(options_.chat_template));
  if (options_.prefill) chat_options_.continue_final_message = "content";
  MINERVA_ASSIGN(const auto path, locate_model(options_.model, text().name));
  MINERVA_ASSIGN(auto prompt, read_prompt());
  const InterruptScope interrupt;
  MINERVA_ASSIGN(auto open,
                 open_model(path, options_.engine, options_.generation.sampling, console, interrupt.token()));
  tell_notes(*open.model, options_.generation, console);
  MINERVA_ASSIGN(auto request, make_request(*open.model, std::move(prompt), console));
  request.cancel = interrupt.token();
  TextCallback on_text;
  if (!console.json()) on_text = [&](std::string_view piece) { return console.out_untrusted(piece); };
  MINERVA_ASSIGN(const auto generation, open.model->generate(request, on_text));
  return finish(*open.model, request, generation, console);
}

int RunCommand::finish(const LoadedModel& model, const GenerationRequest& request,
                       const Generation& generation, Console& console) const {
  const ModelFacts facts = facts_of(model);
  for (const ConstraintNote& note : generation.constraint_notes)
    console.note(fmt::format("note: the JSON schema, at {}, keyword {}: {}",
                             note.pointer.empty() ? "its root" : quoted(note.pointer), quoted(note.keyword),
                             note.message));
  if (console.json()) {
    std::string prompt;
    if (const auto* text = std::get_if<std::string>(&request.prompt))
      prompt = *text;
    else
      prompt = model.detokenize(std::get<std::vector<TokenId>>(request.prompt)).value_or("");
    console.out_json(generation_json(facts, prompt, generation));
  } else {
    if (!generation.text.ends_with('\n')) console.out("\n");
    if (generation.finish_reason == FinishReason::Cancelled && !console.reader_left() &&
        !console.output_error())
      console.note("[cancelled]");
    const auto line = length_line(facts, options_.generation, generation, "-c N makes it larger");
    if (!line.empty()) console.note(line);
    if (console.verbose() || console.err_is_terminal()) {
      console.note(console.styled_err(Style::Dim, timing_line(facts, generation)));
    }
  }
  return generation.finish_reason == FinishReason::Cancelled ? exit_status(ErrorCode::Cancelled) : 0;
}

}  // namespace

std::unique_ptr<Command> make_run_command() {
  return std::make_unique<RunCommand>();
}

}  // namespace minerva::cli
