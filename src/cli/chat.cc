// `minerva chat`: a conversation, at a terminal or through pipes.
#include <fmt/format.h>
#include <unistd.h>

#include <limits>
#include <optional>
#include <utility>
#include <variant>

#include "base/terminal.h"
#include "cli/chat_loop.h"
#include "cli/chat_session.h"
#include "cli/command.h"
#include "cli/generation_json.h"
#include "cli/human.h"
#include "cli/line_reader.h"
#include "cli/model_location.h"
#include "cli/model_session.h"
#include "cli/suggest.h"
#include "cli/terminal_modes.h"
#include "cli/text_layout.h"
#include "runtime/context_size.h"
#include "runtime/sampling_settings.h"

namespace minerva::cli {
namespace {

const CommandText kText = {
    .name = "chat",
    .synopsis = "[MODEL] [options]",
    .summary = "hold a conversation",
    .about =
        "Holds a conversation: type a message, read the answer. /help lists what else can\n"
        "be typed. Messages can be piped in, one a line.",
    .examples = {"minerva chat", "minerva chat llama.gguf -sys \"You are a terse geologist.\"",
                 "printf 'My name is Ada.\\nWhat is my name?\\n' | minerva chat --json"}};

class LoadedChatModel : public ChatModel {
 public:
  LoadedChatModel(LoadedModel& model, ModelOptions options, ChatOptions chat_options,
                  OutputConstraint constraint, bool json)
      : model_(model),
        options_(std::move(options)),
        chat_options_(std::move(chat_options)),
        constraint_(std::move(constraint)),
        json_(json) {}

  Result<Turn> answer(const std::vector<ChatMessage>& messages, const GenerationFlags& flags,
                      const AnswerListener& listener, const std::stop_token& stop) override {
    MINERVA_ASSIGN(auto request, model_.render_chat(messages, chat_options_));
    if (listener.on_prompt) {
      MINERVA_ASSIGN(const std::size_t tokens, tokens_of(request));
      listener.on_prompt(std::get<std::string>(request.prompt), tokens);
    }
    request.max_tokens = flags.max_tokens;
    request.sampling = flags.sampling;
    request.stop = flags.stop;
    request.ignore_eos = flags.ignore_eos;
    request.ignore_recommendations = flags.ignore_recommendations;
    request.constraint = constraint_;
    request.logprobs = json_;
    request.top_logprobs = flags.top_logprobs;
    request.cancel = stop;
    MINERVA_ASSIGN(auto generation, model_.generate(request, listener.on_text));
    return Turn{.prompt = std::get<std::string>(request.prompt), .generation = std::move(generation)};
  }

  Result<std::size_t> prompt_tokens(const std::vector<ChatMessage>& messages) const override {
    MINERVA_ASSIGN(const auto request, model_.render_chat(messages, chat_options_));
    return tokens_of(request);
  }

  Result<void> check(const SamplingOptions& sampling) const override {
    const ModelDescription& description = model_.description();
    MINERVA_TRY(resolve_sampling(sampling, description.sampling, description.vocabulary_size));
    return {};
  }

  std::uint32_t context_tokens() const override {
    return default_context_tokens(options_, model_.description().context_length);
  }

 private:
  Result<std::size_t> tokens_of(const GenerationRequest& request) const {
    MINERVA_ASSIGN(const auto ids, model_.tokenize(std::get<std::string>(request.prompt), request.add_special,
                                                   request.parse_special));
    return ids.size();
  }

  LoadedModel& model_;
  ModelOptions options_;
  ChatOptions chat_options_;
  OutputConstraint constraint_;
  bool json_;
};

class ChatCommandLine : public Command {
 public:
  const CommandText& text() const override { return kText; }
  void declare(Arguments& arguments) override;
  Result<int> execute(Console& console) override;

 private:
  Result<OpenModel> load(const std::filesystem::path& path, Console& console) const;

  ModelFlags model_;
  TemplateFlags chat_template_;
  GenerationFlags generation_;
  EngineFlags engine_;
  bool no_history_ = false;
};

void ChatCommandLine::declare(Arguments& arguments) {
  arguments.group("Input");
  declare_model(arguments, model_);
  arguments.toggle("--no-history", "keep no history of what is typed", Listed::InFull, no_history_);
  declare_template(arguments, chat_template_);
  declare_generation(arguments, generation_);
  declare_sampling(arguments, generation_.sampling);
  declare_engine(arguments, engine_);
  declare_common(arguments, common_);
}

// What the terminal shows first.
std::string greeting(const LoadedModel& model, std::uint32_t context_tokens) {
  const ModelDescription& d = model.description();
  const std::string name = d.name.empty() ? d.path.filename().string() : d.name;
  return fmt::format("{} on {}, {} tokens of context. /help lists the commands, Ctrl-D leaves.",
                     printable(name), model.backend(), with_commas(context_tokens));
}

// Ctrl-C while loading ends the program; later it ends an answer.
Result<OpenModel> ChatCommandLine::load(const std::filesystem::path& path, Console& console) const {
  const InterruptScope interrupt(std::numeric_limits<int>::max());
  const LastResort last_resort(2);
  return open_model(path, engine_, generation_.sampling, console, interrupt.token());
}

Result<int> ChatCommandLine::execute(Console& console) {
  MINERVA_TRY(check_generation(generation_, common_));
  MINERVA_ASSIGN(auto constraint, read_constraint(generation_.constraint));
  MINERVA_ASSIGN(auto chat_options, read_template_flags(chat_template_));
  MINERVA_ASSIGN(const auto path, locate_model(model_, text().name));
  use_utf8_locale();
  const bool interactive = is_terminal(STDIN_FILENO) && !console.json() &&
                           (console.err_is_terminal() || console.out_is_terminal());
  const int screen = console.err_is_terminal() ? STDERR_FILENO : STDOUT_FILENO;
  std::optional<TerminalModes> modes;
  if (interactive) modes.emplace(STDIN_FILENO, screen);
  MINERVA_ASSIGN(auto open, load(path, console));
  if (!open.model->has_chat_template()) {
    return invalid_request(
        fmt::format("'{}' has no chat template, so it is not made for conversations", path.string()),
        fmt::format("Use an instruction-tuned version of the model, or let it continue a text: minerva run "
                    "{} --raw -p TEXT",
                    shell_quoted(path.string())));
  }
  tell_notes(*open.model, generation_, console);
  LoadedChatModel model(*open.model, engine_.options, std::move(chat_options), std::move(constraint),
                        console.json());
  ChatSession session(model, generation_);
  std::unique_ptr<LineReader> reader;
  if (interactive) {
    reader = make_editing_reader(no_history_ ? std::filesystem::path{} : history_path(), screen);
    console.note(console.styled_err(Style::Dim, greeting(*open.model, model.context_tokens())));
  } else {
    reader = make_pipe_reader();
  }
  return ChatLoop(session, facts_of(*open.model), console, *reader, interactive).run();
}

}  // namespace

std::unique_ptr<Command> make_chat_command() {
  return std::make_unique<ChatCommandLine>();
}

}  // namespace minerva::cli
