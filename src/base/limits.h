// Every limit on what a file may ask of this process, in one place, with its unit in its name. A limit is
// generous to real models and small against memory: what exceeds one is an Error that names it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace minerva::limits {

inline constexpr std::uint64_t kKiB = 1024;
inline constexpr std::uint64_t kMiB = 1024 * kKiB;

// ---- GGUF
/// Header, key-values and tensor infos together. The largest seen hold a 33 MB tokenizer.json.
inline constexpr std::uint64_t kGgufMetadataBytesMax = 256 * kMiB;
inline constexpr std::uint64_t kGgufKeyValueCountMax = 65'536;
inline constexpr std::uint64_t kGgufKeyBytesMax = 65'535;  // the specification's own
inline constexpr std::uint64_t kGgufTensorCountMax = 131'072;
inline constexpr std::uint64_t kGgufTensorNameBytesMax = 63;  // llama.cpp's GGML_MAX_NAME less its final zero
inline constexpr std::uint32_t kGgufDimensionCountMax = 4;
inline constexpr std::uint64_t kGgufAlignmentBytesMax = kMiB;
inline constexpr std::uint64_t kGgufArrayElementCountMax = 16'777'216;
inline constexpr std::uint32_t kGgufShardCountMax = 1024;
/// Longer strings stay in the file until someone asks for them.
inline constexpr std::uint64_t kGgufInlineStringBytesMax = 4 * kKiB;

// ---- safetensors
inline constexpr std::uint64_t kSafetensorsHeaderBytesMax =
    100'000'000;  // the reference implementation's own
inline constexpr std::size_t kSafetensorsTensorCountMax = 1'000'000;
inline constexpr std::size_t kSafetensorsDimensionCountMax = 16;

// ---- PyTorch .bin
inline constexpr std::uint64_t kZipDirectoryBytesMax = 32 * kMiB;
inline constexpr std::uint64_t kZipEntryCountMax = 131'072;  // one for each storage
inline constexpr std::uint64_t kPickleBytesMax = 16 * kMiB;  // about 200 bytes a tensor
inline constexpr std::size_t kPickleOpcodeCountMax = 2'000'000;
inline constexpr std::size_t kPickleStackDepthMax = 65'536;
inline constexpr std::size_t kPickleMarkDepthMax = 256;
inline constexpr std::size_t kPickleStringBytesMax = 64 * kKiB;
inline constexpr std::size_t kTorchDimensionCountMax = 16;
inline constexpr std::uint64_t kExpandedTensorBytesMax = 64 * kMiB;  // of one that repeats what is stored
inline constexpr std::uint64_t kExpandedBytesMax = 1024 * kMiB;      // of all of a file

// ---- Hugging Face directories
inline constexpr std::uint64_t kConfigBytesMax = 4 * kMiB;            // config.json, generation_config.json
inline constexpr std::uint64_t kTokenizerConfigBytesMax = 32 * kMiB;  // tokenizer_config.json
inline constexpr std::uint64_t kShardIndexBytesMax = 32 * kMiB;       // *.index.json
inline constexpr std::size_t kJsonDepthMax = 64;
inline constexpr std::size_t kShardCountMax = 4096;
inline constexpr std::size_t kDirectoryEntryCountMax = 1024;
/// Token ids in one field of generation_config.json: each costs something at every step.
inline constexpr std::size_t kRecommendedIdCountMax = 65'536;
/// How far tokenizer.json is searched for the kind of its model.
inline constexpr std::uint64_t kTokenizerSearchBytesMax = 4 * kMiB;

// ---- tokenizers
inline constexpr std::uint64_t kTokenizerFileBytesMax = 256 * kMiB;  // tokenizer.json, tokenizer.model
inline constexpr std::size_t kTokenizerTextBytesMax = 16 * kMiB;     // one text to encode
/// What normalizers, pre-tokenizers and decoders may make of a text.
inline constexpr std::size_t kTokenizerExpandedBytesMax = 64 * kMiB;
inline constexpr std::size_t kTokenBytesMax = 64 * kKiB;
inline constexpr std::size_t kAddedTokenBytesMax = 1024;
inline constexpr std::size_t kAddedTokenCountMax = 1'000'000;
/// Strings that a tokenizer's parts put into a text.
inline constexpr std::size_t kTokenizerInsertBytesMax = 4 * kKiB;
inline constexpr std::size_t kTokenizerPartCountMax = 64;  // in one sequence
inline constexpr int kTokenizerPartDepthMax = 16;
/// Ids that post-processors put around a text.
inline constexpr std::size_t kTokenizerTemplateIdsMax = 4096;

// ---- constraints on the output
inline constexpr std::size_t kSchemaBytesMax = 256 * kKiB;   // a JSON schema
inline constexpr std::size_t kRegexBytesMax = 8 * kKiB;      // a regular expression, or a schema's pattern
inline constexpr std::size_t kGrammarBytesMax = 256 * kKiB;  // an EBNF grammar
inline constexpr std::size_t kChoiceBytesMax = 256 * kKiB;   // all choices together
inline constexpr std::size_t kChoiceCountMax = 4096;
inline constexpr std::uint32_t kGrammarRepeatMax = 4096;  // the bounds in x{m,n}, maxLength, maxItems
inline constexpr int kGrammarNestingMax = 64;             // parentheses
/// What a constraint becomes: expressions, their texts and parts in bytes, rules, and states that read a
/// byte.
inline constexpr std::size_t kGrammarExpressionCountMax = 300'000;
inline constexpr std::size_t kGrammarExpressionBytesMax = 8 * kMiB;
inline constexpr std::size_t kGrammarRuleCountMax = 100'000;
inline constexpr std::size_t kGrammarStateCountMax = 2'000'000;
inline constexpr std::int64_t kGrammarSecondsMax = 5;        // to compile one
inline constexpr std::size_t kCompiledGrammarCountMax = 16;  // kept for one model
/// What following the answers of one grammar may keep, and what may come on top for one token.
inline constexpr std::size_t kGrammarMemoBytesMax = 16 * kMiB;
inline constexpr std::size_t kGrammarStepBytesMax = 48 * kMiB;
/// Places in a grammar looked at to find the tokens that may come next: some 100 ms.
inline constexpr std::int64_t kGrammarStepWorkMax = 4'000'000;

// ---- requests
inline constexpr std::size_t kStopStringCountMax = 64;
inline constexpr std::size_t kStopStringBytesMax = 4096;
/// Tokens in a row that come once only: each step compares as many for every token before it.
inline constexpr int kNoRepeatNgramSizeMax = 256;

// ---- all formats
inline constexpr std::uint32_t kLayerCountMax = 512;  // llama.cpp's arrays have this size
inline constexpr std::uint64_t kChatTemplateBytesMax = 512 * kKiB;
inline constexpr std::size_t kChatTemplateCountMax = 64;
inline constexpr std::size_t kEosTokenCountMax = 256;
inline constexpr std::uint64_t kVocabularySizeMax = 16'777'216;
/// What `detect` reads of a file.
inline constexpr std::size_t kDetectBytes = 4 * kKiB;

}  // namespace minerva::limits
