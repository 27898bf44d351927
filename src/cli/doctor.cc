// `minerva doctor`: what this machine offers and what stands in the way.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>
#include <vector>

#include "base/cpu.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/terminal.h"
#include "cli/command.h"
#include "cli/human.h"
#include "cli/model_location.h"
#include "minerva/engine.h"
#include "runtime/config_file.h"
#include "runtime/converter.h"
#include "runtime/preference.h"

namespace minerva::cli {
namespace {

using Json = nlohmann::ordered_json;

const CommandText kText = {
    .name = "doctor",
    .synopsis = "[options]",
    .summary = "check this machine and installation",
    .about =
        "Checks what this machine offers and whether Minerva can run a model on it. The\n"
        "exit status is 0 unless something keeps Minerva from working.",
    .examples = {"minerva doctor", "minerva doctor --json"}};

enum class Verdict : unsigned char { Ok, Hint, Problem };

std::string_view verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::Ok:
      return "ok";
    case Verdict::Hint:
      return "hint";
    case Verdict::Problem:
      return "problem";
  }
  return "ok";
}

struct Finding {
  std::string topic;
  Verdict verdict = Verdict::Ok;
  std::string text;
  std::string remedy;  // where the verdict is not Ok
  Json facts = Json::object();
};

Finding examine_program() {
  return {.topic = "minerva",
          .verdict = Verdict::Ok,
          .text = std::string(version()),
          .remedy = {},
          .facts = {{"version", version()}}};
}

std::string cores_in_words(const CpuInfo& cpu) {
  std::string text = fmt::format("{} of {} cores usable", cpu.usable_cores, cpu.logical_cores);
  if (cpu.quota_cores > 0) text += fmt::format(", control group allows the time of {:.1f}", cpu.quota_cores);
  return text;
}

Finding examine_cpu() {
  const CpuInfo& cpu = cpu_info();
  std::vector<std::string_view> present;
  Json features = Json::object();
  for (const auto& feature : list_features(cpu.features)) {
    features[feature.name] = feature.present;
    if (feature.present) present.push_back(feature.name);
  }
  Finding finding{.topic = "cpu",
                  .verdict = Verdict::Ok,
                  .text = fmt::format("{}{}{}; {}\n{}", cpu.architecture, cpu.model.empty() ? "" : ", ",
                                      printable(cpu.model), cores_in_words(cpu), fmt::join(present, " ")),
                  .remedy = {},
                  .facts = {{"architecture", cpu.architecture},
                            {"model", cpu.model},
                            {"logical_cores", cpu.logical_cores},
                            {"usable_cores", cpu.usable_cores},
                            {"quota_cores", cpu.quota_cores},
                            {"features", std::move(features)}}};
  if (cpu.architecture == "x86-64" && !cpu.features.avx2) {
    finding.verdict = Verdict::Hint;
    finding.remedy =
        "Without AVX2 models run several times slower: in a virtual machine, let it see the host's "
        "processor.";
  }
  return finding;
}

std::uint64_t total_memory_bytes() {
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long page_bytes = sysconf(_SC_PAGE_SIZE);
  return pages > 0 && page_bytes > 0
             ? static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page_bytes)
             : 0;
}

Finding examine_memory() {
  constexpr std::uint64_t kSmallestUseful = 512ULL << 20U;  // the default model with its context
  const std::uint64_t available = available_memory_bytes();
  const bool known = available != kUnlimitedMemory;
  const std::uint64_t total = total_memory_bytes();
  Finding finding{
      .topic = "memory",
      .verdict = Verdict::Ok,
      .text = fmt::format("{} available of {}", known ? human_bytes(available) : "an unknown amount",
                          human_bytes(total)),
      .remedy = {},
      .facts = {{"total_bytes", total}, {"available_bytes", known ? Json(available) : Json(nullptr)}}};
  if (known && available < kSmallestUseful) {
    finding.verdict = Verdict::Problem;
    finding.remedy =
        "Even a small model needs some 500 MB: close other programs, or raise the limit of the container.";
  }
  return finding;
}

Finding examine_backends() {
  const Engine engine;
  std::vector<std::string> names;
  Json facts = Json::array();
  for (const BackendInfo& backend : engine.backends()) {
    names.push_back(fmt::format("{} ({})", backend.name, backend.version));
    facts.push_back({{"name", backend.name}, {"version", backend.version}, {"device", "cpu"}});
  }
  Finding finding{.topic = "backends",
                  .verdict = Verdict::Ok,
                  .text = fmt::format("{}\n{}", fmt::join(names, ", "),
                                      "they compute on the CPU: this build uses no GPU"),
                  .remedy = {},
                  .facts = std::move(facts)};
  if (names.empty()) {
    finding.verdict = Verdict::Problem;
    finding.text = "none";
    finding.remedy = "This build can run no model: build Minerva again as its README says.";
  }
  return finding;
}

Finding examine_config() {
  const std::filesystem::path path = config_path(process_environment);
  Finding finding{.topic = "config",
                  .verdict = Verdict::Ok,
                  .text = {},
                  .remedy = {},
                  .facts = {{"path", path.string()}, {"exists", path_exists(path)}}};
  const auto config = read_config();
  const auto preference =
      config ? choose_preference({}, {}, {{}, process_environment("MINERVA_BACKEND"), &*config})
             : Result<BackendPreference>(std::unexpected(config.error()));
  if (!preference) {
    finding.verdict = Verdict::Problem;
    finding.text = preference.error().message;
    finding.remedy = preference.error().remedy;
    return finding;
  }
  finding.text = config->file.empty() ? fmt::format("none ({} is not there)", path.string()) : path.string();
  if (!preference->names.empty()) {
    finding.text +=
        fmt::format("; backend {}, asked for {}", fmt::join(preference->names, ","), preference->by);
    finding.facts["backends"] = preference->names;
  }
  return finding;
}

// Where converted directories are kept.
Finding examine_cache() {
  const std::filesystem::path folder = conversion_folder({}, process_environment);
  Finding finding{.topic = "cache",
                  .verdict = Verdict::Ok,
                  .text = folder.string(),
                  .remedy = {},
                  .facts = {{"folder", folder.string()}, {"free_bytes", nullptr}}};
  if (folder.empty()) {
    finding.verdict = Verdict::Hint;
    finding.text = "no folder for converted models: neither MINERVA_CACHE nor HOME is set";
    finding.remedy = "Set MINERVA_CACHE to a folder to run Hugging Face directories with llama.cpp.";
    return finding;
  }
  std::filesystem::path there = folder;  // the folder is made when it is needed
  while (!path_exists(there) && there.has_relative_path()) there = there.parent_path();
  std::error_code failed;
  const auto space = std::filesystem::space(there, failed);
  if (!failed) {
    finding.text += fmt::format(" ({} free)", human_bytes(space.available));
    finding.facts["free_bytes"] = space.available;
  }
  if (!std::filesystem::is_directory(there, failed) || ::access(there.c_str(), W_OK) != 0) {
    finding.verdict = Verdict::Hint;
    finding.remedy = "The folder can't be written: set MINERVA_CACHE to one that can.";
  }
  return finding;
}

Finding examine_default_model() {
  Finding finding{
      .topic = "model", .verdict = Verdict::Ok, .text = {}, .remedy = {}, .facts = {{"path", nullptr}}};
  const auto path = find_default_model(default_model_search());
  if (!path) {
    // Only a set-up that was asked for and does not work is a problem: models can be given by path.
    finding.verdict = std::getenv("MINERVA_MODEL") != nullptr ? Verdict::Problem : Verdict::Hint;
    finding.text = path.error().message;
    finding.remedy = path.error().remedy;
    return finding;
  }
  finding.facts = {{"path", path->string()}};
  const auto description = describe(*path);
  if (!description) {
    finding.verdict = Verdict::Problem;
    finding.text = description.error().message;
    finding.remedy = description.error().remedy;
    return finding;
  }
  finding.text = fmt::format("{} ({})", printable(path->string()), human_bytes(description->file_bytes));
  return finding;
}

Finding examine_terminal(const Console& console) {
  const bool is_terminal = console.out_is_terminal();
  const int width = terminal_width(STDOUT_FILENO);
  const bool colors = use_color(ColorChoice::Auto, STDOUT_FILENO);
  return {
      .topic = "terminal",
      .verdict = Verdict::Ok,
      .text = is_terminal ? fmt::format("{} columns, {}", width, colors ? "colours" : "no colours") : "none",
      .remedy = {},
      .facts = {{"is_terminal", is_terminal}, {"columns", width}, {"colors", colors}}};
}

// `text` broken at spaces for the column that starts at 20.
std::string wrapped(std::string_view text) {
  constexpr std::size_t kIndent = 20;
  const std::size_t width = static_cast<std::size_t>(std::max(60, terminal_width(STDOUT_FILENO))) - kIndent;
  std::string out;
  while (!text.empty()) {
    std::size_t cut = std::min(text.find('\n'), text.size());
    if (cut > width) {
      cut = text.rfind(' ', width);
      if (cut == std::string_view::npos || cut == 0)
        cut = std::min(text.find_first_of(" \n", width), text.size());
    }
    if (!out.empty()) out += "\n" + std::string(kIndent, ' ');
    out += text.substr(0, cut);
    text.remove_prefix(std::min(cut + 1, text.size()));
  }
  return out;
}

class DoctorCommand : public Command {
 public:
  const CommandText& text() const override { return kText; }
  void declare(Arguments& arguments) override { declare_common(arguments, common_); }
  Result<int> execute(Console& console) override;

 private:
  static void print(const Finding& finding, Console& console);
};

void DoctorCommand::print(const Finding& finding, Console& console) {
  const Style style = finding.verdict == Verdict::Ok     ? Style::Green
                      : finding.verdict == Verdict::Hint ? Style::Yellow
                                                         : Style::Red;
  console.out(fmt::format("{} {:<11}{}\n",
                          console.styled_out(style, fmt::format("{:<8}", verdict_name(finding.verdict))),
                          finding.topic, wrapped(printable(finding.text))));
  if (!finding.remedy.empty()) console.out(fmt::format("{:20}{}\n", "", wrapped(printable(finding.remedy))));
}

Result<int> DoctorCommand::execute(Console& console) {
  const std::vector<Finding> findings = {
      examine_program(), examine_cpu(),   examine_memory(),        examine_backends(),
      examine_config(),  examine_cache(), examine_default_model(), examine_terminal(console)};
  bool problem = false;
  Json json = Json::object();
  Json advice = Json::array();
  for (const Finding& finding : findings) {
    problem = problem || finding.verdict == Verdict::Problem;
    if (console.json()) {
      json[finding.topic] = finding.facts;
      if (finding.verdict != Verdict::Ok) {
        advice.push_back({{"topic", finding.topic},
                          {"verdict", verdict_name(finding.verdict)},
                          {"message", finding.text},
                          {"remedy", finding.remedy}});
      }
    } else {
      print(finding, console);
    }
  }
  if (console.json()) {
    json["advice"] = std::move(advice);
    json["ok"] = !problem;
    console.out_json(json);
  }
  return problem ? 1 : 0;
}

}  // namespace

std::unique_ptr<Command> make_doctor_command() {
  return std::make_unique<DoctorCommand>();
}

}  // namespace minerva::cli
