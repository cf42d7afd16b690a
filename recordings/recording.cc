#include "recordings/recording.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace stethos::recordings {

Status check_block_samples(const std::string& path, std::size_t block_samples) {
  if (block_samples > 0 && block_samples <= block_samples_max) return {};
  return fail(Code::invalid, "reading " + path, "a block has 1 to " + std::to_string(block_samples_max) + " samples");
}

TimeNs last_sample_ns(const ChannelData& channel) {
  if (!channel.times_ns.empty()) return channel.times_ns.back();
  if (channel.samples.empty()) return channel.start_ns;
  return channel.start_ns + std::llround(static_cast<double>(channel.samples.size() - 1) * channel.interval_ns);
}

Result<TimeSpan> read_time_span(Recording& recording) {
  TimeSpan span{std::numeric_limits<TimeNs>::max(), std::numeric_limits<TimeNs>::min()};
  Record record;
  while (true) {
    const auto more = recording.next(record);
    if (!more) return std::unexpected(more.error());
    if (!*more) break;
    for (const ChannelData& channel : record.channels) {
      span.first_ns = std::min(span.first_ns, channel.start_ns);
      span.last_ns = std::max(span.last_ns, last_sample_ns(channel));
    }
  }
  if (span.first_ns > span.last_ns) return fail(Code::invalid, "reading a recording", "it is empty");
  return span;
}

}  // namespace stethos::recordings
