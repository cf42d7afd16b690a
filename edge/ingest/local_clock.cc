#include "edge/ingest/local_clock.h"

#include <algorithm>
#include <cstdlib>

#include "common/time_text.h"

namespace stethos::edge {
namespace {

constexpr DurationNs remembered_around = DurationNs{3} * 3'600 * ns_per_s;  // before and after clocks are put back
constexpr std::size_t streams_max = 100'000;
constexpr DurationNs unsteady_max =
    DurationNs{5} * 60 * ns_per_s;  // by which clocks and arrivals may differ from one reading to the next

std::string stream_of(std::string_view device, const DecodedChannel& channel) {
  return std::string(device).append(1, '\n').append(channel.channel);
}

}  // namespace

std::expected<TimeNs, Rejection> LocalClock::time_of(TimeNs shown_ns, std::string_view device,
                                                     std::span<const DecodedChannel> channels, const Message& message) {
  const TimeZone::Times times = zone_.times_of(shown_ns);
  const auto shown = [&] {
    std::string text = format_time(shown_ns);
    return text.substr(0, text.size() - 1) + " of " + zone_.name();
  };
  if (times.shown == TimeZone::Shown::never) {
    return std::unexpected(Rejection{Reason::wrong_type, shown() + " never was: clocks were put forward over it"});
  }
  TimeNs time_ns = times.first_ns;
  if (times.shown == TimeZone::Shown::twice) {
    const std::string stream = stream_of(device, channels.front());
    const auto which = told(times, stream, message);
    if (!which) {
      if (const auto before = before_.find(stream); before != before_.end() && !message.redelivered)
        before->second.is_lost = true;
      return std::unexpected(Rejection{Reason::time_ambiguous, shown() + " was twice: " + format_time(times.first_ns) + " and " +
                                                                   format_time(times.second_ns)});
    }
    time_ns = *which;
  }
  remember(time_ns, device, channels, message);
  return time_ns;
}

std::optional<TimeNs> LocalClock::told(const TimeZone::Times& times, const std::string& stream, const Message& message) const {
  if (message.clock_untrusted) return std::nullopt;
  // A device's clock may be ahead of the node's, by less than this.
  const DurationNs half = (times.second_ns - times.first_ns) / 2;
  if (times.second_ns > message.received_ns + half) return times.first_ns;
  const auto found = before_.find(stream);
  // What is delivered again may be what came before.
  if (found == before_.end() || message.redelivered) return std::nullopt;
  const Before& before = found->second;
  // Of one that came at once it is known how far its device's clock is ahead.
  const bool is_of_backlog = before.arrived_ns - before.time_ns >= half;
  const DurationNs ahead_ns = std::max<DurationNs>(before.time_ns - before.arrived_ns, 0) + unsteady_max;
  if (!is_of_backlog && times.second_ns > message.received_ns + ahead_ns) return times.first_ns;
  if (message.received_ns - before.arrived_ns >= half) {
    if (times.first_ns <= before.time_ns && before.time_ns < times.second_ns) return times.second_ns;
    return std::nullopt;
  }
  if (before.is_lost || (is_of_backlog && before.pace_ns >= half)) return std::nullopt;
  if (before.time_ns < times.first_ns && times.first_ns - before.time_ns < half) return times.first_ns;
  const DurationNs behind_ns = times.second_ns - before.time_ns;
  if (before.time_ns >= times.first_ns && behind_ns < half && behind_ns > (is_of_backlog ? -1 : -half)) return times.second_ns;
  return std::nullopt;
}

void LocalClock::remember(TimeNs time_ns, std::string_view device, std::span<const DecodedChannel> channels,
                          const Message& message) {
  if (!zone_.goes_back_within(2 * remembered_around, time_ns - remembered_around)) {
    if (before_.empty()) return;
    for (const DecodedChannel& channel : channels) before_.erase(stream_of(device, channel));
    return;
  }
  for (const DecodedChannel& channel : channels) {
    const std::string stream = stream_of(device, channel);
    const auto before = before_.find(stream);
    if (before == before_.end() && before_.size() >= streams_max) continue;
    const DurationNs pace_ns = before == before_.end() ? 0 : std::abs(time_ns - before->second.time_ns);
    before_[stream] = {.time_ns = time_ns, .arrived_ns = message.received_ns, .pace_ns = pace_ns};
  }
}

}  // namespace stethos::edge
