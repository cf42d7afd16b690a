#include "edge/core/registry.h"

#include <algorithm>

#include "edge/core/limits.h"
#include "edge/ingest/topic_filter.h"

namespace stethos::edge {

ChannelRoute* Device::find(std::string_view channel) {
  const auto found = std::ranges::find(channels, channel, &ChannelRoute::channel);
  return found == channels.end() ? nullptr : &*found;
}

Registry::Registry(const EdgeConfig& config, const PointTable& points, const std::vector<WindowDefinition>& definitions)
    : config_(config), points_(points), definitions_(definitions) {}

void Registry::restore(const SavedState& saved) {
  const auto device_of = [&](const std::string& name) -> Device& {
    const auto known = devices_.find(name);
    return known == devices_.end() ? make_device(name) : *known->second;
  };
  for (const DeviceSequences& device : saved.devices) device_of(device.device).sequences = SequenceTracker(device.epochs);
  for (const Stream& stream : saved.streams) {
    Device& device = device_of(stream.device);
    ChannelRoute& route = make_channel(device, stream.channel, stream.id);
    route.quantity = stream.quantity;
    route.unit = stream.unit;
    if (!device.sequences.epochs().empty()) route.described_in_epoch = device.sequences.epochs().back().epoch;
  }
}

std::optional<std::size_t> Registry::subscription_of(std::string_view topic) {
  if (const auto known = topics_.find(topic); known != topics_.end()) return known->second;
  const auto takes = [&](const SubscriptionConfig& each) { return topic_matches(each.topic, topic); };
  const auto found = std::ranges::find_if(config_.subscriptions, takes);
  const auto index = found == config_.subscriptions.end()
                         ? std::nullopt
                         : std::optional(static_cast<std::size_t>(found - config_.subscriptions.begin()));
  if (topics_.size() < topics_known_max) topics_.emplace(topic, index);
  return index;
}

std::expected<Device*, Rejection> Registry::device_for(std::string_view name) {
  if (const auto found = devices_.find(name); found != devices_.end()) return found->second.get();
  if (devices_.size() >= static_cast<std::size_t>(config_.ingest_devices_max)) {
    return std::unexpected(Rejection{Reason::too_many_devices, "ingest.devices_max is reached"});
  }
  return &make_device(name);
}

Device& Registry::make_device(std::string_view name) {
  auto& device = devices_.emplace(name, std::make_unique<Device>()).first->second;
  device->name = name;
  // A count window holds what its device sent in a row, in whatever order the line brings it.
  device->any_order = std::ranges::none_of(definitions_, [&](const WindowDefinition& definition) {
    return definition.kind == schema::WindowKind::count && (definition.device.empty() || definition.device == name);
  });
  return *device;
}

std::expected<ChannelRoute*, Rejection> Registry::add_channel(Device& device, std::string_view channel) {
  if (stream_count_ >= static_cast<std::size_t>(config_.ingest_streams_max)) {
    return std::unexpected(Rejection{Reason::too_many_streams, "ingest.streams_max is reached"});
  }
  return &make_channel(device, channel, last_stream_ + 1);
}

ChannelRoute& Registry::make_channel(Device& device, std::string_view channel, StreamId stream) {
  ++stream_count_;
  last_stream_ = std::max(last_stream_, stream);
  ChannelRoute& route = device.channels.emplace_back();
  route.channel = channel;
  route.stream = stream;
  route.entries = entries_of(device, channel);
  return route;
}

const std::vector<PointEntry>* Registry::entries_of(const Device& device, std::string_view channel) const {
  return points_.entries_of(device.name, channel);
}

}  // namespace stethos::edge
