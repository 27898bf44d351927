#include "convert/convert.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>
#include <utility>

#include "convert/conversion.h"
#include "convert/families.h"
#include "convert/gguf_writer.h"
#include "convert/hyper_parameters.h"
#include "convert/tensor_plan.h"
#include "convert/tensor_writer.h"
#include "convert/vocabulary.h"
#include "formats/checkpoint.h"
#include "formats/hf_config/hf_config.h"

namespace minerva::convert {
namespace {

constexpr std::uint32_t kQuantisationVersion = 2;  // of ggml's blocks

/// general.file_type: llama.cpp's numbers of "mostly this type".
std::uint32_t file_type(GgmlType type) {
  switch (type) {
    case GgmlType::F16:
      return 1;
    case GgmlType::Q8_0:
      return 7;
    case GgmlType::BF16:
      return 32;
    default:
      return 0;
  }
}

Result<HfConfig> open_config(const ModelDescription& description) {
  const bool is_directory = description.format == Format::HfSafetensors ||
                            description.format == Format::HfTorchBin || description.format == Format::HfMlx;
  if (is_directory) return HfConfig::open(description.path);
  return invalid_request(fmt::format("'{}' is no Hugging Face directory but {}",
                                     description.path.filename().string(), format_name(description.format)),
                         "Only Hugging Face directories are converted to GGUF.");
}

void set_general(const ModelDescription& description, const Source& source, GgmlType type, KeyValues& keys) {
  keys.set("general.architecture", std::string(source.family->architecture));
  keys.set("general.type", std::string("model"));
  keys.set("general.name", description.name);
  const SamplingDefaults& sampling = description.sampling;
  const auto set = [&](const char* name, const auto& value) {
    if (value) keys.set(std::string("general.sampling.") + name, *value);
  };
  set("temp", sampling.temperature);
  if (sampling.top_k) keys.set("general.sampling.top_k", static_cast<std::int32_t>(*sampling.top_k));
  set("top_p", sampling.top_p);
  set("min_p", sampling.min_p);
  set("penalty_repeat", sampling.repetition_penalty);
  if (sampling.penalty_last_n)
    keys.set("general.sampling.penalty_last_n", static_cast<std::int32_t>(*sampling.penalty_last_n));
  if (sampling.temperature_first) {
    keys.set("general.sampling.sequence", std::string("penalties;temperature;top_k;top_p;min_p;typ_p"));
  }
  keys.set("general.file_type", file_type(type));
  keys.set("general.quantization_version", kQuantisationVersion);
}

/// What is recommended for a generation and has no place in GGUF.
void note_recommendations(const SamplingDefaults& s, std::vector<std::string>& notes) {
  const std::pair<bool, const char*> fields[] = {
      {s.typical_p.has_value(), "typical_p"},
      {s.top_h.has_value(), "top_h"},
      {s.epsilon_cutoff.has_value(), "epsilon_cutoff"},
      {s.eta_cutoff.has_value(), "eta_cutoff"},
      {s.encoder_repetition_penalty.has_value(), "encoder_repetition_penalty"},
      {s.no_repeat_ngram_size.has_value(), "no_repeat_ngram_size"},
      {s.encoder_no_repeat_ngram_size.has_value(), "encoder_no_repeat_ngram_size"},
      {!s.sequence_bias.empty(), "sequence_bias or bad_words_ids"},
      {!s.suppress_tokens.empty(), "suppress_tokens"},
      {!s.begin_suppress_tokens.empty(), "begin_suppress_tokens"},
      {s.forced_bos_token_id.has_value(), "forced_bos_token_id"},
      {!s.forced_eos_token_ids.empty(), "forced_eos_token_id"},
      {s.max_new_tokens.has_value(), "max_new_tokens"},
      {s.max_length.has_value(), "max_length"},
      {s.min_new_tokens.has_value(), "min_new_tokens"},
      {s.min_length.has_value(), "min_length"},
      {s.length_penalty_from.has_value(), "exponential_decay_length_penalty"},
      {s.max_time.has_value(), "max_time"},
      {!s.stop_strings.empty(), "stop_strings"},
      {s.remove_invalid_values, "remove_invalid_values"}};
  std::vector<std::string_view> lost;
  for (const auto& [given, name] : fields)
    if (given) lost.emplace_back(name);
  if (!lost.empty()) {
    notes.push_back(
        fmt::format("GGUF has no place for what the model's files recommend as {}", fmt::join(lost, ", ")));
  }
}

/// Sets all that is known of the tokenizer, or that there is none. False then.
Result<bool> set_tokenizer(const ModelDescription& description, const Source& source, TokenizerUse use,
                           KeyValues& keys, std::vector<std::string>& notes) {
  const auto rows = static_cast<std::size_t>(source.spec.vocabulary);
  if (use != TokenizerUse::Leave) {
    auto vocabulary = read_vocabulary(description.path, rows);
    if (vocabulary) {
      notes.insert(notes.end(), vocabulary->notes.begin(), vocabulary->notes.end());
      const std::string name = harmless_name(description.name, *vocabulary);
      if (vocabulary->strips_spaces && (name != description.name || source.spec.family != "phi3")) {
        notes.emplace_back("llama.cpp keeps spaces beside special tokens that the tokenizer takes along");
      }
      keys.set("general.name", name);
      set_vocabulary(std::move(*vocabulary), keys);
      MINERVA_ASSIGN(const auto more, set_special_tokens(description, rows, keys));
      notes.insert(notes.end(), more.begin(), more.end());
      set_chat_templates(description, keys);
      return true;
    }
    const bool inexpressible = vocabulary.error().code == ErrorCode::InvalidRequest;
    if (!inexpressible || use == TokenizerUse::Required) return std::unexpected(vocabulary.error());
    notes.push_back(vocabulary.error().message);
  }
  keys.set("tokenizer.ggml.model", std::string("none"));
  set_chat_templates(description, keys);
  return false;
}

// What is read is not to be replaced by what is made of it.
Result<void> check_is_no_source(const ModelDescription& description, const std::filesystem::path& out) {
  std::error_code error;
  for (std::filesystem::directory_iterator entry(description.path, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code other;
    if (std::filesystem::equivalent(entry->path(), out, other)) {
      return invalid_request(fmt::format("'{}' is a file of the directory that is converted", out.string()),
                             "Choose another name.");
    }
  }
  return {};
}

}  // namespace

Conversion::Conversion(GgufLayout layout, TensorPlan plan, ConversionReport report)
    : layout_(std::move(layout)), plan_(std::move(plan)), report_(std::move(report)) {}

Result<Conversion> Conversion::plan(const ModelDescription& description, const ConversionOptions& options) {
  MINERVA_ASSIGN(const HfConfig config, open_config(description));
  MINERVA_ASSIGN(const Source source, read_source(config));
  ConversionReport report{.architecture = std::string(source.family->architecture), .type = {}, .notes = {}};
  if (const auto same = check_same_result(source); !same) {
    if (!options.approximate) return std::unexpected(same.error());
    report.notes.push_back(same.error().message);
  }
  MINERVA_ASSIGN(auto checkpoint, Checkpoint::open(description));
  MINERVA_ASSIGN(TensorPlan plan, plan_tensors(source, std::move(checkpoint), options.type));
  report.notes.insert(report.notes.end(), plan.notes.begin(), plan.notes.end());
  KeyValues keys;
  set_general(description, source, plan.main_type, keys);
  note_recommendations(description.sampling, report.notes);
  set_hyper_parameters(source, keys);
  MINERVA_ASSIGN(report.has_tokenizer,
                 set_tokenizer(description, source, options.tokenizer, keys, report.notes));
  std::vector<TensorHeader> headers;
  headers.reserve(plan.tensors.size());
  for (const PlannedTensor& tensor : plan.tensors) headers.push_back(tensor.header);
  MINERVA_ASSIGN(GgufLayout layout, GgufLayout::make(keys, std::move(headers)));
  for (std::size_t i = 0; i < plan.tensors.size(); ++i) plan.tensors[i].header = layout.tensors()[i];
  report.type = ggml_type_traits(plan.main_type).name;
  report.tensors = plan.tensors.size();
  report.bytes = layout.file_bytes();
  return Conversion(std::move(layout), std::move(plan), std::move(report));
}

Result<void> Conversion::write(const std::filesystem::path& out, OutputFile::Existing existing,
                               const LoadProgress& progress) const {
  TensorWriter writer;
  const TensorProducer produce = [&](std::size_t i, const ByteSink& sink) -> Result<void> {
    MINERVA_TRY(writer.write(plan_.tensors[i], sink));
    if (auto problem = plan_.checkpoint->problem()) return std::unexpected(std::move(*problem));
    return {};
  };
  return write_gguf(layout_, out, existing, produce, progress);
}

Result<void> can_convert(const ModelDescription& description) {
  MINERVA_ASSIGN(const HfConfig config, open_config(description));
  MINERVA_ASSIGN(const Source source, read_source(config));
  return check_same_result(source);
}

Result<ConversionReport> convert_to_gguf(const ModelDescription& description,
                                         const std::filesystem::path& out, const ConversionOptions& options,
                                         const LoadProgress& progress) {
  if (!options.replace) {  // said before the work, not after; commit looks again
    std::error_code ignored;
    if (std::filesystem::exists(std::filesystem::symlink_status(out, ignored))) {
      return invalid_request(fmt::format("'{}' exists already", out.string()),
                             "Choose another name, or say that it is to be replaced (--force).");
    }
  } else {
    MINERVA_TRY(check_is_no_source(description, out));
  }
  MINERVA_ASSIGN(const Conversion conversion, Conversion::plan(description, options));
  const auto existing = options.replace ? OutputFile::Existing::Replace : OutputFile::Existing::Keep;
  MINERVA_TRY(conversion.write(out, existing, progress));
  return conversion.report();
}

Result<void> to_gguf(const ModelDescription& description, const std::filesystem::path& out, WeightType type,
                     const LoadProgress& progress) {
  const ConversionOptions options{.type = type, .tokenizer = TokenizerUse::IfPossible};
  MINERVA_TRY(convert_to_gguf(description, out, options, progress));
  return {};
}

Result<std::uint64_t> gguf_bytes(const ModelDescription& description, WeightType type) {
  MINERVA_ASSIGN(const Conversion conversion,
                 Conversion::plan(description, {.type = type, .tokenizer = TokenizerUse::Leave}));
  return conversion.file_bytes();
}

}  // namespace minerva::convert
