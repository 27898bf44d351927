// The tokenizer of any model Minerva can describe.
#pragma once

#include <memory>

#include "base/error.h"
#include "minerva/model_description.h"
#include "text/tokenizer/tokenizer.h"

namespace minerva {

/// Loads the tokenizer from the files of `description`, without the weights. Errors: ModelLoading (missing or
/// damaged tokenizer files), InvalidRequest (a format without one).
Result<std::shared_ptr<const Tokenizer>> load_tokenizer(const ModelDescription& description);

}  // namespace minerva
