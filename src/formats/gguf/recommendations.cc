#include "formats/gguf/recommendations.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "formats/quote.h"
#include "formats/sampling_fields.h"

namespace minerva::gguf {
namespace {

constexpr std::string_view kPrefix = "general.sampling.";

// What says nothing by itself.
constexpr auto kWithoutEffect =
    std::to_array<std::string_view>({"xtc_threshold", "mirostat_tau", "mirostat_eta"});

// Steps that do nothing unless something else switches them on, which no key does.
constexpr auto kIdleSteps =
    std::to_array<std::string_view>({"penalties", "dry", "topnsigma", "xtc", "typp", "typ"});

class Reader {
 public:
  Reader(const Metadata& metadata, SamplingDefaults& out, std::vector<std::string>& notes)
      : metadata_(metadata), out_(out), notes_(notes) {}

  void run() {
    for (const KeyValue& entry : metadata_.entries()) {
      if (entry.key.starts_with(kPrefix)) read(entry.key, std::string_view(entry.key).substr(kPrefix.size()));
    }
    sequence("general.sampling.sequence");  // last: it has the last word on which steps are taken
  }

 private:
  void note(std::string_view key, std::string_view what) {
    notes_.push_back(fmt::format("'{}': key {} {}", metadata_.file_name(), quoted(key), what));
  }

  // Like llama.cpp, takes any type of number.
  std::optional<double> number(std::string_view key) {
    const auto value = metadata_.get_number(key);
    if (value) return *value;
    notes_.push_back(value.error().message + "; it is left out");
    return std::nullopt;
  }

  void read(std::string_view key, std::string_view name) {
    if (name == "sequence") return;
    if (std::ranges::find(kWithoutEffect, name) != kWithoutEffect.end()) return;
    const auto fields = sampling_fields();
    const auto field = std::ranges::find(fields, name, &SamplingField::gguf_name);
    if (name.empty() || (field == fields.end() && name != "mirostat" && name != "xtc_probability"))
      return note(key, "cannot be followed: Minerva does not know it");
    const auto value = number(key);
    if (!value) return;
    if (field == fields.end()) {
      if (*value != 0) note(key, "cannot be followed: that way of sampling is not there");
    } else if (!field->set(*value, out_)) {
      note(key, fmt::format("is {}, expected {}; it is left out", *value, field->range));
    }
  }

  // The steps in their order, as llama.cpp's --samplers has them: "top_k;top_p;temperature". Those that are
  // not named are not taken.
  void sequence(std::string_view key) {
    const auto text = metadata_.get_string(key, 512);
    if (!text) return notes_.push_back(text.error().message + "; it is left out");
    if (!*text) return;
    std::vector<std::string> steps;
    for (std::string_view rest = **text; !rest.empty();) {
      const auto end = std::min(rest.find(';'), rest.size());
      std::string step = canonical(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (std::ranges::find(kIdleSteps, step) == kIdleSteps.end()) steps.push_back(std::move(step));
    }
    if (!take(steps))
      note(key, fmt::format("is {}, an order that cannot be followed; it is left out", quoted(**text)));
  }

  static std::string canonical(std::string_view name) {
    std::string out;
    for (const char c : name)
      if (c != '_' && c != '-') out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (out == "nucleus") return "topp";
    return out == "temp" ? "temperature" : out;
  }

  // False: not one of the orders there are.
  bool take(std::vector<std::string> steps) {
    const bool first = !steps.empty() && steps.front() == "temperature";
    if (first)
      steps.erase(steps.begin());
    else if (!steps.empty() && steps.back() == "temperature")
      steps.pop_back();
    else
      return false;
    constexpr auto kOrder = std::to_array<std::string_view>({"topk", "topp", "minp"});
    auto next = kOrder.begin();
    for (const std::string& step : steps) {
      next = std::find(next, kOrder.end(), step);
      if (next == kOrder.end()) return false;
      ++next;
    }
    const auto names = [&](std::string_view step) { return std::ranges::find(steps, step) != steps.end(); };
    out_.temperature_first = first;
    if (!names("topk")) out_.top_k = 0;
    if (!names("topp")) out_.top_p = 1.0F;
    if (!names("minp")) out_.min_p = 0.0F;
    return true;
  }

  const Metadata& metadata_;
  SamplingDefaults& out_;
  std::vector<std::string>& notes_;
};

}  // namespace

void read_recommendations(const Metadata& metadata, SamplingDefaults& sampling,
                          std::vector<std::string>& notes) {
  Reader(metadata, sampling, notes).run();
}

}  // namespace minerva::gguf
