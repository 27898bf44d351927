// From schemas to shapes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "text/grammar/schema_document.h"
#include "text/grammar/schema_patterns.h"
#include "text/grammar/schema_shape.h"
#include "text/grammar/schema_validity.h"

namespace minerva::grammar {

/// What a schema's being denied comes down to: one of these holds. `complete`: of no other value is the
/// schema false.
struct Denial {
  std::vector<Node> alternatives;
  bool complete = true;
  std::string blocked = {};  // a keyword that cannot be denied
};

class Expander {
 public:
  Expander(Document& document, Patterns& patterns, const GrammarBuilder& builder)
      : document_(document), patterns_(patterns), builder_(builder), validity_(document, patterns) {}

  /// Values that fit one of the shapes fit the node. Most others do not: what cannot be denied exactly is
  /// denied of fewer values. Errors: InvalidRequest that names what is not valid, cannot be honoured or is
  /// beyond the limits.
  Result<std::vector<Shape>> expand(const Node& node);
  /// Whether certainly no value fits.
  Result<bool> impossible(const Node& node, int depth = 0);
  /// One unit of work. Errors: there was too much of it.
  Result<void> step(const std::string& pointer);

  /// What the members called `name`, or the items at `index`, have to fit.
  Result<Node> member_node(const Shape& shape, const std::string& name);
  Node item_node(const Shape& shape, std::size_t index);
  /// How many places have schemas of their own.
  static std::size_t prefix_size(const Shape& shape);

  /// Why the last thing was found impossible; empty where nothing was.
  const std::optional<Error>& contradiction() const noexcept { return contradiction_; }
  void contradict(const Source& source, std::string_view keyword, std::string_view what);

  Document& document() noexcept { return document_; }
  Patterns& patterns() noexcept { return patterns_; }
  Validity& validity() noexcept { return validity_; }

 private:
  struct Choice {
    const Source* source = nullptr;
    std::string keyword;
    std::vector<Node> alternatives;
    std::uint32_t scope = 0;
    bool denial = false;
  };
  struct Draft {
    Shape shape;
    std::vector<Choice> choices = {};
    bool dead = false;
  };
  enum class Mode : bool { Exact, Loose };  // Loose: what is difficult is let pass

  // schema_expand.cc
  Result<std::vector<Shape>> expand(const Node& node, Mode mode);
  Result<void> apply(Draft& draft, const Literal& literal, std::uint32_t parent, Mode mode);
  Result<void> apply_schema(Draft& draft, const Source& source, std::uint32_t scope, Mode mode);
  Result<void> apply_combinations(Draft& draft, const Source& source, std::uint32_t scope, Mode mode);
  Result<void> apply_denial(Draft& draft, const Source& source, std::uint32_t scope, Mode mode);
  void choose_dependencies(Draft& draft, const Source& source, std::uint32_t scope);
  Result<void> separate(Draft& draft, Choice& choice);
  Result<std::vector<Shape>> keep_valid(Shape shape) const;
  Result<bool> impossible(const Shape& shape, int depth);
  Result<bool> no_text_matches(const Shape& shape);

  // schema_keywords.cc
  Result<void> apply_values(Shape& shape, const Source& source);
  Result<void> apply_numbers(Shape& shape, const Source& source);
  Result<void> apply_texts(Shape& shape, const Source& source);
  Result<void> apply_arrays(Shape& shape, const Source& source, std::uint32_t scope);
  Result<void> apply_objects(Shape& shape, const Source& source, std::uint32_t scope);
  void check(Draft& draft, const Source& source);
  // schema_denial.cc
  Result<Denial> deny(const Source& source, const Shape& context);

  Document& document_;
  Patterns& patterns_;
  const GrammarBuilder& builder_;
  mutable Validity validity_;
  std::optional<Error> contradiction_;
  std::map<std::pair<const Source*, const Source*>, bool> disjoint_;
  std::size_t steps_ = 0;
};

}  // namespace minerva::grammar
