// What the edge has counted since its spool began.
#pragma once

#include <cstddef>
#include <cstdint>

#include "edge/core/rejection.h"

namespace stethos::edge {

// Append-only: the names are stored, the order is not.
enum class Counter : std::uint8_t {
  messages,             // taken from the port
  message_bytes,
  duplicate_messages,   // of our protocol, and redeliveries
  deferred_messages,    // not handled, so that the device sends them again
  lost_messages,        // in gaps
  identities_forgotten,  // before their time, for room
  window_rows,
  streams_rebased,      // went back to a clock that had jumped ahead
  alarm_rows,
  limit_units_differ,   // windows not held against a limit, which has another unit
  letters_put_through,  // dead letters that were processed again, and left
  silence_rows,
  streams_behind,       // of which so much was late in a row that a clock is behind
  ignored_messages,     // by a rule of their subscription: no readings
  streams_forgotten,    // for nothing had come for them for so long
  devices_forgotten,
  streams_returned,     // that had been forgotten and were on record
  devices_returned,
  analysis_blocks,       // of blocks that were joined
  analysis_blocks_late,  // of these, those that a definition has no window for any more
  joins_ended,           // where a block did not follow the one before it
  count_,
};

struct Totals {
  std::uint64_t counters[static_cast<std::size_t>(Counter::count_)] = {};
  std::uint64_t dead_letters[reason_count] = {};

  std::uint64_t& operator[](Counter counter) { return counters[static_cast<std::size_t>(counter)]; }
  std::uint64_t operator[](Counter counter) const { return counters[static_cast<std::size_t>(counter)]; }
  std::uint64_t& operator[](Reason reason) { return dead_letters[static_cast<std::size_t>(reason)]; }
  std::uint64_t operator[](Reason reason) const { return dead_letters[static_cast<std::size_t>(reason)]; }
};

}  // namespace stethos::edge
