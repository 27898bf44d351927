// The instructions of pickle, protocols 0 to 5.
#pragma once

#include <cstdint>
#include <string>

namespace minerva::torch_bin {

/// Those that are interpreted. The values stand in files (Python's pickle.py).
enum class Opcode : std::uint8_t {
  Mark = '(',
  Stop = '.',
  BinInt = 'J',
  BinInt1 = 'K',
  BinInt2 = 'M',
  None = 'N',
  BinPersId = 'Q',
  Reduce = 'R',
  BinUnicode = 'X',
  Append = 'a',
  Build = 'b',
  Global = 'c',
  Appends = 'e',
  BinGet = 'h',
  LongBinGet = 'j',
  EmptyList = ']',
  BinPut = 'q',
  LongBinPut = 'r',
  SetItem = 's',
  Tuple = 't',
  EmptyTuple = ')',
  SetItems = 'u',
  EmptyDict = '}',
  BinFloat = 'G',
  ShortBinString = 'U',
  Proto = 0x80,
  NewObj = 0x81,
  Tuple1 = 0x85,
  Tuple2 = 0x86,
  Tuple3 = 0x87,
  NewTrue = 0x88,
  NewFalse = 0x89,
  Long1 = 0x8a,
  ShortBinUnicode = 0x8c,
  BinUnicode8 = 0x8d,
  EmptySet = 0x8f,
  StackGlobal = 0x93,
  Memoize = 0x94,
  Frame = 0x95,
};

/// The name of an instruction that is refused ("INST"), for messages; "0xff" of what is none.
std::string opcode_name(std::uint8_t code);

}  // namespace minerva::torch_bin
