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
  return "{% set ns = namespace() %}{% set ns.a = [ns] %}" + std::string(then);
}
/// Does `then` 1,000 times with a list of 100,000 numbers in `l` and a text of 300,000 letters in `t`.
std::string often(std::string_view then) {
  return "{% set l = range(99999) | list %}{% set t = 'x ' * 150000 %}{% for i in range(1000) %}{% set x = " +
         std::string(then) + " %}{% endfor %}";
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
      {"Doubling", "{% set ns = namespace(s='x') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}", kText},
      {"DoublingBySet", "{% set ns = namespace(s='x') %}{% for i in range(60) %}{% set ns.s %}{{ ns.s }}{{ ns.s }}{% endset %}{% endfor %}", kText},
      {"DoublingLists", "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = ns.l + ns.l %}{% endfor %}", kTime},
      {"ListOfLists", "{% set l = range(99999) | list %}{% set ns = namespace(k=[]) %}{% for i in range(1000) %}{% set ns.k = ns.k + [l | reverse | list] %}{% endfor %}", kTime},
      {"ListOfTexts", "{% set t = 'x' * 300000 %}{% set ns = namespace(l=[]) %}{% for i in range(1000) %}{% set ns.l = ns.l + [t ~ i] %}{% endfor %}", kMemory},
      {"Repetition", "{{ 'x' * 1000000000 }}", kText},
      {"Replace", "{{ ('a' * 10000) | replace('a', 'b' * 10000) }}", kText},
      {"ReplaceNothing", "{{ ('a' * 10000) | replace('', 'b' * 10000) }}", kText},
      {"Join", "{{ range(10000) | join('b' * 100000) }}", kMemory},
      {"JoinTexts", "{% set t = 'x' * 100000 %}{% set l = [t, t, t, t, t, t, t, t, t, t] %}{{ (l + l + l + l + l + l + l + l + l + l + l + l + l + l + l) | join }}", kText},
      {"IndentWidth", "{{ 'a' | indent(1000000000, true) }}", kText},
      {"IndentLines", "{{ ('a\\n' * 10000) | indent('x' * 100000) }}", kMemory},
      {"JsonIndent", "{{ [1] | tojson(indent=1000000000) }}", kText},
      {"JsonIndentDeep", nested_list("{{ ns.l | tojson(indent=10000) }}"), ""},
      {"JsonTexts", "{% set t = 'x' * 100000 %}{{ [t, t, t, t, t, t, t, t, t, t] | tojson }}{{ ([t] * 2000) | tojson }}", kMemory},
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
      {"CycleText", cycle("{{ ns.a | string }}"), kDeep},
      {"CyclePrint", cycle("{{ ns.a }}"), kDeep},
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
      {"StripManyParts", "{% for i in range(1000) %}{{ (' ' * 100000) | trim }}{% endfor %}", kTime},
      {"StripCharacters", "{% for i in range(100) %}{{ ('a' * 400000).strip('b' * 300000 ~ 'a') }}{% endfor %}", kTime},
      {"Split", "{% for i in range(1000) %}{% set x = ('a,' * 300000).split(',') %}{% endfor %}", ""},
      {"SplitFromTheRight", "{% for i in range(1000) %}{% set x = ('a,' * 300000).rsplit(',') %}{% endfor %}", ""},
      {"Search", "{% for i in range(1000) %}{{ ('a' * 200000 ~ 'b') in ('a' * 300000) }}{% endfor %}", ""},
      {"CycleFormat", cycle("{{ '%s' % ns }}"), kDeep},
      {"CyclePprint", cycle("{{ ns.a | pprint }}"), kDeep},
      {"Range", "{{ range(1000000000) | length }}", "Range too big"},
      {"RangeOfRanges", "{% for i in range(1000) %}{% set x = range(90000) | list %}{% endfor %}", kTime},
      {"PowerTower", "{{ 9 ** 9 ** 9 ** 9 }}", ""},
      {"HugePower", "{{ 2 ** 100000000 }}", ""},
      {"HugeFactor", "{% set ns = namespace(n=3) %}{% for i in range(60) %}{% set ns.n = ns.n * ns.n %}{% endfor %}{{ ns.n }}", ""},
      {"HugeFloat", "{{ 1e999999999 ** 2 - 1e5 ** 400 }}", ""},
      {"Center", "{{ 'a' | center(1000000000) }}", kText},
      {"Ljust", "{{ 'a'.ljust(1000000000) }}", kText},
      {"Zfill", "{{ '7'.zfill(1000000000) }}", kText},
      {"Expandtabs", "{{ '\t\t\t'.expandtabs(1000000000) }}", kText},
      {"FormatWidth", "{{ '%1000000000d' | format(1) }}", kText},
      {"FormatPrecision", "{{ '%.1000000000f' | format(1.5) }}", ""},
      {"FormatStar", "{{ '%*d' | format(1000000000, 1) }}", kText},
      {"BraceFormatWidth", "{{ '{:1000000000}'.format(1) }}", kText},
      {"BraceFormatPrecision", "{{ '{:.1000000000f}'.format(1.5) }}", ""},
      {"BraceFormatNested", "{{ '{:{}}'.format(1, 1000000000) }}", kText},
      {"ListRepetition", "{{ ([1] * 1000000000) | length }}", kTime},
      {"TupleRepetition", "{{ ((1, 2) * 1000000000) | length }}", kTime},
      {"Batch", "{{ [1] | batch(1000000000, 0) | list | length }}", kTime},
      {"Slice", "{{ [1] | slice(1000000000) | list | length }}", kTime},
      {"Wordwrap", often("t | wordwrap(1)"), kTime},
      {"WordwrapWith", "{{ ('x ' * 10000) | wordwrap(1, wrapstring='y' * 100000) }}", kText},
      {"Truncate", often("t | truncate(200000)"), kTime},
      {"Striptags", often("('<' ~ t) | striptags"), kTime},
      {"StriptagsOfOpenTags", "{{ ('<' * 300000) | striptags | length }}{{ ('<!--' * 100000) | striptags | length }}{% for i in range(1000) %}{{ ('<a' * 100000) | striptags }}{% endfor %}", kTime},
      {"Urlize", often("t | urlize"), kTime},
      {"Title", often("t | title"), kTime},
      {"Wordcount", often("t | wordcount"), kTime},
      {"Escape", often("t | e"), kTime},
      {"Urlencode", often("t | urlencode"), kTime},
      {"ListOfText", often("t | list"), kTime},
      {"ReverseText", often("t | reverse"), kTime},
      {"SliceText", often("t[::-1]"), kTime},
      {"Translate", often("t.translate({120: 'yyyyyyyyyyyyyyyy'})"), kTime},
      {"Casefold", often("t.casefold() == t.swapcase()"), kTime},
      {"Encode", often("t.encode()"), kTime},
      {"Count", often("t.count('xx') + t.find('y')"), kTime},
      {"Repr", often("[t] | string"), kTime},
      {"Sort", often("l | reverse | sort"), kTime},
      {"SortTexts", often("t.split() | sort"), kTime},
      {"Unique", often("l | unique | list"), kTime},
      {"Groupby", "{% set l = [{'a': 1}] * 90000 %}{% for i in range(1000) %}{% set x = l | groupby('a') | list %}{% endfor %}", kTime},
      {"Dictsort", often("dict.fromkeys(l) | dictsort"), kTime},
      {"MapChain", often("l | map('string') | map('upper') | map('lower') | list"), kTime},
      {"SelectChain", often("l | select('odd') | reject('even') | list"), kTime},
      {"Sum", often("l | sum"), kTime},
      {"SumOfLists", "{{ ([[1, 2, 3]] * 30000) | sum(start=[]) | length }}", kTime},
      {"Max", often("l | max"), kTime},
      {"MembershipInLists", often("-1 in l"), kTime},
      {"EqualLists", often("l == l + [1]"), kTime},
      {"Pprint", often("l | pprint"), kTime},
      {"JsonOfNumbers", often("l | tojson"), kTime},
      {"Items", often("dict.fromkeys(l) | items | list"), kTime},
      {"CallChain", "{% macro a(n) %}{{ b(n) }}{{ b(n) }}{% endmacro %}{% macro b(n) %}{% for i in range(n) %}{{ c(n) }}{% endfor %}{% endmacro %}{% macro c(n) %}{{ n }}{% endmacro %}{% for i in range(10000) %}{{ a(1000) }}{% endfor %}", kTime},
      {"RecursiveLoop", "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}", ""},
      {"ForkingLoop", "{% set n = [[[[[[[[[[[[1, 1], 1], 1], 1], 1], 1], 1], 1], 1], 1], 1], 1] %}{% for x in [n] * 9000 recursive %}{% if x is iterable %}{{ loop([x, x]) }}{% endif %}{% endfor %}", ""},
      {"FilterBlocks", "{% for i in range(10000) %}{% filter upper | lower | title %}{{ 'x' * 100000 }}{% endfilter %}{% endfor %}", kTime},
      {"SetBlocks", "{% for i in range(10000) %}{% set x %}{{ 'x' * 100000 }}{% endset %}{% endfor %}", kTime},
      {"Xmlattr", often("dict.fromkeys(t.split(), 1) | xmlattr"), kTime},
      {"IntOfDigits", "{{ ('9' * 4000) | int }}{% for i in range(100000) %}{% set x = ('9' * 100000) | int %}{% endfor %}", kTime},
      {"Lipsum", "{% for i in range(1000) %}{{ lipsum(n=1000) }}{% endfor %}", ""},
      {"Strftime", "{{ strftime_now('%c' * 10000000) }}", ""},
      {"RaiseHugeMessage", "{{ raise_exception('x' * 30000) }}", R"(xxx\.\.\.)"},
      {"DivideByZero", "{{ 1 % 0 }}", "division by zero"},
      {"DivisibleByZero", "{{ 1 is divisibleby(0) }}", "division by zero"},
      {"SliceByZero", "{{ 'abc'[::0] }}", "zero"},
      {"BreakOutside", "{% break %}", "line 1"},
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
  const auto parsed = ChatTemplate::parse(GetParam().source, {{"bos_token", "<s>"}});
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
      {{"bos_token", "<s>"}}, limits);
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
