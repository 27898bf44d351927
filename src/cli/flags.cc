#include "cli/flags.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "cli/numbers.h"
#include "cli/sampling_keys.h"
#include "cli/text_source.h"
#include "runtime/preference.h"

namespace minerva::cli {
namespace {

// A setter that stores what `parse` makes of the value.
template <class T, class Parse>
Arguments::Setter into(T& target, Parse parse) {
  return [&target, parse](std::string_view name, const std::string& value) -> Result<void> {
    MINERVA_ASSIGN(target, parse(name, value));
    return {};
  };
}

// A setter for a word out of `words`.
template <class T, std::size_t N>
Arguments::Setter one_of(T& target, std::array<std::pair<std::string_view, T>, N> words) {
  return [&target, words](std::string_view name, const std::string& value) -> Result<void> {
    std::string known;
    for (const auto& [word, meaning] : words) {
      if (value == word) {
        target = meaning;
        return {};
      }
      known += fmt::format("{}{}", known.empty() ? "" : ", ", word);
    }
    return invalid_request(fmt::format("{}: '{}' is not one of {}", name, printable(value), known),
                           fmt::format("Use one of: {}.", known));
  };
}

// "llama,native" in order of preference; "auto" stands for what the format asks for.
Result<std::vector<std::string>> parse_backends(std::string_view what, const std::string& text) {
  std::vector<std::string> names = split_names(text);
  MINERVA_TRY(check_names(names, what));
  return names;
}

}  // namespace

void declare_model(Arguments& arguments, ModelFlags& flags) {
  arguments.positional("MODEL", flags.positional);
  arguments.text("-m,--model", "PATH", "GGUF file or Hugging Face directory (for MODEL)", Listed::InShort,
                 flags.flag);
}

void declare_text(Arguments& arguments, TextFlags& flags) {
  arguments.text("-p,--prompt", "TEXT", "the text; - reads standard input", Listed::InShort, flags.flag);
  arguments.text("-f,--file", "FILE", "read the text from FILE", Listed::InShort, flags.file);
}

Result<void> settle_positionals(ModelFlags& model, TextFlags& text) {
  if (!model.flag || !model.positional) return {};
  if (text.positional) {
    return invalid_request(
        fmt::format("unexpected argument '{}': with --model, the first argument is the text already",
                    printable(*text.positional)),
        "Put quotes around a text of several words, and give the model once.");
  }
  text.positional = std::exchange(model.positional, std::nullopt);
  return {};
}

void declare_sampling(Arguments& arguments, SamplingOptions& sampling) {
  arguments.group("Sampling (defaults; a model's own recommendation comes first)");
  for (const SamplingKey& key : sampling_keys()) {
    arguments.value(key.flags, key.placeholder, key.help, key.listed,
                    [&sampling, &key](std::string_view name, const std::string& value) {
                      return key.set(sampling, name, value);
                    });
  }
  arguments.list("--logit-bias", "ID+X", "add X to a logit; ID-inf bans, ID+inf demands it", Listed::InFull,
                 [&sampling](std::string_view name, const std::string& value) -> Result<void> {
                   MINERVA_ASSIGN(auto bias, parse_logit_bias(name, value));
                   sampling.logit_bias.push_back(bias);
                   return {};
                 });
}

namespace {

void declare_constraint(Arguments& arguments, ConstraintFlags& flags) {
  arguments.text("--json-schema", "FILE", "answer with JSON after a schema (or its text)", Listed::InShort,
                 flags.json_schema);
  arguments.toggle("--json-object", "answer with a JSON object", Listed::InFull, flags.json_object);
  arguments.text("--regex", "RE", "answer with a text that the expression matches", Listed::InFull,
                 flags.regex);
  arguments.text("--grammar", "FILE", "answer after an EBNF grammar (or its text)", Listed::InFull,
                 flags.grammar);
  arguments.list("--choice", "TEXT", "answer with one of these texts (repeatable)", Listed::InFull,
                 [&flags](std::string_view, const std::string& value) {
                   flags.choices.push_back(value);
                   return Result<void>{};
                 });
}

Result<void> check_constraint(const GenerationFlags& flags) {
  const ConstraintFlags& given = flags.constraint;
  const int count = (given.json_object ? 1 : 0) + (given.json_schema ? 1 : 0) + (given.regex ? 1 : 0) +
                    (given.grammar ? 1 : 0) + (given.choices.empty() ? 0 : 1);
  if (count > 1) {
    return invalid_request(
        "more than one of --json-schema, --json-object, --regex, --grammar and --choice is given",
        "Give one of them.");
  }
  if (count == 1 && flags.ignore_eos) {
    return invalid_request("--ignore-eos goes on after the end that the demanded answer has",
                           "Leave out --ignore-eos.");
  }
  return {};
}

}  // namespace

void declare_generation(Arguments& arguments, GenerationFlags& flags) {
  arguments.group("Answer");
  arguments.value("-n,--max-tokens,--n-predict,--predict", "N", "stop after N tokens; -1 = no limit (-1)",
                  Listed::InShort, into(flags.max_tokens, parse_limit));
  arguments.text("-sys,--system,--system-prompt", "TEXT", "system prompt", Listed::InShort, flags.system);
  arguments.list("--stop,-r,--reverse-prompt", "TEXT", "end the answer before TEXT (repeatable)",
                 Listed::InFull, [&flags](std::string_view, const std::string& value) {
                   flags.stop.push_back(value);
                   return Result<void>{};
                 });
  arguments.toggle("--ignore-eos", "go on after an end token", Listed::InFull, flags.ignore_eos);
  arguments.toggle("--ignore-recommendations", "take no settings from the model's files", Listed::InFull,
                   flags.ignore_recommendations);
  declare_constraint(arguments, flags.constraint);
  arguments.value("--top-logprobs", "K", "with --json: the K likeliest tokens at each step", Listed::InFull,
                  into(flags.top_logprobs, parse_uint32));
}

void declare_engine(Arguments& arguments, EngineFlags& flags) {
  using enum NumericMode;
  arguments.group("Engine");
  ModelOptions& options = flags.options;
  arguments.value("-c,--ctx-size", "N", "context in tokens; 0 = model's, at most 8,192 (0)", Listed::InShort,
                  into(options.context_tokens, parse_uint32));
  arguments.value("-t,--threads", "N", "threads; 0 = one per core (0)", Listed::InFull,
                  into(options.threads, parse_int));
  arguments.value("-b,--batch-size", "N", "prompt tokens computed at once (512)", Listed::InFull,
                  into(options.batch_tokens, parse_uint32));
  arguments.value("--backend", "LIST", "auto, llama, native (often faster), a list (auto)", Listed::InFull,
                  into(options.backends, parse_backends));
  arguments.value("--numeric", "MODE", "exact or fast arithmetic (native backend only)", Listed::InFull,
                  one_of(options.numeric_mode, std::array{std::pair{std::string_view("exact"), Exact},
                                                          std::pair{std::string_view("fast"), Fast}}));
  arguments.value("--memory-limit", "SIZE", "use at most SIZE, such as 2G; 0 = no limit", Listed::InFull,
                  into(flags.memory_limit_bytes, parse_bytes));
  arguments.toggle("--no-mmap", "read the file, do not map it (llama backend only)", Listed::InFull,
                   options.use_mmap, false);
}

void declare_common(Arguments& arguments, CommonFlags& flags) {
  using enum ColorChoice;
  arguments.group("Output");
  arguments.toggle("--json", "print one JSON object", Listed::InShort, flags.json);
  arguments.counter("-v,--verbose", "say more on standard error; twice for debugging", Listed::InFull,
                    flags.verbose);
  arguments.toggle("--no-progress", "no progress bars", Listed::InFull, flags.no_progress);
  arguments.value("--color", "WHEN", "auto, always or never (auto)", Listed::InFull,
                  one_of(flags.color, std::array{std::pair{std::string_view("auto"), Auto},
                                                 std::pair{std::string_view("always"), Always},
                                                 std::pair{std::string_view("never"), Never}}));
  arguments.toggle("-h,--help", "the common options", Listed::InFull, flags.help);
  arguments.toggle("--help-all", "every option", Listed::InFull, flags.help_all);
}

Result<void> check_generation(const GenerationFlags& flags, const CommonFlags& common) {
  if (flags.top_logprobs > 0 && !common.json) {
    return invalid_request("--top-logprobs is given without --json, which alone shows them", "Add --json.");
  }
  MINERVA_TRY(check_constraint(flags));
  if (flags.system) MINERVA_TRY(check_utf8("--system", *flags.system));
  for (const std::string& stop : flags.stop) {
    if (stop.empty())
      return invalid_request("--stop is empty", "Give the text before which the answer ends.");
    MINERVA_TRY(check_utf8("--stop", stop));
  }
  return {};
}

}  // namespace minerva::cli
