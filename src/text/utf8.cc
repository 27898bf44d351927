#include "text/utf8.h"

#include <cstdint>

namespace minerva {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// What the bytes at the start of a view are.
struct Character {
  std::size_t bytes = 0;  // of the character, or of the maximal subpart that is wrong
  bool valid = false;
  bool incomplete = false;  // right so far, but the view ends
};

struct LeadByte {
  std::size_t length = 0;  // of the whole character; 0 for a byte that can't begin one
  std::uint8_t second_min = 0x80;
  std::uint8_t second_max = 0xBF;
};

LeadByte classify(std::uint8_t lead) noexcept {
  if (lead < 0x80) return {.length = 1};
  if (lead < 0xC2) return {};
  if (lead < 0xE0) return {.length = 2};
  if (lead == 0xE0) return {.length = 3, .second_min = 0xA0};
  if (lead == 0xED) return {.length = 3, .second_max = 0x9F};
  if (lead < 0xF0) return {.length = 3};
  if (lead == 0xF0) return {.length = 4, .second_min = 0x90};
  if (lead < 0xF4) return {.length = 4};
  if (lead == 0xF4) return {.length = 4, .second_max = 0x8F};
  return {};
}

Character read_character(std::string_view text) noexcept {
  const LeadByte lead = classify(static_cast<std::uint8_t>(text.front()));
  if (lead.length == 0) return {.bytes = 1};
  std::uint8_t low = lead.second_min;
  std::uint8_t high = lead.second_max;
  for (std::size_t i = 1; i < lead.length; ++i) {
    if (i == text.size()) return {.bytes = i, .incomplete = true};
    const auto byte = static_cast<std::uint8_t>(text[i]);
    if (byte < low || byte > high) return {.bytes = i};
    low = 0x80;
    high = 0xBF;
  }
  return {.bytes = lead.length, .valid = true};
}

}  // namespace

std::size_t find_invalid_utf8(std::string_view text) noexcept {
  std::size_t at = 0;
  while (at < text.size()) {
    if (static_cast<std::uint8_t>(text[at]) < 0x80) {
      ++at;
      continue;
    }
    const Character character = read_character(text.substr(at));
    if (!character.valid) return at;
    at += character.bytes;
  }
  return std::string_view::npos;
}

std::string Utf8Stream::push(std::string_view bytes) {
  std::string joined = std::move(pending_);
  joined += bytes;
  pending_.clear();
  std::string out;
  out.reserve(joined.size());
  std::string_view rest = joined;
  while (!rest.empty()) {
    const Character character = read_character(rest);
    if (character.incomplete) {
      pending_ = rest;
      break;
    }
    out += character.valid ? rest.substr(0, character.bytes) : kReplacement;
    rest.remove_prefix(character.bytes);
  }
  return out;
}

std::string Utf8Stream::finish() {
  if (pending_.empty()) return {};
  pending_.clear();
  return std::string(kReplacement);
}

}  // namespace minerva
