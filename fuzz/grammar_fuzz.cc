// Any bytes as a schema, an expression, a grammar or choices, on a small vocabulary: compiled, and a few
// tokens drawn under the mask. Nothing may crash, hang or leak; what is refused says why; a mask allows
// exactly the tokens that a slow walk through the grammar allows, and those that are accepted. The first byte
// chooses the kind.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/byte_tokenizer.h"
#include "support/grammar_reference.h"
#include "text/grammar/constraint.h"
#include "text/grammar/derivable.h"
#include "text/grammar/matcher.h"

namespace {

using minerva::OutputConstraint;
using minerva::TokenId;
using minerva::grammar::Derivable;
using minerva::grammar::GrammarBuilder;
using minerva::testing::ByteTokenizer;
using minerva::testing::GrammarReference;

void check(bool condition) {
  if (!condition) std::abort();
}

OutputConstraint constraint_of(std::uint8_t kind, std::string_view text) {
  using enum OutputConstraint::Kind;
  constexpr std::array kKinds = {JsonSchema, Regex, Grammar, Choice};
  OutputConstraint constraint = {.kind = kKinds.at(kind % kKinds.size())};
  if (constraint.kind == Choice)
    constraint.choices = {std::string(text), std::string(text.substr(text.size() / 2))};
  else
    constraint.text = text;
  return constraint;
}

void check_refusal(const minerva::Error& error) {
  check(error.code == minerva::ErrorCode::InvalidRequest);
  check(!error.message.empty() && !error.remedy.empty());
}

bool has(const std::vector<std::uint32_t>& mask, TokenId id) {
  const auto at = static_cast<std::size_t>(id);
  return (mask[at / 32] >> (at % 32) & 1U) != 0;
}

void check_mask(const std::vector<std::uint32_t>& mask, const GrammarReference& reference,
                const ByteTokenizer& tokenizer) {
  for (TokenId id = 0; id < tokenizer.end(); ++id) {
    GrammarReference after = reference;
    for (const char byte : tokenizer.token_bytes(id, false)) after.step(static_cast<std::uint8_t>(byte));
    if (!after.gave_up()) check(has(mask, id) == after.is_alive());
  }
  check(has(mask, tokenizer.end()) == reference.may_end());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto tokenizer = std::make_shared<const ByteTokenizer>(
      std::vector<std::string>{"ab", "aba", "{\"", "\":", ", \"", "\"}", "]}", "true", "12", "1.5",
                               "\xC3\xA9", "\xE6\x97\xA5\xE6", "\xF0\x9F", "\\n", "aaaaaaaa"});
  static const auto trie =
      std::make_shared<const minerva::grammar::TokenTrie>(*tokenizer, tokenizer->vocabulary_size());
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  GrammarBuilder builder;
  const auto root = minerva::grammar::constraint_grammar(constraint_of(data[0], text), builder);
  if (!root) return check_refusal(root.error()), 0;
  auto network = minerva::grammar::make_network(builder, *root);
  if (!network) return check_refusal(network.error()), 0;
  const auto compiled = minerva::grammar::make_compiled(std::move(*network), trie, tokenizer);
  if (!compiled) return check_refusal(compiled.error()), 0;

  const auto matcher = (*compiled)->matcher();
  const Derivable productive(builder, Derivable::What::AnyText);
  GrammarReference reference(builder, productive, *root);
  std::vector<std::uint32_t> mask(trie->mask_words());
  for (std::size_t step = 0; step < 24 && !matcher->must_end(); ++step) {
    if (const auto filled = matcher->fill_mask(mask); !filled) return check_refusal(filled.error()), 0;
    if (!reference.gave_up()) {  // every mask would take long
      check(matcher->may_end() == reference.may_end());
      if (step % 8 == 0) check_mask(mask, reference, *tokenizer);
    }
    std::vector<TokenId> allowed;
    for (TokenId id = 0; id < static_cast<TokenId>(tokenizer->vocabulary_size()); ++id)
      if (has(mask, id)) allowed.push_back(id);
    check(!allowed.empty());  // every beginning that is allowed has an end
    const TokenId id = allowed[(data[step % size] + step * 7) % allowed.size()];
    if (id == tokenizer->end()) {
      check(matcher->may_end());
      break;
    }
    if (const auto accepted = matcher->accept(id); !accepted) return check_refusal(accepted.error()), 0;
    if (!reference.gave_up())
      for (const char byte : tokenizer->token_bytes(id, false))
        reference.step(static_cast<std::uint8_t>(byte));
  }
  return 0;
}
