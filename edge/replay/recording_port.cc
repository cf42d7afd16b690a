#include "edge/replay/recording_port.h"

#include <algorithm>
#include <utility>

namespace stethos::edge {

void RecordingPort::poll(DurationNs /*timeout*/, std::vector<Message>& batch) {
  if (at_end_ || paused_) return;
  const auto more = feed_->next(fed_);
  if (!more) status_ = std::unexpected(more.error());
  at_end_ = !more || !*more;
  if (at_end_) return;
  position_ = feed_->position();
  for (const FedMessage& each : fed_) {
    Message message;
    message.decoded = &each.decoded;
    message.received_ns = each.received_ns;
    message.clock_untrusted = each.clock_untrusted;
    batch.push_back(message);
    const bool was_corrected = std::exchange(clock_untrusted_, each.clock_untrusted) != each.clock_untrusted;
    now_ns_ = was_corrected ? each.received_ns : std::max(now_ns_, each.received_ns);
    if (!each.decoded.channels.empty()) ++messages_;
    for (const DecodedChannel& channel : each.decoded.channels) samples_ += sample_count(channel);
  }
}

bool RecordingPort::publish(std::string_view /*topic*/, std::span<const std::uint8_t> /*payload*/) { return true; }

RecordingPlace parse_place(const std::string& position) {
  const auto line_end = position.find('\n');
  if (line_end == std::string::npos) return {};
  return {position.substr(0, line_end), position.substr(line_end + 1)};
}

}  // namespace stethos::edge
