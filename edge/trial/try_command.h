// `stethos-edge try`: what a payload, or what a broker delivers, would become, without a spool and without taking part in the
// node's session.
#pragma once

#include <iosfwd>
#include <string>

#include "common/clock.h"
#include "edge/config/edge_config.h"
#include "edge/run.h"

namespace stethos::edge {

struct TryOptions {
  std::string topic;      // of the payload; empty: the broker is listened to
  std::string file;       // that holds the payload; empty: standard input does
  DurationNs listen = 0;  // for so long
};

// Empty: messages may be published to it.
std::string objection_to_topic(const std::string& topic);

// Exit::refused if anything would be.
Exit try_config(const EdgeConfig& config, const TryOptions& options, std::ostream& out);

}  // namespace stethos::edge
