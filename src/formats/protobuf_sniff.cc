#include "formats/protobuf_sniff.h"

#include <algorithm>
#include <vector>

namespace minerva {
namespace {

enum Wire : unsigned { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

struct Field {
  std::uint64_t number = 0;
  unsigned wire = kVarint;
  std::uint64_t value = 0;   ///< of a varint; for bytes their length
  std::string_view content;  ///< of bytes, as far as it was read
};

/// Takes a varint off `bytes`; nothing when it is cut or longer than ten bytes.
std::optional<std::uint64_t> take_varint(std::string_view& bytes) {
  constexpr std::size_t kVarintBytesMax = 10;
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < std::min(bytes.size(), kVarintBytesMax); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    value |= static_cast<std::uint64_t>(byte & 0x7FU) << (7 * i);
    if ((byte & 0x80U) == 0) {
      bytes.remove_prefix(i + 1);
      return value;
    }
  }
  return std::nullopt;
}

/// The first fields of a message of `message_bytes` bytes of which `bytes` are here. Empty when it is none.
std::vector<Field> first_fields(std::string_view bytes, std::uint64_t message_bytes) {
  constexpr std::size_t kFieldsLookedAt = 8;
  const std::uint64_t beyond = message_bytes - bytes.size();
  std::vector<Field> fields;
  while (!bytes.empty() && fields.size() < kFieldsLookedAt) {
    const auto tag = take_varint(bytes);
    if (!tag) break;
    Field field{.number = *tag >> 3U, .wire = static_cast<unsigned>(*tag & 7U), .value = 0, .content = {}};
    constexpr std::uint64_t kNumberMax = (1U << 29U) - 1;
    if (field.number == 0 || field.number > kNumberMax) return {};
    std::uint64_t size = 0;
    if (field.wire == kVarint || field.wire == kBytes) {
      const auto value = take_varint(bytes);
      if (!value) break;
      field.value = *value;
      if (field.wire == kBytes) size = *value;
    } else if (field.wire == kFixed64 || field.wire == kFixed32) {
      size = field.wire == kFixed64 ? 8 : 4;
    } else {
      return {};
    }
    if (size > bytes.size() && size - bytes.size() > beyond) return {};  // longer than the file
    field.content = bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(size, bytes.size())));
    bytes.remove_prefix(field.content.size());
    fields.push_back(field);
  }
  return fields;
}

bool printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7F; });
}

bool is(const Field& field, std::uint64_t number, unsigned wire) {
  return field.number == number && field.wire == wire;
}

/// ModelProto: ir_version (1), producer_name (2), producer_version (3), domain (4), model_version (5),
/// doc_string (6), graph (7), opset_import (8), metadata_props (14), training_info (20), functions (25).
bool is_onnx(const std::vector<Field>& fields) {
  constexpr std::uint64_t kIrVersionMax = 64;
  if (fields.size() < 2 || !is(fields[0], 1, kVarint) || fields[0].value == 0 ||
      fields[0].value > kIrVersionMax) {
    return false;
  }
  return std::all_of(fields.begin() + 1, fields.end(), [](const Field& field) {
    if (field.number == 5) return field.wire == kVarint;
    if (field.wire != kBytes) return false;
    if (field.number >= 2 && field.number <= 4) return printable(field.content);
    return field.number == 6 || field.number == 7 || field.number == 8 || field.number == 14 ||
           field.number == 20 || field.number == 25;
  });
}

/// SavedModel: saved_model_schema_version (1) = 1, then meta_graphs (2), which fill the file.
bool is_saved_model(const std::vector<Field>& fields, std::uint64_t file_bytes, std::string_view name) {
  return fields.size() >= 2 && is(fields[0], 1, kVarint) && fields[0].value == 1 &&
         is(fields[1], 2, kBytes) && fields[1].content.starts_with('\x0A') &&
         (name == "saved_model.pb" || fields[1].value > file_bytes / 2);
}

/// Core ML's Model: specificationVersion (1), description (2: a message), then isUpdatable (10) or one of the
/// model types (200 and more).
bool is_core_ml(const std::vector<Field>& fields, std::string_view name) {
  constexpr std::uint64_t kVersionMax = 32;
  if (fields.size() < 2 || !is(fields[0], 1, kVarint) || fields[0].value > kVersionMax) return false;
  if (name.ends_with(".mlmodel")) return true;
  return is(fields[1], 2, kBytes) && !printable(fields[1].content) &&
         (fields.size() == 2 || fields[2].number == 10 || fields[2].number >= 200);
}

/// GraphDef: nodes (1), each with a name (1) and an operation (2).
bool is_graph(const std::vector<Field>& fields) {
  if (fields.empty() || !is(fields[0], 1, kBytes)) return false;
  const auto node = first_fields(fields[0].content, fields[0].value);
  if (node.size() < 2 || !is(node[0], 1, kBytes) || !is(node[1], 2, kBytes)) return false;
  const std::string_view operation = node[1].content;
  return !node[0].content.empty() && printable(node[0].content) && !operation.empty() &&
         printable(operation) && ((operation[0] >= 'A' && operation[0] <= 'Z') || operation[0] == '_');
}

}  // namespace

std::optional<Kind> sniff_protobuf(std::string_view head, std::uint64_t file_bytes, std::string_view name) {
  if (file_bytes < head.size()) return std::nullopt;
  const auto fields = first_fields(head, file_bytes);
  if (is_saved_model(fields, file_bytes, name)) return Kind::TensorFlowSavedModel;
  if (is_onnx(fields)) return Kind::Onnx;
  if (is_core_ml(fields, name)) return Kind::CoreMl;
  if (is_graph(fields)) return Kind::TensorFlowGraph;
  return std::nullopt;
}

}  // namespace minerva
