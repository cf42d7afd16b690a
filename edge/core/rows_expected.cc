#include "edge/core/rows_expected.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "edge/core/limits.h"
#include "edge/core/part.h"

namespace stethos::edge {
namespace {

// Fewer are not worth to be gathered by name: what they bring forth is reckoned too high, by a little.
constexpr std::size_t channels_reckoned_singly_max = 16;

// What a message has of one channel: how many blocks or readings, and the times from the first to the last of them.
struct Extent {
  std::string_view quantity;
  std::uint64_t count = 0;
  TimeNs first_ns = time_max;
  TimeNs last_ns = time_min;
};

// Between two times that may lie as far apart as numbers go.
std::uint64_t distance(TimeNs first_ns, TimeNs last_ns) {
  return static_cast<std::uint64_t>(last_ns) - static_cast<std::uint64_t>(first_ns);
}

std::uint64_t windows_touched(const WindowDefinition& definition, const Extent& extent) {
  if (!definition.is_on_grid()) return extent.count;
  const auto hop_ns = static_cast<std::uint64_t>(definition.hop_ns);
  const std::uint64_t of_one = (static_cast<std::uint64_t>(definition.length_ns) + hop_ns - 1) / hop_ns;
  return std::min(extent.count * of_one, distance(extent.first_ns, extent.last_ns) / hop_ns + 1 + of_one);
}

void add_to(Extent& extent, const DecodedChannel& channel) {
  extent.quantity = channel.quantity;
  const bool is_block = !channel.reading && channel.interval_ns > 0;
  extent.count += is_block ? 1 : sample_count(channel);
  const auto [first, last] = std::ranges::minmax_element(channel.times_ns);
  extent.first_ns = std::min(extent.first_ns, channel.times_ns.empty() ? channel.start_ns : *first);
  extent.last_ns = std::max(extent.last_ns, channel.times_ns.empty() ? channel.start_ns : *last);
}

std::uint64_t rows_of(std::string_view device, const Extent& extent, const std::vector<WindowDefinition>& definitions) {
  std::uint64_t rows = 1 + extent.count / readings_a_row;
  for (const WindowDefinition& definition : definitions) {
    if (definition.takes(device, extent.quantity)) rows += windows_touched(definition, extent);
  }
  return rows;
}

}  // namespace

std::uint64_t rows_expected(std::span<const DecodedMessage> messages, const std::vector<WindowDefinition>& definitions) {
  std::uint64_t rows = 0;
  for (const DecodedMessage& message : messages) {
    if (message.channels.size() <= channels_reckoned_singly_max) {
      for (const DecodedChannel& channel : message.channels) {
        Extent extent;
        add_to(extent, channel);
        rows += rows_of(message.device, extent, definitions);
      }
      continue;
    }
    // Records of a document are channels of one name, each with one reading.
    std::unordered_map<std::string_view, Extent> extents;
    for (const DecodedChannel& channel : message.channels) add_to(extents[channel.channel], channel);
    for (const auto& [name, extent] : extents) rows += rows_of(message.device, extent, definitions);
  }
  return rows;
}

}  // namespace stethos::edge
