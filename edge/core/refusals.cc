#include "edge/core/refusals.h"

#include <limits>
#include <string>

#include "common/shortened.h"
#include "common/time_text.h"
#include "edge/config/edge_rules.h"
#include "edge/core/limits.h"

namespace stethos::edge {
namespace {

constexpr std::size_t name_bytes_max = 48;

// How much later `b` is; as long as a duration can be where it is longer.
DurationNs from_to(TimeNs a, TimeNs b) {
  DurationNs between = 0;
  return __builtin_sub_overflow(b, a, &between) ? std::numeric_limits<DurationNs>::max() : between;
}

std::string shown_name(std::string_view text) { return '"' + shortened(text, name_bytes_max) + '"'; }

}  // namespace

Rejection bad_name(std::string_view whose, std::string_view name) {
  const std::string which = std::string(whose) + " name ";
  if (name.empty()) return {Reason::bad_name, which + "is empty"};
  return {Reason::bad_name, which + shown_name(name) + ' ' + objection_to_plant_name(name)};
}

Rejection bad_quantity(std::string_view quantity) {
  if (quantity.empty()) return {Reason::bad_name, "the quantity is empty"};
  return {Reason::bad_name, "the quantity " + shown_name(quantity) + ' ' + objection_to_name(quantity)};
}

Rejection bad_unit(std::string_view unit) {
  if (unit.empty()) return {Reason::bad_name, "the unit is empty"};
  return {Reason::bad_name, "the unit " + shown_name(unit) + ' ' + objection_to_plant_name(unit)};
}

Rejection time_past(TimeNs time, TimeNs earliest) {
  return {Reason::time_past,
          "its stamp is " + format_time(time) + ", " + format_roughly(from_to(time, earliest)) + " before time.earliest"};
}

Rejection beyond_all_time(TimeNs time) {
  return {Reason::time_future,
          "its time is " + format_time(time) + ", and no window reaches beyond " + format_time(stamp_ns_max)};
}

Rejection unknown_stream(std::string_view device, std::string_view channel) {
  return {Reason::unknown_stream, std::string(device) + "/" + std::string(channel)};
}

Rejection time_future(std::string_view what, TimeNs time, TimeNs clock, DurationNs future_max) {
  return {Reason::time_future, std::string(what) + " is " + format_time(time) + ", " + format_roughly(from_to(clock, time)) +
                                   " ahead of the clock of this node; time.future_max allows " + format_duration(future_max)};
}

}  // namespace stethos::edge
