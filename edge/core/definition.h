// How a stream's event time is cut into windows. Plain data; its id is a hash of what it says, and names it for ever.
//
// Tumbling and hopping windows lie on a grid and are merged from panes, the slices that they share: a tumbling window is one
// pane. A session ends where the stream pauses for `length_ns`; a count window holds `samples` samples: both are one pane.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "edge/config/edge_config.h"
#include "schemas/rows_generated.h"

namespace stethos::edge {

struct WindowDefinition {
  std::uint64_t id = 0;
  schema::WindowKind kind = schema::WindowKind::tumbling;
  DurationNs length_ns = 0;  // session: of the pause that ends it
  DurationNs hop_ns = 0;     // from start to start, at most the length; tumbling: the length; else 0
  DurationNs slice_ns = 0;   // of a pane: what length and hop are multiples of; else 0
  DurationNs offset_ns = 0;
  std::uint64_t samples = 0;  // count: a window ends with the block that reaches them
  std::string quantity;       // the filter; empty: any
  std::string device;
  // Not part of the id: these change what is shown of what came from then on, and when; not what is counted.
  std::vector<std::uint16_t> statistics;  // numbers
  std::vector<std::pair<std::string, double>> quantiles;  // what rows call them, and of what share
  bool shows_features = false;            // statistics of single blocks
  bool shows_validity = false;
  DurationNs emit_every_ns = 0;           // of event time; 0: unfinished windows are sent when their stream is idle only

  bool operator==(const WindowDefinition&) const = default;

  bool shows(std::uint16_t statistic) const { return std::ranges::find(statistics, statistic) != statistics.end(); }

  bool takes(std::string_view of_device, std::string_view of_quantity) const {
    return (device.empty() || device == of_device) && (quantity.empty() || quantity == of_quantity);
  }

  // The rest is for windows on a grid.
  bool is_on_grid() const { return kind == schema::WindowKind::tumbling || kind == schema::WindowKind::hopping; }
  TimeNs slice_of(TimeNs time) const { return at_or_before(time, slice_ns); }
  // In so many windows one sample may lie.
  std::uint64_t windows_of_one() const { return static_cast<std::uint64_t>((length_ns + hop_ns - 1) / hop_ns); }
  // The starts of the first and the last window that hold `time`.
  TimeNs last_start(TimeNs time) const { return at_or_before(time, hop_ns); }
  TimeNs first_start(TimeNs time) const {
    const TimeNs last = last_start(time);
    return last - (last + length_ns - time - 1) / hop_ns * hop_ns;
  }
  // The start of the first window that ends after `watermark`.
  TimeNs first_open(TimeNs watermark) const { return last_start(watermark - length_ns) + hop_ns; }

  // The start of the first window that lies wholly behind the slice that starts at `slice`, and how many there are from that
  // start on that end by `end`.
  TimeNs first_behind(TimeNs slice) const { return last_start(slice + slice_ns - 1) + hop_ns; }
  std::uint64_t count_from(TimeNs start, TimeNs end) const {
    return end - start < length_ns ? 0 : static_cast<std::uint64_t>((end - start - length_ns) / hop_ns) + 1;
  }

 private:
  TimeNs at_or_before(TimeNs time, DurationNs step) const {
    const TimeNs remainder = (time - offset_ns) % step;
    return time - (remainder < 0 ? remainder + step : remainder);
  }
};

// Has the definition show every statistic; quantiles as before.
void show_all(WindowDefinition& definition);

// The configuration has been checked.
std::vector<WindowDefinition> window_definitions(const std::vector<WindowConfig>& configured);

}  // namespace stethos::edge
