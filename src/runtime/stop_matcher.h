// Finds stop strings in a text that arrives in pieces, also across piece borders.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace minerva {

/// Text goes in with `push`; what comes out is certain: no stop string can still begin in it.
class StopMatcher {
 public:
  explicit StopMatcher(std::vector<std::string> stops);

  struct Output {
    std::string text;      ///< text that is now certain
    bool stopped = false;  ///< a stop string was found; `text` ends before it and nothing more will come
  };
  Output push(std::string_view piece);
  /// The text ends: what was held back because a stop string might have begun there.
  std::string finish();

 private:
  std::size_t held_back() const;

  std::vector<std::string> stops_;
  std::string pending_;
};

}  // namespace minerva
