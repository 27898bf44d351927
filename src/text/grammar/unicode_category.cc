#include "text/grammar/unicode_category.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace minerva::grammar {
namespace {

// In the order of utf8proc's numbers.
constexpr std::array<std::pair<std::string_view, std::string_view>, 30> kCategories = {
    {{"Cn", "Unassigned"},
     {"Lu", "Uppercase_Letter"},
     {"Ll", "Lowercase_Letter"},
     {"Lt", "Titlecase_Letter"},
     {"Lm", "Modifier_Letter"},
     {"Lo", "Other_Letter"},
     {"Mn", "Nonspacing_Mark"},
     {"Mc", "Spacing_Mark"},
     {"Me", "Enclosing_Mark"},
     {"Nd", "Decimal_Number"},
     {"Nl", "Letter_Number"},
     {"No", "Other_Number"},
     {"Pc", "Connector_Punctuation"},
     {"Pd", "Dash_Punctuation"},
     {"Ps", "Open_Punctuation"},
     {"Pe", "Close_Punctuation"},
     {"Pi", "Initial_Punctuation"},
     {"Pf", "Final_Punctuation"},
     {"Po", "Other_Punctuation"},
     {"Sm", "Math_Symbol"},
     {"Sc", "Currency_Symbol"},
     {"Sk", "Modifier_Symbol"},
     {"So", "Other_Symbol"},
     {"Zs", "Space_Separator"},
     {"Zl", "Line_Separator"},
     {"Zp", "Paragraph_Separator"},
     {"Cc", "Control"},
     {"Cf", "Format"},
     {"Cs", "Surrogate"},
     {"Co", "Private_Use"}}};
constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kGroups = {{{"L", "Letter"},
                                                                                   {"M", "Mark"},
                                                                                   {"N", "Number"},
                                                                                   {"P", "Punctuation"},
                                                                                   {"S", "Symbol"},
                                                                                   {"Z", "Separator"},
                                                                                   {"C", "Other"},
                                                                                   {"M", "Combining_Mark"},
                                                                                   {"P", "punct"}}};

using Sets = std::array<std::vector<CodePointSet::Range>, kCategories.size()>;

Sets all_categories() {
  Sets sets;
  for (char32_t c = 0; c <= kCodePointMax; ++c) {
    auto& ranges = sets.at(static_cast<std::size_t>(utf8proc_category(static_cast<utf8proc_int32_t>(c))));
    if (!ranges.empty() && ranges.back().last + 1 == c)
      ranges.back().last = c;
    else
      ranges.push_back({c, c});
  }
  return sets;
}

}  // namespace

std::optional<CodePointSet> unicode_category(std::string_view name) {
  for (const std::string_view prefix : {"General_Category=", "gc="})
    if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
  const auto is_named = [&](const auto& entry) { return name == entry.first || name == entry.second; };
  const auto* group = std::ranges::find_if(kGroups, is_named);
  const bool cased = name == "LC" || name == "Cased_Letter";
  static const Sets sets = all_categories();
  std::vector<CodePointSet::Range> ranges;
  bool known = false;
  for (std::size_t i = 0; i < kCategories.size(); ++i) {
    const auto& category = kCategories.at(i);
    const bool in_group = group != kGroups.end() && category.first.starts_with(group->first);
    if (!is_named(category) && !in_group && !(cased && i >= 1 && i <= 3)) continue;
    known = true;
    ranges.insert(ranges.end(), sets.at(i).begin(), sets.at(i).end());
  }
  return known ? std::optional(CodePointSet(ranges)) : std::nullopt;
}

}  // namespace minerva::grammar
