// A TriedMessage as people read it: bounded, and without any character that a terminal obeys.
#pragma once

#include <cstddef>
#include <iosfwd>

#include "common/clock.h"
#include "edge/config/edge_config.h"
#include "edge/trial/trial.h"

namespace stethos::edge {

// Beyond it devices and channels are counted, and not shown.
inline constexpr std::size_t channels_shown_max = 100;

void write_tried(const TriedMessage& tried, const Message& message, const EdgeConfig& config, std::ostream& out);

}  // namespace stethos::edge
