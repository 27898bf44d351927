#include "formats/sniff.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string>

#include "base/file.h"
#include "base/limits.h"
#include "formats/gguf/cursor.h"
#include "formats/gguf/value.h"
#include "formats/protobuf_sniff.h"
#include "formats/quote.h"
#include "formats/zip_sniff.h"

namespace minerva {
namespace {

using namespace std::string_view_literals;

struct Magic {
  std::size_t offset;
  std::string_view bytes;
  Kind kind;
};
constexpr std::array kMagics = {
    Magic{0, "lmgg"sv, Kind::OldGgml},  // u32 'ggml', little endian
    Magic{0, "fmgg"sv, Kind::OldGgml},
    Magic{0, "tjgg"sv, Kind::OldGgml},
    Magic{0, "algg"sv, Kind::GgmlAdapter},
    Magic{0, "\x89HDF\r\n\x1A\n"sv, Kind::KerasHdf5},
    Magic{4, "TFL3"sv, Kind::TfLite},
    Magic{4, "ORTM"sv, Kind::OnnxRuntime},
    Magic{0, "\x93NUMPY"sv, Kind::Numpy},
    Magic{0, "\x1F\x8B"sv, Kind::Gzip},
    Magic{4, "1AY&SY"sv, Kind::Bzip2},  // after "BZh" and a digit
    Magic{0,
          "\xFD"
          "7zXZ\0"sv,
          Kind::Xz},
    Magic{0, "\x28\xB5\x2F\xFD"sv, Kind::Zstd},
    Magic{0, "7z\xBC\xAF\x27\x1C"sv, Kind::SevenZip},
    Magic{0, "Rar!\x1A\x07"sv, Kind::Rar},
    Magic{257, "ustar"sv, Kind::Tar},
    Magic{0, "PK\x05\x06"sv, Kind::Zip},  // an empty archive
    // torch.save before version 1.6: protocol 2, then a long of ten bytes as the magic number.
    Magic{0, "\x80\x02\x8A\x0A\x6C\xFC\x9C\x46\xF9\x20\x6A\xA8\x50\x19"sv, Kind::TorchLegacyPickle},
};

std::string_view text_of(std::span<const std::byte> head) {
  return {reinterpret_cast<const char*>(head.data()), head.size()};  // NOLINT: bytes as characters
}

bool ends_with(std::string_view name, std::string_view extension) {
  return name.size() > extension.size() && name.ends_with(extension);
}

/// Whether the first keys of a GGUF say that it is an adapter. Looks no further than `head`.
bool is_gguf_adapter(std::span<const std::byte> head) {
  const MemorySource source(head, "");
  gguf::Cursor cursor(source, head.size());
  constexpr std::uint64_t kHeaderBytes = 24;  // magic, version, two counts
  if (!cursor.skip(kHeaderBytes)) return false;
  constexpr int kKeysLookedAt = 16;  // converters write general.type first or second
  for (int i = 0; i < kKeysLookedAt; ++i) {
    std::string key;
    std::string text;
    std::uint32_t type = 0;
    if (!cursor.string(key, head.size()) || !cursor.number(type) || type >= gguf::kValueTypeCount)
      return false;
    const auto value_type = static_cast<gguf::ValueType>(type);
    if (value_type == gguf::ValueType::Array) return false;
    if (value_type == gguf::ValueType::String) {
      if (!cursor.string(text, head.size())) return false;
      if (key == "general.type") return text == "adapter";
    } else if (!cursor.skip(gguf::value_type_bytes(value_type))) {
      return false;
    }
  }
  return false;
}

bool is_safetensors(std::string_view head, std::uint64_t file_bytes, std::string_view name) {
  std::uint64_t length = 0;
  if (head.size() <= sizeof(length) || head[sizeof(length)] != '{') return false;
  std::memcpy(&length, head.data(), sizeof(length));
  const bool fits =
      length >= 2 && length <= limits::kSafetensorsHeaderBytesMax && length <= file_bytes - sizeof(length);
  return fits || ends_with(name, ".safetensors");
}

/// A pickle of protocol 2 to 5: the protocol, then an opcode that can start one.
bool is_pickle(std::string_view head) {
  return head.size() >= 3 && head[0] == '\x80' && head[1] >= 2 && head[1] <= 5 &&
         "}]()c\x95\x8A\x8C\x4B\x4A\x4D\x58\x55"sv.find(head[2]) != std::string_view::npos;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && std::ranges::equal(text.substr(0, prefix.size()), prefix, {}, lower);
}

/// Whether `head` is text, as far as it goes: valid UTF-8 without control characters.
bool is_text(std::string_view head, std::uint64_t file_bytes) {
  const bool control = std::ranges::any_of(head, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && "\t\n\r\f\x1B"sv.find(c) == std::string_view::npos) || byte == 0x7F;
  });
  if (control) return false;
  if (is_utf8(head)) return true;
  if (head.size() >= file_bytes) return false;
  for (int cut = 0; cut < 3 && !head.empty(); ++cut) {  // the last character may be cut
    head.remove_suffix(1);
    if (is_utf8(head)) return true;
  }
  return false;
}

std::optional<Kind> sniff_text(std::string_view head, std::uint64_t file_bytes) {
  if (!is_text(head, file_bytes)) return std::nullopt;
  if (head.starts_with("version https://git-lfs.github.com/spec/")) return Kind::GitLfsPointer;
  if (head.starts_with("\xEF\xBB\xBF")) head.remove_prefix(3);
  const auto start = head.find_first_not_of(" \t\r\n");
  head.remove_prefix(std::min(start, head.size()));
  for (const auto html : {"<!doctype html"sv, "<html"sv, "<head"sv, "<body"sv}) {
    if (starts_with_ignoring_case(head, html)) return Kind::Html;
  }
  if (head.starts_with('{') || head.starts_with('[')) return Kind::Json;
  return Kind::PlainText;
}

}  // namespace

Kind sniff(std::span<const std::byte> bytes, std::uint64_t file_bytes, std::string_view name) {
  const std::string_view head = text_of(bytes);
  if (file_bytes == 0 || head.empty()) return Kind::EmptyFile;
  if (head.starts_with("GGUF")) return is_gguf_adapter(bytes) ? Kind::GgufAdapter : Kind::Gguf;
  if (is_safetensors(head, file_bytes, name)) return Kind::SafetensorsFile;
  if (head.starts_with("PK\x03\x04")) return sniff_zip(head, name);
  for (const Magic& magic : kMagics) {
    if (head.size() >= magic.offset + magic.bytes.size() &&
        head.substr(magic.offset, magic.bytes.size()) == magic.bytes) {
      return magic.kind;
    }
  }
  if (is_pickle(head)) return Kind::Pickle;
  if (const auto kind = sniff_text(head, file_bytes)) return *kind;
  if (const auto kind = sniff_protobuf(head, file_bytes, name)) return *kind;
  return Kind::UnknownFile;
}

}  // namespace minerva
