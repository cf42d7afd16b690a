// What a world consists of: its devices, clocks, networks and the programs on either machine. See world.h.
#pragma once

#include <algorithm>
#include <utility>

#include "common/sqlite.h"
#include "schemas/envelope.h"
#include "tests/simulation/world.h"
#include "uplink/protocol/compression.h"

namespace stethos::simulation {

inline constexpr TimeNs begin = edge::epoch_ns;
inline constexpr DurationNs ms = ns_per_ms;
inline constexpr DurationNs s = ns_per_s;
inline constexpr DurationNs forget_after = 120 * s;
inline constexpr DurationNs rest_ns = 600 * s;  // of event time: longer than any window, and than the plant sleeps
inline constexpr std::size_t in_flight_max = 12;
inline constexpr std::uint64_t steps_to_drain_max = 20'000;
inline constexpr std::uint64_t steps_between_checks = 100;
inline constexpr std::uint64_t edge_clock_identity = 1;
inline constexpr std::uint64_t collector_clock_identity = 2;

// What a device sent, and the ring of what nobody has acknowledged.
struct World::Device {
  struct Held {
    std::vector<std::uint8_t> payload;
    DurationNs sent = 0;  // when last; 0: never
  };
  struct Produced {
    TimeNs time = 0;
    std::vector<float> samples;
    std::uint64_t epoch = 0;
    std::uint64_t sequence = 0;
    bool is_forgotten = false;  // by the device, since the edge was copied
    bool may_be_lost = false;   // for the edge was put back
  };
  std::string name;
  std::uint64_t epoch = 1;
  std::uint64_t next_sequence = 1;
  TimeNs time = begin;
  std::map<std::uint64_t, Held> ring;
  std::vector<std::uint8_t> last_sent;
  std::vector<Produced> produced;
};

struct World::InFlight {
  DurationNs due = 0;
  std::string topic;
  std::vector<std::uint8_t> payload;
};

class World::SimClock final : public Clock {
 public:
  TimeNs now() const override { return begin + 3'600 * s + time + offset; }
  DurationNs monotonic() const override { return time; }

  DurationNs time = s;
  DurationNs offset = 0;  // of the time of day, which jumps
};

// The edge's own: it is wrong after some starts, until somebody sets it, and nothing but the collector can tell.
class World::EdgeClock final : public Clock {
 public:
  explicit EdgeClock(const SimClock& right) : right_(right) {}

  TimeNs now() const override { return right_.now() + offset; }
  DurationNs monotonic() const override { return right_.monotonic(); }
  bool synchronised() const override { return false; }
  std::uint64_t identity() const override { return edge_clock_identity; }

  DurationNs offset = 0;

 private:
  const SimClock& right_;
};

class World::SimPort final : public edge::MessagePort {
 public:
  explicit SimPort(World& world) : world_(world) {}

  void poll(DurationNs, std::vector<edge::Message>& batch) override {
    auto& queue = world_.to_edge_;
    const auto most = world_.below(8);
    for (std::size_t i = 0; i < queue.size() && batch.size() < most;) {
      if (queue[i].due > world_.clock_->time) {
        ++i;
        continue;
      }
      InFlight arrived = std::exchange(queue[i], std::move(queue.back()));
      queue.pop_back();
      batch.push_back(edge::message_of(std::move(arrived.topic), std::move(arrived.payload), 0));
      batch.back().arrived_monotonic = world_.clock_->monotonic();
    }
  }
  void durable(std::uint64_t) override {}
  bool publish(std::string_view topic, std::span<const std::uint8_t> payload) override {
    if (world_.faults_ && world_.chance(0.2)) return false;
    world_.to_devices_.push_back(
        {world_.clock_->time + world_.up_to(500 * ms), std::string(topic), {payload.begin(), payload.end()}});
    return true;
  }
  bool publish_later(std::string, std::string) override { return true; }
  void pause(bool) override {}
  void close() override {}

 private:
  World& world_;
};

// The real spool, and a process that may be killed before or after its commit.
class World::SimSpool final : public edge::Spool {
 public:
  SimSpool(World& world, edge::SqliteSpool& real) : world_(world), real_(real) {}

  Result<edge::SavedState> load() override { return real_.load(); }
  std::optional<std::uint64_t> disk_free_bytes() const override { return std::nullopt; }
  Status note(const edge::Suspects& suspects) override { return real_.note(suspects); }
  Status commit(const edge::Effect& effect) override {
    const auto killed = [] { return fail(Code::unavailable, "committing", "killed"); };
    if (world_.faults_ && world_.chance(0.01)) return killed();
    if (world_.planted_ == Planted::commit_forgotten && world_.chance(0.01)) {
      forgot_ = true;  // the process goes on until it is killed
    }
    if (forgot_) return {};
    auto done = real_.commit(effect);
    if (done && world_.faults_ && world_.chance(0.01)) return killed();
    return done;
  }

 private:
  World& world_;
  edge::SqliteSpool& real_;
  bool forgot_ = false;
};

class World::SimUplink final : public uplink::Uplink {
 public:
  explicit SimUplink(World& world) : world_(world) {}

  uplink::PostResult post(std::span<const std::uint8_t> body) override {
    if (world_.faults_ && (world_.collector_is_away_ || world_.chance(0.1))) return unreachable();
    auto answer = deliver(body);
    if (!answer) return unreachable();
    if (!world_.faults_) return *answer;
    if (world_.chance(0.1)) world_.late_posts_.emplace_back(body.begin(), body.end());
    if (world_.chance(0.02)) world_.crash_collector();
    if (world_.chance(0.1)) return unreachable();
    return *answer;
  }
  void abort() override {}

  std::optional<std::vector<std::uint8_t>> deliver(std::span<const std::uint8_t> body) {
    if (world_.faults_ && world_.chance(0.02)) world_.crash_collector();
    if (!world_.store_) return std::nullopt;
    const auto batch = uplink::decompress(body, schema::uplink_batch_bytes_max);
    STETHOS_CHECK(batch.has_value(), "the sender's own compression");
    auto answer = world_.intake_->take(*batch, world_.clock_->now());
    if (answer) return *answer;
    STETHOS_CHECK(answer.error().fault == collector::IntakeError::Fault::store, answer.error().error.text());
    if (answer.error().error.code != Code::full) world_.crash_collector();
    return std::nullopt;
  }

 private:
  static std::unexpected<uplink::PostError> unreachable() {
    return std::unexpected(uplink::PostError{
        .failure = uplink::PostFailure::unreachable, .retry_after = 0, .error = {Code::unavailable, "posting", "the network"}});
  }

  World& world_;
};

struct World::Edge {
  std::unique_ptr<edge::SqliteSpool> spool;
  std::unique_ptr<SimSpool> commits;
  std::unique_ptr<edge::Core> core;
  std::unique_ptr<SimPort> port;
  std::unique_ptr<edge::NodeClock> clock;
  std::unique_ptr<edge::Pipeline> pipeline;
  std::unique_ptr<SimUplink> uplink;
  std::unique_ptr<uplink::Sender> sender;
};

}  // namespace stethos::simulation
