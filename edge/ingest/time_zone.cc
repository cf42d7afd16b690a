#include "edge/ingest/time_zone.h"

#include <chrono>

namespace stethos::edge {
namespace {

using Second = cctz::time_point<cctz::seconds>;

cctz::civil_second civil_of(std::int64_t second) { return cctz::convert(Second(cctz::seconds(second)), cctz::utc_time_zone()); }

}  // namespace

std::optional<TimeZone> TimeZone::find(const std::string& name) {
  cctz::time_zone zone;
  // A path of a file would be taken for a zone, and so would what the machine's own zone happens to be.
  const bool is_path = name.starts_with('/') || name.contains(':') || name.contains("..");
  if (name.empty() || is_path || name == "localtime" || !cctz::load_time_zone(name, &zone)) return std::nullopt;
  return TimeZone(zone);
}

TimeZone::Times TimeZone::times_of(TimeNs shown_ns) const {
  const auto second = std::chrono::floor<cctz::seconds>(std::chrono::nanoseconds(shown_ns)).count();
  const TimeNs fraction_ns = (shown_ns % ns_per_s + ns_per_s) % ns_per_s;
  const auto found = zone_.lookup(civil_of(second));
  const auto ns_of = [&](Second time) { return time.time_since_epoch().count() * ns_per_s + fraction_ns; };
  switch (found.kind) {
    case cctz::time_zone::civil_lookup::UNIQUE:
      break;
    case cctz::time_zone::civil_lookup::SKIPPED:
      return {.shown = Shown::never};
    case cctz::time_zone::civil_lookup::REPEATED:
      return {.shown = Shown::twice, .first_ns = ns_of(found.pre), .second_ns = ns_of(found.post)};
  }
  return {.first_ns = ns_of(found.pre)};
}

bool TimeZone::goes_back_within(DurationNs duration, TimeNs time_ns) const {
  const Second second =
      std::chrono::floor<cctz::seconds>(cctz::time_point<std::chrono::nanoseconds>(std::chrono::nanoseconds(time_ns)));
  cctz::time_zone::civil_transition change;
  if (!zone_.next_transition(second, &change) || change.from < change.to) return false;
  return zone_.lookup(change.to).trans - second <= std::chrono::nanoseconds(duration);
}

}  // namespace stethos::edge
