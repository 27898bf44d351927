// `minerva show`: what a path holds, from headers only.
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/command.h"
#include "cli/description_text.h"
#include "cli/human.h"
#include "cli/model_location.h"
#include "cli/native_hint.h"
#include "runtime/config_file.h"
#include "runtime/context_size.h"
#include "runtime/converter.h"
#include "runtime/preference.h"
#include "runtime/router.h"

namespace minerva::cli {
namespace {

using Json = nlohmann::ordered_json;

const CommandText kText = {
    .name = "show",
    .synopsis = "[MODEL] [options]",
    .summary = "say what a model is, without loading it",
    .about =
        "Says what a model file or directory holds and which backend would run it,\n"
        "without loading it.",
    .examples = {"minerva show models/llama.gguf",
                 "minerva show models/llama.gguf --json | jq .context_length", "minerva show --template"}};

/// What the conversion to GGUF would be, for a directory.
struct ConversionPlan {
  bool possible = false;
  std::string reason;  // why not
  std::uint64_t bytes = 0;
  std::string folder;
};

/// Who would run the model and what it would take.
struct Plan {
  std::string backend;  // empty when none would
  std::string reason;
  std::vector<Fallback> passed_by;
  std::vector<RouteLink> later;  // what would be tried if that failed
  std::optional<ConversionPlan> conversion;
  std::uint32_t context_tokens = 0;
  std::optional<MemoryNeed> memory;
};

std::optional<ConversionPlan> plan_conversion(const ModelDescription& description,
                                              const Converter& converter) {
  if (description.format == Format::Gguf) return std::nullopt;
  ConversionPlan plan{.folder = conversion_folder({}, process_environment).string()};
  const auto can = converter.can_convert(description);
  const auto bytes = converter.gguf_bytes(description);
  plan.possible = can.has_value();
  if (!can) plan.reason = can.error().message;
  if (bytes) plan.bytes = *bytes;
  return plan;
}

Result<Plan> make_plan(const ModelDescription& description) {
  MINERVA_ASSIGN(const Config config, read_config());
  MINERVA_ASSIGN(
      const BackendPreference preference,
      choose_preference({}, description.path, {{}, process_environment("MINERVA_BACKEND"), &config}));
  const auto converter = make_converter({}, process_environment);
  Plan plan;
  plan.conversion = plan_conversion(description, *converter);
  const auto route = plan_route(description, {}, preference, make_backends(), *converter);
  if (!route) {
    plan.reason = route.error().message;
    return plan;
  }
  const RouteLink& choice = route->choice();
  plan.backend = choice.name;
  plan.reason = choice.reason;
  plan.passed_by = route->passed_by();
  plan.later.assign(route->links.begin() + static_cast<std::ptrdiff_t>(plan.passed_by.size()) + 1,
                    route->links.end());
  plan.context_tokens = default_context_tokens(ModelOptions{}, description.context_length);
  if (choice.converts) return plan;  // what it takes is known once it is converted
  const auto need = choice.backend->memory_needed(description, {}, {.context_tokens = plan.context_tokens});
  if (need) plan.memory = *need;
  return plan;
}

Json plan_json(const Plan& plan) {
  Json passed_by = Json::array();
  for (const Fallback& f : plan.passed_by)
    passed_by.push_back({{"backend", f.backend}, {"reason", f.reason}});
  Json memory = nullptr;
  if (plan.memory) {
    memory = {{"context_tokens", plan.context_tokens},
              {"weights_bytes", plan.memory->weights_bytes},
              {"kv_bytes", plan.memory->kv_bytes},
              {"compute_bytes", plan.memory->compute_bytes}};
  }
  Json later = Json::array();
  for (const RouteLink& link : plan.later)
    later.push_back({{"backend", link.name}, {"can", link.backend != nullptr}, {"reason", link.reason}});
  Json conversion = nullptr;
  if (plan.conversion) {
    const ConversionPlan& c = *plan.conversion;
    conversion = {{"possible", c.possible}, {"reason", c.reason}, {"bytes", c.bytes}, {"folder", c.folder}};
  }
  return {{"backend", plan.backend.empty() ? Json(nullptr) : Json(plan.backend)},
          {"backend_reason", plan.reason},
          {"fallbacks", std::move(passed_by)},
          {"if_that_fails", std::move(later)},
          {"conversion", std::move(conversion)},
          {"memory", std::move(memory)}};
}

class ShowCommand : public Command {
 public:
  const CommandText& text() const override { return kText; }
  void declare(Arguments& arguments) override {
    arguments.group("Input");
    declare_model(arguments, model_);
    arguments.toggle("--template", "print the chat template only", Listed::InShort, template_only_);
    declare_common(arguments, common_);
  }
  Result<int> execute(Console& console) override;

 private:
  Result<int> print_template(const ModelDescription& description, Console& console) const;
  static void print_table(const ModelDescription& description, const Plan& plan, Console& console);

  ModelFlags model_;
  bool template_only_ = false;
};

Result<int> ShowCommand::print_template(const ModelDescription& description, Console& console) const {
  const auto& all = description.chat_templates;
  if (all.empty()) {
    return invalid_request(fmt::format("'{}' has no chat template", description.path.string()),
                           "Run it with --raw, or use an instruction-tuned version of the model.");
  }
  const auto named = std::ranges::find(all, "default", &NamedTemplate::name);
  const NamedTemplate& chosen = named == all.end() ? all.front() : *named;
  if (console.json()) {
    console.out_json({{"name", chosen.name}, {"template", chosen.source}});
    return 0;
  }
  console.out_untrusted(chosen.source);
  if (!chosen.source.ends_with('\n')) console.out("\n");
  if (all.size() > 1)
    console.note(fmt::format("note: the model has {} templates; --json shows them all", all.size()));
  return 0;
}

void ShowCommand::print_table(const ModelDescription& description, const Plan& plan, Console& console) {
  auto rows = description_rows(description);
  rows.emplace_back("Backend", plan.backend.empty()
                                   ? "none: " + printable(plan.reason)
                                   : fmt::format("{} ({})", plan.backend, printable(plan.reason)));
  if (const auto hint = native_hint(description, plan.backend)) rows.emplace_back("", *hint);
  for (const Fallback& f : plan.passed_by)
    rows.emplace_back("", fmt::format("not {}: {}", f.backend, printable(f.reason)));
  for (const RouteLink& link : plan.later) {
    rows.emplace_back(
        "", link.backend == nullptr
                ? fmt::format("{} can't: {}", link.name, printable(link.reason))
                : fmt::format("if that fails: {}{}", link.name, link.converts ? ", converted to GGUF" : ""));
  }
  if (const auto& conversion = plan.conversion) {
    rows.emplace_back("As GGUF", conversion->possible ? fmt::format("can be converted ({}), kept in {}",
                                                                    human_bytes(conversion->bytes),
                                                                    printable(conversion->folder))
                                                      : "no: " + printable(conversion->reason));
  }
  if (plan.memory) {
    rows.emplace_back(
        "Memory",
        fmt::format("{}: weights {}, {} tokens of context {}, working {}", human_bytes(plan.memory->total()),
                    human_bytes(plan.memory->weights_bytes), with_commas(plan.context_tokens),
                    human_bytes(plan.memory->kv_bytes), human_bytes(plan.memory->compute_bytes)));
  }
  for (const auto& [label, value] : rows) {
    console.out(fmt::format("{}{}\n", console.styled_out(Style::Bold, fmt::format("{:<15}", label)), value));
  }
}

Result<int> ShowCommand::execute(Console& console) {
  MINERVA_ASSIGN(const auto path, locate_model(model_, text().name));
  MINERVA_ASSIGN(const ModelDescription description, describe(path));
  if (template_only_) return print_template(description, console);
  MINERVA_ASSIGN(const Plan plan, make_plan(description));
  if (console.json()) {
    Json json = description_json(description);
    json.update(plan_json(plan));
    console.out_json(json);
  } else {
    print_table(description, plan, console);
  }
  return 0;
}

}  // namespace

std::unique_ptr<Command> make_show_command() {
  return std::make_unique<ShowCommand>();
}

}  // namespace minerva::cli
