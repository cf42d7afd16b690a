#include <algorithm>
#include <limits>

#include "edge/core/intake.h"
#include "edge/core/limits.h"
#include "edge/core/refusals.h"
#include "schemas/names.h"

// What one channel of a message becomes: a block or readings of its stream, or a dead letter.
namespace stethos::edge {
namespace {

// A block has one time for all its samples; readings have one each.
bool is_block(const DecodedChannel& channel) { return !channel.reading && channel.interval_ns > 0; }

Rejection unit_differs(const DecodedChannel& channel, std::string_view quantity, std::string_view unit) {
  return {Reason::unit_differs, std::string(channel.quantity) + " in " + std::string(channel.unit) + " where " +
                                    std::string(quantity) + " in " + std::string(unit) + " is declared"};
}

}  // namespace

// Counts all that the message has for a channel, if that has a stream.
void Intake::leave_unplaced(Device& device, const DecodedChannel& channel, Unplaced how) {
  const std::uint64_t samples = sample_count(channel);
  if (samples == 0 || !schema::is_plant_name(channel.channel)) return;
  if (const ChannelRoute* route = registry_.find_channel(device, channel.channel)) leave_unplaced(route->stream, how, samples);
}

void Intake::leave_unplaced(StreamId stream, Unplaced how, std::uint64_t samples) {
  samples_decoded_[stream] += samples;
  arrivals_->list.emplace_back(SamplesUnplaced{stream, how, samples});
}

std::optional<Rejection> Intake::check_channel(const Message& message, const DecodedChannel& channel) const {
  if (channel.rejected) return channel.rejected;
  if (!schema::is_plant_name(channel.channel)) return bad_name("a channel's", channel.channel);
  if (!schema::is_name(channel.quantity)) return bad_quantity(channel.quantity);
  if (!schema::is_plant_name(channel.unit)) return bad_unit(channel.unit);
  const std::uint64_t samples = sample_count(channel);
  if (samples == 0) return Rejection{Reason::empty, "no samples"};
  TimeNs last = channel.times_ns.empty() ? channel.start_ns : channel.times_ns.back();
  if (!channel.reading && channel.interval_ns != 0) {
    const double duration = channel.interval_ns * static_cast<double>(samples - 1);
    const bool plausible =
        channel.interval_ns >= 1 && channel.interval_ns <= interval_ns_max && duration <= block_duration_ns_max;
    if (!plausible) {  // NaN included
      return Rejection{Reason::bad_times, "a sampling interval of " + std::to_string(channel.interval_ns) + " ns"};
    }
    if (__builtin_add_overflow(last, static_cast<TimeNs>(duration), &last)) return beyond_all_time(time_max);
  }
  const TimeNs earliest = std::max(config_.time_earliest, -stamp_ns_max);
  if (channel.start_ns < earliest) return time_past(channel.start_ns, earliest);
  if (last > stamp_ns_max) return beyond_all_time(last);
  if (is_in_future(message, last))
    return too_far_ahead(message, last == channel.start_ns ? "its stamp" : "its last sample", last);
  return std::nullopt;
}

// Where the table says nothing, a channel is what the device or the configuration called it first. Another name is believed of a
// device that has started anew, and of the configuration once it does not say the first one any more.
std::expected<ChannelRoute*, Rejection> Intake::route_for(Device& device, const DecodedChannel& channel,
                                                          const PointEntry* entry) {
  if (entry == nullptr && config_.points_required) {
    return std::unexpected(unknown_stream(device.name, channel.channel));
  }
  if (entry != nullptr && (channel.quantity != entry->quantity || channel.unit != entry->unit)) {
    return std::unexpected(unit_differs(channel, entry->quantity, entry->unit));
  }
  ChannelRoute* route = device.find(channel.channel);
  if (route == nullptr) {
    const auto added = registry_.add_channel(device, channel.channel);
    if (!added) return std::unexpected(added.error());
    route = *added;
  }
  if (entry != nullptr) return route;
  if (route->quantity != channel.quantity || route->unit != channel.unit) {
    if (route->described_in_epoch && decoded_.epoch <= *route->described_in_epoch) {
      return std::unexpected(unit_differs(channel, route->quantity, route->unit));
    }
    route->quantity = channel.quantity;
    route->unit = channel.unit;
  }
  route->described_in_epoch = std::max(route->described_in_epoch.value_or(0), decoded_.epoch);
  return route;
}

void Intake::refuse_channel(std::size_t index, Device& device, const DecodedChannel& channel, const Rejection& rejection) {
  leave_unplaced(device, channel, Unplaced::rejected);
  const std::string_view name = schema::is_plant_name(channel.channel) ? channel.channel : std::string_view();
  letters_.write_channel(index, rejection, device.name, name);
}

// Placing hears of what a stream is before the first of its samples, and again whenever that is another. Returns the version.
std::uint64_t Intake::tell(ChannelRoute& route, const Device& device, const PointEntry* entry) {
  PointEntry own;
  if (entry == nullptr) {
    own = described_by_itself(device.name, route.channel, route.quantity, route.unit);
    entry = &own;
  }
  if (route.told_version != entry->version || route.told_epoch != route.described_in_epoch) {
    arrivals_->list.emplace_back(StreamDescribed{route.stream, arrivals_->descriptions.size(), route.described_in_epoch});
    arrivals_->descriptions.push_back(*entry);
    route.told_version = entry->version;
    route.told_epoch = route.described_in_epoch;
  }
  return entry->version;
}

void Intake::take_channel(const Message& message, std::size_t index, Device& device, const Origin& origin,
                          const DecodedChannel& channel) {
  if (auto rejection = check_channel(message, channel)) return refuse_channel(index, device, channel, *rejection);
  const ChannelRoute* known = registry_.find_channel(device, channel.channel);
  const auto* entries = known != nullptr ? known->entries : registry_.entries_of(device, channel.channel);
  const PointEntry* entry = valid_at(entries, channel.start_ns);
  const auto found = route_for(device, channel, entry);
  if (!found) return refuse_channel(index, device, channel, found.error());
  ChannelRoute& route = **found;
  const TimeNs last_ns = channel.times_ns.empty() ? channel.start_ns : channel.times_ns.back();
  expect_rows_of(route.stream, last_ns - config_.time_watermark_delay);
  const bool was_late = message.again != nullptr && message.again->is_counted_late();
  const Source source{index, sample_count(channel), origin, message.received_ns, message.clock_untrusted, was_late};
  if (is_block(channel)) {
    take_block(route, device, source, entry, channel, message.again != nullptr);
  } else {
    take_readings(route, device, source, channel);
  }
}

// Readings of one message may lie on both sides of a valid_from.
void Intake::take_readings(ChannelRoute& route, const Device& device, const Source& source, const DecodedChannel& channel) {
  for (std::size_t i = 0; i < sample_count(channel); ++i) {
    const TimeNs time_ns = channel.times_ns.empty() ? channel.start_ns : channel.times_ns[i];
    const PointEntry* entry = valid_at(route.entries, time_ns);
    if (entry != nullptr && (channel.quantity != entry->quantity || channel.unit != entry->unit)) {
      leave_unplaced(route.stream, Unplaced::rejected, 1);
      letters_.write_once(source.message, unit_differs(channel, entry->quantity, entry->unit), route.stream, device.name);
      continue;
    }
    const double value = channel.reading ? *channel.reading : kernels::sample_of(channel.samples, i);
    tell(route, device, entry);
    if (entry != nullptr) speeds_.note(*entry, time_ns, value, effect_->speeds);
    ++samples_decoded_[route.stream];
    arrivals_->list.emplace_back(ReadingArrived{
        .stream = route.stream, .source = source, .time_ns = time_ns, .value = value, .identity = channel.identity});
  }
}

}  // namespace stethos::edge
