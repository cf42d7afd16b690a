// How a stream's event time is cut into windows. Plain data; its id is a hash of what it says, and names it for ever.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/clock.h"
#include "edge/config/edge_config.h"

namespace stethos::edge {

struct WindowDefinition {
  std::uint64_t id = 0;
  DurationNs length_ns = 0;
  DurationNs offset_ns = 0;
  std::string quantity;  // the filter; empty: any
  std::string device;
  std::vector<std::uint16_t> statistics;  // numbers; not part of the id: they change what is shown, not what is counted

  bool takes(std::string_view of_device, std::string_view of_quantity) const {
    return (device.empty() || device == of_device) && (quantity.empty() || quantity == of_quantity);
  }

  // The start of the window that holds `time`.
  TimeNs start_of(TimeNs time) const {
    const TimeNs shifted = time - offset_ns;
    const TimeNs remainder = shifted % length_ns;
    return time - (remainder < 0 ? remainder + length_ns : remainder);
  }
};

// The configuration has been checked.
std::vector<WindowDefinition> window_definitions(const std::vector<WindowConfig>& configured);

}  // namespace stethos::edge
