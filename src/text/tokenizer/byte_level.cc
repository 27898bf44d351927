#include "text/tokenizer/byte_level.h"

#include "text/tokenizer/utf8_codec.h"

namespace minerva::tokenizers {

namespace {

constexpr std::size_t kAlphabetEnd = 0x144;

struct Tables {
  std::array<char16_t, 256> characters{};
  std::array<std::int16_t, kAlphabetEnd> bytes{};  // -1: no byte
};

constexpr Tables make_tables() {
  Tables tables;
  for (auto& byte : tables.bytes) byte = -1;
  unsigned next = 256;
  for (unsigned byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    const unsigned character = printable ? byte : next++;
    tables.characters[byte] = static_cast<char16_t>(character);
    tables.bytes[character] = static_cast<std::int16_t>(byte);
  }
  return tables;
}

constexpr Tables kTables = make_tables();

}  // namespace

const std::array<char16_t, 256>& byte_characters() noexcept {
  return kTables.characters;
}

void append_byte_level(std::string& out, std::string_view bytes) {
  for (const char byte : bytes) append_utf8(out, kTables.characters[static_cast<unsigned char>(byte)]);
}

bool append_from_byte_level(std::string& out, std::string_view text) {
  const std::size_t before = out.size();
  for (std::size_t i = 0; i < text.size();) {
    const CodePoint c = decode_utf8(text.data() + i);
    const int byte = c.value < kAlphabetEnd ? kTables.bytes[c.value] : -1;
    if (byte < 0) {
      out.resize(before);
      return false;
    }
    out.push_back(static_cast<char>(byte));
    i += c.length;
  }
  return true;
}

}  // namespace minerva::tokenizers
