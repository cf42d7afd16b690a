#include "common/log.h"

#include <spdlog/sinks/stdout_sinks.h>

#include <string>

namespace stethos {

void start_logging(std::string_view program, std::string_view level) {
  auto logger = spdlog::stderr_logger_mt(std::string(program));
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %n: %v", spdlog::pattern_time_type::utc);
  auto wanted = spdlog::level::from_str(std::string(level));
  logger->set_level(wanted == spdlog::level::off ? spdlog::level::info : wanted);
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace stethos
