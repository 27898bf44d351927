// What a template can do, found by rendering conversations with words that are easy to find again.
#pragma once

#include <functional>
#include <string>

#include "text/chat_template/chat_template.h"

namespace minerva {

/// Renderings that found_traits() asks for at the most.
inline constexpr int kTrialsMax = 8;

/// Renders a conversation as it is given.
using Trial = std::function<Result<std::string>(const ChatInput&)>;

/// Whatever a trial fails by, the template has not shown what was tried.
TemplateTraits found_traits(const Trial& trial);

}  // namespace minerva
