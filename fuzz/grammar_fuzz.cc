// Any bytes as a schema, an expression, a grammar or choices, on a vocabulary of single bytes: compiled, and
// a few tokens drawn under the mask. Nothing may crash, hang or leak; what is refused says why. The first
// byte chooses the kind.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "support/byte_tokenizer.h"
#include "text/grammar/constraint.h"
#include "text/grammar/grammar.h"

namespace {

using minerva::OutputConstraint;
using minerva::TokenId;
using minerva::testing::ByteTokenizer;

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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto compiler = minerva::make_grammar_compiler(std::make_shared<ByteTokenizer>(), 257);
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  const auto compiled = compiler->compile(constraint_of(data[0], text));
  if (!compiled) {
    check(compiled.error().code == minerva::ErrorCode::InvalidRequest);
    check(!compiled.error().message.empty() && !compiled.error().remedy.empty());
    return 0;
  }
  const auto matcher = (*compiled)->matcher();
  std::array<std::uint32_t, 9> mask{};
  for (std::size_t step = 0; step < 24 && !matcher->must_end(); ++step) {
    matcher->fill_mask(mask);
    std::vector<TokenId> allowed;
    for (TokenId id = 0; id < 257; ++id)
      if ((mask.at(static_cast<std::size_t>(id) / 32) >> (id % 32) & 1U) != 0) allowed.push_back(id);
    check(!allowed.empty());  // every beginning that is allowed has an end
    const TokenId id = allowed[(data[step % size] + step * 7) % allowed.size()];
    if (id == 256) {
      check(matcher->may_end());
      break;
    }
    check(matcher->accept(id).has_value());
  }
  return 0;
}
