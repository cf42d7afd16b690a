// A message, or a channel of one, that was refused: why, and its first bytes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/clock.h"
#include "edge/core/rejection.h"

namespace stethos::edge {

struct DeadLetter {
  std::int64_t id = 0;  // which the spool gives it
  TimeNs received_ns = 0;
  bool clock_untrusted = false;  // received_ns is by a clock that was not known to be right
  Rejection rejection;
  std::string topic;
  std::string device;   // empty: not known
  std::string channel;  // of the message, the one that was refused, in whole; empty: not just one, or not in whole
  std::vector<std::uint64_t> late_in;  // the definitions that have counted its samples as late
  std::uint64_t payload_bytes = 0;
  std::vector<std::uint8_t> payload;  // its first bytes

  bool is_counted_late() const { return !late_in.empty(); }
};

}  // namespace stethos::edge
