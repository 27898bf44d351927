// HTML's names of characters.
#pragma once

#include <string_view>

namespace minerva::jinja {

/// What "amp;" (or "amp", where HTML allows it without the semicolon) stands for, as UTF-8; empty for no
/// name.
std::string_view html_entity(std::string_view name) noexcept;

}  // namespace minerva::jinja
