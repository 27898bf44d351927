#include "text/tokenizer/normalizers.h"

#include <algorithm>

#include "text/tokenizer/byte_level.h"
#include "text/tokenizer/unicode_tables.h"
#include "text/tokenizer/utf8_codec.h"

namespace minerva::tokenizers {

namespace {

/// Rewrites a text character by character: `rewrite(out, c)` appends what `c` becomes.
template <class Rewrite>
void rewrite_characters(NormalizedText& text, Rewrite&& rewrite) {
  std::string out;
  out.reserve(text.text.size());
  bool first = true;
  for (std::size_t i = 0; i < text.text.size();) {
    const CodePoint c = decode_utf8(text.text.data() + i);
    rewrite(out, c.value);
    if (first && out.empty()) text.keeps_start = false;
    first = false;
    i += c.length;
  }
  text.text = std::move(out);
}

void lower(NormalizedText& text) {
  rewrite_characters(text, [](std::string& out, char32_t c) {
    const auto small = to_lower(c);
    append_utf8(out, small[0]);
    if (small[1] != 0) append_utf8(out, small[1]);
  });
}

class Lowercase final : public Normalizer {
 public:
  Result<void> apply(NormalizedText& text, const TimeBudget& /*budget*/) const override {
    lower(text);
    return {};
  }
};

bool is_chinese(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x20000 && c <= 0x2A6DF) ||
         (c >= 0x2A700 && c <= 0x2B73F) || (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

/// Control, format and private-use characters, as of Unicode 8.
bool is_removed_control(char32_t c) {
  if (c == '\t' || c == '\n' || c == '\r') return false;
  if (c == 0x85) return true;  // a control character and white space at once
  if (c < 0x20) return true;
  const std::uint8_t category = categories()[c];
  if (category == kCf) return !is_newer_format_character(c);
  return category == kCc || category == kCo;
}

class Bert final : public Normalizer {
 public:
  explicit Bert(const BertNormalizerOptions& options) : options_(options) {}

  Result<void> apply(NormalizedText& text, const TimeBudget& /*budget*/) const override {
    if (options_.clean_text) {
      rewrite_characters(text, [](std::string& out, char32_t c) {
        if (c == 0 || c == 0xFFFD || is_removed_control(c)) return;
        append_utf8(out, is_white_space(c) ? U' ' : c);
      });
    }
    if (options_.handle_chinese_chars) {
      rewrite_characters(text, [](std::string& out, char32_t c) {
        if (is_chinese(c)) out += ' ';
        append_utf8(out, c);
        if (is_chinese(c)) out += ' ';
      });
    }
    if (options_.strip_accents) {
      text.text = normalize(text.text, {.compatibility = false, .compose = false});
      rewrite_characters(text, [](std::string& out, char32_t c) {
        if (!is_nonspacing_mark(c)) append_utf8(out, c);
      });
    }
    if (options_.lowercase) lower(text);
    return {};
  }

 private:
  BertNormalizerOptions options_;
};

class ByteLevel final : public Normalizer {
 public:
  Result<void> apply(NormalizedText& text, const TimeBudget& /*budget*/) const override {
    std::string out;
    append_byte_level(out, text.text);
    text.text = std::move(out);
    return {};
  }
};

class InForm final : public Normalizer {
 public:
  explicit InForm(NormalForm form) : form_(form) {}
  Result<void> apply(NormalizedText& text, const TimeBudget& /*budget*/) const override {
    if (!surely_normal(text.text, form_)) text.text = normalize(text.text, form_);
    return {};
  }
  bool leaves_alone(std::string_view text) const override { return surely_normal(text, form_); }

 private:
  NormalForm form_;
};

/// The control characters and odd spaces of neural machine translation corpora.
class Nmt final : public Normalizer {
 public:
  Result<void> apply(NormalizedText& text, const TimeBudget& /*budget*/) const override {
    rewrite_characters(text, [](std::string& out, char32_t c) {
      const bool removed = (c >= 0x01 && c <= 0x08) || c == 0x0B || (c >= 0x0E && c <= 0x1F) || c == 0x7F ||
                           c == 0x8F || c == 0x9F;
      if (removed) return;
      const bool space = c == 0x09 || c == 0x0A || c == 0x0C || c == 0x0D || c == 0x1680 ||
                         (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 || c == 0x2581 ||
                         c == 0xFEFF || c == 0xFFFD;
      append_utf8(out, space ? U' ' : c);
    });
    return {};
  }
};

class Prepend final : public Normalizer {
 public:
  explicit Prepend(std::string prefix) : prefix_(std::move(prefix)) {}
  Result<void> apply(NormalizedText& text, const TimeBudget& /*budget*/) const override {
    if (!text.text.empty()) text.text.insert(0, prefix_);
    return {};
  }

 private:
  std::string prefix_;
};

class Replace final : public Normalizer {
 public:
  Replace(Pattern pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}
  Result<void> apply(NormalizedText& text, const TimeBudget& budget) const override {
    if (pattern_.surely_absent(text.text)) return {};
    MINERVA_ASSIGN(std::string replaced, pattern_.replace(text.text, content_, budget));
    if (content_.empty() && !replaced.empty() && !text.text.empty() && replaced[0] != text.text[0]) {
      text.keeps_start = false;
    }
    text.text = std::move(replaced);
    return {};
  }
  bool leaves_alone(std::string_view text) const override { return pattern_.surely_absent(text); }

 private:
  Pattern pattern_;
  std::string content_;
};

class Strip final : public Normalizer {
 public:
  Strip(bool left, bool right) : left_(left), right_(right) {}
  Result<void> apply(NormalizedText& text, const TimeBudget& /*budget*/) const override {
    std::string_view rest = text.text;
    while (right_ && !rest.empty()) {
      const std::size_t last = previous_utf8(rest, rest.size());
      if (!is_white_space(decode_utf8(rest.data() + last).value)) break;
      rest = rest.substr(0, last);
    }
    while (left_ && !rest.empty()) {
      const CodePoint first = decode_utf8(rest.data());
      if (!is_white_space(first.value)) break;
      rest.remove_prefix(first.length);
      text.keeps_start = false;
    }
    text.text = std::string(rest);
    return {};
  }

 private:
  bool left_;
  bool right_;
};

class StripAccents final : public Normalizer {
 public:
  Result<void> apply(NormalizedText& text, const TimeBudget& /*budget*/) const override {
    rewrite_characters(text, [](std::string& out, char32_t c) {
      if (!is_combining_mark(c)) append_utf8(out, c);
    });
    return {};
  }
};

class SingleSpaces final : public Normalizer {
 public:
  Result<void> apply(NormalizedText& text, const TimeBudget& /*budget*/) const override {
    std::string out;
    bool space_waits = false;
    for (const char c : text.text) {
      if (c == ' ') {
        space_waits = !out.empty();
        continue;
      }
      if (space_waits) out += ' ';
      space_waits = false;
      out += c;
    }
    text.text = std::move(out);
    return {};
  }
};

class Sequence final : public Normalizer {
 public:
  explicit Sequence(std::vector<NormalizerPointer> parts) : parts_(std::move(parts)) {}
  Result<void> apply(NormalizedText& text, const TimeBudget& budget) const override {
    const std::size_t bytes_max = expanded_bytes_max(text.text.size());
    for (const auto& part : parts_) {
      MINERVA_TRY(part->apply(text, budget));
      if (text.text.size() > bytes_max || budget.used_up()) return too_much_text();
    }
    return {};
  }
  bool leaves_alone(std::string_view text) const override {
    return std::ranges::all_of(parts_, [&](const auto& part) { return part->leaves_alone(text); });
  }

 private:
  std::vector<NormalizerPointer> parts_;
};

}  // namespace

NormalizerPointer make_bert_normalizer(const BertNormalizerOptions& options) {
  return std::make_unique<Bert>(options);
}
NormalizerPointer make_byte_level_normalizer() {
  return std::make_unique<ByteLevel>();
}
NormalizerPointer make_lowercase_normalizer() {
  return std::make_unique<Lowercase>();
}
NormalizerPointer make_normal_form_normalizer(NormalForm form) {
  return std::make_unique<InForm>(form);
}
NormalizerPointer make_nmt_normalizer() {
  return std::make_unique<Nmt>();
}
NormalizerPointer make_prepend_normalizer(std::string prefix) {
  return std::make_unique<Prepend>(std::move(prefix));
}
NormalizerPointer make_replace_normalizer(Pattern pattern, std::string content) {
  return std::make_unique<Replace>(std::move(pattern), std::move(content));
}
NormalizerPointer make_strip_normalizer(bool left, bool right) {
  return std::make_unique<Strip>(left, right);
}
NormalizerPointer make_strip_accents_normalizer() {
  return std::make_unique<StripAccents>();
}
NormalizerPointer make_single_spaces_normalizer() {
  return std::make_unique<SingleSpaces>();
}
NormalizerPointer make_normalizer_sequence(std::vector<NormalizerPointer> parts) {
  return std::make_unique<Sequence>(std::move(parts));
}

}  // namespace minerva::tokenizers
