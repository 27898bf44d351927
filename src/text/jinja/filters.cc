#include "text/jinja/filters.h"

#include <string_view>
#include <unordered_map>

namespace minerva::jinja {

const FilterEntry* find_filter(std::string_view name) {
  static const auto kFilters = [] {
    std::unordered_map<std::string_view, const FilterEntry*> filters;
    for (const auto& group :
         {text_filters(), html_filters(), sequence_filters(), selection_filters(), number_filters()})
      for (const FilterEntry& filter : group) filters.emplace(filter.name, &filter);
    return filters;
  }();
  const auto found = kFilters.find(name);
  return found == kFilters.end() ? nullptr : found->second;
}

}  // namespace minerva::jinja
