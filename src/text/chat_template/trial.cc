#include "text/chat_template/trial.h"

#include <fmt/format.h>

#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

namespace minerva {
namespace {

using jinja::Pair;
using jinja::Value;

constexpr const char* kSystemWord = "SYSTEM-a7c1";
constexpr const char* kUserWord = "USER-f03b";
constexpr const char* kToolWord = "TOOL_d912";
constexpr const char* kCallWord = "CALL_5e40";

Value list(std::initializer_list<Value> items) {
  return Value::list(items);
}
Value dict(std::initializer_list<Pair> entries) {
  return Value::dict(entries);
}
Value message(const char* role, Value content) {
  return dict({{Value("role"), Value(role)}, {Value("content"), std::move(content)}});
}

Value user(bool typed) {
  if (!typed) return message("user", Value(kUserWord));
  return message("user", list({dict({{Value("type"), Value("text")}, {Value("text"), Value(kUserWord)}})}));
}

Value tool_list() {
  const Value no_parameters = dict({{Value("type"), Value("object")}, {Value("properties"), dict({})}});
  return list({dict({{Value("type"), Value("function")},
                     {Value("function"), dict({{Value("name"), Value(kToolWord)},
                                               {Value("description"), Value("Does nothing")},
                                               {Value("parameters"), no_parameters}})}})});
}

/// `arguments` as JSON text or as a dict: templates take the one or the other. Identifiers of nine letters,
/// which Mistral's demand.
Value call_message(Value arguments) {
  const Value call =
      dict({{Value("id"), Value("abcdefgh9")},
            {Value("type"), Value("function")},
            {Value("function"),
             dict({{Value("name"), Value(kCallWord)}, {Value("arguments"), std::move(arguments)}})}});
  return dict({{Value("role"), Value("assistant")},
               {Value("content"), Value("")},
               {Value("tool_calls"), list({call})}});
}

Value result_message() {
  return dict({{Value("role"), Value("tool")},
               {Value("tool_call_id"), Value("abcdefgh9")},
               {Value("name"), Value(kCallWord)},
               {Value("content"), Value("done")}});
}

class Trials {
 public:
  explicit Trials(const Trial& trial) : trial_(trial) {}

  TemplateTraits traits() {
    TemplateTraits traits;
    traits.typed_content = !shows(kUserWord, {.messages = list({user(false)})}) && shows_typed_content();
    typed_ = traits.typed_content;
    const Value system =
        typed_ ? message("system",
                         list({dict({{Value("type"), Value("text")}, {Value("text"), Value(kSystemWord)}})}))
               : message("system", Value(kSystemWord));
    traits.system_role = shows(kSystemWord, {.messages = list({system, user(typed_)})});
    traits.tools = shows(kToolWord, {.messages = list({user(typed_)}), .tools = tool_list()});
    traits.tool_calls = shows_call(dict({{Value("x"), Value(kCallWord)}})) ||
                        shows_call(Value(fmt::format(R"({{"x": "{}"}})", kCallWord)));
    return traits;
  }

 private:
  bool shows(std::string_view word, const ChatInput& input) const {
    const auto prompt = trial_(input);
    return prompt && prompt->contains(word);
  }

  /// Not as Python prints a list.
  bool shows_typed_content() const {
    const auto prompt = trial_({.messages = list({user(true)})});
    return prompt && prompt->contains(kUserWord) && !prompt->contains("'text'");
  }

  bool shows_call(Value arguments) const {
    return shows(kCallWord,
                 {.messages = list({user(typed_), call_message(std::move(arguments)), result_message()}),
                  .tools = tool_list()});
  }

  const Trial& trial_;
  bool typed_ = false;
};

}  // namespace

TemplateTraits found_traits(const Trial& trial) {
  return Trials(trial).traits();
}

}  // namespace minerva
