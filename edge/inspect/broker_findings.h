// What can be found out about the broker without touching the node's session. Whether one is kept for the node's client id is
// not: to ask would be to take it from a node that runs.
#pragma once

#include "edge/config/edge_config.h"
#include "edge/ingest/passing_client.h"
#include "edge/inspect/finding.h"

namespace stethos::edge {

// Of what the broker said when it accepted a client. Pure.
Findings findings_of(const BrokerSays& says, const EdgeConfig& config);

// Connects, with clients of other names, and leaves; takes some seconds where nobody answers.
Findings look_at_broker(const EdgeConfig& config);

}  // namespace stethos::edge
