#include "text/tokenizer/post_processors.h"

#include <algorithm>
#include <utility>

namespace minerva::tokenizers {

namespace {

class Surrounding final : public PostProcessor {
 public:
  Surrounding(TokenId first, TokenId separator) : first_(first), separator_(separator) {}
  bool apply(Encodings& encodings, bool add_special) const override {
    if (!add_special) return true;
    for (std::size_t i = 0; i < encodings.size(); ++i) {
      if (i == 0) encodings[i].insert(encodings[i].begin(), first_);
      encodings[i].push_back(separator_);
    }
    return true;
  }

 private:
  TokenId first_;
  TokenId separator_;
};

class Offsets final : public PostProcessor {
 public:
  bool apply(Encodings& /*encodings*/, bool /*add_special*/) const override { return true; }
};

class Template final : public PostProcessor {
 public:
  Template(std::vector<TemplatePart> single, std::vector<TemplatePart> pair)
      : single_(std::move(single)), pair_(std::move(pair)) {}
  bool apply(Encodings& encodings, bool add_special) const override {
    if (encodings.empty() || encodings.size() > 2) return false;
    Encodings out;
    for (const TemplatePart& part : encodings.size() == 1 ? single_ : pair_) {
      if (part.text_index >= static_cast<int>(encodings.size())) return false;
      if (part.text_index >= 0) {
        out.push_back(encodings[static_cast<std::size_t>(part.text_index)]);
      } else if (add_special) {
        out.push_back(part.ids);
      }
    }
    encodings = std::move(out);
    return true;
  }

 private:
  std::vector<TemplatePart> single_;
  std::vector<TemplatePart> pair_;
};

class Sequence final : public PostProcessor {
 public:
  explicit Sequence(std::vector<PostProcessorPointer> parts) : parts_(std::move(parts)) {}
  bool apply(Encodings& encodings, bool add_special) const override {
    return std::ranges::all_of(parts_, [&](const auto& part) { return part->apply(encodings, add_special); });
  }

 private:
  std::vector<PostProcessorPointer> parts_;
};

}  // namespace

PostProcessorPointer make_surrounding_post_processor(TokenId first, TokenId separator) {
  return std::make_unique<Surrounding>(first, separator);
}
PostProcessorPointer make_offsets_post_processor() {
  return std::make_unique<Offsets>();
}
PostProcessorPointer make_template_post_processor(std::vector<TemplatePart> single,
                                                  std::vector<TemplatePart> pair) {
  return std::make_unique<Template>(std::move(single), std::move(pair));
}
PostProcessorPointer make_post_processor_sequence(std::vector<PostProcessorPointer> parts) {
  return std::make_unique<Sequence>(std::move(parts));
}

}  // namespace minerva::tokenizers
