#include "text/jinja/urlize.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "text/jinja/budget.h"
#include "text/jinja/html.h"
#include "text/jinja/raise.h"
#include "text/jinja/regular_expression.h"
#include "text/jinja/text.h"
#include "text/jinja/unicode.h"

namespace minerva::jinja {
namespace {

bool is_web_address(std::string_view text) {
  static const RegularExpression kAddress(R"re(^(
      (https?://|www\.)(([\w%-]+\.)+)?([a-z]{2,63}|xn--[\w%]{2,59})
    | ([\w%-]{2,63}\.)+(com|net|int|edu|gov|org|info|mil)
    | (https?://)((([\d]{1,3})(\.[\d]{1,3}){3})|(\[([\da-f]{0,4}:){2}([\da-f]{0,4}:?){1,6}\]))
    )(?::[\d]{1,5})?(?:[/?\#]\S*)?\n?\z)re");
  return kAddress.matches(text);
}

bool is_mail_address(std::string_view text) {
  static const RegularExpression kAddress(R"(^\S+@\w[\w.-]*\.\w+\n?\z)");
  return kAddress.matches(text);
}

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t times = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size()))
    ++times;
  return times;
}

/// A word and what stands around it.
struct Word {
  std::string_view head;
  std::string_view middle;
  std::string_view tail;
};

Word split_word(std::string_view text) {
  constexpr std::array<std::string_view, 3> kOpening = {"(", "<", "&lt;"};
  constexpr std::array<std::string_view, 6> kClosing = {")", ">", ".", ",", "\n", "&gt;"};
  std::size_t start = 0;
  std::size_t end = text.size();
  for (bool goes_on = true; goes_on;) {
    goes_on = false;
    for (const std::string_view part : kOpening) {
      if (!text.substr(start).starts_with(part)) continue;
      start += part.size();
      goes_on = true;
    }
  }
  for (bool goes_on = true; goes_on;) {
    goes_on = false;
    for (const std::string_view part : kClosing) {
      if (!text.substr(start, end - start).ends_with(part)) continue;
      end -= part.size();
      goes_on = true;
    }
  }
  // Brackets that the address opens are its own.
  constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kPairs = {
      {{"(", ")"}, {"<", ">"}, {"&lt;", "&gt;"}}};
  for (const auto& [open, close] : kPairs) {
    const std::size_t opened = count(text.substr(start, end - start), open);
    if (opened <= count(text.substr(start, end - start), close)) continue;
    for (std::size_t i = std::min(opened, count(text.substr(end), close)); i > 0; --i)
      end = text.find(close, end) + close.size();
  }
  return {text.substr(0, start), text.substr(start, end - start), text.substr(end)};
}

std::string link(std::string_view address, const LinkStyle& style) {
  const std::string rel = style.rel.empty() ? "" : fmt::format(" rel=\"{}\"", escape_html(style.rel));
  const std::string target =
      style.target.empty() ? "" : fmt::format(" target=\"{}\"", escape_html(style.target));
  const auto shown = [&](std::string_view text) {
    if (!style.shown_max || static_cast<std::int64_t>(count_code_points(text)) <= *style.shown_max)
      return std::string(text);
    const std::int64_t most =
        *style.shown_max < 0
            ? std::max<std::int64_t>(*style.shown_max + static_cast<std::int64_t>(count_code_points(text)), 0)
            : *style.shown_max;
    return std::string(text.substr(0, offset_of(text, static_cast<std::size_t>(most)))) + "...";
  };
  if (is_web_address(address)) {
    const bool has_scheme = address.starts_with("https://") || address.starts_with("http://");
    return fmt::format("<a href=\"{}{}\"{}{}>{}</a>", has_scheme ? "" : "https://", address, rel, target,
                       shown(address));
  }
  if (address.starts_with("mailto:") && is_mail_address(address.substr(7)))
    return fmt::format("<a href=\"{}\">{}</a>", address, address.substr(7));
  if (address.find('@') != std::string_view::npos && !address.starts_with("www.") &&
      !address.starts_with('@') && address.find(':') == std::string_view::npos && is_mail_address(address))
    return fmt::format("<a href=\"mailto:{0}\">{0}</a>", address);
  std::string out(address);
  for (const std::string& scheme : style.schemes)
    if (out != scheme && out.starts_with(scheme))
      out = fmt::format("<a href=\"{0}\"{1}{2}>{0}</a>", out, rel, target);
  return out;
}

}  // namespace

std::string with_links(std::string_view escaped, const LinkStyle& style) {
  std::string out;
  std::size_t from = 0;
  const auto finish = [&](std::size_t end) {
    const Word word = split_word(escaped.substr(from, end - from));
    out += word.head;
    out += link(word.middle, style);
    out += word.tail;
    spend(1 + (end - from) / 8);
    expect_bytes(out.size(), 1);
  };
  for (CodePoints points(escaped); !points.done();) {
    const std::size_t at = points.offset();
    if (!is_space(points.next())) continue;
    if (at > from) finish(at);
    out += escaped.substr(at, points.offset() - at);
    from = points.offset();
  }
  if (from < escaped.size()) finish(escaped.size());
  return out;
}

std::string checked_scheme(std::string scheme) {
  static const RegularExpression kScheme(R"(^([\w.+-]{2,}:(/){0,2})\z)");
  if (!kScheme.matches(scheme))
    raise("FilterArgumentError", fmt::format("{} is not a valid URI scheme prefix.", repr_of_text(scheme)));
  return scheme;
}

}  // namespace minerva::jinja
