// The program: finds the command, parses its flags, runs it, reports what went wrong.
#pragma once

#include <string>
#include <vector>

namespace minerva::cli {

/// Runs `minerva` with these arguments (without the program's name) and gives the exit status.
int run_application(std::vector<std::string> arguments);

}  // namespace minerva::cli
