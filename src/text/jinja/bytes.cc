#include "text/jinja/bytes.h"

#include <fmt/format.h>

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "text/jinja/budget.h"
#include "text/jinja/call_arguments.h"
#include "text/jinja/functions.h"
#include "text/jinja/operators.h"
#include "text/jinja/raise.h"
#include "text/jinja/text.h"
#include "text/jinja/unicode.h"
#include "text/utf8.h"

namespace minerva::jinja {
namespace {

class BytesObject final : public Object {
 public:
  explicit BytesObject(std::string bytes) : Object(Kind::Object), bytes_(std::move(bytes)) {
    charge(sizeof(*this) + bytes_.capacity());
  }
  std::string_view type_name() const override { return "bytes"; }
  void append_repr(std::string& out) const override {
    const bool has_single = bytes_.find('\'') != std::string::npos;
    const char quote = has_single && bytes_.find('"') == std::string::npos ? '"' : '\'';
    out += 'b';
    out += quote;
    for (const char byte : bytes_) {
      if (byte == quote || byte == '\\') {
        out += '\\';
        out += byte;
      } else if (byte == '\n' || byte == '\r' || byte == '\t') {
        out += byte == '\n' ? "\\n" : byte == '\r' ? "\\r" : "\\t";
      } else if (byte >= 0x20 && byte < 0x7F) {
        out += byte;
      } else {
        out += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
      }
    }
    out += quote;
  }
  bool truth() const override { return !bytes_.empty(); }
  std::optional<std::int64_t> length() override { return static_cast<std::int64_t>(bytes_.size()); }
  bool is_iterable() const override { return true; }
  Value iterator() override {
    std::vector<Value> numbers;
    expect_bytes(bytes_.size(), sizeof(Value));
    for (const char byte : bytes_) numbers.emplace_back(static_cast<int>(static_cast<unsigned char>(byte)));
    return iterate(Value::list(std::move(numbers)));
  }
  Value item(const Value& key) override {
    if (!key.is_integer()) return Value::missing();
    const auto size = static_cast<std::int64_t>(bytes_.size());
    const std::int64_t index = key.integer() < 0 ? key.integer() + size : key.integer();
    if (index < 0 || index >= size) return Value::missing();
    return static_cast<int>(static_cast<unsigned char>(bytes_[static_cast<std::size_t>(index)]));
  }
  Value attribute(std::string_view name) override {
    if (name == "decode") {
      return make_method(*this, "decode", [](Interpreter&, const Value& self, const Arguments& arguments) {
        const Parameters given("decode", arguments, {"encoding", "errors"}, 0);
        const std::string& bytes = static_cast<BytesObject&>(self.object()).bytes_;
        const std::size_t wrong = find_invalid_utf8(bytes);
        if (wrong == std::string_view::npos) return Value(bytes);
        raise("UnicodeDecodeError", fmt::format("'utf-8' codec can't decode byte 0x{:02x} in position {}",
                                                static_cast<unsigned char>(bytes[wrong]), wrong));
      });
    }
    if (name == "hex") {
      return make_method(*this, "hex", [](Interpreter&, const Value& self, const Arguments&) {
        std::string out;
        for (const char byte : static_cast<BytesObject&>(self.object()).bytes_)
          out += fmt::format("{:02x}", static_cast<unsigned char>(byte));
        return Value(std::move(out));
      });
    }
    return Value::missing();
  }
  bool equals(const Object& other) const override {
    const auto* bytes = dynamic_cast<const BytesObject*>(&other);
    return bytes != nullptr && bytes->bytes_ == bytes_;
  }

 private:
  std::string bytes_;
};

/// Characters below `limit` as one byte each.
std::string encode_narrow(std::string_view text, char32_t limit, std::string_view encoding,
                          std::string_view errors) {
  std::string out;
  std::size_t position = 0;
  for (CodePoints points(text); !points.done(); ++position) {
    const char32_t c = points.next();
    if (c < limit) {
      out += static_cast<char>(c);
    } else if (errors == "replace") {
      out += '?';
    } else if (errors != "ignore") {
      raise("UnicodeEncodeError",
            fmt::format("'{}' codec can't encode character {} in position {}: ordinal not in range({})",
                        encoding,
                        c < 0x10000 ? fmt::format("'\\u{:04x}'", static_cast<std::uint32_t>(c))
                                    : fmt::format("'\\U{:08x}'", static_cast<std::uint32_t>(c)),
                        position, static_cast<std::uint32_t>(limit)));
    }
  }
  return out;
}

}  // namespace

Value make_bytes(std::string bytes) {
  return make_object<BytesObject>(std::move(bytes));
}

Value encode_text(Interpreter& /*interpreter*/, const Value& self, const Arguments& arguments) {
  const Parameters given("encode", arguments, {"encoding", "errors"}, 0);
  std::string encoding = given.has(0) ? to_lower(to_text(given[0])) : "utf-8";
  for (char& c : encoding)
    if (c == '_') c = '-';
  const std::string errors = given.has(1) ? to_text(given[1]) : "strict";
  expect_bytes(self.text().size(), 2);
  spend(self.text().size() / 16);
  if (encoding == "utf-8" || encoding == "utf8") return make_bytes(self.text());
  if (encoding == "ascii") return make_bytes(encode_narrow(self.text(), 0x80, encoding, errors));
  if (encoding == "latin-1" || encoding == "latin1" || encoding == "iso-8859-1")
    return make_bytes(encode_narrow(self.text(), 0x100, "latin-1", errors));
  raise("LookupError", fmt::format("unknown encoding: {}", encoding));
}

}  // namespace minerva::jinja
