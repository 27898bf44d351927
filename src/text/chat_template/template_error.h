// Failures of a template as errors that a user reads.
#pragma once

#include <string_view>

#include "base/error.h"
#include "text/jinja/failure.h"

namespace minerva {

/// While parsing: ModelLoading.
std::unexpected<Error> parsing_error(const jinja::Failure& failure);
/// While rendering a user's messages: InvalidRequest.
std::unexpected<Error> rendering_error(const jinja::Failure& failure);

/// `text` in one line, at most some 500 bytes long, cut at a character's border.
std::string in_one_line(std::string_view text);

}  // namespace minerva
