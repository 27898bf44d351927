// The C API reaches as far as the C++ one: every field, enumerator and function of include/minerva/*.h has
// its counterpart in minerva.h, by name. What is named otherwise stands in a table here.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "project/source_tree.h"

namespace minerva::testing {
namespace {

using Names = std::vector<std::string>;

struct Headers {
  std::string cpp;  // all C++ headers, without comments
  std::string c;
};

const Headers& headers() {
  static const Headers all = [] {
    Headers read;
    for (const auto& file : project_files({"include"}, {".h"})) {
      if (file.path.ends_with("/export.h")) continue;
      const std::string code = without_comments_and_strings(file.text);
      (file.path.ends_with("/minerva.h") ? read.c : read.cpp) += code;
    }
    return read;
  }();
  return all;
}

// What stands between the braces that follow `opening` in `source`.
std::string body_after(const std::string& source, const std::string& opening) {
  const std::size_t at = source.find(opening);
  if (at == std::string::npos) return {};
  const std::size_t begin = source.find('{', at) + 1;
  std::size_t end = begin;
  for (int depth = 1; end < source.size() && depth > 0; ++end) {
    if (source[end] == '{') ++depth;
    if (source[end] == '}') --depth;
  }
  return source.substr(begin, end - begin - 1);
}

// `body` cut at each `separator` that is in no braces, brackets or parentheses.
Names parts(const std::string& body, char separator) {
  Names found(1);
  int depth = 0;
  for (const char c : body) {
    if (c == '{' || c == '(') ++depth;
    if (c == '}' || c == ')') --depth;
    if (c == separator && depth == 0)
      found.emplace_back();
    else
      found.back() += c;
  }
  return found;
}

std::string trimmed(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0) text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) text.remove_suffix(1);
  return std::string(text);
}

// The name that `text` ends with.
std::string last_word(std::string_view text) {
  std::size_t end = text.size();
  while (end > 0 && !is_word(text[end - 1])) --end;
  std::size_t begin = end;
  while (begin > 0 && is_word(text[begin - 1])) --begin;
  return std::string(text.substr(begin, end - begin));
}

Names fields_of(const std::string& body) {
  Names names;
  for (const std::string& part : parts(body, ';')) {
    const std::string statement = trimmed(part);
    if (statement.empty() || statement.starts_with("friend") || statement.starts_with("enum")) continue;
    names.push_back(last_word(statement.substr(0, statement.find('='))));
  }
  return names;
}

// Enumerators in order; in C with "= number", which must count up from `first`.
Names enumerators_of(const std::string& body) {
  Names names;
  for (const std::string& part : parts(body, ',')) {
    const std::string name = trimmed(part.substr(0, part.find('=')));
    if (!name.empty()) names.push_back(last_word(name));
  }
  return names;
}

// Functions declared in the body of a class, but for its special ones.
std::set<std::string> functions_of(const std::string& body) {
  std::set<std::string> names;
  for (const std::string& part : parts(body, ';')) {
    const std::size_t open = part.find('(');
    const bool special = part.contains('~') || part.contains("explicit ") || part.contains("= delete") ||
                         part.contains("& operator");
    if (open != std::string::npos && !special)
      names.insert(last_word(std::string_view(part).substr(0, open)));
  }
  return names;
}

// Functions that a header exports by themselves.
std::set<std::string> exported_functions(const std::string& header) {
  static const std::regex pattern(R"(MINERVA_API[^;({]*\b(\w+)\()");
  std::set<std::string> names;
  for (std::sregex_iterator it(header.begin(), header.end(), pattern), end; it != end; ++it)
    names.insert(it->str(1));
  return names;
}

bool has(const Names& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

// JsonSchema -> json_schema, HfMlx -> hf_mlx.
std::string snake(std::string_view camel) {
  std::string to;
  for (std::size_t i = 0; i < camel.size(); ++i) {
    const auto c = static_cast<unsigned char>(camel[i]);
    if (i > 0 && std::isupper(c) != 0) to += '_';
    to += static_cast<char>(std::tolower(c));
  }
  return to;
}

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::toupper(c); });
  return text;
}

struct StructCase {
  std::string cpp;
  std::set<std::string> c_only = {};  // C fields that stand for something else of the C++ API
};
const std::vector<StructCase> kStructs = {
    {"EngineOptions"},
    {"ModelOptions", {"on_progress", "progress_data", "cancel"}},  // arguments of Engine::open
    {"SamplingOptions"},
    {"OutputConstraint"},
    {"GenerationRequest", {"prompt_ids", "prompt_ids_count"}},  // Prompt is a variant
    {"ChatMessage"},
    {"ChatOptions"},
    {"TopLogprob"},
    {"GeneratedToken"},
    {"Timings"},
    {"MemoryUse"},
    {"ConstraintNote"},
    {"Generation"},
    {"Fallback"},
    {"BackendInfo"},
    {"ResidentModelInfo"},
    {"NamedTemplate"},
    {"SequenceBias"},
    {"SamplingDefaults"},
    {"ModelDescription"},
    {"Error"},
};

struct EnumCase {
  std::string cpp;
  std::string c;
  std::string prefix;
};
const std::vector<EnumCase> kEnums = {
    {"NumericMode", "minerva_numeric_mode", "MINERVA_NUMERIC_MODE_"},
    {"FinishReason", "minerva_finish_reason", "MINERVA_FINISH_REASON_"},
    {"Kind", "minerva_constraint_kind", "MINERVA_CONSTRAINT_"},
    {"Priority", "minerva_priority", "MINERVA_PRIORITY_"},
    {"Format", "minerva_format", "MINERVA_FORMAT_"},
    {"TokenizerKind", "minerva_tokenizer_kind", "MINERVA_TOKENIZER_KIND_"},
    {"ErrorCode", "minerva_status", "MINERVA_"},  // after MINERVA_OK
};

const std::map<std::string, std::string> kFunctions = {
    {"Engine::open", "minerva_model_open"},
    {"Engine::resident", "minerva_engine_resident"},
    {"Engine::unload", "minerva_engine_unload"},
    {"Engine::pin", "minerva_engine_pin"},
    {"Engine::keep_alive", "minerva_engine_keep_alive"},
    {"Engine::backends", "minerva_engine_backends"},
    {"LoadedModel::description", "minerva_model_get_info"},
    {"LoadedModel::backend", "minerva_model_get_info"},
    {"LoadedModel::backend_reason", "minerva_model_get_info"},
    {"LoadedModel::fallbacks", "minerva_model_get_info"},
    {"LoadedModel::numeric_mode", "minerva_model_get_info"},
    {"LoadedModel::has_chat_template", "minerva_model_get_info"},
    {"LoadedModel::tokenize", "minerva_model_tokenize"},
    {"LoadedModel::detokenize", "minerva_model_detokenize"},
    {"LoadedModel::render_chat", "minerva_model_render_chat"},
    {"LoadedModel::render_chat_json", "minerva_model_render_chat_json"},
    {"LoadedModel::generate", "minerva_model_generate"},
    {"version", "minerva_version"},
    {"detect", "minerva_detect"},
    {"describe", "minerva_describe"},
    {"format_name", "minerva_format_name"},
    {"is_runnable", "minerva_format_is_runnable"},
    {"tokenizer_kind_name", "minerva_tokenizer_kind_name"},
    {"finish_reason_name", "minerva_finish_reason_name"},
    {"error_code_name", "minerva_status_name"},
    {"exit_status", "minerva_exit_status"},
    {"http_status", "minerva_http_status"},
};

TEST(CApi, EveryStructOfTheCppApiIsCompared) {
  std::set<std::string> compared;
  for (const StructCase& each : kStructs) compared.insert(each.cpp);
  const std::string& cpp = headers().cpp;
  for (std::size_t at = cpp.find("\nstruct "); at != std::string::npos; at = cpp.find("\nstruct ", at + 1)) {
    const std::string name = last_word(trimmed(cpp.substr(at, cpp.find_first_of("{;", at) - at)));
    EXPECT_TRUE(compared.contains(name)) << name << " needs a counterpart in minerva.h, and a line here";
  }
}

TEST(CApi, StructsHaveTheSameFields) {
  for (const StructCase& each : kStructs) {
    const std::string c_name = "minerva_" + snake(each.cpp);
    const Names cpp = fields_of(body_after(headers().cpp, "struct " + each.cpp + " {"));
    const Names c = fields_of(body_after(headers().c, "typedef struct " + c_name + " {"));
    ASSERT_FALSE(cpp.empty()) << each.cpp;
    ASSERT_FALSE(c.empty()) << c_name;
    std::set<std::string> known = each.c_only;
    known.insert("struct_size");
    for (const std::string& field : cpp) {
      const std::string found = has(c, field) ? field : field + "_ms";  // a duration or time
      EXPECT_TRUE(has(c, found)) << c_name << " lacks " << field;
      known.insert({found, field + "_count", field + "_size"});
    }
    for (const std::string& field : c) EXPECT_TRUE(known.contains(field)) << each.cpp << " lacks " << field;
  }
}

TEST(CApi, EnumeratorsHaveTheSameNamesInTheSameOrder) {
  for (const EnumCase& each : kEnums) {
    Names wanted;
    if (each.cpp == "ErrorCode") wanted.push_back("MINERVA_OK");
    for (const std::string& name : enumerators_of(body_after(headers().cpp, "enum class " + each.cpp + " ")))
      wanted.push_back(each.prefix + upper(snake(name)));
    const std::string body = body_after(headers().c, "typedef enum " + each.c + " {");
    EXPECT_EQ(enumerators_of(body), wanted) << each.c << ": numbers are part of the ABI, so append";
    int number = 0;
    for (const std::string& part : parts(body, ','))
      EXPECT_EQ(trimmed(part.substr(part.find('=') + 1)), std::to_string(number++)) << trimmed(part);
  }
}

TEST(CApi, EveryFunctionHasItsCounterpart) {
  const std::set<std::string> in_c = exported_functions(headers().c);
  std::set<std::string> in_cpp = exported_functions(headers().cpp);
  for (const std::string type : {"Engine", "LoadedModel"}) {
    const std::string body = body_after(headers().cpp, "class MINERVA_API " + type + " {");
    for (const std::string& name : functions_of(body)) in_cpp.insert(type + "::" + name);
  }
  for (const std::string& name : in_cpp)
    EXPECT_TRUE(kFunctions.contains(name)) << name << " needs a C function, and a line here";
  for (const auto& [name, c_name] : kFunctions) {
    EXPECT_TRUE(in_cpp.contains(name)) << name << " is gone";
    EXPECT_TRUE(in_c.contains(c_name)) << "minerva.h lacks " << c_name;
  }
}

// The rules above are only worth what their parts see.
TEST(CApi, FieldsAreSeen) {
  EXPECT_EQ(
      fields_of(" enum class K : int { A, B }; K kind = K::A; std::vector<std::pair<int, float>> bias;\n"
                " std::chrono::milliseconds t = std::chrono::minutes(5); const char* const* list;\n"
                " friend bool operator==(const X&, const X&) = default;"),
      (Names{"kind", "bias", "t", "list"}));
  EXPECT_EQ(enumerators_of(" A,\n B = 1,\n C "), (Names{"A", "B", "C"}));
  EXPECT_EQ(
      functions_of("explicit X(int a = 3); ~X(); X(const X&) = delete; void f(int a = 1) const; int g;"),
      (std::set<std::string>{"f"}));
  EXPECT_EQ(snake("HfMlx"), "hf_mlx");
}

}  // namespace
}  // namespace minerva::testing
