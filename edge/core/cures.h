// What to do about messages that are refused: one sentence a reason, the same on every page, in the log and on the terminal.
#pragma once

#include <string_view>

#include "edge/core/rejection.h"

namespace stethos::edge {

std::string_view cure_of(Reason reason);

}  // namespace stethos::edge
