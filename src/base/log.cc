#include "base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>

#include <memory>

namespace minerva {

spdlog::logger& log() {
  // Never destroyed: threads may log while the program ends.
  static spdlog::logger* const logger = [] {
    auto* made = new spdlog::logger("minerva", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    made->set_level(spdlog::level::warn);
    made->set_pattern("[%H:%M:%S.%e] %^%l%$: %v");
    return made;
  }();
  return *logger;
}

}  // namespace minerva
