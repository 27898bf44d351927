#include "cli/application.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <exception>
#include <filesystem>
#include <memory>
#include <new>

#include "cli/command.h"
#include "cli/foreign_options.h"
#include "cli/help.h"
#include "cli/logging.h"
#include "cli/suggest.h"
#include "minerva/engine.h"

namespace minerva::cli {
namespace {

constexpr int kUsageStatus = 2;

bool asks_for(const std::vector<std::string>& arguments, std::string_view flag) {
  const auto end = std::ranges::find(arguments, "--");
  return std::find(arguments.begin(), end, flag) != end;
}

Error unknown_command(const std::vector<std::unique_ptr<Command>>& commands, const std::string& typed) {
  std::vector<std::string> names;
  for (const auto& command : commands) names.emplace_back(command->text().name);
  std::error_code ignored;
  const bool is_path = std::filesystem::exists(typed, ignored) ||
                       (!typed.contains(' ') && (typed.contains('/') || typed.ends_with(".gguf")));
  if (auto foreign = typed.starts_with('-') ? foreign_option(typed) : foreign_command(typed);
      foreign && !is_path)
    return *std::move(foreign);
  if (typed.starts_with('-') || is_path || typed.contains(' ')) {
    const std::string call = typed.starts_with('-') ? "minerva run " + typed + " ..."
                             : is_path              ? "minerva run " + shell_quoted(typed)
                                                    : "minerva run -p " + shell_quoted(typed);
    return {ErrorCode::InvalidRequest, fmt::format("'{}' is no command", typed),
            fmt::format("The command comes first: {}. `minerva --help` lists the commands.", call)};
  }
  const auto meant = suggest(typed, names);
  return {ErrorCode::InvalidRequest, fmt::format("there is no command '{}'", typed),
          meant ? fmt::format("Did you mean `minerva {}`? `minerva --help` lists the commands.", *meant)
                : "`minerva --help` lists the commands."};
}

// A command's end, whatever it was, as an exit status.
int report(Console& console, const Result<int>& result) {
  if (!result) console.error(result.error());
  if (const auto error = console.output_error()) {
    if (result) console.error(*error);
    return exit_status(error->code);
  }
  if (console.reader_left()) return exit_status(ErrorCode::Cancelled);
  return result ? *result : exit_status(result.error().code);
}

// Exceptions of libraries are caught where they are called; this is the last net.
Result<int> execute_guarded(Command& command, Console& console) {
  try {
    return command.execute(console);
  } catch (const std::exception&) {
    return std::unexpected(error_of_exception());
  }
}

// "run, chat and bench": the commands that have the option `name`.
std::string commands_with(std::string_view name) {
  std::vector<std::string_view> having;
  for (const auto& command : make_commands()) {
    Arguments arguments;
    command->declare(arguments);
    const bool has = std::ranges::any_of(arguments.flags(), [&](const Flag& flag) {
      return std::ranges::find(flag.names, name) != flag.names.end();
    });
    if (has) having.push_back(command->text().name);
  }
  std::string text;
  for (std::size_t i = 0; i < having.size(); ++i)
    text += fmt::format("{}{}", i == 0 ? "" : i + 1 < having.size() ? ", " : " and ", having[i]);
  return text;
}

int run_command(Command& command, std::vector<std::string> rest) {
  Arguments arguments;
  command.declare(arguments);
  // When the line can't be parsed, what it asks for is guessed: help, or errors as JSON.
  CommonFlags guess;
  guess.json = asks_for(rest, "--json");
  guess.help = asks_for(rest, "--help") || asks_for(rest, "-h");
  guess.help_all = asks_for(rest, "--help-all");
  const auto parsed = arguments.parse(std::move(rest));
  const CommonFlags& flags = parsed ? command.common() : guess;
  Console console(flags);
  if (flags.help_all || flags.help) {
    const auto& text = command.text();
    console.out(flags.help_all ? full_help(text, arguments) : short_help(text, arguments));
    return report(console, 0);
  }
  if (!parsed) {
    Error error = parsed.error();
    if (const std::string others = commands_with(arguments.unknown()); !others.empty())
      error.remedy = fmt::format("It is an option of {}.", others);
    error.remedy += fmt::format(" See `minerva {} --help`.", command.text().name);
    return report(console, std::unexpected(std::move(error)));
  }
  set_up_logging(flags.verbose, console);
  return report(console, execute_guarded(command, console));
}

}  // namespace

std::vector<std::unique_ptr<Command>> make_commands() {
  std::vector<std::unique_ptr<Command>> commands;
  commands.push_back(make_run_command());
  commands.push_back(make_chat_command());
  commands.push_back(make_show_command());
  commands.push_back(make_tokenize_command());
  commands.push_back(make_convert_command());
  commands.push_back(make_bench_command());
  commands.push_back(make_doctor_command());
  return commands;
}

int run_application(std::vector<std::string> arguments) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader that leaves is an error of write(), not the end of the process
  std::signal(SIGXFSZ, SIG_IGN);  // so is a file that may not grow on
  const auto commands = make_commands();
  CommonFlags flags;
  flags.json = asks_for(arguments, "--json");
  Console console(flags);
  if (arguments.empty()) {
    console.note(program_help(commands));
    return kUsageStatus;
  }
  std::string name = arguments.front();
  arguments.erase(arguments.begin());
  if (name == "help" && !arguments.empty()) {  // `minerva help run`
    name = arguments.front();
    arguments = {"--help"};
  }
  if (name == "--help" || name == "-h" || name == "help" || name == "--help-all") {
    console.out(program_help(commands));
    return report(console, 0);
  }
  if (name == "--version" || name == "-V" || name == "version") {
    console.out(fmt::format("minerva {}\n", version()));
    return report(console, 0);
  }
  const auto found =
      std::ranges::find_if(commands, [&](const auto& command) { return command->text().name == name; });
  if (found == commands.end()) return report(console, std::unexpected(unknown_command(commands, name)));
  return run_command(**found, std::move(arguments));
}

}  // namespace minerva::cli
