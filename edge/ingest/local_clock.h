// Times that devices write as the clocks of their zone show them, without the zone.
//
// Once a year clocks are put back, and show an hour twice. Which of the two is meant is told by the node's clock or by the
// reading of the channel before, or is not told: a guess would be wrong by an hour, and nothing would show it. It is the first
// where the second is yet to come. Where one comes right after the other it is the one within half an hour of the reading before:
// the first behind an earlier one, the second behind a later one; not of a backlog whose readings are farther apart than that,
// nor behind one that was refused. Where a reading comes half an hour or more after the one before, which was in the hour between
// the two, it is the second. What came before is remembered in memory alone, around the hour.
//
// One thread.
#pragma once

#include <cstddef>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "common/clock.h"
#include "edge/core/rejection.h"
#include "edge/ingest/decoder.h"
#include "edge/ingest/message.h"
#include "edge/ingest/time_zone.h"

namespace stethos::edge {

class LocalClock {
 public:
  explicit LocalClock(TimeZone zone) : zone_(zone) {}

  // Of a record of `channels`, one at least, that came with `message`. `shown_ns`: what the clock showed, as if that were UTC.
  // For each record once, in their order, for the order is remembered.
  std::expected<TimeNs, Rejection> time_of(TimeNs shown_ns, std::string_view device, std::span<const DecodedChannel> channels,
                                           const Message& message);

 private:
  struct Before {
    TimeNs time_ns = 0;
    TimeNs arrived_ns = 0;
    DurationNs pace_ns = 0;  // from the reading before it; 0: none is known
    bool is_lost = false;  // readings have come since whose hour nothing told
  };

  std::optional<TimeNs> told(const TimeZone::Times& times, const std::string& stream, const Message& message) const;
  void remember(TimeNs time_ns, std::string_view device, std::span<const DecodedChannel> channels, const Message& message);

  const TimeZone zone_;
  std::unordered_map<std::string, Before> before_;  // by device and channel; empty but around the hour
};

}  // namespace stethos::edge
