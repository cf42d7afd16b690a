// Numbers of a document of which a double does not hold all: times, and those that identify a reading. Pure; any thread.
#pragma once

#include <simdjson.h>

#include <expected>
#include <string>

#include "common/clock.h"
#include "edge/config/edge_config.h"
#include "edge/core/rejection.h"

namespace stethos::edge {

// Of one in `s`, `ms` or `us`; of every other unit 1.
DurationNs ns_of(TimeUnit unit);

// The time that a number says which counts units since 1970, in quotes or not. `name`: what the document calls it.
std::expected<TimeNs, Rejection> counted_time(simdjson::dom::element value, TimeUnit unit, const std::string& name);

// Whether the value, or something in it, may have become what it is from several that were written otherwise: a number of more
// than 15 digits that is not whole or is beyond 64 bits, and a null, which `nan` and what is beyond all numbers have become.
bool may_stand_for_another(simdjson::dom::element value);

}  // namespace stethos::edge
