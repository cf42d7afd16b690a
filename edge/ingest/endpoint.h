// Whether somebody listens at a TCP endpoint.
#pragma once

#include <cstdint>
#include <string>

#include "common/clock.h"

namespace stethos::edge {

// Connects and ends the connection at once. Waits for no more than `timeout` for each address of the host; resolving its name
// takes what it takes.
bool accepts_connections(const std::string& host, std::int64_t port, DurationNs timeout);

}  // namespace stethos::edge
