// pprint.pformat(): values in lines of at most 80 characters.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "text/jinja/budget.h"
#include "text/jinja/object.h"
#include "text/jinja/operators.h"
#include "text/jinja/regular_expression.h"
#include "text/jinja/sorting.h"
#include "text/jinja/strings.h"
#include "text/jinja/text.h"
#include "text/jinja/unicode.h"

namespace minerva::jinja {
namespace {

constexpr std::size_t kWidth = 80;

/// pprint's _safe_key: what can't be compared is ordered by its type.
bool comes_before(const Value& left, const Value& right) {
  const bool is_comparable =
      (left.is_number() && right.is_number()) || (left.is_string() && right.is_string());
  if (is_comparable) return less(left, right);
  return std::string_view(type_name(left)) < type_name(right);
}

class Printer {
 public:
  void format(const Value& value, std::size_t indent, std::size_t allowance) {
    check_stack();
    const std::string flat = flat_text(value);
    expect_bytes(out.size() + flat.size(), 1);
    spend(1 + flat.size() / 64);
    const std::size_t room = kWidth - std::min(kWidth, indent + allowance);
    if (count_code_points(flat) <= room) {
      out += flat;
      return;
    }
    switch (value.kind()) {
      case Kind::Dict:
        return format_dict(value, indent, allowance);
      case Kind::List:
      case Kind::Tuple:
        return format_sequence(value, indent, allowance);
      case Kind::String:
        if (!is_markup(value)) return format_text(value.text(), indent, allowance);
        break;
      default:
        break;
    }
    out += flat;
  }

  std::string out;

 private:
  /// repr() with the keys of dicts in order.
  std::string flat_text(const Value& value) {
    check_stack();
    spend(1);
    std::string text;
    if (value.is_dict()) {
      text = "{";
      for (const Pair* entry : ordered(value)) {
        if (text.size() > 1) text += ", ";
        text += flat_text(entry->first) + ": " + flat_text(entry->second);
        expect_bytes(text.size(), 2);
      }
      return text + "}";
    }
    if (!value.is_sequence()) return repr(value);
    const bool is_list = value.is(Kind::List);
    text = is_list ? "[" : "(";
    for (const Value& item : value.items()) {
      if (text.size() > 1) text += ", ";
      text += flat_text(item);
      expect_bytes(text.size(), 2);
    }
    if (!is_list && value.items().size() == 1) text += ',';
    return text + (is_list ? "]" : ")");
  }

  static std::vector<const Pair*> ordered(const Value& dict) {
    std::vector<const Pair*> entries;
    for (const Pair& entry : dict.entries()) entries.push_back(&entry);
    merge_sort(entries, [](const Pair* a, const Pair* b) { return comes_before(a->first, b->first); });
    return entries;
  }

  void begin_line(std::size_t indent) {
    out += ",\n";
    expect_bytes(out.size() + indent, 1);
    out.append(indent, ' ');
  }

  void format_dict(const Value& dict, std::size_t indent, std::size_t allowance) {
    out += '{';
    const auto entries = ordered(dict);
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (i > 0) begin_line(indent + 1);
      const std::string key = flat_text(entries[i]->first);
      out += key;
      out += ": ";
      const bool is_last = i + 1 == entries.size();
      format(entries[i]->second, indent + 1 + count_code_points(key) + 2, is_last ? allowance + 1 : 1);
    }
    out += '}';
  }

  void format_sequence(const Value& sequence, std::size_t indent, std::size_t allowance) {
    const bool is_list = sequence.is(Kind::List);
    const auto& items = sequence.items();
    const std::string_view close = is_list ? "]" : items.size() == 1 ? ",)" : ")";
    out += is_list ? '[' : '(';
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i > 0) begin_line(indent + 1);
      const bool is_last = i + 1 == items.size();
      format(items[i], indent + 1, is_last ? allowance + close.size() : 1);
    }
    out += close;
  }

  /// A long text becomes several with line ends between.
  void format_text(std::string_view text, std::size_t indent, std::size_t allowance) {
    const std::vector<std::string> chunks = chunks_of(text, indent, allowance);
    if (chunks.size() == 1) {
      out += chunks[0];
      return;
    }
    const bool is_outermost = level_ == 0 && out.empty();
    if (is_outermost) out += '(';
    const std::size_t at = indent + (is_outermost ? 1 : 0);
    for (std::size_t i = 0; i < chunks.size(); ++i) {
      if (i > 0) {
        out += '\n';
        out.append(at, ' ');
        expect_bytes(out.size() + at, 1);
      }
      out += chunks[i];
    }
    if (is_outermost) out += ')';
  }

  std::vector<std::string> chunks_of(std::string_view text, std::size_t indent, std::size_t allowance) {
    static const RegularExpression kWord(R"(\S*\s*)");
    const bool is_outermost = level_ == 0 && out.empty();
    if (is_outermost) {
      ++indent;
      ++allowance;
    }
    std::vector<std::string> chunks;
    const auto lines = split_lines(text, true);
    const std::size_t wide = kWidth - std::min(kWidth, indent);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const std::size_t room = i + 1 == lines.size() ? wide - std::min(wide, allowance) : wide;
      const std::string whole = repr_of_text(lines[i]);
      if (count_code_points(whole) <= room) {
        chunks.push_back(whole);
        continue;
      }
      std::string current;
      std::size_t from = 0;
      while (from < lines[i].size()) {
        const auto part = kWord.find(lines[i], from);
        const std::string_view word = lines[i].substr(from, part->end - from);
        from = part->end;
        const bool is_last = from >= lines[i].size();
        const std::size_t most = is_last && i + 1 == lines.size() ? wide - std::min(wide, allowance) : wide;
        std::string candidate = current + std::string(word);
        spend(1 + candidate.size() / 64);
        if (count_code_points(repr_of_text(candidate)) > most) {
          if (!current.empty()) chunks.push_back(repr_of_text(current));
          current = word;
        } else {
          current = std::move(candidate);
        }
      }
      if (!current.empty()) chunks.push_back(repr_of_text(current));
    }
    return chunks;
  }

  std::size_t level_ = 0;
};

}  // namespace

std::string pretty(const Value& value) {
  Printer printer;
  printer.format(value, 0, 0);
  return std::move(printer.out);
}

}  // namespace minerva::jinja
