#include "tests/simulation/world_parts.h"

// The devices, and what lies between them and the edge.

namespace stethos::simulation {

void World::produce(Device& device) {
  device.time += chance(0.05) ? up_to(10 * s) : ms + up_to(400 * ms);
  Device::Produced produced;
  produced.time = device.time;
  produced.samples.resize(1 + below(5));
  produced.epoch = device.epoch;
  produced.sequence = device.next_sequence;
  for (float& sample : produced.samples) sample = std::uniform_real_distribution<float>(-1, 1)(random_);
  edge::BlockSpec spec;
  spec.device = device.name;
  spec.epoch = device.epoch;
  spec.sequence = device.next_sequence++;
  spec.lowest_held = device.ring.empty() ? spec.sequence : device.ring.begin()->first;
  spec.start_ns = produced.time;
  spec.samples = produced.samples;
  spec.interval_ns = 1'000;
  const auto message = edge::block_message(spec);
  device.ring[spec.sequence].payload.assign(message.payload.begin(), message.payload.end());
  device.produced.push_back(std::move(produced));
  ++tally_.published;
}

void World::send(Device& device) {
  std::size_t sent = 0;
  for (auto& [sequence, held] : device.ring) {
    if (++sent > in_flight_max) break;
    if (held.sent != 0 && clock_->time - held.sent < 2 * s) continue;
    held.sent = clock_->time;
    device.last_sent = held.payload;
    ++tally_.sent;
    const auto put = [&](DurationNs after) {
      to_edge_.push_back({clock_->time + after, "stethos/v1/" + device.name + "/batch", held.payload});
    };
    if (!faults_) {
      put(0);
      continue;
    }
    if (!chance(0.1)) put(up_to(chance(0.1) ? 20 * s : 300 * ms));
    if (chance(0.1)) put(up_to(30 * s));
  }
}

// With nothing left in its ring, so that nothing is lost with it.
void World::restart(Device& device) {
  if (!device.ring.empty()) return;
  ++device.epoch;
  device.next_sequence = 1;
}

void World::deliver_acknowledgements() {
  for (std::size_t i = 0; i < to_devices_.size();) {
    if (to_devices_[i].due > clock_->time) {
      ++i;
      continue;
    }
    const InFlight arrived = std::exchange(to_devices_[i], std::move(to_devices_.back()));
    to_devices_.pop_back();
    const auto ack = schema::open_device_ack(arrived.payload);
    STETHOS_CHECK(ack.has_value(), "an acknowledgement of ours");
    const auto device =
        std::ranges::find_if(devices_, [&](const auto& each) { return each->name == (*ack)->device()->string_view(); });
    STETHOS_CHECK(device != devices_.end(), "an acknowledgement to nobody");
    if ((*ack)->epoch() != (*device)->epoch) continue;
    auto& ring = (*device)->ring;
    const auto forget = [&](auto from, auto to) {
      for (auto held = from; held != to; ++held) {
        for (auto& block : (*device)->produced) {
          if (block.epoch == (*device)->epoch && block.sequence == held->first) block.is_forgotten = true;
        }
      }
      ring.erase(from, to);
    };
    forget(ring.begin(), ring.upper_bound((*ack)->durable_through()));
    if ((*ack)->ranges() == nullptr) continue;
    for (const auto* range : *(*ack)->ranges()) forget(ring.lower_bound(range->first()), ring.upper_bound(range->last()));
  }
}

// A block after a pause, and that all is said until so long after it.
void World::say_last_word(Device& device, DurationNs pause, DurationNs complete) {
  edge::BlockSpec spec;
  spec.device = device.name;
  spec.epoch = device.epoch;
  spec.sequence = device.next_sequence++;
  spec.lowest_held = device.ring.empty() ? spec.sequence : device.ring.begin()->first;
  spec.start_ns = device.time += pause;
  if (complete > 0) spec.complete_until_ns = spec.start_ns + complete;
  device.produced.push_back({.time = spec.start_ns, .samples = spec.samples, .epoch = spec.epoch, .sequence = spec.sequence});
  const auto message = edge::block_message(spec);
  device.ring[spec.sequence].payload.assign(message.payload.begin(), message.payload.end());
  ++tally_.published;
}

}  // namespace stethos::simulation
