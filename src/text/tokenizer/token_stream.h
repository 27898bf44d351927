// Text from ids that come one by one.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "minerva/types.h"

namespace minerva {

/// Gives the text of a sequence of ids piece by piece: whole characters only, and all pieces together are
/// what `Tokenizer::decode` gives for all ids. Not thread-safe; its tokenizer must outlive it.
class TokenStream {
 public:
  virtual ~TokenStream() = default;
  /// The text that became certain with `id`, possibly empty. An id that the vocabulary lacks adds nothing.
  virtual Result<std::string> push(TokenId id) = 0;
  /// What was held back; the stream has ended.
  virtual Result<std::string> finish() = 0;
};

}  // namespace minerva
