// When what a row of the outbox tells of happened: what a person means who asks for a span of time.
//
// Pure; any thread.
#pragma once

#include <optional>

#include "common/clock.h"
#include "schemas/envelope.h"

namespace stethos::edge {

// The start of a window, the activation of an alarm, when a gap was noticed, when an event was. Nothing: it is of no time (what a
// stream is, what computed the rows), or it is not known, for the node's clock was not known to be right, or it is of a kind that
// this program does not know.
std::optional<TimeNs> event_time_of(schema::RowKind kind, schema::Bytes body);

}  // namespace stethos::edge
