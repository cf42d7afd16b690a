// `stethos-edge check --environment`: what around the node would hinder it: the broker, the clock, the disk.
#pragma once

#include <iosfwd>

#include "common/clock.h"
#include "edge/config/edge_config.h"
#include "edge/inspect/finding.h"
#include "edge/run.h"

namespace stethos::edge {

Findings look_at_clock(const EdgeConfig& config, const Clock& clock);

void write_findings(const Findings& findings, std::ostream& out);

// Exit::environment if anything is a problem.
Exit check_environment(const EdgeConfig& config, std::ostream& out);

}  // namespace stethos::edge
