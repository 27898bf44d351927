#include "cli/arguments.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>

#include "base/terminal.h"
#include "cli/foreign_options.h"
#include "cli/suggest.h"

namespace minerva::cli {
namespace {

std::vector<std::string> split_names(std::string_view names) {
  std::vector<std::string> out;
  while (!names.empty()) {
    const auto comma = std::min(names.find(','), names.size());
    out.emplace_back(names.substr(0, comma));
    names.remove_prefix(std::min(comma + 1, names.size()));
  }
  return out;
}

// "-sys": CLI11 knows no long names after one dash, so these are rewritten before it sees them.
bool is_one_dash_word(std::string_view name) {
  return name.size() > 2 && name[0] == '-' && name[1] != '-';
}

// "-ngl" or "-x", not "-5" or "- a list's item".
bool is_letters(std::string_view argument) {
  return argument.size() > 2 && argument[0] == '-' &&
         std::isalpha(static_cast<unsigned char>(argument[1])) != 0;
}

// "ys" of "-sys", "gl" of "-ngl=99": what follows a letter is no value then, all of it is one name.
bool is_rest_of_a_word(std::string_view rest) {
  constexpr std::string_view kSmall = "abcdefghijklmnopqrstuvwxyz";
  constexpr std::string_view kDigits = "0123456789";
  const auto end_of = [&](std::string_view kind) {
    rest.remove_prefix(std::min(rest.find_first_not_of(kind), rest.size()));
  };
  if (rest.empty() || !kSmall.contains(rest.front())) return false;
  end_of("abcdefghijklmnopqrstuvwxyz-");
  end_of(kDigits);
  return rest.empty() || rest.front() == '=';
}

std::string names_for_cli11(const std::vector<std::string>& names) {
  std::vector<std::string> kept;
  std::ranges::copy_if(names, std::back_inserter(kept),
                       [](const std::string& name) { return !is_one_dash_word(name); });
  return fmt::format("{}", fmt::join(kept, ","));
}

const std::string& main_name(const std::vector<std::string>& names) {
  return *std::ranges::find_if(names, [](const std::string& name) { return name.starts_with("--"); });
}

}  // namespace

struct Arguments::Parser {
  CLI::App app;
};

Arguments::Arguments() : parser_(std::make_unique<Parser>()) {
  parser_->app.set_help_flag();  // ours is written by hand: CLI11's is longer than a screen
  parser_->app.allow_extras();   // so that the first wrong one can be named with a suggestion
}
Arguments::~Arguments() = default;

void Arguments::group(std::string heading) {
  group_ = std::move(heading);
}

void Arguments::declare(std::string_view names, std::string_view placeholder, std::string_view help,
                        Listed listed, bool repeatable, Setter setter) {
  Flag flag{.names = split_names(names),
            .value = std::string(placeholder),
            .help = std::string(help),
            .group = group_,
            .listed = listed};
  const auto apply = [this, setter = std::move(setter),
                      name = main_name(flag.names)](const CLI::results_t& values) {
    for (const std::string& value : values) {
      const auto result = setter(name, value);
      if (!result && !error_) error_ = result.error();
    }
    return true;
  };
  CLI::Option* const option = parser_->app.add_option(names_for_cli11(flag.names), apply, flag.help);
  option->expected(1)->multi_option_policy(repeatable ? CLI::MultiOptionPolicy::TakeAll
                                                      : CLI::MultiOptionPolicy::TakeLast);
  flags_.push_back(std::move(flag));
}

void Arguments::value(std::string_view names, std::string_view placeholder, std::string_view help,
                      Listed listed, Setter setter) {
  declare(names, placeholder, help, listed, false, std::move(setter));
}

void Arguments::list(std::string_view names, std::string_view placeholder, std::string_view help,
                     Listed listed, Setter setter) {
  declare(names, placeholder, help, listed, true, std::move(setter));
}

void Arguments::text(std::string_view names, std::string_view placeholder, std::string_view help,
                     Listed listed, std::optional<std::string>& target) {
  declare(names, placeholder, help, listed, false, [&target](std::string_view, const std::string& value) {
    target = value;
    return Result<void>{};
  });
}

void Arguments::declare_switch(std::string_view names, std::string_view help, Listed listed,
                               std::function<void(int)> setter) {
  Flag flag{
      .names = split_names(names), .value = {}, .help = std::string(help), .group = group_, .listed = listed};
  const auto apply = [setter = std::move(setter)](std::int64_t count) { setter(static_cast<int>(count)); };
  parser_->app.add_flag_function(names_for_cli11(flag.names), apply, flag.help)->disable_flag_override();
  flags_.push_back(std::move(flag));
}

void Arguments::toggle(std::string_view names, std::string_view help, Listed listed, bool& target,
                       bool meaning) {
  declare_switch(names, help, listed, [&target, meaning](int) { target = meaning; });
}

void Arguments::counter(std::string_view names, std::string_view help, Listed listed, int& target) {
  declare_switch(names, help, listed, [&target](int count) { target = count; });
}

void Arguments::positional(std::string_view name, std::optional<std::string>& target) {
  positionals_.emplace_back(name);
  parser_->app
      .add_option(std::string(name),
                  [&target](const CLI::results_t& values) {
                    target = values.back();
                    return true;
                  })
      ->expected(1);
}

const Flag* Arguments::find(std::string_view name) const {
  const auto found = std::ranges::find_if(
      flags_, [&](const Flag& flag) { return std::ranges::find(flag.names, name) != flag.names.end(); });
  return found == flags_.end() ? nullptr : &*found;
}

// Whether "-vv", "-n64" or "-vp" are letters with a dash: switches, then perhaps one that takes a value,
// which follows at once or comes next. Not what looks like a name of several letters: "-nkvo" sets no -n.
bool Arguments::is_short_flags(std::string_view argument) const {
  for (std::size_t i = 1; i < argument.size(); ++i) {
    const Flag* const flag = find(fmt::format("-{}", argument[i]));
    if (flag == nullptr) return false;
    if (!flag->value.empty()) return !is_rest_of_a_word(argument.substr(i + 1));
  }
  return true;
}

// What CLI11 would misread, put so that it cannot: "-sys" (it would see -s ys), "--stop=" (it would take the
// next argument). And what it would word poorly, refused.
Result<std::vector<std::string>> Arguments::rewritten(std::vector<std::string> arguments) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string& argument = arguments[i];
    if (argument == "--") {
      out.insert(out.end(), std::make_move_iterator(arguments.begin() + static_cast<std::ptrdiff_t>(i)),
                 std::make_move_iterator(arguments.end()));
      break;
    }
    if (const Flag* flag = find(argument)) {
      out.push_back(main_name(flag->names));
      if (flag->value.empty()) continue;
      if (i + 1 == arguments.size()) {
        return invalid_request(fmt::format("option '{}' needs a value", argument),
                               fmt::format("It is used as {} {}.", main_name(flag->names), flag->value));
      }
      out.push_back(std::move(arguments[++i]));
      continue;
    }
    const std::string name = argument.substr(0, argument.find('='));
    const Flag* flag = name.size() < argument.size() && name.size() > 2 ? find(name) : nullptr;
    if (flag == nullptr) {
      if (foreign_option(name) || (is_letters(argument) && !is_short_flags(argument)))
        return std::unexpected(unexpected(argument));
      out.push_back(std::move(argument));
      continue;
    }
    if (flag->value.empty()) {
      return invalid_request(fmt::format("option '{}' takes no value", name),
                             "Write it without the equals sign.");
    }
    out.push_back(main_name(flag->names));
    out.push_back(argument.substr(name.size() + 1));
  }
  return out;
}

Error Arguments::unexpected(const std::string& argument) {
  const bool is_flag = argument.size() > 1 && argument[0] == '-';
  if (!is_flag) {
    return Error{ErrorCode::InvalidRequest, fmt::format("unexpected argument '{}'", printable(argument)),
                 "Put quotes around a text of several words."};
  }
  const std::string name = argument.substr(0, argument.find('='));
  if (auto foreign = foreign_option(name)) return *std::move(foreign);
  unknown_ = name;
  std::vector<std::string> names;
  for (const Flag& flag : flags_) names.insert(names.end(), flag.names.begin(), flag.names.end());
  const Flag* const letter = is_one_dash_word(name) ? find(name.substr(0, 2)) : nullptr;
  std::string remedy = "--help-all lists every option; put -- before a text that begins with a dash.";
  if (const auto meant = suggest(name, names)) {
    remedy = fmt::format("Did you mean {}? --help-all lists every option.", *meant);
  } else if (letter != nullptr && !letter->value.empty()) {
    remedy = fmt::format("Where {} is meant, put a space before its value: {} {}.", name.substr(0, 2),
                         name.substr(0, 2), shell_quoted(argument.substr(2)));
  }
  return Error{ErrorCode::InvalidRequest, fmt::format("unknown option '{}'", printable(name)),
               std::move(remedy)};
}

Result<void> Arguments::parse(std::vector<std::string> arguments) {
  unknown_.clear();
  MINERVA_ASSIGN(arguments, rewritten(std::move(arguments)));
  std::ranges::reverse(arguments);  // as CLI11 wants them
  try {
    parser_->app.parse(std::move(arguments));
    std::vector<std::string> extras = parser_->app.remaining();
    // CLI11 counts the first "--" among what it did not use.
    if (const auto mark = std::ranges::find(extras, "--"); mark != extras.end()) extras.erase(mark);
    if (!extras.empty()) return std::unexpected(unexpected(extras.front()));
  } catch (const CLI::Error& error) {
    return invalid_request(error.what(), "--help shows how the command is used.");
  }
  if (error_) return std::unexpected(*error_);
  return {};
}

}  // namespace minerva::cli
