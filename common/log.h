// Logging: spdlog to standard error, one line an event, UTC with milliseconds. Call start_logging once, first in main.
#pragma once

#include <spdlog/spdlog.h>

#include <string_view>

namespace stethos {

// `level`: trace, debug, info, warn, error. An unknown one is `info`.
void start_logging(std::string_view program, std::string_view level);

}  // namespace stethos
