// What a replay found, as lines for a terminal: of each channel what it is, and of each trend the last value, the lowest and the
// highest. Texts are made printable. Pure; any thread.
#pragma once

#include <string>

#include "edge/replay/report_page.h"

namespace stethos::edge {

std::string report_table(const Report& report);

}  // namespace stethos::edge
