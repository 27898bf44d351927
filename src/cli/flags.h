// Flags that several commands share: where their values go, and their declaration.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/terminal.h"
#include "cli/arguments.h"
#include "minerva/engine.h"
#include "minerva/generation.h"

namespace minerva::cli {

/// --help, --json, -v ...: every command has them.
struct CommonFlags {
  bool help = false;
  bool help_all = false;
  bool json = false;
  int verbose = 0;
  bool no_progress = false;
  ColorChoice color = ColorChoice::Auto;
};

/// The model as typed: the first positional argument, or -m.
struct ModelFlags {
  std::optional<std::string> positional;
  std::optional<std::string> flag;
};

/// How the model is opened.
struct EngineFlags {
  ModelOptions options;
  std::uint64_t memory_limit_bytes = 0;
};

/// A text as typed: the second positional argument, -p ("-" is standard input) or -f.
struct TextFlags {
  std::optional<std::string> positional;
  std::optional<std::string> flag;
  std::optional<std::string> file;
  bool given() const noexcept { return positional || flag || file; }
};

/// What the answer must look like, as typed. At most one of them.
struct ConstraintFlags {
  bool json_object = false;
  std::optional<std::string> json_schema;  ///< the schema itself, or a file
  std::optional<std::string> regex;
  std::optional<std::string> grammar;  ///< the grammar itself, or a file
  std::vector<std::string> choices;
};

/// What the chat template is given beside the messages, as typed: JSON, or a file that holds it.
struct TemplateFlags {
  std::optional<std::string> tools;
  std::optional<std::string> documents;
  std::optional<std::string> variables;  ///< the JSON itself
  bool given() const noexcept { return tools || documents || variables; }
};

struct GenerationFlags {
  SamplingOptions sampling;
  std::optional<std::uint32_t> max_tokens;
  std::vector<std::string> stop;
  bool ignore_eos = false;
  bool ignore_recommendations = false;
  std::optional<std::string> system;
  std::uint32_t top_logprobs = 0;
  ConstraintFlags constraint;
};

void declare_model(Arguments& arguments, ModelFlags& flags);
void declare_text(Arguments& arguments, TextFlags& flags);
void declare_template(Arguments& arguments, TemplateFlags& flags);
void declare_generation(Arguments& arguments, GenerationFlags& flags);
void declare_sampling(Arguments& arguments, SamplingOptions& sampling);
void declare_engine(Arguments& arguments, EngineFlags& flags);
void declare_common(Arguments& arguments, CommonFlags& flags);

/// With -m, the first positional argument is the text. Errors: InvalidRequest when there is another one.
Result<void> settle_positionals(ModelFlags& model, TextFlags& text);

/// The flag of the constraint that is given, as typed; empty without one.
std::string_view constraint_name(const ConstraintFlags& flags) noexcept;

/// The constraint that the flags stand for; files are read. Errors: InvalidRequest (no such file ...).
Result<OutputConstraint> read_constraint(const ConstraintFlags& flags);

/// What the flags stand for; files are read. Errors: InvalidRequest (no such file ...).
Result<ChatOptions> read_template_flags(const TemplateFlags& flags);

/// Refuses generation flags that contradict each other or would be ignored. Errors: InvalidRequest.
Result<void> check_generation(const GenerationFlags& flags, const CommonFlags& common);

}  // namespace minerva::cli
