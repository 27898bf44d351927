#include "cli/logging.h"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <utility>

#include "base/log.h"

namespace minerva::cli {
namespace {

spdlog::level::level_enum level_from_environment(Console& console) {
  using namespace spdlog::level;
  constexpr std::array<std::pair<std::string_view, level_enum>, 7> kLevels = {{{"trace", trace},
                                                                               {"debug", debug},
                                                                               {"info", info},
                                                                               {"warn", warn},
                                                                               {"warning", warn},
                                                                               {"error", err},
                                                                               {"off", off}}};
  const char* const text = std::getenv("MINERVA_LOG");
  if (text == nullptr || *text == '\0') return warn;
  for (const auto& [name, level] : kLevels) {
    if (name == text) return level;
  }
  console.warn(fmt::format(
      "MINERVA_LOG is '{}', which is none of trace, debug, info, warn, error, off; using warn", text));
  return warn;
}

}  // namespace

void set_up_logging(int verbose, Console& console) {
  auto level = level_from_environment(console);
  if (verbose == 1) level = spdlog::level::info;
  if (verbose > 1) level = spdlog::level::debug;
  auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>(
      console.err_has_colors() ? spdlog::color_mode::always : spdlog::color_mode::never);
  sink->set_pattern("[%H:%M:%S.%e] %^%l%$: %v");
  log().sinks() = {std::move(sink)};
  log().set_level(level);
}

}  // namespace minerva::cli
