// Times and durations as people write them.
#pragma once

#include <string>
#include <string_view>

#include "common/clock.h"
#include "common/result.h"

namespace stethos {

// "2026-11-21T10:00:00.5Z", also with a space for the T, small letters, up to nine digits of fraction, a zone of Z, +hh:mm or
// +hh, or none, which is UTC; a date alone is its midnight. Years 1678 to 2261.
Result<TimeNs> parse_time(std::string_view text);

// The same, and whether a zone was given: if not, `time_ns` is what a clock shows, as if that were UTC.
struct WrittenTime {
  TimeNs time_ns = 0;
  bool has_zone = false;
};
Result<WrittenTime> parse_written_time(std::string_view text);

// "2026-11-21T10:00:00.500Z": milliseconds, or nine digits where there is more to say.
std::string format_time(TimeNs time);

// "250ms", "1.5s", "10m", "2h", "7d", "40us", "5ns"; a sign is allowed, a bare number (but 0) is not.
Result<DurationNs> parse_duration(std::string_view text);

// The shortest exact form that parse_duration reads: "250ms", "1m", "90s".
std::string format_duration(DurationNs duration);

// For people, of a duration that is not negative: its two largest units, rounded down: "2 d 3 h", "59 min 12 s", "850 ms".
std::string format_roughly(DurationNs duration);

}  // namespace stethos
