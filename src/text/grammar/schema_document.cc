#include "text/grammar/schema_document.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "formats/quote.h"
#include "text/grammar/schema_formats.h"

namespace minerva::grammar {
namespace {

constexpr std::size_t kNoteCountMax = 256;

std::string unescaped(std::string_view part) {
  std::string result;
  for (std::size_t i = 0; i < part.size(); ++i) {
    if (part[i] == '~' && i + 1 < part.size() && (part[i + 1] == '0' || part[i + 1] == '1'))
      result += part[++i] == '0' ? '~' : '/';
    else
      result += part[i];
  }
  return result;
}

int digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::string percent_decoded(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0) {
      result += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    } else {
      result += text[i];
    }
  }
  return result;
}

bool has_scheme(std::string_view uri) {
  const std::size_t colon = uri.find(':');
  return colon != std::string_view::npos && colon > 0 && uri.find_first_of("/?#") > colon;
}

// RFC 3986, 5.2, without dot segments. `reference` has no fragment.
std::string joined(std::string_view base, std::string_view reference) {
  if (reference.empty()) return std::string(base);
  if (has_scheme(reference)) return std::string(reference);
  const std::size_t authority = base.find("//");
  const std::size_t path = authority == std::string_view::npos
                               ? base.find(':') + 1
                               : std::min(base.find('/', authority + 2), base.size());
  if (reference.starts_with('/')) return std::string(base.substr(0, path)) + std::string(reference);
  const std::size_t slash = base.rfind('/');
  if (slash == std::string_view::npos || slash < path)
    return std::string(base.substr(0, path)) + (path > 0 && authority != std::string_view::npos ? "/" : "") +
           std::string(reference);
  return std::string(base.substr(0, slash + 1)) + std::string(reference);
}

std::pair<std::string_view, std::string_view> without_fragment(std::string_view uri) {
  const std::size_t hash = uri.find('#');
  if (hash == std::string_view::npos) return {uri, {}};
  return {uri.substr(0, hash), uri.substr(hash + 1)};
}

const std::string* text_at(const Json& schema, const char* keyword) {
  const auto found = schema.find(keyword);
  return found != schema.end() && found->is_string() ? found->get_ptr<const std::string*>() : nullptr;
}

}  // namespace

Document::Document(Json root) : root_(std::move(root)) {
  resources_.push_back({.root = &root_, .pointer = "", .uri = ""});
  if (root_.is_object())
    if (const std::string* draft = text_at(root_, "$schema"))
      old_identifiers_ = draft->contains("draft-04") || draft->contains("draft-03");
  new_references_ = root_.is_object() && text_at(root_, "$schema") != nullptr &&
                    text_at(root_, "$schema")->contains("/draft/20");
  walk(root_, "", 0);
  root_source_ = &intern(root_, "", resource_roots_.contains(&root_) ? resource_roots_[&root_] : 0, false);
}

// The resource that the schema belongs to: a new one where it has an identifier.
std::uint32_t Document::note_identifiers(const Json& schema, const std::string& pointer,
                                         std::uint32_t resource) {
  for (const char* keyword : {"$id", "id"}) {
    const std::string* id = text_at(schema, keyword);
    if (id == nullptr || (keyword[0] == 'i' && !old_identifiers_ && !id->starts_with('#'))) continue;
    const auto [uri, fragment] = without_fragment(*id);
    if (!uri.empty()) {
      resources_.push_back(
          {.root = &schema, .pointer = pointer, .uri = joined(resources_[resource].uri, uri)});
      resource = static_cast<std::uint32_t>(resources_.size() - 1);
      resource_roots_[&schema] = resource;
    }
    if (!fragment.empty()) resources_[resource].anchors.try_emplace(std::string(fragment), &schema, pointer);
  }
  for (const char* keyword : {"$anchor", "$dynamicAnchor"})
    if (const std::string* anchor = text_at(schema, keyword)) {
      resources_[resource].anchors.try_emplace(*anchor, &schema, pointer);
      if (keyword[1] == 'd') ++dynamic_anchors_[*anchor];
    }
  if (schema.contains("$recursiveAnchor")) ++dynamic_anchors_[""];
  return resource;
}

// As deep as the document, which is bounded where it is parsed.
void Document::walk(const Json& schema, const std::string& pointer, std::uint32_t resource) {
  if (!schema.is_object()) return;
  resource = note_identifiers(schema, pointer, resource);
  for (const auto& [keyword, value] : schema.items()) {
    const std::string at = grammar::child(pointer, keyword);
    counts_evaluated_ = counts_evaluated_ || keyword.starts_with("unevaluated");
    switch (keyword_kind(keyword)) {
      case KeywordKind::Schema:
        if (value.is_array())  // draft 7's items
          for (std::size_t i = 0; i < value.size(); ++i)
            walk(value[i], grammar::child(at, std::to_string(i)), resource);
        else
          walk(value, at, resource);
        break;
      case KeywordKind::Schemas:
        if (value.is_structured())
          for (const auto& [part, inside] : value.items()) walk(inside, grammar::child(at, part), resource);
        break;
      case KeywordKind::Value:
        if (keyword == "format" && value.is_string() && !format_regex(value.get<std::string>()))
          note(pointer, keyword, value);
        break;
      case KeywordKind::Annotation:
        break;
      case KeywordKind::Unknown:
        note(pointer, keyword, value);
        break;
    }
  }
}

void Document::note(const std::string& pointer, std::string_view keyword, const Json& value) {
  if (notes_.size() >= kNoteCountMax) return;
  std::string what = keyword == "format" ? fmt::format("the format {} is not checked", value.dump())
                                         : "this keyword asks for nothing";
  notes_.push_back({.pointer = pointer, .keyword = std::string(keyword), .message = std::move(what)});
}

const Source& Document::intern(const Json& json, std::string pointer, std::uint32_t resource, bool made) {
  const auto place = by_place_.find(&json);
  if (place != by_place_.end()) return *place->second;
  std::string text = fmt::format("{}{}{}", resource, made ? '!' : ':', json.dump());
  const auto [entry, added] = by_text_.try_emplace(std::move(text), nullptr);
  if (added) {
    sources_.push_back({.json = &json, .pointer = std::move(pointer), .resource = resource, .made = made});
    entry->second = &sources_.back();
  }
  by_place_.emplace(&json, entry->second);
  return *entry->second;
}

const Source& Document::child(const Source& parent, const Json& json, std::string_view keyword,
                              std::string_view part) {
  const auto place = by_place_.find(&json);
  if (place != by_place_.end()) return *place->second;
  std::string pointer = parent.made ? parent.pointer : grammar::child(parent.pointer, keyword);
  if (!part.empty() && !parent.made) pointer = grammar::child(pointer, part);
  const auto root = resource_roots_.find(&json);
  return intern(json, std::move(pointer), root == resource_roots_.end() ? parent.resource : root->second,
                false);
}

const Source& Document::made(const Source& parent, Json json) {
  made_.push_back(std::move(json));
  return intern(made_.back(), parent.pointer, parent.resource, true);
}

const Source* Document::at_pointer(std::string_view fragment, std::uint32_t resource) {
  const Json* at = resources_[resource].root;
  std::string pointer = resources_[resource].pointer;
  while (!fragment.empty()) {
    fragment.remove_prefix(1);
    const std::size_t slash = std::min(fragment.find('/'), fragment.size());
    const std::string part = unescaped(fragment.substr(0, slash));
    fragment.remove_prefix(slash);
    if (at->is_array()) {
      std::size_t index = 0;
      for (const char c : part) {
        if (c < '0' || c > '9' || index > at->size()) return nullptr;
        index = index * 10 + static_cast<std::size_t>(c - '0');
      }
      if (part.empty() || index >= at->size()) return nullptr;
      at = &(*at)[index];
    } else {
      if (!at->is_object() || !at->contains(part)) return nullptr;
      at = &(*at)[part];
    }
    pointer = grammar::child(pointer, part);
    if (const auto root = resource_roots_.find(at); root != resource_roots_.end()) resource = root->second;
  }
  return &intern(*at, std::move(pointer), resource, false);
}

Result<const Source*> Document::referred(const Source& from, const char* keyword) {
  const std::string* reference = text_at(*from.json, keyword);
  if (reference == nullptr) return schema_error(from.pointer, keyword, "expected a text");
  const auto [uri, encoded] = without_fragment(*reference);
  const std::string fragment = percent_decoded(encoded);
  const bool dynamic = std::string_view(keyword) != "$ref";
  if (dynamic && (dynamic_anchors_[fragment] > 1 || resources_.size() > 2))
    return schema_error(from.pointer, keyword,
                        "what it leads to depends on the way to it, which cannot be honoured");
  if (!uri.empty() && text_at(*from.json, "$id") != nullptr && !new_references_)
    return schema_error(from.pointer, keyword,
                        "drafts differ on what a reference beside $id is relative to; write it as #/...");
  const std::string whole = joined(resources_[from.resource].uri, uri);
  std::uint32_t resource = from.resource;
  if (!uri.empty()) {
    const auto found = std::ranges::find(resources_, whole, &Resource::uri);
    if (found == resources_.end())
      return schema_error(
          from.pointer, keyword,
          "only references into this schema can be followed (#/$defs/name); copy what it refers to "
          "into $defs");
    resource = static_cast<std::uint32_t>(found - resources_.begin());
  }
  const Source* found = nullptr;
  if (fragment.empty() || fragment.starts_with('/')) {
    found = at_pointer(fragment, resource);
    if (found == nullptr && uri.empty()) found = at_pointer(fragment, 0);
  } else if (const auto anchor = resources_[resource].anchors.find(fragment);
             anchor != resources_[resource].anchors.end()) {
    const auto root = resource_roots_.find(anchor->second.first);
    found = &intern(*anchor->second.first, anchor->second.second,
                    root == resource_roots_.end() ? resource : root->second, false);
  }
  if (found == nullptr)
    return schema_error(from.pointer, keyword,
                        fmt::format("nothing in this schema is at {}", quoted(*reference)));
  return found;
}

}  // namespace minerva::grammar
