// Conformance cases for tokenizers: what transformers made of a text.
#pragma once

#include <gtest/gtest.h>
#include <simdjson.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "text/tokenizer/tokenizer.h"

namespace minerva::testing {

inline std::vector<TokenId> ids_of(const simdjson::dom::element& list) {
  std::vector<TokenId> ids;
  for (const auto id : list.get_array()) ids.push_back(static_cast<TokenId>(id.get_int64().value()));
  return ids;
}

/// Calls `check(object, line_number)` for every line of a file of JSON objects; returns how many there were.
template <class Check>
std::size_t for_each_json_line(const std::filesystem::path& file, Check&& check) {
  std::ifstream in(file);
  EXPECT_TRUE(in.is_open()) << file;
  simdjson::dom::parser parser;
  std::string line;
  std::size_t count = 0;
  while (std::getline(in, line)) check(parser.parse(line).value(), ++count);
  return count;
}

/// The text that a stream gives for `ids`, piece by piece; every piece must be whole characters.
inline std::string streamed(const Tokenizer& tokenizer, const std::vector<TokenId>& ids, bool skip_special) {
  const auto stream = tokenizer.stream(skip_special);
  std::string text;
  const auto take = [&](const Result<std::string>& piece) {
    ASSERT_TRUE(piece) << piece.error().message;
    EXPECT_TRUE(simdjson::validate_utf8(piece->data(), piece->size())) << "a piece splits a character";
    text += *piece;
  };
  for (const TokenId id : ids) take(stream->push(id));
  take(stream->finish());
  return text;
}

inline void expect_encodes(const Tokenizer& tokenizer, std::string_view text, bool add_special,
                           const std::vector<TokenId>& expected) {
  const auto ids = tokenizer.encode(text, {.add_special = add_special, .parse_special = true});
  ASSERT_TRUE(ids) << ids.error().message;
  EXPECT_EQ(*ids, expected) << "text: " << text << (add_special ? " (with special tokens)" : "");
}

inline void expect_decodes(const Tokenizer& tokenizer, const std::vector<TokenId>& ids, bool skip_special,
                           std::string_view expected) {
  const auto text = tokenizer.decode(ids, skip_special);
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_EQ(*text, expected);
  EXPECT_EQ(streamed(tokenizer, ids, skip_special), expected) << "as a stream";
}

}  // namespace minerva::testing
