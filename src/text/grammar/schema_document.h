// A JSON schema as a document: its subschemas, what refers to which, and the keywords that ask for nothing.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "minerva/generation.h"
#include "text/grammar/schema_json.h"

namespace minerva::grammar {

/// A schema within a document. Equal schemas of one resource are one source.
struct Source {
  const Json* json = nullptr;
  std::string pointer;         // from the root, "" for it; of the first of equal ones
  std::uint32_t resource = 0;  // what its references are relative to
  bool made = false;           // by us, from what others deny; may have keywords of ours
};

class Document {
 public:
  explicit Document(Json root);
  Document(const Document&) = delete;
  Document& operator=(const Document&) = delete;

  const Source& root() const { return *root_source_; }
  /// The subschema `json` of `parent`, which stands at `keyword` (and `part`).
  const Source& child(const Source& parent, const Json& json, std::string_view keyword,
                      std::string_view part = {});
  /// A schema of ours that says something about the same values as `parent`.
  const Source& made(const Source& parent, Json json);
  /// What the reference at `keyword` ($ref ...) leads to. Errors: it leads nowhere, or out of the document.
  Result<const Source*> referred(const Source& from, const char* keyword);

  /// Keywords and formats that ask for nothing, in the order of the document; some, where there are many.
  const std::vector<ConstraintNote>& notes() const noexcept { return notes_; }
  /// Whether `unevaluatedProperties` or `unevaluatedItems` occurs.
  bool counts_evaluated() const noexcept { return counts_evaluated_; }

 private:
  // What has an identifier of its own, and the anchors within it.
  struct Resource {
    const Json* root = nullptr;
    std::string pointer;
    std::string uri;
    std::map<std::string, std::pair<const Json*, std::string>, std::less<>> anchors = {};
  };

  void walk(const Json& schema, const std::string& pointer, std::uint32_t resource);
  std::uint32_t note_identifiers(const Json& schema, const std::string& pointer, std::uint32_t resource);
  void note(const std::string& pointer, std::string_view keyword, const Json& value);
  const Source& intern(const Json& json, std::string pointer, std::uint32_t resource, bool made);
  const Source* at_pointer(std::string_view fragment, std::uint32_t resource);

  Json root_;
  bool old_identifiers_ = false;  // `id` is draft 4's $id
  bool new_references_ = false;   // since 2019, something may stand beside $ref
  bool counts_evaluated_ = false;
  std::vector<Resource> resources_;
  std::unordered_map<const Json*, std::uint32_t> resource_roots_;
  std::map<std::string, std::size_t, std::less<>> dynamic_anchors_;  // how often each name occurs
  std::deque<Json> made_;
  std::deque<Source> sources_;
  std::unordered_map<const Json*, const Source*> by_place_;
  std::unordered_map<std::string, const Source*> by_text_;
  std::vector<ConstraintNote> notes_;
  const Source* root_source_ = nullptr;
};

}  // namespace minerva::grammar
