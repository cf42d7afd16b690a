// A message as it came from a port: bytes that nobody has looked into yet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "common/clock.h"

namespace stethos::edge {

struct DeadLetter;
struct DecodedMessage;

// Of messages that were given up because their topic held more than its share, or because the process ended before their turn:
// how many, and the size of their payloads together.
struct CrowdedOut {
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  bool past_deadline = false;  // the process ended before their turn
};

struct Message {
  std::string_view topic;  // both point into what `owner` keeps alive
  std::span<const std::uint8_t> payload;  // aligned for any number
  std::shared_ptr<const void> owner;

  const DecodedMessage* decoded = nullptr;  // of a recording, without topic and payload; null: its topic's subscription says how
  std::optional<DurationNs> arrived_monotonic;  // from which the pipeline makes received_ns; nothing: that stands already
  std::optional<CrowdedOut> crowded_out;  // it stands for these, and has no payload
  std::uint32_t filter = 0;  // the subscription identifier of the filter that it came by; 0: not known; or unknown_filters
  std::vector<std::uint32_t> other_filters;  // of the session that match its topic: a copy may come by each
  TimeNs received_ns = 0;
  bool clock_untrusted = false;  // received_ns is by a clock that was not known to be right
  std::uint64_t connection = 0;  // grows with each of the port's: a broker delivers again at the beginning of one
  bool redelivered = false;  // the DUP flag
  std::uint64_t ticket = 0;  // which the port gives, growing: MessagePort::durable names it; 0: the port gives none
  bool waits_for_commit = false;  // its sender is told nothing until MessagePort::durable
  bool waits_for_care = false;  // then: only because the last run died. Else it would have been acknowledged on arrival
  bool comes_again = false;  // until it is handled: of QoS 1, or of our protocol, whose devices send again
  bool may_return = false;  // its broker may deliver it again though it is handled: of QoS 1, and not of our protocol
  const DeadLetter* again = nullptr;  // it is this one, put through again; null: it has just arrived
  std::uint64_t stops = 0;  // so often the process has died with it in hand: edge/core/suspects.h

  // Whether its sender keeps it until it is handled. A broker does not keep what it was told of on arrival.
  bool is_kept() const { return waits_for_commit || (comes_again && !may_return); }
};

}  // namespace stethos::edge
