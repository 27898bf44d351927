// Where log lines go.
#pragma once

#include <spdlog/logger.h>

namespace minerva {

/// Minerva's own logger: warnings and errors, to standard error, unless told otherwise (set_level, sinks,
/// set_pattern: before other threads log). It is not spdlog's default logger, which belongs to the program
/// that embeds us and writes to standard output, where answers go. Logging is thread-safe.
spdlog::logger& log();

}  // namespace minerva
