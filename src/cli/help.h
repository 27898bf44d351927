// The help texts, made from the commands' words and their declared flags.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "cli/arguments.h"
#include "cli/command.h"

namespace minerva::cli {

/// `minerva --help`.
std::string program_help(std::span<const std::unique_ptr<Command>> commands);

/// `minerva COMMAND --help`: a screen of 80 x 24 with the common flags and examples.
std::string short_help(const CommandText& text, const Arguments& arguments);

/// `minerva COMMAND --help-all`: every flag, in groups.
std::string full_help(const CommandText& text, const Arguments& arguments);

}  // namespace minerva::cli
