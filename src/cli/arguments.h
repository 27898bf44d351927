// Declares and parses the flags of one command. A thin layer over CLI11 that turns what it throws into
// Errors, keeps what help needs, and suggests the flag that was meant.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace minerva::cli {

/// Where a flag is listed.
enum class Listed : unsigned char {
  InShort,  ///< in --help and --help-all
  InFull,   ///< in --help-all only
};

/// One declared flag, for help, completions and the man page's test.
struct Flag {
  std::vector<std::string> names;  ///< as typed: "-n", "--max-tokens"
  std::string value;               ///< placeholder of its value, "N"; empty for a switch
  std::string help;
  std::string group;
  Listed listed = Listed::InFull;
};

class Arguments {
 public:
  /// Takes a flag's value; `name` is the flag's first long name, for messages.
  using Setter = std::function<Result<void>(std::string_view name, const std::string& value)>;

  Arguments();
  ~Arguments();
  Arguments(const Arguments&) = delete;
  Arguments& operator=(const Arguments&) = delete;

  /// Flags declared from here on belong to the group `heading`.
  void group(std::string heading);

  /// A flag with a value; given twice, the last counts. `names` are separated by commas: "-n,--max-tokens". A
  /// long name after one dash ("-sys") is allowed for llama.cpp's sake.
  void value(std::string_view names, std::string_view placeholder, std::string_view help, Listed listed,
             Setter setter);
  /// A flag with a value that may be given several times: the setter is called for each.
  void list(std::string_view names, std::string_view placeholder, std::string_view help, Listed listed,
            Setter setter);
  void text(std::string_view names, std::string_view placeholder, std::string_view help, Listed listed,
            std::optional<std::string>& target);
  /// A switch: `target` becomes `meaning` when it is given, however often.
  void toggle(std::string_view names, std::string_view help, Listed listed, bool& target,
              bool meaning = true);
  /// A switch that counts how often it was given.
  void counter(std::string_view names, std::string_view help, Listed listed, int& target);

  /// The next positional argument; `name` as shown in the usage line.
  void positional(std::string_view name, std::optional<std::string>& target);

  /// Parses what follows the command's name. Errors: InvalidRequest.
  Result<void> parse(std::vector<std::string> arguments);
  /// The option that the last `parse` did not know and that no other tool is known to have; else empty.
  const std::string& unknown() const noexcept { return unknown_; }

  const std::vector<Flag>& flags() const noexcept { return flags_; }
  const std::vector<std::string>& positionals() const noexcept { return positionals_; }

 private:
  struct Parser;
  void declare(std::string_view names, std::string_view placeholder, std::string_view help, Listed listed,
               bool repeatable, Setter setter);
  void declare_switch(std::string_view names, std::string_view help, Listed listed,
                      std::function<void(int)> setter);
  Result<std::vector<std::string>> rewritten(std::vector<std::string> arguments);
  const Flag* find(std::string_view name) const;
  bool is_short_flags(std::string_view argument) const;
  Error unexpected(const std::string& argument);

  std::unique_ptr<Parser> parser_;
  std::string group_ = "Options";
  std::vector<Flag> flags_;
  std::vector<std::string> positionals_;
  std::optional<Error> error_;  // the first that a setter gave
  std::string unknown_;
};

}  // namespace minerva::cli
