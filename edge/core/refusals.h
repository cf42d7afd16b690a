// What is said of a refusal, for a person who has to find its cause: what was there, and what may be. It holds what the device
// sent, cut but as it came: who shows it makes it printable.
#pragma once

#include <string_view>

#include "common/clock.h"
#include "edge/core/rejection.h"

namespace stethos::edge {

// `whose`: "the device's". Names and units are none by schema::is_plant_name, quantities by schema::is_name.
Rejection bad_name(std::string_view whose, std::string_view name);
Rejection bad_quantity(std::string_view quantity);
Rejection bad_unit(std::string_view unit);

// A stream that the point table does not have, where it must.
Rejection unknown_stream(std::string_view device, std::string_view channel);

Rejection time_past(TimeNs time, TimeNs earliest);

// Later than limits.h lets any stamp be.
Rejection beyond_all_time(TimeNs time);

// `what`: "its stamp". It is later than `clock` by more than `future_max`.
Rejection time_future(std::string_view what, TimeNs time, TimeNs clock, DurationNs future_max);

}  // namespace stethos::edge
