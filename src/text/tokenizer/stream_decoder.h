// A chain of decoders that works as the tokens come.
#pragma once

#include <string>
#include <vector>

#include "text/tokenizer/decoders.h"
#include "text/utf8.h"

namespace minerva::tokenizers {

/// Feed tokens, take text; the text of all calls together is what the chain makes of all tokens at once.
/// Keeps back as little as that allows: unfinished characters, runs of byte tokens; for chains that need
/// everything (CTC, BPEDecoder, steps after a fusing one other than Strip) the whole text until `finish`.
class StreamDecoder {
 public:
  /// `chain` must outlive this.
  explicit StreamDecoder(const DecoderChain& chain);
  Result<std::string> push(std::string token);
  Result<std::string> finish();

 private:
  /// What a step remembers.
  struct Stage {
    const Decoder* decoder;
    bool fused = false;        // works on one text that comes in parts
    bool began = false;        // a token went through
    std::string bytes;         // ByteTokens: the run so far
    Utf8Stream characters;     // FuseBytes
    std::size_t stripped = 0;  // Strip after a fusing step: characters taken away at the beginning
    bool in_text = false;      // ... and whether that is over
    std::string tail;          // ... and what may have to be taken away at the end
  };
  Result<void> feed(std::size_t index, std::string token);
  Result<void> end(std::size_t index);
  Result<void> flush_bytes(std::size_t index);
  Result<void> feed_strip(std::size_t index, const StripCounts& counts, std::string_view rest);

  const DecoderChain& chain_;
  std::vector<Stage> stages_;
  std::string out_;
  bool needs_everything_ = false;
  std::vector<std::string> tokens_;  // when everything is needed
  TimeBudget budget_{};
};

}  // namespace minerva::tokenizers
