// Templates that would crash, hang or exhaust an interpreter without bounds. Each must end in a readable
// error that names what it exceeds, soon, and leave nothing behind (LeakSanitizer, in the asan preset).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <ctime>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "support/sanitizers.h"
#include "text/chat_template/chat_template.h"

namespace minerva {
namespace {

using ::testing::ContainsRegex;

constexpr double kSoonMs = 250 * testing::kSlowdown;

std::string repeat(std::string_view text, std::size_t count) {
  std::string result;
  result.reserve(text.size() * count);
  for (std::size_t i = 0; i < count; ++i) result += text;
  return result;
}

/// Of this thread, so that a busy machine does not fail the test.
double processor_ms() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) * 1e-6;
}

struct Bomb {
  std::string name;
  std::string source;
  std::string says;  ///< part of the message, as a regular expression
};
void PrintTo(const Bomb& bomb, std::ostream* out) {
  *out << bomb.name;
}

/// A list in `ns.l` nested 40,000 deep.
std::string nested_list(std::string_view then) {
  return "{% set ns = namespace(l=[1]) %}{% for i in range(1000) %}{% set ns.l = " + repeat("[", 40) +
         "ns.l" + repeat("]", 40) + " %}{% endfor %}" + std::string(then);
}
/// The same of tuples in `ns.t`.
std::string nested_tuple(std::string_view then) {
  return "{% set ns = namespace(t=(1, 2)) %}{% for i in range(1000) %}{% set ns.t = " + repeat("(", 40) +
         "ns.t" + repeat(",1)", 40) + " %}{% endfor %}" + std::string(then);
}
/// Tuples of the same tuple twice, 60 deep: small in memory, 2^60 elements for who walks through it.
std::string tuple_tree(std::string_view then) {
  return "{% set ns = namespace(t=(1, 2)) %}{% for i in range(60) %}{% set ns.t = (ns.t, ns.t) %}{% endfor "
         "%}" +
         std::string(then);
}
std::string cycle(std::string_view then) {
  return "{% set a = [1] %}{% set b = a.append(a) %}" + std::string(then);
}

// Where a slow machine may run out of time first, that is as good an answer.
constexpr const char* kNested = "brackets or blocks are nested";
constexpr const char* kChain = "hang on each other|processor time";
constexpr const char* kCalls = "macros call each other";
constexpr const char* kDeep = "nested too deeply|processor time";
constexpr const char* kSteps = "steps";
constexpr const char* kText = "a text of more than .* MB|processor time";
constexpr const char* kMemory = "MB of memory|processor time";
constexpr const char* kTime = "steps|processor time|MB";

// clang-format off
std::vector<Bomb> syntax_bombs() {
  return {
      {"SourceSize", repeat(" ", 600'000), "585 KB"},
      {"Tokens", repeat("{{ a }}", 60'000), "tokens"},
      {"Parentheses", "{{ " + repeat("(", 200'000) + "1" + repeat(")", 200'000) + " }}", "tokens"},
      {"ManyParentheses", "{{ " + repeat("(", 40'000) + "1" + repeat(")", 40'000) + " }}", kNested},
      {"OpenParentheses", "{{ " + repeat("(", 50'000), kNested},
      {"Lists", "{{ " + repeat("[", 40'000) + repeat("]", 40'000) + " }}", kNested},
      {"Objects", "{{ " + repeat("{'a':", 20'000) + "1" + repeat("}", 20'000) + " }}", kNested},
      {"Ifs", repeat("{% if true %}", 12'000) + repeat("{% endif %}", 12'000), kNested},
      {"Fors", repeat("{% for a in b %}", 10'000), kNested},
      {"Sets", repeat("{% set a %}", 20'000), kNested},
      {"Macros", repeat("{% macro a() %}", 10'000), kNested},
      {"Filters", repeat("{% filter upper %}", 10'000), kNested},
      {"GenerationDoesNotCloseAnIf", repeat("{% if true %}{% endgeneration %}", 10'000), kNested},
      {"Nots", "{{ " + repeat("not ", 90'000) + "1 }}", kChain},
      {"Minuses", "{{ " + repeat("- ", 90'000) + "1 }}", kChain},
      {"Sums", "{{ a" + repeat("+a", 45'000) + " }}", kChain},
      {"Products", "{{ a" + repeat("*a", 45'000) + " }}", kChain},
      {"Comparisons", "{{ a" + repeat("<a", 45'000) + " }}", kChain},
      {"Ands", "{{ a" + repeat(" and a", 45'000) + " }}", kChain},
      {"FilterChain", "{{ a" + repeat("|upper", 45'000) + " }}", kChain},
      {"Members", "{{ a" + repeat(".b", 45'000) + " }}", kChain},
      {"Indices", "{{ a" + repeat("[0]", 30'000) + " }}", kChain},
      {"Calls", "{{ a" + repeat("()", 45'000) + " }}", kChain},
      {"Tests", "{{ a" + repeat(" is defined", 45'000) + " }}", kChain},
      {"Ternaries", "{{ " + repeat("1 if 1 else ", 20'000) + "1 }}", kChain},
      {"Elifs", "{% if a %}" + repeat("{% elif b %}", 20'000) + "{% endif %}", kChain},
      {"ChainsWithinBrackets", "{{ " + repeat("a+a+a+a+a+a+a+a+a+a+a+(", 99) + "1" + repeat(")", 99) + " }}", kChain},
      {"HugeInteger", "{{ " + repeat("9", 100) + " }}", "out of range"},
      {"HugeFloat", "{{ " + repeat("9", 5000) + ".0 }}", "out of range"},
      {"HugeName", "{{ " + repeat("a", 100'000) + " }}", "a name is longer"},
      {"UnclosedText", "{{ '" + repeat("a", 100'000), "unexpected end"},
      {"UnclosedComment", "{# " + repeat("a", 100'000), "missing end of comment"},
      {"UnclosedExpression", "{{ 1", "Expected }} before the end"},
      {"UnclosedIf", "\n\n{% if 1 %}abc", "line 3: a block is not closed"},
      {"UnknownStatement", "\n\n{% include 'x' %}", "line 3"},
      {"NumberAsLoopVariable", "{% for 1 in a %}{% endfor %}", "cannot stand here"},
      {"NumberAsMacroName", "{% macro 1() %}{% endmacro %}", "cannot stand here"},
      {"NumberAsKeyword", "{{ f(1=2) }}", "cannot stand here"},
      {"StrayGeneration", "{% if true %}{% generation", "not closed"},
  };
}

std::vector<Bomb> running_bombs() {
  return {
      {"RecursiveMacro", "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", kCalls},
      {"MutualRecursion", "{% macro f(n) %}{{ g(n + 1) }}{% endmacro %}{% macro g(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}", kCalls},
      {"ForkingRecursion", "{% macro f(n) %}{% if n > 0 %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}", kTime},
      {"RecursiveCaller", "{% macro f() %}{{ caller() }}{% endmacro %}{% macro g() %}{% call f() %}{{ g() }}{% endcall %}{% endmacro %}{{ g() }}", kCalls},
      {"RecursiveDefault", "{% macro f(a=f()) %}{% endmacro %}{{ f() }}", kCalls},
      {"NestedLoops", "{% for i in range(3000) %}{% for j in range(3000) %}x{% endfor %}{% endfor %}", kTime},
      {"DeepLoops", repeat("{% for i in range(50) %}", 20) + repeat("{% endfor %}", 20), kTime},
      {"Range", "{{ range(1000000000) | length }}", kSteps},
      {"RangeOfRanges", "{% for i in range(1000) %}{% set x = range(90000) %}{% endfor %}", kTime},
      {"RangeBackwards", "{{ range(0, -1000000000, -1) | length }}", kSteps},
      {"RangeAtTheEdge", "{{ range(9223372036854775000, 9223372036854775807, 500) | length }}", "too large"},
      {"Doubling", "{% set ns = namespace(s='x') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}", kText},
      {"DoublingBySet", "{% set ns = namespace(s='x') %}{% for i in range(60) %}{% set ns.s %}{{ ns.s }}{{ ns.s }}{% endset %}{% endfor %}", kText},
      {"DoublingLists", "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = ns.l + ns.l %}{% endfor %}", kTime},
      {"ListOfLists", "{% set l = range(100000) | list %}{% set ns = namespace(k=[]) %}{% for i in range(1000) %}{% set x = ns.k.append(l | reverse) %}{% endfor %}", kTime},
      {"ListOfTexts", "{% set t = 'x' * 300000 %}{% set l = [] %}{% for i in range(1000) %}{% set x = l.append(t | upper) %}{% endfor %}", kMemory},
      {"Repetition", "{{ 'x' * 1000000000 }}", kText},
      {"RepetitionOfNothing", "{{ '' * 1000000000000000000 }}", kTime},
      {"Replace", "{{ ('a' * 10000) | replace('a', 'b' * 10000) }}", kText},
      {"ReplaceNothing", "{{ ('a' * 10000) | replace('', 'b' * 10000) }}", kText},
      {"Join", "{{ range(10000) | join('b' * 100000) }}", kMemory},
      {"JoinTexts", "{% set t = 'x' * 100000 %}{% set l = [t, t, t, t, t, t, t, t, t, t] %}{{ (l + l + l + l + l + l + l + l + l + l + l + l + l + l + l) | join }}", kText},
      {"IndentWidth", "{{ 'a' | indent(1000000000, true) }}", kText},
      {"IndentLines", "{{ ('a\\n' * 10000) | indent('x' * 100000) }}", kMemory},
      {"JsonIndent", "{{ [1] | tojson(indent=1000000000) }}", kText},
      {"JsonIndentDeep", nested_list("{{ ns.l | tojson(indent=10000) }}"), ""},
      {"JsonSeparators", "{{ range(10000) | list | tojson(separators=['x' * 100000, ':']) }}", kMemory},
      {"JsonTexts", "{% set t = 'x' * 100000 %}{{ [t, t, t, t, t, t, t, t, t, t] | tojson }}{% set k = [] %}{% for i in range(2000) %}{% set x = k.append(t) %}{% endfor %}{{ k | tojson }}", kMemory},
      {"Format", "{% set t = 'x' * 1000000 %}{{ ('{}' * 40).format(" + repeat("t,", 40) + ") }}", kText},
      {"DeepJson", nested_list("{{ ns.l | tojson }}"), kDeep},
      {"DeepText", nested_list("{{ ns.l | string }}"), kDeep},
      {"DeepPrint", nested_list("{{ ns.l }}"), kDeep},
      {"DeepTupleEquality", nested_tuple("{{ ns.t == (ns.t, 1) }}"), kDeep},
      {"DeepTupleKey", nested_tuple("{{ {ns.t: 1} }}"), kDeep},
      {"TreeJson", tuple_tree("{{ ns.t | tojson }}"), kTime},
      {"TreeText", tuple_tree("{{ ns.t | string }}"), kTime},
      {"TreePrint", tuple_tree("{{ ns.t }}"), kTime},
      {"TreeEquality", tuple_tree("{{ ns.t == (ns.t, 1) }}{{ ns.t == ns.t }}"), kTime},
      {"TreeKey", tuple_tree("{{ {ns.t: 1} }}"), kTime},
      {"CycleJson", cycle("{{ a | tojson }}"), kDeep},
      {"CycleText", cycle("{{ a | string }}"), kDeep},
      {"CyclePrint", cycle("{{ a }}"), kDeep},
      {"CycleInKey", cycle("{{ {(nothing | default(k=a)): 1} }}"), kDeep},
      {"CycleOfFunctions", "{% set a = [] %}{% set b = a.append(a.append) %}{{ a | string }}", kDeep},
      {"CycleInNamespace", "{% set ns = namespace() %}{% set ns.self = ns %}{{ ns | tojson }}", kDeep},
      {"Sort", "{% for i in range(100) %}{% set x = range(100000) | reverse | sort %}{% endfor %}", kTime},
      {"Uppercase", "{% set t = 'x' * 300000 %}{% for i in range(100000) %}{% set x = t | upper %}{% endfor %}", kTime},
      {"Comparison", "{% set t = 'x' * 300000 %}{% for i in range(100000) %}{% set x = t == t ~ '' %}{% endfor %}", kTime},
      {"ManyVariables", repeat("{% set v", 1) + [] {
         std::string sets;
         for (int i = 0; i < 3000; ++i) sets += std::to_string(i) + " = 1 %}{% set v";
         return sets;
       }() + " = 1 %}{% for i in range(30000) %}{% for j in [1] %}{% endfor %}{% endfor %}", kTime},
      {"ManyArguments", [] {
         std::string parameters;
         std::string arguments;
         for (int i = 0; i < 12'000; ++i) {
           parameters += "a" + std::to_string(i) + ",";
           arguments += "a" + std::to_string(11'999 - i) + "=1,";
         }
         return "{% macro f(" + parameters + ") %}{% endmacro %}{% for i in range(100) %}{{ f(" + arguments + ") }}{% endfor %}";
       }(), kTime},
      {"PopFromTheFront", "{% for k in range(100) %}{% set l = range(100000) | list %}{% for i in range(100000) %}{% set x = l.pop(0) %}{% endfor %}{% endfor %}", kTime},
      {"StripManyParts", "{% for i in range(1000) %}{{ (' ' * 100000) | trim }}{% endfor %}", kTime},
      {"StripCharacters", "{% for i in range(100) %}{{ ('a' * 400000).strip('b' * 300000 ~ 'a') }}{% endfor %}", kTime},
      {"Split", "{% for i in range(1000) %}{% set x = ('a,' * 300000).split(',') %}{% endfor %}", ""},
      {"SplitFromTheRight", "{% for i in range(1000) %}{% set x = ('a,' * 300000).rsplit(',') %}{% endfor %}", ""},
      {"Search", "{% for i in range(1000) %}{{ ('a' * 200000 ~ 'b') in ('a' * 300000) }}{% endfor %}", ""},
      {"StrftimeFormat", "{{ strftime_now('%Y' * 100000) }}", "failed to format time"},
      {"StrftimeWidth", "{{ strftime_now('%1000000000d') }}", "failed to format time"},
      {"RaiseHugeMessage", "{{ raise_exception('x' * 30000) }}", R"(xxx\.\.\.)"},
      {"DivideByZero", "{{ 1 % 0 }}", "division by zero"},
      {"DivisibleByZero", "{{ 1 is divisibleby(0) }}", "division by zero"},
      {"IntegerOverflow", "{{ 9223372036854775807 * 9223372036854775807 }}", "64 bits"},
      {"NegateTheSmallest", "{{ -(-9223372036854775808) }}", "64 bits"},
      {"AbsOfTheSmallest", "{{ (-9223372036854775808) | abs }}", "64 bits"},
      {"HugeFloatToInteger", "{{ " + repeat("9", 300) + ".0 | int }}", "64 bits"},
      {"SliceByZero", "{{ 'abc'[::0] }}", "zero"},
      {"UnpackShrunkList", "{% set l = [[1, 2], [3, 4]] %}{% for a, b in l %}{% set x = l[1].pop() %}{{ b }}{% endfor %}", "Too few items"},
      {"BreakOutside", "{% break %}", "line 1"},
      {"CallOfNothing", "{{ nothing() }}", "not a function"},
      {"SpreadArguments", "{{ range(*[1]) }}", "line 1"},
  };
}
// clang-format on

void expect_readable(const Error& error, const Bomb& bomb) {
  EXPECT_THAT(error.message, ContainsRegex(bomb.says));
  EXPECT_LT(error.message.size(), 700U);
  EXPECT_EQ(error.message.find('\n'), std::string::npos);
  EXPECT_FALSE(error.remedy.empty());
}

class BombTest : public ::testing::TestWithParam<Bomb> {};

TEST_P(BombTest, EndsInAReadableErrorSoon) {
  const double start = processor_ms();
  const auto parsed = ChatTemplate::parse(GetParam().source, "<s>", "</s>");
  EXPECT_LT(processor_ms() - start, kSoonMs);
  if (!parsed) {
    EXPECT_EQ(parsed.error().code, ErrorCode::ModelLoading);
    expect_readable(parsed.error(), GetParam());
    return;
  }
  const double middle = processor_ms();
  const auto prompt = (*parsed)->render({{"user", "hi"}}, true);
  EXPECT_LT(processor_ms() - middle, kSoonMs);
  ASSERT_FALSE(prompt) << "rendered " << prompt->size() << " bytes";
  EXPECT_EQ(prompt.error().code, ErrorCode::InvalidRequest);
  expect_readable(prompt.error(), GetParam());
}

/// The same, but harmless until a user's message sets it off: the trial renderings notice nothing.
class FuseTest : public ::testing::TestWithParam<Bomb> {};

TEST_P(FuseTest, EndsInAReadableErrorSoon) {
  TemplateLimits limits;
  limits.time_max = std::chrono::milliseconds(100 * testing::kSlowdown);
  const auto parsed = ChatTemplate::parse(
      "{% if messages[0].content == 'light the fuse' %}" + GetParam().source + "{% else %}hello{% endif %}",
      "<s>", "</s>", limits);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ((*parsed)->render({{"user", "hi"}}, true).value_or(""), "hello");
  const double start = processor_ms();
  const auto prompt = (*parsed)->render({{"user", "light the fuse"}}, true);
  EXPECT_LT(processor_ms() - start, kSoonMs);
  ASSERT_FALSE(prompt) << "rendered " << prompt->size() << " bytes";
  EXPECT_EQ(prompt.error().code, ErrorCode::InvalidRequest);
  expect_readable(prompt.error(), GetParam());
}

std::string bomb_name(const ::testing::TestParamInfo<Bomb>& info) {
  return info.param.name;
}
INSTANTIATE_TEST_SUITE_P(Syntax, BombTest, ::testing::ValuesIn(syntax_bombs()), bomb_name);
INSTANTIATE_TEST_SUITE_P(Running, BombTest, ::testing::ValuesIn(running_bombs()), bomb_name);
INSTANTIATE_TEST_SUITE_P(Running, FuseTest, ::testing::ValuesIn(running_bombs()), bomb_name);

}  // namespace
}  // namespace minerva
