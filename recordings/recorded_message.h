// A message as the core of an edge takes it: decoded, and stamped with its arrival. What our own recordings consist of.
//
// Nothing is owned: a writer has taken what it needs when it returns, and what a reader gives points into the reader.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

#include "common/clock.h"

namespace stethos::recordings {

// value = scale * raw + offset
struct ScaledSamples {
  std::span<const std::int16_t> raw;
  double scale = 1;
  double offset = 0;
};

// f64: readings as exact as they came.
using RecordedSamples = std::variant<std::span<const float>, ScaledSamples, std::span<const double>>;

struct RecordedChannel {
  std::string_view channel;
  std::string_view quantity;
  std::string_view unit;
  TimeNs start_ns = 0;                     // of the block, or of the one reading
  double interval_ns = 0;                  // between the samples of a block; 0: readings
  std::span<const TimeNs> times_ns;        // of readings, where there are several: as many as samples, else empty
  std::optional<std::uint64_t> identity;   // of the one reading
  bool identity_is_alone = false;          // its device does not stamp it
  bool is_stamped_by_arrival = false;      // it has no time of its own
  double shaft_hz = 0;                     // turns a second that the device said with the block; 0: it said nothing
  std::string_view rejected;               // why its decoder refused it: its samples are counted, not used; empty: it did not
  RecordedSamples samples;
};

struct RecordedMessage {
  std::string_view device;
  std::uint64_t epoch = 0;       // 0: the format has no sequence
  std::uint64_t sequence = 0;
  std::uint64_t lowest_held = 0;
  TimeNs complete_until_ns = 0;  // 0: not said
  TimeNs received_ns = 0;
  bool clock_untrusted = false;  // received_ns is by a clock that was not known to be right
  std::span<const RecordedChannel> channels;
};

}  // namespace stethos::recordings
