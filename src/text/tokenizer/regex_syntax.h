// Oniguruma's regular expressions (what tokenizer.json holds) written the way PCRE2 reads them.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace minerva::tokenizers {

/// The longest pattern that is accepted, in bytes.
inline constexpr std::size_t kRegexBytesMax = 65536;

/// `pattern` (valid UTF-8) for PCRE2 with UTF, UCP and MULTILINE. Properties and classes mean what Oniguruma
/// 6.9.10 (Unicode 16) means by them. Errors: ModelLoading for what PCRE2 has no equivalent of; the message
/// doesn't name the file.
Result<std::string> to_pcre2_syntax(std::string_view pattern);

}  // namespace minerva::tokenizers
