#include "cli/key_decoder.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace minerva::cli {
namespace {

using enum EditKey;

// Text as it is, a key's sequence as "<...>" without its escapes, a paste as "{...}".
std::string seen_by(KeyDecoder& decoder, std::string_view bytes) {
  std::string out;
  for (const char byte : bytes) {
    const auto event = decoder.push(byte);
    if (!event) continue;
    if (event->kind == KeyEvent::Kind::Text) out += event->text;
    if (event->kind == KeyEvent::Kind::Paste) out += "{" + event->text + "}";
    if (event->kind == KeyEvent::Kind::Sequence) {
      out += '<';
      for (const char c : event->text) out += c == '\x1b' ? std::string() : std::string(1, c);
      out += '>';
    }
  }
  return out;
}

std::string seen(std::string_view bytes) {
  KeyDecoder decoder(1000);
  return seen_by(decoder, bytes);
}

TEST(KeyDecoder, KeepsSequencesWhole) {
  EXPECT_EQ(seen("a\x1b[Db"), "a<[D>b");
  EXPECT_EQ(seen("a\x1b[1;5Db"), "a<[1;5D>b");
  EXPECT_EQ(seen("a\x1b[15~b"), "a<[15~>b") << "F5";
  EXPECT_EQ(seen("a\x1bOPb"), "a<OP>b") << "F1";
  EXPECT_EQ(seen("a\x1b[[Ab"), "a<[[A>b") << "F1 of the Linux console";
  EXPECT_EQ(seen("a\x1b[27;5;13~b"), "a<[27;5;13~>b");
  EXPECT_EQ(seen("a\x1b[97;5ub"), "a<[97;5u>b");
  EXPECT_EQ(seen("a\x1b[<0;10;20Mb"), "a<[<0;10;20M>b") << "a mouse";
  EXPECT_EQ(seen("a\x1b[2$b"), "a<[2$>b") << "Shift-Insert of rxvt";
  EXPECT_EQ(seen("a\x1bxb"), "a<x>b") << "Alt-x";
  EXPECT_EQ(seen("a\x1b\x1b[Db"), "a<[D>b") << "Alt-Left, with an escape of its own";
  EXPECT_EQ(seen("caf\xC3\xA9"), "caf\xC3\xA9");
}

TEST(KeyDecoder, AnUnendingSequenceTakesNoMemory) {
  KeyDecoder decoder(10);
  EXPECT_EQ(seen_by(decoder, "\x1b[" + std::string(100000, '1')), "");
  EXPECT_LT(decoder.time_out().text.size(), 100U);
  EXPECT_EQ(seen_by(decoder, "a"), "a");
}

TEST(KeyDecoder, EscapeAloneIsAKey) {
  KeyDecoder decoder(10);
  EXPECT_FALSE(decoder.push('\x1b'));
  EXPECT_TRUE(decoder.waits());
  EXPECT_EQ(decoder.time_out().text, "\x1b");
  EXPECT_FALSE(decoder.waits());
}

TEST(KeyDecoder, APasteIsOne) {
  EXPECT_EQ(seen("a\x1b[200~one\rtwo\r\nthree\x1b[201~b"), "a{one\ntwo\nthree}b");
  EXPECT_EQ(seen("\x1b[200~\ttab\x1b[31m red\x07\x7f\x1b[201~"), "{\ttab[31m red}") << "it drives no editor";
  EXPECT_EQ(seen("\x1b[200~\x1b[201~b"), "{}b");
  EXPECT_EQ(seen("\x1b[200~a\x1b[20\x1b[201~"), "{a[20}") << "nearly its end";
}

TEST(KeyDecoder, APasteIsBounded) {
  KeyDecoder decoder(4);
  EXPECT_EQ(seen_by(decoder, "\x1b[200~abcd\x1b[201~"), "{abcd}");
  EXPECT_FALSE(decoder.truncated());
  EXPECT_EQ(seen_by(decoder, "\x1b[200~abcdefghijklmnop\x1b[201~"), "{abcd}");
  EXPECT_TRUE(decoder.truncated());
}

TEST(KeyDecoder, APasteWithoutAnEndIsGivenBack) {
  KeyDecoder decoder(10);
  EXPECT_EQ(seen_by(decoder, "a\x1b[200~\rb\x1b[D"), "a");
  EXPECT_TRUE(decoder.in_paste());
  EXPECT_EQ(decoder.abandon_paste(), "\rb\x1b[D");
  EXPECT_EQ(seen_by(decoder, "c"), "c");
}

TEST(EditKey, KnowsTheKeysOfManyTerminals) {
  const std::vector<std::pair<std::string_view, EditKey>> keys = {
      {"\x1b[A", Up},
      {"\x1bOB", Down},
      {"\x1b[1;5D", WordLeft},    // Ctrl: xterm
      {"\x1b[1;3C", WordRight},   // Alt
      {"\x1b[5D", WordLeft},      // Ctrl: mintty
      {"\x1bOd", WordLeft},       // Ctrl: rxvt
      {"\x1b\x1b[C", WordRight},  // Alt: rxvt, iTerm
      {"\x1b[H", Home},
      {"\x1b[1~", Home},  // PuTTY, tmux, the console
      {"\x1b[7~", Home},  // rxvt
      {"\x1b[1;5F", End},
      {"\x1b[4~", End},
      {"\x1b[3~", Delete},
      {"\x1b[3;2~", Delete},
      {"\x1b[3;5~", DeleteWordRight},
      {"\x1b[3^", DeleteWordRight},  // Ctrl: rxvt
      {"\x1b\x7f", DeleteWordLeft},
      {"\x1b"
       "b",
       WordLeft},
      {"\x1b\r", NewLine},
      {"\x1b[13;2u", NewLine},
      {"\x1b[27;2;13~", NewLine},
  };
  for (const auto& [sequence, key] : keys) EXPECT_EQ(edit_key(sequence), key) << sequence.substr(1);
}

TEST(EditKey, LeavesTheOthersAlone) {
  for (const std::string_view sequence :
       {"\x1b", "\x1b[15~", "\x1b[5~", "\x1b[2~", "\x1bOP", "\x1bx", "\x1b[Z", "\x1b[I", "\x1b[<0;1;1M",
        "\x1b[99999999999~", "\x1b[;;;~", "\x1b[E", "\x1b[1;2A", "\x1b[1;5B", "\x1bOa", "\x1b\x1b[A"})
    EXPECT_EQ(edit_key(sequence), None) << sequence.substr(1);
}

}  // namespace
}  // namespace minerva::cli
