// Links made of what looks like an address, as jinja2's urlize() does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace minerva::jinja {

struct LinkStyle {
  std::optional<std::int64_t> shown_max;  ///< characters of an address that are shown
  std::string rel;
  std::string target;
  std::vector<std::string> schemes;  ///< more of them: "tel:"
};

/// `escaped` is HTML already.
std::string with_links(std::string_view escaped, const LinkStyle& style);
/// Raises when it is no scheme with a colon.
std::string checked_scheme(std::string scheme);

}  // namespace minerva::jinja
