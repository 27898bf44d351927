#include "text/tokenizer/pattern.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/limits.h"

namespace minerva::tokenizers {

namespace {

/// Collects matches and what lies between them.
class Collector {
 public:
  explicit Collector(std::vector<Segment>& out) : out_(out) {}
  void match(std::size_t begin, std::size_t end) {
    gap(begin);
    add(begin, end, true);
    done_ = end;
  }
  void gap(std::size_t end) {
    if (end > done_) add(done_, end, false);
    done_ = end;
  }

 private:
  void add(std::size_t begin, std::size_t end, bool is_match) {
    out_.push_back({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end), is_match});
  }
  std::vector<Segment>& out_;
  std::size_t done_ = 0;
};

}  // namespace

std::unexpected<Error> too_much_text() {
  return invalid_request(
      fmt::format("the model's tokenizer makes this text larger than {} bytes, or takes too long",
                  limits::kTokenizerExpandedBytesMax),
      "Shorten the text, or check the normalizer, pre_tokenizer and decoder of the model's "
      "tokenizer.json.");
}

std::size_t expanded_bytes_max(std::size_t bytes) noexcept {
  constexpr std::size_t kFactor = 128;  // a compatibility decomposition of 33 bytes, times a replacement
  constexpr std::size_t kSmall = 65536;
  return std::min(limits::kTokenizerExpandedBytesMax, kSmall + bytes * kFactor);
}

Result<Pattern> Pattern::literal(std::string text) {
  // An empty literal matches between all characters, like the empty regex that the reference makes of it.
  if (text.empty()) return regex("");
  return Pattern(Kind(std::move(text)));
}

Result<Pattern> Pattern::regex(std::string_view expression) {
  if (const SplitScanner known = find_scanner(expression)) return Pattern(Kind(known));
  MINERVA_ASSIGN(Regex compiled, Regex::compile(expression));
  return Pattern(Kind(std::move(compiled)));
}

SplitScanner Pattern::scanner() const noexcept {
  const auto* known = std::get_if<SplitScanner>(&kind_);
  return known == nullptr ? nullptr : *known;
}

std::string_view Pattern::literal_text() const noexcept {
  const auto* text = std::get_if<std::string>(&kind_);
  return text == nullptr ? std::string_view() : *text;
}

bool Pattern::surely_absent(std::string_view text) const {
  const auto* literal = std::get_if<std::string>(&kind_);
  return literal != nullptr && text.find(*literal) == std::string_view::npos;
}

Result<void> Pattern::segments(std::string_view text, const TimeBudget& budget,
                               std::vector<Segment>& out) const {
  out.clear();
  if (text.empty()) return {};
  Collector collector(out);
  if (const auto* literal = std::get_if<std::string>(&kind_)) {
    for (std::size_t at = text.find(*literal); at != std::string_view::npos; at = text.find(*literal, at)) {
      collector.match(at, at + literal->size());
      at += literal->size();
    }
  } else if (const auto* scan = std::get_if<SplitScanner>(&kind_)) {
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = (*scan)(text, at);
      collector.match(at, end);
      at = end;
    }
  } else {
    MINERVA_TRY(std::get<Regex>(kind_).for_each_match(
        text, budget, [&](std::size_t begin, std::size_t end) { collector.match(begin, end); }));
  }
  collector.gap(text.size());
  return {};
}

Result<std::string> Pattern::replace(std::string_view text, std::string_view content,
                                     const TimeBudget& budget) const {
  std::string out;
  out.reserve(text.size() + content.size());
  if (const auto* literal = std::get_if<std::string>(&kind_)) {
    std::size_t done = 0;
    for (std::size_t at = text.find(*literal); at != std::string_view::npos; at = text.find(*literal, done)) {
      out += text.substr(done, at - done);
      out += content;
      done = at + literal->size();
      if (out.size() > limits::kTokenizerExpandedBytesMax) return too_much_text();
    }
    out += text.substr(done);
    return out;
  }
  std::vector<Segment> found;
  MINERVA_TRY(segments(text, budget, found));
  for (const Segment& segment : found) {
    out += segment.is_match ? content : text.substr(segment.begin, segment.end - segment.begin);
    if (out.size() > limits::kTokenizerExpandedBytesMax) return too_much_text();
  }
  return out;
}

}  // namespace minerva::tokenizers
