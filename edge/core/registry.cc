#include "edge/core/registry.h"

#include <algorithm>

#include "edge/core/limits.h"
#include "edge/ingest/declared.h"

namespace stethos::edge {
namespace {

constexpr DurationNs scan_interval_ns = ns_per_s;

}  // namespace

ChannelRoute* Device::find(std::string_view channel) {
  const auto found = std::ranges::find(channels, channel, &ChannelRoute::channel);
  return found == channels.end() ? nullptr : &*found;
}

Registry::Registry(const EdgeConfig& config, const PointTable& points, const std::vector<WindowDefinition>& definitions,
                   const Forgetting& forgetting, Remembered& remembered)
    : config_(config),
      points_(points),
      definitions_(definitions),
      forgetting_(forgetting),
      remembered_(remembered),
      topics_(config) {}

void Registry::restore(const SavedState& saved, KeptBytes& kept_bytes) {
  const auto device_of = [&](const std::string& name) -> Device& {
    const auto known = devices_.find(name);
    return known == devices_.end() ? make_device(name) : *known->second;
  };
  last_stream_ = saved.last_stream;
  for (const DeviceSequences& each : saved.devices) {
    Device& device = device_of(each.device);
    device.sequences = SequenceTracker(each.epochs);
    device.heard_ns = each.heard_ns;
  }
  for (const Stream& stream : saved.streams) {
    Device& device = device_of(stream.device);
    ChannelRoute& route = make_channel(device, stream.channel, stream.id);
    route.quantity = stream.quantity;
    route.unit = stream.unit;
    // Where it has sequences and nothing is known, it spoke by a clock that was not known to be right.
    if (device.heard_ns || device.sequences.epochs().empty()) device.heard_ns = std::max(device.heard_ns, stream.heard_ns);
    route.described_in_epoch = stream.described_in_epoch;
    if (route.described_in_epoch == 0u && !is_declared(stream)) route.described_in_epoch.reset();
    if (const auto kept = saved.joined.find(stream.id); kept != saved.joined.end()) {
      route.joined = std::make_unique<JoinedBlocks>(kept_bytes);
      route.joined->restore(kept->second);
    }
  }
}

// Whether a subscription still gives this channel this name. Several may, each another: whose was first counts, in every run.
bool Registry::is_declared(const Stream& stream) const {
  return std::ranges::any_of(config_.subscriptions, [&](const SubscriptionConfig& subscription) {
    const auto field = declared_by(subscription, stream.device, stream.channel);
    return field && field->quantity == stream.quantity && field->unit == stream.unit;
  });
}

Device* Registry::find_device(std::string_view name) {
  const auto found = devices_.find(name);
  return found == devices_.end() ? nullptr : found->second.get();
}

std::expected<Device*, Rejection> Registry::device_for(std::string_view name) {
  if (Device* known = find_device(name)) return known;
  if (devices_.size() >= static_cast<std::size_t>(config_.ingest_devices_max)) {
    return std::unexpected(Rejection{Reason::too_many_devices, "ingest.devices_max is reached"});
  }
  auto known = remembered_.forgotten_device(name);
  if (!known) asked_ = std::unexpected(known.error());
  Device& device = make_device(name);
  if (known && *known) {
    device.sequences = SequenceTracker(std::move((*known)->epochs));
    returned_devices_.push_back(&device);
  }
  return &device;
}

void Registry::begin_batch(std::vector<Stream>& returned) {
  returned_ = &returned;
  returned_devices_.clear();
  leaving_.clear();
}

ChannelRoute* Registry::find_channel(Device& device, std::string_view channel) {
  if (ChannelRoute* known = device.find(channel)) return known;
  if (stream_count_ >= static_cast<std::size_t>(config_.ingest_streams_max)) return nullptr;
  auto known = remembered_.forgotten_stream(device.name, channel);
  if (!known) asked_ = std::unexpected(known.error());
  if (!known || !*known) return nullptr;
  Stream& stream = **known;
  // It may call itself otherwise than it did so long ago.
  ChannelRoute& route = make_channel(device, channel, stream.id);
  route.quantity = stream.quantity;
  route.unit = stream.unit;
  returned_->push_back(std::move(stream));
  return &route;
}

void Registry::forget(Effect& effect) {
  for (const Stream* stream : effect.forgotten_streams) {
    std::erase_if(devices_.find(stream->device)->second->channels,
                  [&](const ChannelRoute& route) { return route.stream == stream->id; });
    --stream_count_;
  }
  const TimeNs now_ns = effect.now_ns;
  if (now_ns < scan_due_ns_ && now_ns >= scan_due_ns_ - scan_interval_ns && !forgetting_.measures_anew()) return;
  scan_due_ns_ = now_ns + scan_interval_ns;
  for (auto each = devices_.begin(); each != devices_.end();) {
    const auto own = each++;
    Device& device = *own->second;
    const bool has_sequences = !device.sequences.epochs().empty();
    if (forgetting_.settle(device.heard_ns) && has_sequences) {
      effect.devices.push_back({&device.name, &device.sequences, device.heard_ns});
    }
    if (!device.channels.empty() || leaving_.size() == forgotten_per_batch_max || !forgetting_.is_due(device.heard_ns)) continue;
    if (has_sequences) effect.forgotten_devices.push_back(&device.name);
    ++effect.totals[Counter::devices_forgotten];
    leaving_.push_back(std::move(own->second));
    devices_.erase(own);
  }
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
