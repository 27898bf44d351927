// Searching texts in linear time, whatever they are made of; a step for every 128 characters
// passed; who searches again and again counts what is found.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace minerva::jinja {

/// As std::string_view::find().
std::size_t find_part(std::string_view text, std::string_view part, std::size_t from = 0);

/// Finds the last place of a part again and again, in what remains of a text.
class LastFinder {
 public:
  explicit LastFinder(std::string_view part);
  /// As std::string_view::rfind().
  std::size_t find(std::string_view text) const;

 private:
  std::string_view part_;
  std::vector<std::size_t> borders_;  ///< of long parts: for each suffix its longest border
};

}  // namespace minerva::jinja
