#include "formats/torch_bin/pickle_opcodes.h"

#include <fmt/format.h>

#include <array>
#include <string_view>

namespace minerva::torch_bin {
namespace {

struct Name {
  std::uint8_t code;
  std::string_view name;
};
// The instructions that no state dictionary of torch.save has: those of protocols 0 and 1, objects of any
// class, sets, bytes and buffers.
constexpr std::array kRefused = {
    Name{'0', "POP"},
    Name{'1', "POP_MARK"},
    Name{'2', "DUP"},
    Name{'F', "FLOAT"},
    Name{'I', "INT"},
    Name{'L', "LONG"},
    Name{'P', "PERSID"},
    Name{'S', "STRING"},
    Name{'T', "BINSTRING"},
    Name{'V', "UNICODE"},
    Name{'d', "DICT"},
    Name{'i', "INST"},
    Name{'l', "LIST"},
    Name{'o', "OBJ"},
    Name{'g', "GET"},
    Name{'p', "PUT"},
    Name{'B', "BINBYTES"},
    Name{'C', "SHORT_BINBYTES"},
    Name{0x82, "EXT1"},
    Name{0x83, "EXT2"},
    Name{0x84, "EXT4"},
    Name{0x8b, "LONG4"},
    Name{0x8e, "BINBYTES8"},
    Name{0x90, "ADDITEMS"},
    Name{0x91, "FROZENSET"},
    Name{0x92, "NEWOBJ_EX"},
    Name{0x96, "BYTEARRAY8"},
    Name{0x97, "NEXT_BUFFER"},
    Name{0x98, "READONLY_BUFFER"},
    Name{0x80, "PROTO"},
};

}  // namespace

std::string opcode_name(std::uint8_t code) {
  for (const Name& entry : kRefused) {
    if (entry.code == code) return std::string(entry.name);
  }
  return fmt::format("0x{:02x}", code);
}

}  // namespace minerva::torch_bin
