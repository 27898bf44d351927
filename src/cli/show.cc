// `minerva show`: what a path holds, from headers only.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/command.h"
#include "cli/description_text.h"
#include "cli/human.h"
#include "cli/model_location.h"
#include "runtime/context_size.h"
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

/// Who would run the model and what it would take.
struct Plan {
  std::string backend;  // empty when none would
  std::string reason;
  std::vector<Fallback> passed_by;
  std::uint32_t context_tokens = 0;
  std::optional<MemoryNeed> memory;
};

Plan make_plan(const ModelDescription& description) {
  Plan plan;
  const EngineOptions options;
  const auto converter = make_converter(options, process_environment);
  const auto route = plan_route(description, {}, {}, make_backends(), *converter);
  if (!route) {
    plan.reason = route.error().message;
    return plan;
  }
  const RouteLink& step = route->choice();
  plan.backend = step.name;
  plan.reason = step.reason;
  plan.passed_by = route->passed_by();
  plan.context_tokens = default_context_tokens(ModelOptions{}, description.context_length);
  const auto need = step.backend->memory_needed(description, {}, {.context_tokens = plan.context_tokens});
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
  return {{"backend", plan.backend.empty() ? Json(nullptr) : Json(plan.backend)},
          {"backend_reason", plan.reason},
          {"fallbacks", std::move(passed_by)},
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
  for (const Fallback& f : plan.passed_by)
    rows.emplace_back("", fmt::format("not {}: {}", f.backend, printable(f.reason)));
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
  const Plan plan = make_plan(description);
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
