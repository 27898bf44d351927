// Log lines of the engine go to standard error.
#pragma once

#include "cli/console.h"

namespace minerva::cli {

/// Level: `verbose` (1 = info, 2 and more = debug) when it was given, else MINERVA_LOG (trace, debug, info,
/// warn, error, off), else warn.
void set_up_logging(int verbose, Console& console);

}  // namespace minerva::cli
