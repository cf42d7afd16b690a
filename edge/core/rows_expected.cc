#include "edge/core/rows_expected.h"

#include <algorithm>
#include <string_view>
#include <tuple>

#include "edge/core/limits.h"
#include "edge/core/part.h"

namespace stethos::edge {
namespace {

// What a message has of one channel: how many blocks or readings, and the times from the first to the last of them. What is
// refused lies in no window.
struct Extent {
  std::string_view quantity;
  std::uint64_t refused = 0;
  std::uint64_t count = 0;
  TimeNs first_ns = time_max;
  TimeNs last_ns = time_min;
};

// Between two times that may lie as far apart as numbers go.
std::uint64_t distance(TimeNs first_ns, TimeNs last_ns) {
  return static_cast<std::uint64_t>(last_ns) - static_cast<std::uint64_t>(first_ns);
}

// Of each window in which a sample may lie, one; and of each that is open when it is due to be sent unfinished.
std::uint64_t rows_of(const WindowDefinition& definition, const Extent& extent) {
  if (!definition.is_on_grid()) return extent.count;
  const std::uint64_t span_ns = distance(extent.first_ns, extent.last_ns);
  const std::uint64_t of_one = definition.windows_of_one();
  std::uint64_t rows = std::min(extent.count * of_one, span_ns / static_cast<std::uint64_t>(definition.hop_ns) + 1 + of_one);
  if (definition.emit_every_ns > 0) {
    rows += std::min(extent.count, span_ns / static_cast<std::uint64_t>(definition.emit_every_ns) + 1) * of_one;
  }
  return rows;
}

void add_to(Extent& extent, const DecodedChannel& channel) {
  extent.quantity = channel.quantity;
  const bool is_block = !channel.reading && channel.interval_ns > 0;
  if (channel.rejected) {
    extent.refused += is_block ? 1 : sample_count(channel);
    return;
  }
  extent.count += is_block ? 1 : sample_count(channel);
  const auto [first, last] = std::ranges::minmax_element(channel.times_ns);
  extent.first_ns = std::min(extent.first_ns, channel.times_ns.empty() ? channel.start_ns : *first);
  extent.last_ns = std::max(extent.last_ns, channel.times_ns.empty() ? channel.start_ns : *last);
}

std::uint64_t rows_of(std::string_view device, const Extent& extent, const std::vector<WindowDefinition>& definitions) {
  std::uint64_t rows = 1 + (extent.count + extent.refused) / readings_a_row;
  if (extent.count == 0) return rows;
  for (const WindowDefinition& definition : definitions) {
    if (definition.takes(device, extent.quantity)) rows += rows_of(definition, extent);
  }
  return rows;
}

}  // namespace

std::uint64_t rows_expected(std::span<const DecodedMessage> messages, const std::vector<WindowDefinition>& definitions) {
  std::uint64_t rows = 0;
  std::vector<const DecodedChannel*> channels;
  const auto stream_of = [](const DecodedChannel* channel) { return std::tie(channel->channel, channel->quantity); };
  for (const DecodedMessage& message : messages) {
    // Records of a document are channels of one name, each with one reading.
    channels.clear();
    for (const DecodedChannel& channel : message.channels) channels.push_back(&channel);
    std::ranges::sort(channels, {}, stream_of);
    for (auto first = channels.begin(); first != channels.end();) {
      Extent extent;
      auto end = first;
      for (; end != channels.end() && stream_of(*end) == stream_of(*first); ++end) add_to(extent, **end);
      rows += rows_of(message.device, extent, definitions);
      first = end;
    }
  }
  return rows;
}

}  // namespace stethos::edge
