#include "backends/llama/architectures.h"

#include <algorithm>
#include <array>

namespace minerva {
namespace {

// From LLM_ARCH_NAMES in src/llama-arch.cpp of the pinned llama.cpp (there is no call that lists them); how
// each is used and remembers, from create_memory in src/llama-model.cpp. "gptj" stands there but cannot be
// loaded. tests/model checks this table against the library.
constexpr auto kArchitectures = std::to_array<Architecture>(
    {{.name = "clip", .use = ArchitectureUse::Part},
     {.name = "llama", .reviewed = true},
     {.name = "llama4", .window_pattern = 4, .default_window = 8192},
     {.name = "deci"},
     {.name = "falcon", .reviewed = true},
     {.name = "grok"},
     {.name = "gpt2", .reviewed = true, .rotates = false},
     {.name = "gptneox", .reviewed = true},
     {.name = "mpt", .rotates = false},
     {.name = "baichuan"},
     {.name = "starcoder"},
     {.name = "refact", .rotates = false},
     {.name = "bert", .use = ArchitectureUse::Encoder},
     {.name = "modern-bert", .use = ArchitectureUse::Encoder},
     {.name = "nomic-bert", .use = ArchitectureUse::Encoder},
     {.name = "nomic-bert-moe", .use = ArchitectureUse::Encoder},
     {.name = "neo-bert", .use = ArchitectureUse::Encoder},
     {.name = "jina-bert-v2", .use = ArchitectureUse::Encoder},
     {.name = "jina-bert-v3", .use = ArchitectureUse::Encoder},
     {.name = "eurobert", .use = ArchitectureUse::Encoder},
     {.name = "bloom", .rotates = false},
     {.name = "stablelm", .reviewed = true},
     {.name = "qwen"},
     {.name = "qwen2", .reviewed = true},
     {.name = "qwen2moe", .reviewed = true},
     {.name = "qwen2vl"},
     {.name = "qwen3", .reviewed = true},
     {.name = "qwen3moe", .reviewed = true},
     {.name = "qwen3next"},
     {.name = "qwen3vl"},
     {.name = "qwen3vlmoe"},
     {.name = "qwen35"},
     {.name = "qwen35moe"},
     {.name = "qwen4exp"},
     {.name = "phi2", .reviewed = true},
     {.name = "phi3", .reviewed = true},
     {.name = "phimoe"},
     {.name = "plamo"},
     {.name = "plamo2"},
     {.name = "plamo3", .window_pattern = 8},
     {.name = "codeshell"},
     {.name = "orion"},
     {.name = "internlm2"},
     {.name = "minicpm"},
     {.name = "minicpm3"},
     {.name = "gemma", .reviewed = true},
     {.name = "gemma2", .reviewed = true, .window_pattern = 2, .default_window = 4096},
     {.name = "gemma3", .reviewed = true, .window_pattern = 6},
     {.name = "gemma3n", .window_pattern = 5},
     {.name = "gemma4"},
     {.name = "gemma4-assistant", .use = ArchitectureUse::Part},
     {.name = "gemma-embedding", .use = ArchitectureUse::Encoder},
     {.name = "starcoder2", .reviewed = true},
     {.name = "mamba", .rotates = false},
     {.name = "mamba2", .rotates = false},
     {.name = "maple"},
     {.name = "jamba", .rotates = false},
     {.name = "falcon-h1"},
     {.name = "xverse"},
     {.name = "command-r"},
     {.name = "cohere2", .window_pattern = 4},
     {.name = "cohere2moe", .window_pattern = 4, .window_dense_first = true},
     {.name = "dbrx"},
     {.name = "olmo"},
     {.name = "olmo2", .reviewed = true, .window_pattern = 4},
     {.name = "olmoe"},
     {.name = "muse-glimmer", .window_pattern = 4},
     {.name = "openelm"},
     {.name = "arctic"},
     {.name = "deepseek"},
     {.name = "deepseek2"},
     {.name = "deepseek2-ocr"},
     {.name = "deepseek32", .exotic_memory = true},
     {.name = "deepseek4", .exotic_memory = true},
     {.name = "chatglm"},
     {.name = "glm4"},
     {.name = "glm4moe"},
     {.name = "glm-dsa", .exotic_memory = true},
     {.name = "bitnet"},
     {.name = "t5", .use = ArchitectureUse::Encoder},
     {.name = "t5encoder", .use = ArchitectureUse::Encoder},
     {.name = "jais", .rotates = false},
     {.name = "jais2"},
     {.name = "nemotron"},
     {.name = "nemotron_h", .rotates = false},
     {.name = "nemotron_h_moe", .rotates = false},
     {.name = "exaone"},
     {.name = "exaone4", .window_pattern = 4},
     {.name = "exaone-moe", .window_pattern = 4, .default_window = 128},
     {.name = "rwkv6", .rotates = false},
     {.name = "rwkv6qwen2", .rotates = false},
     {.name = "rwkv7", .rotates = false},
     {.name = "arwkv7", .rotates = false},
     {.name = "granite", .reviewed = true},
     {.name = "granitemoe"},
     {.name = "granitehybrid"},
     {.name = "graniteswitch"},
     {.name = "granite_swa"},
     {.name = "chameleon"},
     {.name = "wavtokenizer-dec", .use = ArchitectureUse::Part},
     {.name = "plm"},
     {.name = "bailingmoe"},
     {.name = "bailingmoe2"},
     {.name = "bailingmoe3"},
     {.name = "dots1"},
     {.name = "dots3note", .exotic_memory = true},
     {.name = "arcee"},
     {.name = "afmoe", .window_pattern = 4, .needs_window = true},
     {.name = "laguna", .window_pattern = 4, .window_dense_first = true},
     {.name = "ernie4_5"},
     {.name = "ernie4_5-moe"},
     {.name = "hunyuan-moe"},
     {.name = "hunyuan-dense"},
     {.name = "hunyuan_vl"},
     {.name = "hy_v3"},
     {.name = "hy_v4", .exotic_memory = true},
     {.name = "smollm3", .reviewed = true},
     {.name = "gpt-oss", .window_pattern = 2},
     {.name = "lfm2"},
     {.name = "lfm2moe"},
     {.name = "dream", .use = ArchitectureUse::Diffusion},
     {.name = "smallthinker", .window_pattern = 4, .window_dense_first = true},
     {.name = "llada", .use = ArchitectureUse::Diffusion},
     {.name = "llada-moe", .use = ArchitectureUse::Diffusion},
     {.name = "seed_oss"},
     {.name = "grovemoe"},
     {.name = "apertus"},
     {.name = "minimax-01"},
     {.name = "hrm_text"},
     {.name = "minimax-m2"},
     {.name = "minimax-m3", .exotic_memory = true},
     {.name = "cogvlm"},
     {.name = "rnd1", .use = ArchitectureUse::Diffusion},
     {.name = "pangu-embedded"},
     {.name = "mistral3", .reviewed = true},
     {.name = "eagle3", .use = ArchitectureUse::Part},
     {.name = "dflash", .use = ArchitectureUse::Part},
     {.name = "mistral4"},
     {.name = "paddleocr"},
     {.name = "mimo2"},
     {.name = "step35"},
     {.name = "spark2_5"},
     {.name = "llama-embed", .use = ArchitectureUse::Encoder},
     {.name = "maincoder"},
     {.name = "kimi-linear"},
     {.name = "kimi-k3"},
     {.name = "glm5-next", .exotic_memory = true},
     {.name = "talkie"},
     {.name = "mellum", .window_pattern = 4},
     {.name = "nanbeige"},
     {.name = "qwen3tts", .use = ArchitectureUse::Part},
     {.name = "pockettts", .use = ArchitectureUse::Part}});

}  // namespace

std::string_view use_text(ArchitectureUse use) noexcept {
  switch (use) {
    case ArchitectureUse::Generator:
      return "generates text";
    case ArchitectureUse::Encoder:
      return "encodes text, for embeddings or for another model, and does not generate text";
    case ArchitectureUse::Diffusion:
      return "fills in masked text, and does not generate text from left to right";
    case ArchitectureUse::Part:
      return "is a part of another model (a draft head, projector or vocoder), and does not generate text";
  }
  return "does not generate text";
}

const Architecture* find_architecture(std::string_view name) noexcept {
  const auto found = std::ranges::find(kArchitectures, name, &Architecture::name);
  return found == kArchitectures.end() ? nullptr : &*found;
}

std::span<const Architecture> architectures() noexcept {
  return kArchitectures;
}

}  // namespace minerva
