#include "text/grammar/schema_formats.h"

#include <algorithm>
#include <array>
#include <utility>

namespace minerva::grammar {
namespace {

// RFC 3339, with the days that each month has; 29 February in leap years only.
#define MINERVA_DATE                                                                        \
  "([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|" \
  "02-(0[1-9]|1[0-9]|2[0-8]))|"                                                             \
  "([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)"
#define MINERVA_TIME \
  "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+\\-]([01][0-9]|2[0-3]):[0-5][0-9])"
#define MINERVA_BYTE "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
#define MINERVA_HEX "[0-9A-Fa-f]"
#define MINERVA_DAYS "[0-9]{1,9}Y([0-9]{1,9}M([0-9]{1,9}D)?)?|[0-9]{1,9}M([0-9]{1,9}D)?|[0-9]{1,9}D"
#define MINERVA_SECONDS "[0-9]{1,9}H([0-9]{1,9}M([0-9]{1,9}S)?)?|[0-9]{1,9}M([0-9]{1,9}S)?|[0-9]{1,9}S"
#define MINERVA_PATH "([A-Za-z0-9._~!$&'()*+,;=:@/\\-]|%" MINERVA_HEX "{2})*"
#define MINERVA_QUERY "([A-Za-z0-9._~!$&'()*+,;=:@/?\\-]|%" MINERVA_HEX "{2})*"
// No two hyphens in a row: xn-- would begin Punycode, which may be malformed.
#define MINERVA_LABEL "[A-Za-z0-9](-?[A-Za-z0-9]){0,30}"
#define MINERVA_URI                                                      \
  "[A-Za-z][A-Za-z0-9+.\\-]{0,15}://" MINERVA_LABEL "(\\." MINERVA_LABEL \
  "){0,3}(:[0-9]{1,5})?(/" MINERVA_PATH                                  \
  ")?"                                                                   \
  "(\\?" MINERVA_QUERY ")?(#" MINERVA_QUERY ")?"
// A whole one, or a path whose first part is not empty and has no colon.
#define MINERVA_REFERENCE                                                                        \
  MINERVA_URI "|/?([A-Za-z0-9._~!$&'()*+,;=@\\-]{1,200}(/" MINERVA_PATH ")?)?(\\?" MINERVA_QUERY \
              ")?(#" MINERVA_QUERY ")?"

constexpr std::array<std::pair<std::string_view, std::string_view>, 15> kFormats = {{
    {"date", MINERVA_DATE},
    {"time", MINERVA_TIME},
    {"date-time", MINERVA_DATE "T" MINERVA_TIME},
    // RFC 3339, appendix A: no unit is left out between two others.
    {"duration", "P([0-9]{1,9}W|(" MINERVA_DAYS ")(T(" MINERVA_SECONDS "))?|T(" MINERVA_SECONDS "))"},
    // No quoted local part and no address in brackets.
    {"email", "[A-Za-z0-9!#$%&'*+/=?^_`\\{|\\}~\\-]{1,20}(\\.[A-Za-z0-9_+\\-]{1,20}){0,2}@" MINERVA_LABEL
              "(\\." MINERVA_LABEL "){1,3}"},
    {"hostname", MINERVA_LABEL "(\\." MINERVA_LABEL "){0,3}"},
    {"ipv4", MINERVA_BYTE "\\." MINERVA_BYTE "\\." MINERVA_BYTE "\\." MINERVA_BYTE},
    // Written out in full, or with :: in front, at the end or once between.
    {"ipv6", "(" MINERVA_HEX "{1,4}:){7}" MINERVA_HEX "{1,4}|::(" MINERVA_HEX "{1,4}:){0,5}" MINERVA_HEX
             "{1,4}|" MINERVA_HEX "{1,4}(:" MINERVA_HEX "{1,4}){0,5}::|" MINERVA_HEX "{1,4}(:" MINERVA_HEX
             "{1,4}){0,2}::" MINERVA_HEX "{1,4}(:" MINERVA_HEX "{1,4}){0,2}|::"},
    {"uuid", MINERVA_HEX "{8}-" MINERVA_HEX "{4}-" MINERVA_HEX "{4}-" MINERVA_HEX "{4}-" MINERVA_HEX "{12}"},
    // With an authority.
    {"uri", MINERVA_URI},
    {"iri", MINERVA_URI},
    {"uri-reference", MINERVA_REFERENCE},
    {"iri-reference", MINERVA_REFERENCE},
    {"json-pointer", "(/([^/~]|~[01])*)*"},
    {"relative-json-pointer", "(0|[1-9][0-9]{0,8})(#|(/([^/~]|~[01])*)*)"},
}};

}  // namespace

std::optional<std::string_view> format_regex(std::string_view name) {
  const auto* found =
      std::ranges::find(kFormats, name, &std::pair<std::string_view, std::string_view>::first);
  return found == kFormats.end() ? std::nullopt : std::optional(found->second);
}

std::string format_names() {
  std::string names;
  for (const auto& [name, regex] : kFormats) {
    if (!names.empty()) names += ", ";
    names += name;
  }
  return names;
}

}  // namespace minerva::grammar
