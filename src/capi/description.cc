// The C API's look at files, and its names.
#include <memory>

#include "capi/guard.h"
#include "capi/requests.h"
#include "capi/results.h"

namespace minerva::capi {
namespace {

// The value of Enum that `number` names, or `otherwise`.
template <class Enum>
Enum named(int32_t number, Enum last, Enum otherwise) {
  return number >= 0 && number <= static_cast<int32_t>(last) ? static_cast<Enum>(number) : otherwise;
}

}  // namespace
}  // namespace minerva::capi

using namespace minerva;        // NOLINT(google-build-using-namespace): the functions below are C's
using namespace minerva::capi;  // NOLINT(google-build-using-namespace)

minerva_status minerva_detect(const char* path, minerva_format* format, minerva_error** error) {
  if (format != nullptr) *format = MINERVA_FORMAT_UNKNOWN;
  return guarded(error, [&]() -> Result<void> {
    MINERVA_TRY(need(format, "format"));
    MINERVA_ASSIGN(const auto where, to_path(path));
    MINERVA_ASSIGN(const Format found, detect(where));
    *format = static_cast<minerva_format>(found);
    return {};
  });
}

minerva_status minerva_describe(const char* path, minerva_model_description** description,
                                minerva_error** error) {
  clear(description);
  return guarded(error, [&]() -> Result<void> {
    MINERVA_TRY(need(description, "description"));
    MINERVA_ASSIGN(const auto where, to_path(path));
    MINERVA_ASSIGN(auto found, describe(where));
    *description = std::make_unique<OwnedDescription>(std::move(found)).release();
    return {};
  });
}

void minerva_model_description_free(minerva_model_description* description) {
  delete static_cast<OwnedDescription*>(description);
}

const char* minerva_format_name(int32_t format) {
  return format_name(named(format, Format::Unknown, Format::Unknown)).data();
}
bool minerva_format_is_runnable(int32_t format) {
  return is_runnable(named(format, Format::Unknown, Format::Unknown));
}
const char* minerva_tokenizer_kind_name(int32_t kind) {
  return tokenizer_kind_name(named(kind, TokenizerKind::Other, TokenizerKind::Other)).data();
}
const char* minerva_finish_reason_name(int32_t reason) {
  return finish_reason_name(named(reason, FinishReason::Cancelled, FinishReason::Stop)).data();
}

void minerva_text_free(minerva_text* text) {
  delete static_cast<OwnedText*>(text);
}
void minerva_tokens_free(minerva_tokens* tokens) {
  delete static_cast<OwnedTokens*>(tokens);
}
