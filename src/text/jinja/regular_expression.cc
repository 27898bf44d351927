#include "text/jinja/regular_expression.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <new>

#include "text/jinja/budget.h"
#include "text/jinja/raise.h"

namespace minerva::jinja {

struct RegularExpression::Code {
  struct Free {
    void operator()(pcre2_code* compiled) const { pcre2_code_free(compiled); }
    void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
    void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
  };
  std::unique_ptr<pcre2_code, Free> code;
};

RegularExpression::RegularExpression(std::string_view pattern) : code_(std::make_unique<Code>()) {
  int error = 0;
  PCRE2_SIZE offset = 0;
  code_->code.reset(
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                    PCRE2_UTF | PCRE2_UCP | PCRE2_CASELESS | PCRE2_EXTENDED | PCRE2_DOLLAR_ENDONLY, &error,
                    &offset, nullptr));
  if (code_->code == nullptr) throw std::bad_alloc();
}

RegularExpression::~RegularExpression() = default;

std::optional<RegularExpression::Match> RegularExpression::find(std::string_view text,
                                                                std::size_t from) const {
  constexpr std::uint32_t kStepsMax = 200'000;
  const std::unique_ptr<pcre2_match_data, Code::Free> data(
      pcre2_match_data_create_from_pattern(code_->code.get(), nullptr));
  const std::unique_ptr<pcre2_match_context, Code::Free> context(pcre2_match_context_create(nullptr));
  if (data == nullptr || context == nullptr) throw std::bad_alloc();
  pcre2_set_match_limit(context.get(), kStepsMax);
  pcre2_set_depth_limit(context.get(), kStepsMax / 10);
  spend(8);
  const int found = pcre2_match(code_->code.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(),
                                from, PCRE2_NO_UTF_CHECK, data.get(), context.get());
  if (found == PCRE2_ERROR_NOMATCH) return std::nullopt;
  if (found < 0) raise_limit("a word is too long for the filter");
  const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(data.get());
  return Match{bounds[0], bounds[1]};
}

}  // namespace minerva::jinja
