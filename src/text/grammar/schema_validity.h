// Whether a value that is known is valid against a schema.
#pragma once

#include <cstddef>
#include <cstdint>

#include "text/grammar/schema_document.h"
#include "text/grammar/schema_patterns.h"

namespace minerva::grammar {

/// Unknown: a format, a pattern or a reference cannot be decided.
enum class Verdict : std::uint8_t { Invalid, Unknown, Valid };

/// Equal as JSON Schema has it: 1 is 1.0.
bool equal_values(const Json& a, const Json& b);
bool has_type(const Json& value, const std::string& type);

class Validity {
 public:
  Validity(Document& document, Patterns& patterns) : document_(document), patterns_(patterns) {}
  Verdict of(const Source& schema, const Json& value);

 private:
  Verdict of(const Source& schema, const Json& value, int depth);
  Verdict keyword(const Source& schema, const std::string& keyword, const Json& argument, const Json& value,
                  int depth);
  Verdict text(const std::string& keyword, const Json& argument, const std::string& value);
  Verdict array(const Source& schema, const std::string& keyword, const Json& argument, const Json& value,
                int depth);
  Verdict object(const Source& schema, const std::string& keyword, const Json& argument, const Json& value,
                 int depth);
  Verdict conditional(const Source& schema, const Json& value, int depth);
  Verdict members(const Source& schema, const Json& value, int depth);

  Document& document_;
  Patterns& patterns_;
  std::size_t steps_ = 0;      // of all values together
  std::size_t steps_end_ = 0;  // where the value at hand has taken too many
};

}  // namespace minerva::grammar
