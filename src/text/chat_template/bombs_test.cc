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

constexpr double kSoonMs = 250 * (testing::kSanitized ? 3 : 1) * testing::kSlowdown;

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
constexpr const char* kCalls = "call each other more than 100 deep";
constexpr const char* kDeep = "nested too deeply|processor time";
constexpr const char* kLimit = "exceeds a limit.*(steps|MB|processor time|width or precision)";

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
      {"Ifs", repeat("{% if true %}", 3'000) + repeat("{% endif %}", 3'000), kNested},
      {"Fors", repeat("{% for a in b %}", 10'000), kNested},
      {"Sets", repeat("{% set a %}", 20'000), kNested},
      {"Macros", repeat("{% macro a() %}", 10'000), kNested},
      {"Filters", repeat("{% filter upper %}", 10'000), kNested},
      {"GenerationDoesNotCloseAnIf", repeat("{% if true %}{% endgeneration %}", 10'000), "unknown tag 'endgeneration'"},
      {"Nots", "{{ " + repeat("not ", 90'000) + "1 }}", kChain},
      {"Minuses", "{{ " + repeat("- ", 90'000) + "1 }}", kChain},
      {"Sums", "{{ a" + repeat("+a", 45'000) + " }}", kChain},
      {"Products", "{{ a" + repeat("*a", 45'000) + " }}", kChain},
      {"Comparisons", "{{ a" + repeat("<a", 45'000) + " }}", "'a' is undefined|hang on each other"},
      {"Ands", "{{ a" + repeat(" and a", 45'000) + " }}", kChain},
      {"FilterChain", "{{ a" + repeat("|upper", 45'000) + " }}", kChain},
      {"Members", "{{ a" + repeat(".b", 45'000) + " }}", kChain},
      {"Indices", "{{ a" + repeat("[0]", 30'000) + " }}", kChain},
      {"Calls", "{{ a" + repeat("()", 45'000) + " }}", kChain},
      {"Tests", "{{ a" + repeat(" is defined", 45'000) + " }}", "You cannot chain multiple tests with is"},
      {"Ternaries", "{{ " + repeat("1 if 1 else ", 20'000) + "1 }}", kChain},
      {"ChainsWithinBrackets", "{{ " + repeat("a+a+a+a+a+a+a+a+a+a+a+(", 99) + "1" + repeat(")", 99) + " }}", "brackets or blocks are nested|hang on each other"},
      {"UnclosedText", "{{ '" + repeat("a", 100'000), "unexpected char"},
      {"UnclosedComment", "{# " + repeat("a", 100'000), "Missing end of comment tag"},
      {"UnclosedExpression", "{{ 1", "expected 'end of print statement'"},
      {"UnclosedIf", "\n\n{% if 1 %}abc", "line 3: Unexpected end of template"},
      {"UnknownStatement", "\n\n{% include 'x' %}", "line 3"},
      {"NumberAsLoopVariable", "{% for 1 in a %}{% endfor %}", "can't assign to"},
      {"NumberAsMacroName", "{% macro 1() %}{% endmacro %}", "expected token 'name'"},
      {"NumberAsKeyword", "{{ f(1=2) }}", "expected token"},
      {"BreakOutside", "{% break %}", "line 1"},
      {"StrayGeneration", "{% if true %}{% generation", "expected 'end of statement block'"},
  };
}

std::vector<Bomb> running_bombs() {
  return {
      {"RecursiveMacro", "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", kCalls},
      {"MutualRecursion", "{% macro f(n) %}{{ g(n + 1) }}{% endmacro %}{% macro g(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}", kCalls},
      {"ForkingRecursion", "{% macro f(n) %}{% if n > 0 %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}", kLimit},
      {"RecursiveCaller", "{% macro f() %}{{ caller() }}{% endmacro %}{% macro g() %}{% call f() %}{{ g() }}{% endcall %}{% endmacro %}{{ g() }}", kCalls},
      {"RecursiveBlock", "{% block a %}{{ self.a() }}{% endblock %}", kCalls},
      {"ScopedBlocks", "{% for i in range(99999) %}{% block a scoped %}{% for j in range(99999) %}{% block b scoped %}{{ i }}{{ j }}{% endblock %}{% endfor %}{% endblock %}{% endfor %}", kLimit},
      {"RecursiveDefault", "{% macro f(a=f()) %}{% endmacro %}{{ f() }}", kCalls},
      {"NestedLoops", "{% for i in range(3000) %}{% for j in range(3000) %}x{% endfor %}{% endfor %}", kLimit},
      {"DeepLoops", repeat("{% for i in range(50) %}", 20) + repeat("{% endfor %}", 20), kLimit},
      {"Doubling", "{% set ns = namespace(s='x') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}", kLimit},
      {"DoublingBySet", "{% set ns = namespace(s='x') %}{% for i in range(60) %}{% set ns.s %}{{ ns.s }}{{ ns.s }}{% endset %}{% endfor %}", kLimit},
      {"DoublingLists", "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = ns.l + ns.l %}{% endfor %}", kLimit},
      {"ListOfLists", "{% set l = range(99999) | list %}{% set ns = namespace(k=[]) %}{% for i in range(1000) %}{% set ns.k = ns.k + [l | reverse | list] %}{% endfor %}", kLimit},
      {"ListOfTexts", "{% set t = 'x' * 300000 %}{% set ns = namespace(l=[]) %}{% for i in range(1000) %}{% set ns.l = ns.l + [t ~ i] %}{% endfor %}", kLimit},
      {"Repetition", "{{ 'x' * 1000000000 }}", kLimit},
      {"Replace", "{{ ('a' * 10000) | replace('a', 'b' * 10000) }}", kLimit},
      {"ReplaceNothing", "{{ ('a' * 10000) | replace('', 'b' * 10000) }}", kLimit},
      {"Join", "{{ range(10000) | join('b' * 100000) }}", kLimit},
      {"JoinTexts", "{% set t = 'x' * 100000 %}{% set l = [t, t, t, t, t, t, t, t, t, t] %}{{ (l * 20) | join }}", kLimit},
      {"IndentWidth", "{{ 'a' | indent(1000000000, true) }}", kLimit},
      {"IndentLines", "{{ ('a\\n' * 10000) | indent('x' * 100000) }}", kLimit},
      {"JsonIndent", "{{ [1] | tojson(indent=1000000000) }}", kLimit},
      {"JsonIndentDeep", nested_list("{{ ns.l | tojson(indent=10000) }}"), ""},
      {"JsonTexts", "{% set t = 'x' * 100000 %}{{ [t, t, t, t, t, t, t, t, t, t] | tojson }}{{ ([t] * 2000) | tojson }}", kLimit},
      {"Format", "{% set t = 'x' * 1000000 %}{{ ('{}' * 40).format(" + repeat("t,", 40) + ") }}", kLimit},
      {"DeepJson", nested_list("{{ ns.l | tojson }}"), kDeep},
      {"DeepText", nested_list("{{ ns.l | string }}"), kDeep},
      {"DeepPrint", nested_list("{{ ns.l }}"), kDeep},
      {"DeepTupleEquality", nested_tuple("{{ ns.t == (ns.t, 1) }}"), kDeep},
      {"DeepTupleKey", nested_tuple("{{ {ns.t: 1} }}"), kDeep},
      {"TreeJson", tuple_tree("{{ ns.t | tojson }}"), kLimit},
      {"TreeText", tuple_tree("{{ ns.t | string }}"), kLimit},
      {"TreePrint", tuple_tree("{{ ns.t }}"), kLimit},
      {"TreeKey", tuple_tree("{{ {ns.t: 1} }}"), kLimit},
      {"Uppercase", "{% set t = 'x' * 300000 %}{% for i in range(100000) %}{% set x = t | upper %}{% endfor %}", kLimit},
      {"Comparison", "{% set t = 'x' * 300000 %}{% for i in range(100000) %}{% set x = t == t ~ '' %}{% endfor %}", kLimit},
      {"ManyArguments", [] {
         std::string parameters;
         std::string arguments;
         for (int i = 0; i < 3'000; ++i) {
           parameters += "a" + std::to_string(i) + ",";
           arguments += "a" + std::to_string(2'999 - i) + "=1,";
         }
         return "{% macro f(" + parameters + "z) %}{% endmacro %}{% for i in range(10000) %}{{ f(" + arguments + ") }}{% endfor %}";
       }(), kLimit},
      {"StripManyParts", "{% for i in range(1000) %}{{ (' ' * 100000) | trim }}{% endfor %}", kLimit},
      {"StripCharacters", "{% for i in range(100) %}{{ ('a' * 400000).strip('b' * 300000 ~ 'a') }}{% endfor %}", kLimit},
      {"Split", "{% for i in range(1000) %}{% set x = ('a,' * 300000).split(',') %}{% endfor %}", ""},
      {"SplitFromTheRight", "{% for i in range(1000) %}{% set x = ('a,' * 300000).rsplit(',') %}{% endfor %}", ""},
      {"Search", "{% for i in range(1000) %}{{ ('a' * 200000 ~ 'b') in ('a' * 300000) }}{% endfor %}", ""},
      {"StripFromTheRight", "{% for i in range(100) %}{{ ('a' * 400000).rstrip('b' * 300000 ~ 'a') }}{% endfor %}", kLimit},
      {"TrimCharacters", "{% for i in range(100) %}{{ ('a' * 400000) | trim('b' * 300000 ~ 'a') }}{% endfor %}", kLimit},
      {"Find", often("(t ~ t).find(t ~ 'y')"), kLimit},
      {"FindFromTheRight", often("(t ~ t).rfind('y' ~ t)"), kLimit},
      {"CountLong", often("(t ~ t).count(t ~ 'y')"), kLimit},
      {"ReplaceLong", often("(t ~ t) | replace(t ~ 'y', '')"), kLimit},
      {"SplitAtLong", often("(t ~ t).split(t ~ 'y')"), kLimit},
      {"SplitAtLongFromTheRight", often("(t ~ t).rsplit('y' ~ t)"), kLimit},
      {"Partition", often("(t ~ t).partition(t ~ 'y')"), kLimit},
      {"PartitionFromTheRight", often("(t ~ t).rpartition('y' ~ t)"), kLimit},
      {"Startswith", often("t.startswith((t ~ 'y', t ~ '') * 40000)"), kLimit},
      {"EqualTexts", often("[t] * 90000 == [t ~ ''] * 90000"), kLimit},
      {"OrderOfTexts", often("([t, t ~ '', t ~ 'y'] * 3000) | sort"), kLimit},
      {"CountTexts", often("([t] * 90000).count(t ~ '')"), kLimit},
      {"CountLists", often("([l] * 90000).count(l + [])"), kLimit},
      {"UniqueTexts", often("([t] * 90000) | unique | list"), kLimit},
      {"CollidingKeys", "{% for i in range(1000) %}{% set x = dict.fromkeys(range(0, 90000 * 2 ** 40, 2 ** 40)) %}{% endfor %}", kLimit},
      {"CollidingFloats", "{% for i in range(1000) %}{% set x = range(0, 90000 * 2 ** 46, 2 ** 46) | map('float') | unique | list %}{% endfor %}", kLimit},
      {"JsonSeparators", often("l | tojson(separators=(t, t))"), kLimit},
      {"IntOfTexts", often("([t] * 900) | map('int') | list"), kLimit},
      {"Range", "{{ range(1000000000) | length }}", "Range too big"},
      {"RangeOfRanges", "{% for i in range(1000) %}{% set x = range(90000) | list %}{% endfor %}", kLimit},
      {"PowerTower", "{{ 9 ** (9 ** (9 ** 9)) }}", ""},
      {"HugePower", "{{ 2 ** 100000000 }}", ""},
      {"HugeFactor", "{% set ns = namespace(n=3) %}{% for i in range(60) %}{% set ns.n = ns.n * ns.n %}{% endfor %}{{ ns.n }}", ""},
      {"HugeFloat", "{{ 1e999999999 ** 2 - 1e5 ** 400 }}", ""},
      {"Center", "{{ 'a' | center(1000000000) }}", kLimit},
      {"Ljust", "{{ 'a'.ljust(1000000000) }}", kLimit},
      {"Zfill", "{{ '7'.zfill(1000000000) }}", kLimit},
      {"Expandtabs", "{{ '\t\t\t'.expandtabs(1000000000) }}", kLimit},
      {"FormatWidth", "{{ '%1000000000d' | format(1) }}", kLimit},
      {"FormatPrecision", "{{ '%.1000000000f' | format(1.5) }}", ""},
      {"FormatStar", "{{ '%*d' | format(1000000000, 1) }}", kLimit},
      {"BraceFormatWidth", "{{ '{:1000000000}'.format(1) }}", kLimit},
      {"BraceFormatPrecision", "{{ '{:.1000000000f}'.format(1.5) }}", ""},
      {"BraceFormatNested", "{{ '{:{}}'.format(1, 1000000000) }}", kLimit},
      {"ListRepetition", "{{ ([1] * 1000000000) | length }}", kLimit},
      {"TupleRepetition", "{{ ((1, 2) * 1000000000) | length }}", kLimit},
      {"Batch", "{{ [1] | batch(1000000000, 0) | list | length }}", kLimit},
      {"Slice", "{{ [1] | slice(1000000000) | list | length }}", kLimit},
      {"Wordwrap", often("t | wordwrap(1)"), kLimit},
      {"WordwrapWith", "{{ ('x ' * 10000) | wordwrap(1, wrapstring='y' * 100000) }}", kLimit},
      {"Truncate", often("t | truncate(200000)"), kLimit},
      {"Striptags", often("('<' ~ t) | striptags"), kLimit},
      {"StriptagsOfOpenTags", "{{ ('<' * 300000) | striptags | length }}{{ ('<!--' * 100000) | striptags | length }}{% for i in range(1000) %}{{ ('<a' * 100000) | striptags }}{% endfor %}", kLimit},
      {"Urlize", often("t | urlize"), kLimit},
      {"Title", often("t | title"), kLimit},
      {"Wordcount", often("t | wordcount"), kLimit},
      {"Escape", often("t | e"), kLimit},
      {"Urlencode", often("t | urlencode"), kLimit},
      {"ListOfText", often("t | list"), kLimit},
      {"ReverseText", often("t | reverse"), kLimit},
      {"SliceText", often("t[::-1]"), kLimit},
      {"Translate", often("t.translate({120: 'yyyyyyyyyyyyyyyy'})"), kLimit},
      {"Casefold", often("t.casefold() == t.swapcase()"), kLimit},
      {"Encode", often("t.encode()"), kLimit},
      {"Count", often("t.count('xx') + t.find('y')"), kLimit},
      {"Repr", often("[t] | string"), kLimit},
      {"Sort", often("l | reverse | sort"), kLimit},
      {"SortTexts", often("t.split() | sort"), kLimit},
      {"Unique", often("l | unique | list"), kLimit},
      {"Groupby", "{% set l = [{'a': 1}] * 90000 %}{% for i in range(1000) %}{% set x = l | groupby('a') | list %}{% endfor %}", kLimit},
      {"Dictsort", often("dict.fromkeys(l) | dictsort"), kLimit},
      {"MapChain", often("l | map('string') | map('upper') | map('lower') | list"), kLimit},
      {"SelectChain", often("l | select('odd') | reject('even') | list"), kLimit},
      {"Sum", often("l | sum"), kLimit},
      {"SumOfLists", "{{ ([[1, 2, 3]] * 30000) | sum(start=[]) | length }}", kLimit},
      {"Max", often("l | max"), kLimit},
      {"MembershipInLists", often("-1 in l"), kLimit},
      {"EqualLists", often("l == l + [1]"), kLimit},
      {"Pprint", often("l | pprint"), kLimit},
      {"JsonOfNumbers", often("l | tojson"), kLimit},
      {"Items", often("dict.fromkeys(l) | items | list"), kLimit},
      {"CallChain", "{% macro a(n) %}{{ b(n) }}{{ b(n) }}{% endmacro %}{% macro b(n) %}{% for i in range(n) %}{{ c(n) }}{% endfor %}{% endmacro %}{% macro c(n) %}{{ n }}{% endmacro %}{% for i in range(10000) %}{{ a(1000) }}{% endfor %}", kLimit},
      {"RecursiveLoop", "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}", ""},
      {"ForkingLoop", "{% set n = [[[[[[[[[[[[1, 1], 1], 1], 1], 1], 1], 1], 1], 1], 1], 1], 1] %}{% for x in [n] * 9000 recursive %}{% if x is iterable %}{{ loop([x, x]) }}{% endif %}{% endfor %}", ""},
      {"FilterBlocks", "{% for i in range(10000) %}{% filter upper | lower | title %}{{ 'x' * 100000 }}{% endfilter %}{% endfor %}", kLimit},
      {"SetBlocks", "{% for i in range(10000) %}{% set x %}{{ 'x' * 100000 }}{% endset %}{% endfor %}", kLimit},
      {"Xmlattr", often("dict.fromkeys(t.split(), 1) | xmlattr"), kLimit},
      {"IntOfDigits", "{{ ('9' * 4000) | int }}{% for i in range(100000) %}{% set x = ('9' * 100000) | int %}{% endfor %}", kLimit},
      {"Lipsum", "{% for i in range(1000) %}{{ lipsum(n=1000) }}{% endfor %}", ""},
      {"Strftime", "{{ strftime_now('%c' * 10000000) }}", ""},
      {"RaiseHugeMessage", "{{ raise_exception('x' * 30000) }}", R"(xxx\.\.\.)"},
      {"DivideByZero", "{{ 1 % 0 }}", "modulo by zero"},
      {"DivisibleByZero", "{{ 1 is divisibleby(0) }}", "modulo by zero"},
      {"SliceByZero", "{{ 'abc'[::0] }}", "zero"},
  };
}
/// What looks like a bomb and is none, as in Python.
std::vector<Bomb> duds() {
  return {
      {"LongName", "{{ " + repeat("a", 100'000) + " }}", ""},
      {"Elifs", "{% if a %}" + repeat("{% elif b %}", 20'000) + "{% endif %}", ""},
      {"TreeOfTheSame", tuple_tree("{{ ns.t == ns.t }}"), "True"},
      {"Cycle", cycle("{{ ns.a }}"), R"re(\[<Namespace .*)re"},
      {"CycleAsText", cycle("{{ '%s' % ns }}"), "<Namespace .*"},
  };
}
// clang-format on

void expect_readable(const Error& error, const Bomb& bomb) {
  // A sanitizer's build may meet the limit of time before the one that is meant.
  EXPECT_THAT(
      error.message,
      ContainsRegex(testing::kSanitized ? "(" + std::string(bomb.says) + ")|processor time" : bomb.says));
  EXPECT_LT(error.message.size(), 700U);
  EXPECT_EQ(error.message.find('\n'), std::string::npos);
  EXPECT_FALSE(error.remedy.empty());
}

/// What is nested deeply uses up the stack, of which a sanitizer's build needs little: it has one of its own.
bool is_no_bomb_here(const Bomb& bomb) {
  return testing::kSanitized && bomb.says == kDeep;
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
  if (prompt && is_no_bomb_here(GetParam())) return;
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
  if (prompt && is_no_bomb_here(GetParam())) return;
  ASSERT_FALSE(prompt) << "rendered " << prompt->size() << " bytes";
  EXPECT_EQ(prompt.error().code, ErrorCode::InvalidRequest);
  expect_readable(prompt.error(), GetParam());
}

class DudTest : public ::testing::TestWithParam<Bomb> {};

TEST_P(DudTest, RendersSoon) {
  const double start = processor_ms();
  const auto parsed = ChatTemplate::parse(GetParam().source, {{"bos_token", "<s>"}});
  if (testing::kSanitized && !parsed) return expect_readable(parsed.error(), {.says = "processor time"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  const auto prompt = (*parsed)->render({{"user", "hi"}}, true);
  EXPECT_LT(processor_ms() - start, 2 * kSoonMs);
  ASSERT_TRUE(prompt) << prompt.error().message;
  EXPECT_THAT(*prompt, ::testing::MatchesRegex(GetParam().says));
}

std::string bomb_name(const ::testing::TestParamInfo<Bomb>& info) {
  return info.param.name;
}
INSTANTIATE_TEST_SUITE_P(Syntax, BombTest, ::testing::ValuesIn(syntax_bombs()), bomb_name);
INSTANTIATE_TEST_SUITE_P(Duds, DudTest, ::testing::ValuesIn(duds()), bomb_name);
INSTANTIATE_TEST_SUITE_P(Running, BombTest, ::testing::ValuesIn(running_bombs()), bomb_name);
INSTANTIATE_TEST_SUITE_P(Running, FuseTest, ::testing::ValuesIn(running_bombs()), bomb_name);

}  // namespace
}  // namespace minerva
