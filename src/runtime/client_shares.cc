#include "runtime/client_shares.h"

#include <algorithm>
#include <limits>

namespace minerva {
namespace {

// Somewhat more than what others are served between two requests of one client.
constexpr std::uint64_t kClaimMax = 64;
constexpr std::size_t kRememberedMax = 1024;

std::uint64_t level_with(std::uint64_t own, std::uint64_t least_of_others) {
  const std::uint64_t lowest = least_of_others - std::min(least_of_others, kClaimMax);
  return std::clamp(own, lowest, least_of_others + kClaimMax);
}

}  // namespace

void ClientShares::enter(const std::string& client) {
  const auto [place, is_new] = clients_.try_emplace(client);
  Entry& entry = place->second;
  if (entry.present) return;
  constexpr std::uint64_t kNobody = std::numeric_limits<std::uint64_t>::max();
  ServedTokens least{kNobody, kNobody};
  for (const auto& [name, other] : clients_) {
    if (!other.present) continue;
    least.answers = std::min(least.answers, other.served.answers);
    least.prompts = std::min(least.prompts, other.served.prompts);
  }
  entry.present = true;
  if (least.answers == kNobody) return;
  if (is_new) {
    entry.served = least;
  } else {
    entry.served = {level_with(entry.served.answers, least.answers),
                    level_with(entry.served.prompts, least.prompts)};
  }
}

void ClientShares::leave(const std::string& client) {
  const auto place = clients_.find(client);
  if (place == clients_.end()) return;
  place->second.present = false;
  if (clients_.size() > kRememberedMax) clients_.erase(place);
}

void ClientShares::charge(const std::string& client, const ServedTokens& tokens) {
  Entry& entry = clients_[client];
  entry.served.answers += tokens.answers;
  entry.served.prompts += tokens.prompts;
}

const ServedTokens& ClientShares::served(const std::string& client) const {
  static const ServedTokens nothing;
  const auto place = clients_.find(client);
  return place == clients_.end() ? nothing : place->second.served;
}

}  // namespace minerva
