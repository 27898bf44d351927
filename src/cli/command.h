// One command of the program: its words, its flags, what it does.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cli/arguments.h"
#include "cli/console.h"
#include "cli/flags.h"

namespace minerva::cli {

/// What help says about a command. `examples` are shown as they are, one a line.
struct CommandText {
  std::string_view name;
  std::string_view synopsis;  ///< after the name: "[MODEL] [PROMPT] [options]"
  std::string_view summary;   ///< one line in the list of commands
  std::string_view about;     ///< a few lines under the usage line; no wrapping is done
  std::vector<std::string_view> examples;
};

class Command {
 public:
  virtual ~Command() = default;
  virtual const CommandText& text() const = 0;
  /// Declares flags bound to members of this object. Called once.
  virtual void declare(Arguments& arguments) = 0;
  /// Does the work and gives the process's exit status; an Error is reported by the caller.
  virtual Result<int> execute(Console& console) = 0;

  const CommonFlags& common() const noexcept { return common_; }

 protected:
  CommonFlags common_;
};

std::unique_ptr<Command> make_run_command();
std::unique_ptr<Command> make_chat_command();
std::unique_ptr<Command> make_show_command();
std::unique_ptr<Command> make_tokenize_command();
std::unique_ptr<Command> make_bench_command();
std::unique_ptr<Command> make_convert_command();
std::unique_ptr<Command> make_doctor_command();

/// Every command, in the order of the help.
std::vector<std::unique_ptr<Command>> make_commands();

}  // namespace minerva::cli
