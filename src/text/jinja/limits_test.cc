// What a template may not use up, and what is left behind when it tries.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "support/sanitizers.h"
#include "text/jinja/template.h"

namespace minerva::jinja {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

/// Time enough for sanitizers, so that the other limits are reached.
constexpr Limits kPatient{.time_max = std::chrono::seconds(10)};

Outcome<std::string> render(const std::string& source, const Limits& limits = kPatient) {
  const auto parsed = Template::parse(source, limits);
  if (!parsed) return std::unexpected(parsed.error());
  return (*parsed)->render(Value::dict({}), {}, limits);
}

std::string repeated(const std::string& text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

struct Bomb {
  std::string source;
  std::string message;  ///< a part of it
};

class JinjaBombTest : public ::testing::TestWithParam<Bomb> {};

TEST_P(JinjaBombTest, EndsInAnErrorThatNamesTheLimit) {
  const auto start = std::chrono::steady_clock::now();
  const auto text = render(GetParam().source);
  const auto taken = std::chrono::steady_clock::now() - start;
  // A sanitizer's build has a stack of its own for what it watches.
  if (text && minerva::testing::kSanitized && GetParam().message == "nested too deeply") return;
  ASSERT_FALSE(text) << text->size() << " bytes";
  EXPECT_THAT(text.error().message, HasSubstr(GetParam().message));
  EXPECT_EQ(text.error().kind, FailureKind::Limit) << text.error().type;
  EXPECT_LT(taken, std::chrono::seconds(10));  // generous: sanitizers, busy machines
}

INSTANTIATE_TEST_SUITE_P(
    Bombs, JinjaBombTest,
    ::testing::Values(
        Bomb{"{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
             "it takes more than"},
        Bomb{"{{ 'x' * 1000000000000 }}", "more than"}, Bomb{"{{ [0] * 1000000000 }}", "more than"},
        Bomb{"{% set n = namespace(s='x') %}{% for i in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
             "more than"},
        Bomb{"{% set n = namespace(l=[1]) %}{% for i in range(60) %}{% set n.l = n.l + n.l %}{% endfor %}",
             "t"},
        Bomb{"{% set n = namespace(l=[1]) %}{% for i in range(60) %}{% set n.l = [n.l, n.l] %}{% endfor %}{{ "
             "n.l }}",
             "t"},
        Bomb{"{% set n = namespace(l=[]) %}{% for i in range(60000) %}{% set n.l = [n.l] %}{% endfor %}{{ "
             "n.l }}",
             "nested too deeply"},
        Bomb{"{% set n = namespace(l=[]) %}{% for i in range(60000) %}{% set n.l = [n.l] %}{% endfor %}{{ "
             "n.l|tojson }}",
             "nested too deeply"},
        Bomb{"{% set n = namespace(l=[], m=[]) %}{% for i in range(60000) %}{% set n.l = [n.l] %}{% set n.m "
             "= [n.m] %}"
             "{% endfor %}{{ n.l == n.m }}",
             "nested too deeply"},
        Bomb{"{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "macros call each other"},
        Bomb{"{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}", "macros call each other"},
        Bomb{"{% block a %}{{ self.a() }}{% endblock %}", "macros call each other"},
        Bomb{"{% block a %}{{ self.b() }}{{ self.b() }}{% endblock %}{% block b %}{{ self.a() }}{% endblock "
             "%}",
             "macros call each other"},
        Bomb{"{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}", "macros call each other"},
        Bomb{"{% for i in range(99999) %}" + repeated("xxxxxxxxxx", 100) + "{% endfor %}",
             "it makes a text of more than"},
        Bomb{"{{ 10 ** 100000 }}", "bits"}, Bomb{"{{ '%1000000000d' % 1 }}", "width"},
        Bomb{"{{ '{:1000000000}'.format(1) }}", "width"}, Bomb{"{{ '%.1000000000f' % 1 }}", "width"},
        Bomb{"{{ 'a'.center(10000000000) }}", "more than"}, Bomb{"{{ 'a'.zfill(10000000000) }}", "more than"},
        Bomb{"{{ 'a\tb'.expandtabs(10000000000) }}", "more than"},
        Bomb{"{{ ('a' * 1000000).replace('a', 'b' * 1000000) }}", "more than"},
        Bomb{"{{ ('a' * 1000000) | replace('', 'b' * 1000000) }}", "more than"},
        Bomb{"{{ ('b' * 1000000).join('a' * 100000) }}", "t"},
        Bomb{"{{ ('a\n' * 100000) | indent(1000000) }}", "more than"},
        Bomb{"{{ [[1]] | tojson(indent=1000000000000) }}", "more than"},
        Bomb{"{{ [1] | batch(100000000000, 0) | list }}", "more than"},
        Bomb{"{{ [1] | slice(100000000000) | list }}", "more than"},
        Bomb{"{{ 'a' | wordwrap(1, wrapstring='x' * 100000000) }}{{ ('a ' * 100000) | wordwrap(1, "
             "wrapstring='x' * 100000) }}",
             "more than"},
        Bomb{repeated("{% if 1 %}", 101), "brackets or blocks are nested"},
        Bomb{"{{ " + repeated("(", 101), "brackets or blocks are nested"},
        Bomb{"{{ " + repeated("[", 5000), "brackets or blocks are nested"},
        Bomb{"{{ 1" + repeated(" + 1", 1001) + " }}", "operations or elif branches"},
        Bomb{"{{ " + repeated("not ", 1001) + "1 }}", "operations or elif branches"},
        Bomb{"{{ " + repeated("-", 1001) + "1 }}", "operations or elif branches"},
        Bomb{"{{ a" + repeated(".a", 1001) + " }}", "operations or elif branches"},
        Bomb{"{{ a" + repeated("|e", 1001) + " }}", "operations or elif branches"},
        Bomb{"{{ " + repeated("1 if 1 else ", 1001) + "1 }}", "operations or elif branches"},
        Bomb{repeated("{{ 1 }}", 40000), "tokens"}, Bomb{std::string(600 * 1024, 'x'), "KB"}));

TEST(JinjaLimits, EachOneIsKept) {
  EXPECT_TRUE(render("{{ 'x' * 100000 }}"));
  EXPECT_THAT(render("{{ 'x' * 100000 }}", {.memory_bytes_max = 50'000}).error().message, HasSubstr("48 KB"));
  EXPECT_THAT(render("{{ range(1000)|list }}", {.steps_max = 900}).error().message, HasSubstr("900 steps"));
  EXPECT_THAT(render("{{ 1 }}{{ 1 }}", {.tokens_max = 5}).error().message, HasSubstr("5 tokens"));
  const Limits short_time{.steps_max = 1'000'000'000, .time_max = milliseconds(20)};
  EXPECT_THAT(render("{% for i in range(99999) %}{% for j in range(999) %}{{ i }}{% endfor %}{% endfor %}",
                     short_time)
                  .error()
                  .message,
              HasSubstr("20 ms of processor time"));
}

TEST(JinjaLimits, MemoryThatIsGivenBackMayBeUsedAgain) {
  const Limits limits{.memory_bytes_max = 2'000'000, .time_max = std::chrono::seconds(10)};
  const auto text =
      render("{% for i in range(20) %}{% set x = 'x' * 1000000 %}{{ x|length }} {% endfor %}", limits);
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_THAT(*text, HasSubstr("1000000 1000000"));
}

TEST(JinjaLimits, ErrorsNameTheLine) {
  EXPECT_EQ(render("a\nb\n{{ 'x' * 100000000000 }}").error().line, 3);
  EXPECT_EQ(render("a\n{% set x = 1 %}\n{{ missing.y }}").error().line, 3);
  EXPECT_EQ(render("a\n{% if %}").error().line, 2);
}

TEST(JinjaLimits, KindsOfFailure) {
  EXPECT_EQ(render("{% if %}").error().kind, FailureKind::Syntax);
  EXPECT_EQ(render("{{ '\xff' }}").error().kind, FailureKind::Syntax);
  EXPECT_EQ(render("{{ raise_exception('No ä') }}").error().kind, FailureKind::Raised);
  EXPECT_EQ(render("{{ raise_exception('No ä') }}").error().message, "No ä");
  EXPECT_EQ(render("{{ 1 + 'a' }}").error().kind, FailureKind::Execution);
}

/// Renders on a thread whose stack has `bytes`.
Outcome<std::string> render_on_stack_of(std::size_t bytes, const std::string& source) {
  struct Work {
    const std::string& source;
    Outcome<std::string> text;
  } work{source, std::string()};
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, bytes);
  pthread_t thread{};
  const auto run = [](void* given) -> void* {
    static_cast<Work*>(given)->text = render(static_cast<Work*>(given)->source);
    return nullptr;
  };
  EXPECT_EQ(pthread_create(&thread, &attributes, run, &work), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
  return work.text;
}

TEST(JinjaLimits, ASmallStackIsNotTheTemplatesFault) {
  const std::string nested = "{{ " + repeated("[", 90) + repeated("]", 90) + " }}";
  for (const std::size_t kilobytes : {128, 192, 256, 512}) {
    const auto text = render_on_stack_of(kilobytes * 1024, nested);
    if (text) {
      EXPECT_EQ(*text, repeated("[", 90) + repeated("]", 90));
    } else {
      EXPECT_EQ(text.error().kind, FailureKind::Stack) << text.error().message;
    }
  }
  EXPECT_EQ(render_on_stack_of(std::size_t{4096} * 1024, nested).value_or("failed"),
            repeated("[", 90) + repeated("]", 90));
}

TEST(JinjaLimits, ValuesThatHoldThemselvesAreFreed) {
  // The sanitizer of leaks watches.
  EXPECT_EQ(
      *render("{% set n = namespace() %}{% set n.n = n %}{% macro m() %}{% endmacro %}{% set n.m = m %}ok"),
      "ok");
  EXPECT_EQ(*render("{% for i in [1] %}{{ loop.changed(loop) }}{% endfor %}"), "True");
  EXPECT_EQ(*render("{% set n = namespace() %}{% set n.c = cycler(n) %}{% set n.g = [n]|map('list') %}ok"),
            "ok");
  EXPECT_FALSE(render(
      "{% macro m() %}{% set n = namespace() %}{% set n.n = [n] %}{{ 1 / 0 }}{% endmacro %}{{ m() }}"));
}

TEST(JinjaLimits, TemplatesAreSharedByThreadsConcurrently) {
  const auto parsed = Template::parse("{% for x in xs %}{{ x }}{{ 'c' * 3 }}{{ xs|join('-') }}{% endfor %}");
  ASSERT_TRUE(parsed);
  const Value variables = Value::dict({{Value("xs"), Value::list({Value("a"), Value(1)})}});
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int times = 0; times < 100; ++times)
        EXPECT_EQ((*parsed)->render(variables).value_or("failed"), "accca-11ccca-1");
    });
  }
}

}  // namespace
}  // namespace minerva::jinja
