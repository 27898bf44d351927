// The three descriptors that every program is given, or should be.
#pragma once

namespace minerva::cli {

/// Opens those of the descriptors 0, 1 and 2 that are closed, so that no file of ours gets such a number and
/// with it what is meant for a terminal. Reading gives nothing then, writing fails. Call it before all else.
void open_standard_streams() noexcept;

}  // namespace minerva::cli
