// The parts of a network that read characters.
#pragma once

#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "text/grammar/code_point_set.h"
#include "text/grammar/network.h"

namespace minerva::grammar {

/// Adds states to a network, from the last to the first: what comes next is there already.
class NetworkParts {
 public:
  explicit NetworkParts(Network& network) : network_(network) {}

  StateId add(Network::State state);
  StateId split(std::span<const StateId> targets);
  /// `edges`: in order, apart from each other.
  StateId bytes(std::span<const Network::Edge> edges);
  StateId literal(std::string_view text, StateId next);
  /// One of the texts, which are in order and differ.
  StateId literals(std::span<const std::string_view> texts, StateId next);
  /// One character in UTF-8.
  StateId character(const CodePointSet& set, StateId next);

 private:
  Network& network_;
};

}  // namespace minerva::grammar
