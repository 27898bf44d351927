// Follows answers through a network.
#pragma once

#include <memory>

#include "text/grammar/grammar.h"
#include "text/grammar/network.h"
#include "text/grammar/token_trie.h"
#include "text/tokenizer/tokenizer.h"

namespace minerva::grammar {

/// Its matchers share what they find out, under a lock. Errors: InvalidRequest when the first token takes too
/// long to choose.
Result<std::shared_ptr<const CompiledGrammar>> make_compiled(Network network,
                                                             std::shared_ptr<const TokenTrie> trie,
                                                             std::shared_ptr<const Tokenizer> tokenizer);

}  // namespace minerva::grammar
