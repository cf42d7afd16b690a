// The time of day as the node counts it, and whether it is known to be right.
//
// A gateway without a battery for its clock starts in 1970, or at the time of its last shutdown, and is corrected some time
// later. So the clock is not trusted until one of three says that it is right: the system (something keeps it in step with a time
// server), the collector (its answer shows a clock of another machine, and the two agree within clock_difference_max), or the
// configuration. Until then time is what the clock showed at the start and what has passed since: whatever the machine's clock
// jumps to meanwhile is taken up in one moment, when it becomes trusted. Once it is, it stays so for the life of the process, and
// the machine's clock is followed wherever it goes.
//
// Any thread may ask; hear() is the sender's, look() the pipeline's.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>

#include "common/clock.h"
#include "uplink/sender/uplink.h"

namespace stethos::edge {

enum class ClockWitness : std::uint8_t { configuration, system, collector };
std::string_view name_of(ClockWitness witness);

class NodeClock {
 public:
  // `clock` must outlive this. `is_trusted`: the configuration says so.
  NodeClock(const Clock& clock, bool is_trusted);

  TimeNs now() const;
  DurationNs monotonic() const { return clock_.monotonic(); }
  // What now() would have said at a monotonic time, had it known then what it knows by now.
  TimeNs at(DurationNs monotonic) const;
  bool is_trusted() const;

  void hear(const uplink::CollectorTime& time);

  struct Correction {
    DurationNs by_ns = 0;
    ClockWitness witness = ClockWitness::system;
  };
  // Given in the moment in which the clock becomes trusted; nothing at any other time.
  std::optional<Correction> look();

 private:
  bool agrees_with_collector();

  const Clock& clock_;
  mutable std::mutex mutex_;
  bool is_trusted_;
  const TimeNs begin_ns_;  // what the clock showed at a monotonic time
  const DurationNs begin_monotonic_;
  std::optional<uplink::CollectorTime> heard_;  // of another machine, the last
  std::optional<DurationNs> warned_of_;  // by how much the two differed
};

}  // namespace stethos::edge
