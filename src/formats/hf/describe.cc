#include "formats/hf/describe.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/limits.h"
#include "formats/hf/chat_templates.h"
#include "formats/hf/generation_config.h"
#include "formats/hf/tokenizer_kind.h"
#include "formats/hf/weight_files.h"
#include "formats/hf/weight_summary.h"
#include "formats/hf_config/hf_config.h"
#include "formats/inspect.h"
#include "formats/quote.h"

namespace minerva::hf {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kCountMax = std::numeric_limits<std::int32_t>::max();

/// The directory's name; for a snapshot in the Hugging Face cache the model's: "org/name".
std::string model_name(const fs::path& directory) {
  constexpr std::string_view kPrefix = "models--";
  const fs::path snapshots = directory.parent_path();
  std::string entry = snapshots.parent_path().filename().string();
  std::string name = display_name(directory);
  if (snapshots.filename() == "snapshots" && entry.starts_with(kPrefix)) {
    name = entry.substr(kPrefix.size());
    if (const auto separator = name.find("--"); separator != std::string::npos)
      name.replace(separator, 2, "/");
  }
  return is_utf8(name) ? name : quoted(name);
}

/// Fields have other names in older families: each list has all of them.
class Describer {
 public:
  Describer(const fs::path& directory, HfConfig root, HfConfig text)
      : directory_(directory), root_(std::move(root)), text_(std::move(text)) {}

  Result<ModelDescription> run(Format format) {
    out_.format = format;
    out_.name = model_name(directory_);
    MINERVA_ASSIGN(out_.architecture, root_.require_string("model_type"));
    MINERVA_TRY(dimensions());
    MINERVA_TRY(attention());
    MINERVA_TRY(generation());
    MINERVA_ASSIGN(out_.chat_templates, read_chat_templates(directory_));
    const TokenizerSummary tokenizer = summarise_tokenizer(directory_);
    out_.tokenizer = tokenizer.kind;
    out_.tokenizer_detail = is_utf8(tokenizer.detail) ? tokenizer.detail : "";
    MINERVA_TRY(weights());
    return std::move(out_);
  }

 private:
  Result<std::uint32_t> count(const FieldNames& names, std::int64_t max = kCountMax) const {
    MINERVA_ASSIGN(const auto value, text_.int_or(names, 0, 0, max));
    return static_cast<std::uint32_t>(value);
  }

  /// The largest where a family states one number a layer.
  Result<std::uint32_t> largest(const FieldNames& names) const {
    MINERVA_ASSIGN(const auto values, text_.int_list(names, 0, kCountMax));
    return values.empty() ? 0U : static_cast<std::uint32_t>(std::ranges::max(values));
  }

  Result<void> dimensions() {
    MINERVA_ASSIGN(out_.layer_count,
                   count({"num_hidden_layers", "n_layer", "n_layers", "num_layers"}, limits::kLayerCountMax));
    MINERVA_ASSIGN(out_.embedding_length, count({"hidden_size", "n_embd", "d_model", "model_dim"}));
    MINERVA_ASSIGN(out_.context_length,
                   count({"max_position_embeddings", "n_positions", "max_seq_len", "seq_length",
                          "max_sequence_length", "max_context_length", "n_ctx"}));
    MINERVA_ASSIGN(out_.feed_forward_length,
                   largest({"intermediate_size", "ffn_dim", "n_inner", "ffn_hidden_size"}));
    MINERVA_ASSIGN(out_.vocabulary_size, count({"vocab_size"}, limits::kVocabularySizeMax));
    return {};
  }

  Result<std::uint32_t> kv_heads() const {
    MINERVA_ASSIGN(const auto stated,
                   largest({"num_key_value_heads", "num_kv_heads", "n_head_kv", "n_kv_heads"}));
    // Falcon and StarCoder share one head unless told otherwise.
    MINERVA_ASSIGN(const bool multi_query, text_.bool_or("multi_query", false));
    MINERVA_ASSIGN(const bool grouped, text_.bool_or("new_decoder_architecture", false));
    if (multi_query && !grouped) return 1U;
    return stated != 0 ? stated : out_.head_count;
  }

  Result<void> attention() {
    MINERVA_ASSIGN(out_.head_count, largest({"num_attention_heads", "n_head", "n_heads", "num_heads"}));
    MINERVA_ASSIGN(out_.kv_head_count, kv_heads());
    const std::uint32_t even = out_.head_count == 0 ? 0 : out_.embedding_length / out_.head_count;
    MINERVA_ASSIGN(const auto head_length, count({"head_dim", "kv_channels"}));
    out_.key_length = out_.value_length = head_length != 0 ? head_length : even;
    // Latent attention: keys are part plain, part rotary, values have their own length.
    MINERVA_ASSIGN(const auto plain, count({"qk_nope_head_dim"}));
    MINERVA_ASSIGN(const auto rotary, count({"qk_rope_head_dim"}));
    MINERVA_ASSIGN(const auto value_length, count({"v_head_dim"}));
    constexpr std::uint32_t kHalf = kCountMax / 2;
    if (plain > 0 && plain < kHalf && rotary < kHalf) out_.key_length = plain + rotary;
    if (value_length > 0) out_.value_length = value_length;
    MINERVA_ASSIGN(const bool use_window, text_.bool_or("use_sliding_window", true));
    MINERVA_ASSIGN(const auto window, text_.int_or("sliding_window", 0, -kCountMax, kCountMax));
    out_.sliding_window = use_window && window > 0 ? static_cast<std::uint32_t>(window) : 0;
    return {};
  }

  /// eos_token_id of `config`: one id or a list. Below 0 (-1 in many files) is none.
  Result<void> eos_from(const HfConfig& config) {
    MINERVA_ASSIGN(const auto ids, config.int_list("eos_token_id", -kCountMax, kCountMax));
    if (ids.size() > limits::kEosTokenCountMax) {
      return config.error("eos_token_id", fmt::format("is a list of {}; at most {} are allowed", ids.size(),
                                                      limits::kEosTokenCountMax));
    }
    if (ids.empty()) return {};
    out_.eos_token_ids.clear();
    for (const auto id : ids) {
      if (id >= 0) out_.eos_token_ids.push_back(static_cast<std::int32_t>(id));
    }
    return {};
  }

  Result<void> bos_from(const HfConfig& config) {
    MINERVA_ASSIGN(const auto id, config.optional_int("bos_token_id", -kCountMax, kCountMax));
    if (id) out_.bos_token_id = *id < 0 ? std::nullopt : std::optional(static_cast<std::int32_t>(*id));
    return {};
  }

  /// Special tokens and sampling: generation_config.json has the last word.
  Result<void> generation() {
    for (const HfConfig* config : {&text_, &root_}) {
      MINERVA_TRY(eos_from(*config));
      MINERVA_TRY(bos_from(*config));
    }
    GenerationConfig config =
        read_generation_config(directory_, root_, out_.vocabulary_size, std::move(out_.eos_token_ids));
    out_.eos_token_ids = std::move(config.eos_token_ids);
    if (config.bos_token_id || config.no_bos_token) out_.bos_token_id = config.bos_token_id;
    out_.sampling = std::move(config.sampling);
    out_.notes = std::move(config.notes);
    return {};
  }

  Result<void> weights() {
    const bool torch = out_.format == Format::HfTorchBin;
    MINERVA_ASSIGN(const Quantisation quantisation, read_quantisation(root_));
    MINERVA_ASSIGN(WeightFiles files,
                   find_weight_files(directory_, torch ? WeightFormat::TorchBin : WeightFormat::Safetensors));
    MINERVA_ASSIGN(const std::string stated, root_.dtype());
    out_.quantisation = label(quantisation);
    if (torch) {
      MINERVA_TRY(torch_files(files, stated));
    } else {
      MINERVA_ASSIGN(const auto headers, read_headers(files));
      const WeightSummary summary = summarise(headers, quantisation);
      for (const auto& header : headers) out_.file_bytes += header.file_bytes();
      out_.tensor_bytes = summary.tensor_bytes;
      out_.tensor_count = summary.tensor_count;
      out_.parameter_count = summary.parameter_count;
      if (out_.quantisation.empty()) out_.quantisation = summary.dtype;
    }
    out_.weight_files = std::move(files.paths);
    return {};
  }

  /// What is known without interpreting the pickles.
  Result<void> torch_files(const WeightFiles& files, const std::string& dtype) {
    for (const fs::path& path : files.paths) {
      MINERVA_ASSIGN(const File file, File::open(path));
      out_.file_bytes += file.size();
    }
    out_.tensor_count = files.index_tensor_count;
    if (!out_.quantisation.empty()) return {};
    if (dtype == "bfloat16") out_.quantisation = "BF16";
    if (dtype == "float16") out_.quantisation = "F16";
    if (dtype == "float32") out_.quantisation = "F32";
    return {};
  }

  const fs::path& directory_;
  HfConfig root_;
  HfConfig text_;
  ModelDescription out_;
};

}  // namespace

Result<ModelDescription> describe_directory(const fs::path& directory, Format format) {
  if (!path_exists(directory / "config.json")) {
    return model_loading(
        fmt::format("the directory {} has weights but no config.json", quoted(display_name(directory))),
        "Download the whole model, with config.json and tokenizer.json: hf download ORG/NAME --local-dir "
        "DIR.");
  }
  MINERVA_ASSIGN(HfConfig root, HfConfig::open(directory));
  MINERVA_ASSIGN(HfConfig text, root.text());
  return Describer(directory, std::move(root), std::move(text)).run(format);
}

}  // namespace minerva::hf
