// What must hold of a batch, and of a row, beyond being well-formed FlatBuffers.
//
// Pure; any thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string_view>

#include "common/clock.h"
#include "common/result.h"
#include "schemas/envelope.h"

namespace stethos::collector {

inline constexpr std::size_t lanes_per_batch_max = 16;
inline constexpr std::size_t parameters_per_provenance_max = 4'096;
// Far enough from the end of what TimeNs holds that a window's end, and every way to write it, is a time too.
inline constexpr TimeNs plausible_time_max = std::numeric_limits<TimeNs>::max() - 400LL * 86'400 * ns_per_s;
inline TimeNs plausible_time(TimeNs time) { return std::clamp(time, -plausible_time_max, plausible_time_max); }

inline std::string_view view(const flatbuffers::String* text) {
  return text == nullptr ? std::string_view{} : text->string_view();
}

// Names, numbers and ranges of the envelope; the bodies of rows are not looked at.
Status check_batch(const schema::UplinkBatch& batch);

// Why a row that verifies is refused all the same; empty: it is not.
std::string_view objection(const schema::WindowRow& row);
// Of a node's own.
std::string_view objection_to_live(const schema::WindowRow& row);
// Of a replay, to a node that has offered everything until then.
std::string_view objection_to_replayed(const schema::WindowRow& row, TimeNs offered_until);
std::string_view objection(const schema::StreamRow& row);
std::string_view objection(const schema::ProvenanceRow& row);
std::string_view objection(const schema::GapRow& row);
std::string_view objection(const schema::EventRow& row);
std::string_view objection(const schema::SilenceRow& row);
std::string_view objection(const schema::AlarmRow& row);

}  // namespace stethos::collector
