// How many rows a message may bring forth, reckoned before any of it is taken: from how many windows its samples may lie in. What
// is taken of one message is committed together, so this bounds what a commit holds. Pure; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "edge/core/definition.h"
#include "edge/ingest/decoder.h"

namespace stethos::edge {

// At least as many as the samples of all of them can touch, each read or refused. Exact enough to tell a day of readings a second
// from as many readings that each lie in thousands of windows of their own.
std::uint64_t rows_expected(std::span<const DecodedMessage> messages, const std::vector<WindowDefinition>& definitions);

}  // namespace stethos::edge
