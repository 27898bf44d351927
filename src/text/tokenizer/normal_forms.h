// Unicode normal forms, as of Unicode 9 (what the reference tokenizers use): later characters are left alone.
#pragma once

#include <string>
#include <string_view>

namespace minerva::tokenizers {

struct NormalForm {
  bool compatibility = false;  ///< NFKC, NFKD
  bool compose = false;        ///< NFC, NFKC
};

/// Whether `text` (valid UTF-8) surely is in the form already; false may be wrong, true never. Fast.
bool surely_normal(std::string_view text, NormalForm form);

/// `text` (valid UTF-8) in the form.
std::string normalize(std::string_view text, NormalForm form);

}  // namespace minerva::tokenizers
