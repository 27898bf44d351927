// `minerva convert`: a Hugging Face directory as a GGUF file.
#include "convert/convert.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/terminal.h"
#include "cli/command.h"
#include "cli/human.h"
#include "cli/model_location.h"
#include "cli/progress_bar.h"

namespace minerva::cli {
namespace {

using convert::WeightType;
using Json = nlohmann::ordered_json;

const CommandText kText = {
    .name = "convert",
    .synopsis = "DIR -o OUT.gguf [options]",
    .summary = "make a GGUF file of a Hugging Face directory",
    .about =
        "Writes a Hugging Face directory as a GGUF file that llama.cpp runs, with its\n"
        "tokenizer and chat template, in one step: a file that is there is complete.\n"
        "What llama.cpp would compute differently is refused.",
    .examples = {"minerva convert models/Qwen3-0.6B -o qwen3.gguf",
                 "minerva convert models/Qwen3-0.6B -o qwen3-q8.gguf --type q8_0"}};

constexpr std::array<std::pair<std::string_view, WeightType>, 4> kTypes = {{
    {"f32", WeightType::F32},
    {"f16", WeightType::F16},
    {"bf16", WeightType::BF16},
    {"q8_0", WeightType::Q8_0},
}};

class ConvertCommand : public Command {
 public:
  const CommandText& text() const override { return kText; }
  void declare(Arguments& arguments) override;
  Result<int> execute(Console& console) override;

 private:
  Result<void> check() const;
  static void print(const convert::ConversionReport& report, const std::string& out, Console& console);

  ModelFlags model_;
  std::optional<std::string> out_;
  WeightType type_ = WeightType::Stored;
  bool force_ = false;
  bool approximate_ = false;
  bool tokenizer_ = true;
};

Result<void> parse_type(const std::string& value, WeightType& type) {
  std::string lower = value;
  std::ranges::transform(lower, lower.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c + 0x20 : c; });
  const auto found = std::ranges::find(kTypes, lower, [](const auto& entry) { return entry.first; });
  if (found == kTypes.end()) {
    return invalid_request(fmt::format("--type is '{}', which is no type to convert to", value),
                           "Use f32, f16, bf16 or q8_0; without --type the weights keep theirs.");
  }
  type = found->second;
  return {};
}

void ConvertCommand::declare(Arguments& arguments) {
  arguments.group("Conversion");
  declare_model(arguments, model_);
  arguments.text("-o,--output,--outfile", "FILE", "the GGUF file to write", Listed::InShort, out_);
  arguments.value("--type,--outtype", "TYPE", "f32, f16, bf16 or q8_0 (as stored)", Listed::InShort,
                  [this](std::string_view, const std::string& value) { return parse_type(value, type_); });
  arguments.toggle("--force", "replace a file that is there", Listed::InShort, force_);
  arguments.toggle("--no-tokenizer", "leave the tokenizer out", Listed::InShort, tokenizer_, false);
  arguments.toggle("--approximate", "convert even what llama.cpp computes differently", Listed::InShort,
                   approximate_);
  declare_common(arguments, common_);
}

Result<void> ConvertCommand::check() const {
  constexpr const char* kExample = "For example: minerva convert DIR -o OUT.gguf";
  if (!model_.positional && !model_.flag)
    return invalid_request("there is no directory to convert", kExample);
  if (!out_ || out_->empty()) return invalid_request("there is no name for the GGUF file", kExample);
  return {};
}

void ConvertCommand::print(const convert::ConversionReport& report, const std::string& out,
                           Console& console) {
  for (const std::string& note : report.notes) console.warn(note);
  if (console.json()) {
    console.out_json({{"output", out},
                      {"architecture", report.architecture},
                      {"type", report.type},
                      {"tensors", report.tensors},
                      {"bytes", report.bytes},
                      {"tokenizer", report.has_tokenizer},
                      {"notes", report.notes}});
    return;
  }
  console.out(fmt::format("{}: {}, {} tensors, {}, {}\n", out, report.architecture, report.tensors,
                          report.type, human_bytes(report.bytes)));
}

Result<int> ConvertCommand::execute(Console& console) {
  MINERVA_TRY(check());
  MINERVA_ASSIGN(const auto path, locate_model(model_, text().name));
  MINERVA_ASSIGN(const ModelDescription description, describe(path));
  const InterruptScope interrupt(2, StopSignals::AllEnding);
  ProgressBar bar("converting " + description.name, console);
  const convert::ConversionOptions options{
      .type = type_,
      .tokenizer = tokenizer_ ? convert::TokenizerUse::Required : convert::TokenizerUse::Leave,
      .approximate = approximate_,
      .replace = force_};
  auto report = convert::convert_to_gguf(description, *out_, options, [&](float fraction) {
    bar.update(fraction);
    return !interrupt.token().stop_requested();
  });
  bar.finish();
  if (!report) return std::unexpected(std::move(report).error());
  print(*report, *out_, console);
  return 0;
}

}  // namespace

std::unique_ptr<Command> make_convert_command() {
  return std::make_unique<ConvertCommand>();
}

}  // namespace minerva::cli
