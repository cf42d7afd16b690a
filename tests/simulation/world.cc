#include "tests/simulation/world.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/sqlite.h"
#include "schemas/envelope.h"
#include "uplink/protocol/compression.h"

namespace stethos::simulation {
namespace {

constexpr TimeNs begin = edge::epoch_ns;
constexpr DurationNs ms = ns_per_ms;
constexpr DurationNs s = ns_per_s;
constexpr DurationNs forget_after = 120 * s;
constexpr DurationNs rest_ns = 600 * s;  // of event time: longer than any window, and than the plant sleeps
constexpr std::size_t in_flight_max = 12;
constexpr std::uint64_t steps_to_drain_max = 20'000;
constexpr std::uint64_t steps_between_checks = 100;
constexpr std::uint64_t edge_clock_identity = 1;
constexpr std::uint64_t collector_clock_identity = 2;

}  // namespace

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

World::World(std::uint64_t seed, Planted planted, const std::string& folder)
    : random_(seed),
      planted_(planted),
      edge_file_(folder + "/spool.db"),
      collector_file_(folder + "/collector.db"),
      clock_(std::make_unique<SimClock>()),
      edge_clock_(std::make_unique<EdgeClock>(*clock_)) {
  edge::EdgeConfig config = edge::core_config();
  config.time_future_max = DurationNs{30} * 86'400 * s;
  config.time_earliest = begin - 86'400 * s;
  // Within the lateness nothing is late, however long a message was on its way; windows are revised instead.
  config.time_watermark_delay = up_to(3 * s);
  config.time_lateness = 86'400 * s;
  config.time_idle_timeout = 5 * s;
  config.windows.clear();
  const auto add_window = [&](auto set) {
    edge::WindowConfig window;
    set(window);
    config.windows.push_back(window);
  };
  add_window([&](auto& window) { window.length = s + up_to(9 * s); });
  if (chance(0.5)) {
    add_window([&](auto& window) {
      window.hop = ms * (500 + up_to(2'000));
      window.length = window.hop * (2 + up_to(4));
      window.emit_every = chance(0.5) ? 3 * s : 0;
    });
  }
  with_copies_ = chance(0.3);
  if (!with_copies_ && chance(0.3)) budget_.bytes_max = 20'000 + below(100'000);
  if (!with_copies_ && chance(0.5)) add_window([&](auto& window) { window.gap = ms * (200 + up_to(3'000)); });
  if (!with_copies_ && chance(0.3)) add_window([&](auto& window) { window.samples = 1 + up_to(50); });
  with_forgetting_ = !with_copies_ && chance(0.4);
  if (with_forgetting_) config.ingest_forget_after = forget_after;
  budget_.age_max = DurationNs{30} * 86'400 * s;  // nothing here becomes as old
  definitions_ = edge::window_definitions(config.windows);
  edge::LimitConfig limit;  // near what samples from -1 to 1 have
  limit.statistic = "rms";
  limit.unit = "g";
  limit.alert = 0.58;
  limit.danger = 0.65;
  limit.deadband = 0.01;
  edge::LimitConfig peak = limit;  // of which an idle stream says what is provisional
  peak.statistic = "peak";
  peak.alert = 0.95;
  peak.danger = 0.99;
  edge::LimitConfig delayed = peak;
  delayed.statistic = "max";
  delayed.on_delay = 5 * s;
  config.limits = {limit, peak, delayed};
  const auto device_count = 1 + below(3);
  for (std::uint64_t i = 0; i < device_count; ++i) {
    devices_.push_back(std::make_unique<Device>());
    devices_.back()->name = "d" + std::to_string(i);
  }
  std::string points = "device,channel,machine,point,axis,quantity,unit,interval\n";
  for (const auto& device : devices_) points += device->name + ",vibration,m,p,h,acceleration,g,400ms\n";
  setups_.push_back({config, *edge::PointTable::parse(points, "points.csv")});
  if (!with_copies_ && !with_forgetting_ && chance(0.3)) add_setups();
  if (planted_ == Planted::sync_forgotten) disk_.lie_about("spool.db-wal");
  start_collector();
  start_edge();
}

World::~World() = default;

// Other labels, at once and from a moment on; other windows beside the first one; a filter that takes the first device only.
void World::add_setups() {
  const Setup first = setups_.front();
  const auto points = [this](std::string_view from) {
    std::string text = "device,channel,machine,point,axis,quantity,unit,interval,valid_from\n";
    for (const auto& device : devices_) {
      if (!from.empty()) text += device->name + ",vibration,m,p,h,acceleration,g,400ms,\n";
      text += device->name + ",vibration,other,p,h,acceleration,g,400ms," + std::string(from) + "\n";
    }
    return *edge::PointTable::parse(text, "points.csv");
  };
  setups_.push_back({first.config, points("")});
  setups_.push_back({first.config, points("2026-01-01T00:01:40.5Z")});
  setups_.push_back(first);
  auto& windows = setups_.back().config.windows;
  windows.resize(1);
  windows.push_back(windows.front());
  windows.back().length *= 3;
  setups_.push_back(first);
  setups_.back().config.subscriptions.front().topic = "stethos/v1/d0/batch";
  definitions_.resize(1);
}

bool World::chance(double probability) { return std::uniform_real_distribution<>(0, 1)(random_) < probability; }
std::uint64_t World::below(std::uint64_t limit) { return limit == 0 ? 0 : random_() % limit; }

// Up to a hundred days to either side.
DurationNs World::any_offset() {
  constexpr DurationNs most = DurationNs{100} * 86'400 * s;
  return up_to(2 * most) - most;
}

void World::stop_machine(const std::string& file) {
  if (chance(0.5)) {
    disk_.kill(file);
    return;
  }
  ++tally_.power_losses;
  disk_.lose_power(file, random_);
}

void World::start_collector() {
  auto opened = collector::Store::open(collector_file_, sqlite::Access::read_write, clock_->now());
  if (!opened) {
    if (opened.error().code == Code::corrupt) damage_ = opened.error().text();
    disk_.kill(collector_file_);
    return;
  }
  store_ = std::move(*opened);
  intake_.emplace(*store_, std::vector<std::string>{}, collector_clock_identity);
  query_.emplace(*store_);
}

void World::crash_collector() {
  ++tally_.collector_crashes;
  stop_machine(collector_file_);
  query_.reset();
  intake_.reset();
  store_.reset();
  start_collector();
}

void World::lose_store() {
  ++tally_.lost_stores;
  disk_.erase(collector_file_);
  query_.reset();
  intake_.reset();
  store_.reset();
  start_collector();
}

// Somebody deletes the windows of a span of time, and asks the node for them.
void World::lose_windows() {
  if (!store_) return;
  const TimeNs from = begin + up_to(devices_.front()->time - begin);
  const TimeNs to = from + s + up_to(60 * s);
  collector::NewRequest request{.node = "edge", .lanes = {schema::Lane::windows}, .from = from, .to = to};
  const auto asked = collector::Wanted(*store_).ask(request, clock_->now());
  if (!asked && asked.error().code == Code::invalid) return;  // the node is not known yet
  const auto deleted = asked ? store_->database().execute("DELETE FROM windows WHERE start_ns >= " + std::to_string(from) +
                                                          " AND start_ns < " + std::to_string(to))
                             : std::unexpected(asked.error());
  if (!deleted && deleted.error().code != Code::full) return crash_collector();
  if (deleted) ++tally_.requests;
}

void World::copy_edge() {
  if (!edge_) return;
  image_ = disk_.copy(edge_file_);
  for (auto& device : devices_) {
    for (auto& block : device->produced) block.is_forgotten = false;
  }
}

void World::put_edge_back() {
  if (!image_) return;
  ++tally_.copies;
  disk_.kill(edge_file_);
  edge_.reset();
  disk_.put_back(edge_file_, *image_);
  to_devices_.clear();  // what was acknowledged and not yet heard is kept, and sent again
  for (auto& device : devices_) {
    for (auto& block : device->produced) block.may_be_lost = block.may_be_lost || block.is_forgotten;
  }
  start_edge();
}

void World::start_edge() {
  edge_ = std::make_unique<Edge>();
  auto opened = edge::SqliteSpool::open(edge_file_, budget_);
  auto saved = opened ? (*opened)->load() : std::unexpected(opened.error());
  if (!saved) {
    if (saved.error().code == Code::corrupt) damage_ = saved.error().text();
    disk_.kill(edge_file_);
    edge_.reset();
    return;
  }
  edge_->spool = std::move(*opened);
  if (planted_ == Planted::sequences_forgotten) saved->devices.clear();
  if (planted_ == Planted::revision_forgotten) {
    for (auto& stream : saved->streams) {
      for (auto& [definition, panes] : stream.panes) {
        for (auto& [start, pane] : panes) pane.revision = 0;
      }
    }
  }
  if (planted_ == Planted::alarms_forgotten) {
    for (auto& stream : saved->streams) stream.alarms.clear();
  }
  edge_->commits = std::make_unique<SimSpool>(*this, *edge_->spool);
  if (faults_ && is_reconfigured() && chance(0.3)) {
    ++tally_.changes;
    setup_ = below(setups_.size());
  }
  const Setup& setup = setups_[setup_];
  edge::Remembered& remembered =
      planted_ == Planted::returns_unknown ? static_cast<edge::Remembered&>(nothing_forgotten_) : *edge_->spool;
  edge_->core = std::make_unique<edge::Core>(setup.config, setup_, setup.points, kernels::make_backend("reference"),
                                             std::move(*saved), remembered, "live");
  edge_->port = std::make_unique<SimPort>(*this);
  edge_->uplink = std::make_unique<SimUplink>(*this);
  uplink::SenderConfig sender;
  sender.node = "edge";
  sender.rows_max = 1 + below(200);
  sender.order = chance(0.5) ? uplink::SendOrder::oldest_first : uplink::SendOrder::live_first;
  sender.backoff_min = 100 * ms;
  sender.backoff_max = 5 * s;
  sender.jitter_seed = random_();
  edge_->sender = std::make_unique<uplink::Sender>(sender, *edge_->spool, *edge_->uplink, *edge_clock_);
  if (faults_ && chance(0.3)) {
    ++tally_.wrong_clocks;
    edge_clock_->offset = chance(0.5) ? -clock_->now() : any_offset();  // 1970, or any day
  }
  edge_->clock = std::make_unique<edge::NodeClock>(*edge_clock_, planted_ == Planted::clock_believed);
  edge_->sender->set_listener([this](const uplink::CollectorTime& time) { edge_->clock->hear(time); });
  edge::Pipeline::Settings settings;
  settings.last_run_died = tally_.edge_crashes % 2 == 1;
  settings.careful_messages = 50;
  // Kills that strike by chance are no message's doing: none is a suspect.
  edge_->pipeline = std::make_unique<edge::Pipeline>(settings, edge::Suspects{}, *edge_->core, *edge_->port, *edge_->commits,
                                                     *edge_->clock, [this](const edge::Effect&) { edge_->sender->notify(); });
}

void World::crash_edge() {
  ++tally_.edge_crashes;
  stop_machine(edge_file_);
  edge_.reset();
  start_edge();
}

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

void World::run_edge() {
  if (!edge_) start_edge();
  if (!edge_) return;
  if (!edge_->pipeline->step()) return crash_edge();
  if (chance(0.5)) edge_->sender->step();
  if (planted_ == Planted::rows_deleted_early && chance(0.001)) {
    const auto lanes = edge_->spool->waiting(uplink::SendOrder::oldest_first, 1, 1 << 20);
    for (const auto& lane : *lanes) {
      if (lane.rows.empty()) continue;
      const auto id = static_cast<std::uint64_t>(lane.lane) << edge::lane_shift | lane.rows.front().number;
      auto other = sqlite::Database::open(edge_file_, sqlite::Access::read_write);
      if (other) (void)other->execute("DELETE FROM outbox WHERE id = " + std::to_string(id));
    }
  }
}

void World::trouble_a_disk() {
  const std::string& file = chance(0.7) ? edge_file_ : collector_file_;
  ++tally_.disk_faults;
  using Failure = fault::CrashDisk::Failure;
  switch (below(4)) {
    case 0:
      return disk_.fail(file, Failure::crash, fault::CrashDisk::At::write, below(50));
    case 1:
      return disk_.fail(file, Failure::io_error, fault::CrashDisk::At::write, below(50));
    case 2:
      return disk_.fail(file, Failure::io_error, fault::CrashDisk::At::sync, below(10));
    default:
      return disk_.limit(file, disk_.bytes(file) + below(20'000));
  }
}

// Until all that the devices have is acknowledged, and then for longer than the edge remembers what is silent. What comes then
// lies beyond the windows that were open, which the edge has closed.
void World::rest() {
  if (!with_forgetting_ || !faults_) return;
  if (!is_resting_) {
    is_resting_ = chance(0.005);
  } else if (asleep_until_ == 0) {
    if (!std::ranges::all_of(devices_, [](const auto& device) { return device->ring.empty() && !device->last_sent.empty(); }))
      return;
    asleep_until_ = clock_->time + 2 * forget_after;
    for (auto& device : devices_) {
      device->time += rest_ns;
      // A copy that was on its way for all that time.
      to_edge_.push_back({asleep_until_, "stethos/v1/" + device->name + "/batch", device->last_sent});
    }
  } else if (clock_->time > asleep_until_) {
    is_resting_ = false;
    asleep_until_ = 0;
  }
}

void World::step() {
  ++tally_.steps;
  rest();
  clock_->time += up_to(asleep_until_ == 0 ? 200 * ms : 10 * s);
  for (auto& device : devices_) {
    if (faults_ && !is_resting_ && chance(0.4)) produce(*device);
    if (faults_ && !is_resting_ && chance(0.01)) restart(*device);
    send(*device);
  }
  deliver_acknowledgements();
  if (!store_) start_collector();
  if (edge_clock_->offset != 0 && chance(0.02)) edge_clock_->offset = chance(0.3) ? any_offset() : 0;
  run_edge();
  if (!faults_) return;
  if (chance(0.005)) crash_edge();
  if (chance(0.005)) crash_collector();
  if (chance(0.005)) trouble_a_disk();
  // What is no longer kept cannot be had again.
  if (chance(0.0005) && !has_budget()) lose_store();
  if (chance(0.005) && !has_budget()) lose_windows();
  if (with_copies_ && chance(0.005)) copy_edge();
  if (with_copies_ && chance(0.002)) put_edge_back();
  if (chance(0.02)) disk_.unlimit();
  if (chance(0.01)) collector_is_away_ = !collector_is_away_;
  // An hour, which is believed, is much longer than these edges remember what is silent.
  if (!with_forgetting_ && chance(0.003)) {
    ++tally_.clock_jumps;
    clock_->offset += up_to(7'200 * s) - 3'600 * s;
  }
  if (!late_posts_.empty() && chance(0.1)) {
    const auto again = std::move(late_posts_.back());
    late_posts_.pop_back();
    (void)SimUplink(*this).deliver(again);
  }
}

void World::heal() {
  faults_ = false;
  asleep_until_ = 0;
  edge_clock_->offset = 0;
  disk_.forgive();
  disk_.unlimit();
  if (setup_ != 0) {
    setup_ = 0;
    crash_edge();
  }
  for (auto& device : devices_) say_last_word(*device, rest_ns, 0);
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

bool World::is_drained() {
  if (!edge_ || !store_) return false;
  if (!std::ranges::all_of(devices_, [](const auto& device) { return device->ring.empty(); })) return false;
  for (const auto& lane : edge_->spool->lane_totals()) {
    if (lane.waiting.rows > 0) return false;
  }
  return to_edge_.empty() && collector::Wanted(*store_).open_count() == 0;
}

std::string World::run(std::uint64_t steps) {
  for (std::uint64_t i = 0; i < steps; ++i) {
    step();
    if (!damage_.empty()) return damage_;
    if (i % steps_between_checks != 0 || !edge_ || !store_) continue;
    if (auto wrong = check(false); !wrong.empty()) return wrong;
  }
  heal();
  const DurationNs healed = clock_->time;
  if (auto wrong = drain(); !wrong.empty()) return wrong;
  tally_.drained_after_ns = clock_->time - healed;
  for (auto& device : devices_) say_last_word(*device, rest_ns, 2 * setups_.front().config.time_lateness);
  if (auto wrong = drain(); !wrong.empty()) return wrong;
  tally_.forgotten = edge_->core->totals()[edge::Counter::streams_forgotten];
  tally_.returned = edge_->core->totals()[edge::Counter::streams_returned];
  return check(true);
}

// Until streams fall idle, and send what is open.
std::string World::drain() {
  std::uint64_t left = steps_to_drain_max;
  for (DurationNs busy = clock_->time; clock_->time - busy < 2 * setups_.front().config.time_idle_timeout;) {
    if (left-- == 0) return "it does not drain";
    step();
    if (!damage_.empty()) return damage_;
    if (!is_drained()) busy = clock_->time;
  }
  return {};
}

// By the definition of windows alone: count and sum of what the device produced. Count windows are checked by their total.
std::map<std::pair<std::uint64_t, TimeNs>, World::Expected> World::expected_windows(const Device& device) const {
  std::map<std::pair<std::uint64_t, TimeNs>, Expected> expected;
  for (const auto& definition : definitions_) {
    const auto count_in = [&](TimeNs start, const Device::Produced& block) {
      Expected& window = expected[{definition.id, start}];
      window.count += block.samples.size();
      if (block.may_be_lost) window.may_be_lost += block.samples.size();
      for (const float sample : block.samples) window.sum += sample;
    };
    TimeNs session = 0;
    TimeNs last = 0;
    for (const auto& block : device.produced) {
      if (definition.is_on_grid()) {
        for (TimeNs start = definition.first_start(block.time); start <= block.time; start += definition.hop_ns)
          count_in(start, block);
      } else if (definition.kind == schema::WindowKind::session) {
        if (session == 0 || block.time - last >= definition.length_ns) session = block.time;
        last = block.time;
        count_in(session, block);
      }
    }
  }
  return expected;
}

std::string World::check(bool at_end) {
  const auto text_of = [](const schema::WindowRow& row) {
    return row.device()->str() + " " + schema::EnumNameWindowKind(row.kind()) + " window at " +
           std::to_string((row.start_ns() - begin) / ms) + " ms, revision " + std::to_string(row.revision());
  };
  tally_.windows = 0;
  std::uint64_t produced = 0;
  std::uint64_t incomplete = 0;  // windows, with a budget; without one that is an error at once
  for (const auto& device : devices_) {
    std::uint64_t of_device = 0;
    for (const auto& block : device->produced) of_device += block.samples.size();
    produced += of_device;
    if (is_reconfigured()) {
      if (auto wrong = check_slices(*device, of_device, at_end); !wrong.empty()) return wrong;
      continue;
    }
    auto expected = expected_windows(*device);
    std::map<std::uint64_t, std::uint64_t> in_count_windows;
    collector::Filter filter;
    filter.device = device->name;
    filter.limit = collector::page_rows_max;
    const auto page = query_->windows(filter);
    STETHOS_CHECK(page.has_value() && page->next.empty(), "a page takes them all");
    for (const auto& record : page->records) {
      const schema::WindowRow& row = *record.row;
      if (row.kind() == schema::WindowKind::count) {
        in_count_windows[row.definition()] += row.counts()->good();
        continue;
      }
      const auto known = expected.find({row.definition(), row.start_ns()});
      // While data is missing, or for ever where the row that withdraws it was given up, a session may stand for the second half
      // of another.
      if (known == expected.end() && row.kind() == schema::WindowKind::session && (!at_end || has_budget())) {
        if (at_end) ++incomplete;
        continue;
      }
      if (known == expected.end()) return text_of(row) + " should not exist";
      const auto [count, may_be_lost, sum] = known->second;
      const bool too_few = at_end && row.counts()->good() < count - may_be_lost;
      if (too_few) ++incomplete;
      if (row.counts()->good() > count || (too_few && !has_budget())) {
        return text_of(row) + " has " + std::to_string(row.counts()->good()) + " of " + std::to_string(count);
      }
      if (row.counts()->good() == count && std::abs(row.moments()->mean() * static_cast<double>(count) - sum) > 1e-9) {
        return text_of(row) + " has other values";
      }
      expected.erase(known);
    }
    for (const auto& [definition, count] : in_count_windows) {
      if (count > of_device || (at_end && count != of_device && !has_budget())) {
        return device->name + ": count windows hold " + std::to_string(count) + " of " + std::to_string(of_device);
      }
    }
    std::erase_if(expected, [](const auto& each) { return each.second.count == each.second.may_be_lost; });
    if (at_end) incomplete += expected.size();
    if (at_end && !expected.empty() && !has_budget()) {
      const auto& [definition, start] = expected.begin()->first;
      return device->name + ": no window of definition " + std::to_string(definition) + " at " +
             std::to_string((start - begin) / ms) + " ms, which should have " + std::to_string(expected.begin()->second.count);
    }
    tally_.windows += page->records.size();
  }
  const edge::SampleCounts samples = edge_->core->samples();
  // More changes than parts are kept close the oldest for good.
  const std::uint64_t counted = samples.good + (is_reconfigured() ? samples.late : 0);
  const bool too_few = at_end && counted != produced && tally_.copies == 0;
  if (counted > produced || too_few || counted - samples.good != samples.late || samples.rejected != 0) {
    return "the edge counts " + std::to_string(samples.good) + " good, " + std::to_string(samples.late) + " late and " +
           std::to_string(samples.rejected) + " rejected of " + std::to_string(produced);
  }
  // An edge that was put back knows nothing of the messages that its former life acknowledged, nor of its alarms.
  if (tally_.copies > 0) return {};
  collector::Filter all;
  all.limit = collector::page_rows_max;
  const auto gaps = query_->gaps(all);
  STETHOS_CHECK(gaps.has_value() && gaps->next.empty(), "a page takes them all");
  std::uint64_t missing = 0;
  for (const auto& gap : gaps->records) {
    if (!has_budget() || gap.cause != "given_up_for_room") return "a gap is reported, and nothing is missing: " + gap.cause;
    missing += gap.last - gap.first + 1;
  }
  if (missing > edge_->spool->given_up().rows) {
    return std::to_string(missing) + " rows are in gaps, and " + std::to_string(edge_->spool->given_up().rows) + " were given up";
  }
  if (auto wrong = check_budget(); !wrong.empty() || !at_end) return wrong;
  if (incomplete > missing)
    return std::to_string(incomplete) + " windows are not complete, and " + std::to_string(missing) + " rows were given up";
  tally_.given_up += missing;
  if (missing > 0) return {};
  for (const auto& device : devices_) {
    if (auto wrong = check_silences(*device); !wrong.empty()) return wrong;
  }
  return check_alarms();
}

// Where a change may cut windows: of the first definition, which all setups have, what lies in each slice of the grid.
std::string World::check_slices(const Device& device, std::uint64_t of_device, bool at_end) {
  const edge::WindowDefinition& definition = definitions_.front();
  std::map<TimeNs, std::uint64_t> good;
  std::uint64_t sum = 0;
  collector::Filter filter;
  filter.device = device.name;
  filter.limit = collector::page_rows_max;
  const auto page = query_->windows(filter);
  STETHOS_CHECK(page.has_value() && page->next.empty(), "a page takes them all");
  for (const auto& record : page->records) {
    const schema::WindowRow& row = *record.row;
    if (row.definition() != definition.id) continue;
    good[definition.slice_of(row.start_ns())] += row.counts()->good();
    sum += row.counts()->good() + row.counts()->late();
  }
  const auto expected = expected_windows(device);
  for (const auto& [start, count] : good) {
    const auto known = expected.find({definition.id, start});
    const std::uint64_t most = known == expected.end() ? 0 : known->second.count;
    if (count > most) {
      return device.name + ": what starts at " + std::to_string((start - begin) / ms) + " ms has " + std::to_string(count) +
             " of " + std::to_string(most);
    }
  }
  tally_.windows += page->records.size();
  if (!at_end || has_budget() || sum == of_device) return {};
  return device.name + ": the rows hold " + std::to_string(sum) + " of " + std::to_string(of_device);
}

std::string World::check_budget() const {
  std::uint64_t bytes = 0;
  for (const auto& lane : edge_->spool->lane_totals()) {
    for (const auto& part : {lane.waiting, lane.history}) bytes += part.bytes + part.rows * edge::row_overhead_bytes;
  }
  if (bytes <= budget_.bytes_max) return {};
  return "the spool has " + std::to_string(bytes) + " bytes, and may have " + std::to_string(budget_.bytes_max);
}

// By the windows that there should be: each stretch of the grid between two of them is one silence.
std::string World::check_silences(const Device& device) {
  std::map<std::pair<std::uint64_t, TimeNs>, std::uint64_t> expected;
  const auto windows = expected_windows(device);
  for (const auto& definition : definitions_) {
    if (!definition.is_on_grid()) continue;
    auto window = windows.lower_bound({definition.id, std::numeric_limits<TimeNs>::min()});
    for (auto next = std::next(window); next != windows.end() && next->first.first == definition.id; window = next++) {
      const TimeNs first = window->first.second + definition.hop_ns;
      if (first < next->first.second)
        expected[{definition.id, first}] = static_cast<std::uint64_t>((next->first.second - first) / definition.hop_ns);
    }
  }
  collector::Filter filter;
  filter.device = device.name;
  filter.limit = collector::page_rows_max;
  const auto page = query_->silences(filter);
  STETHOS_CHECK(page.has_value() && page->next.empty(), "a page takes them all");
  std::map<std::pair<std::uint64_t, TimeNs>, std::uint64_t> found;
  for (const auto& record : page->records) {
    if (std::ranges::find(definitions_, record.definition, &edge::WindowDefinition::id) == definitions_.end()) continue;
    // What has been forgotten since it spoke last is silent until it speaks again.
    if (record.state == schema::WindowState::final && record.start <= device.time)
      found[{record.definition, record.start}] = record.windows;
    if (record.state == schema::WindowState::open && record.start <= device.time) {
      return device.name + " has spoken since the silence at " + std::to_string((record.start - begin) / ms) + " ms began";
    }
  }
  // What is forgotten is not due to speak from then on.
  for (auto& [whose, count] : found) {
    const auto whole = expected.find(whose);
    if (!with_forgetting_ || whole == expected.end() || whole->second < count) continue;
    const DurationNs hop = std::ranges::find(definitions_, whose.first, &edge::WindowDefinition::id)->hop_ns;
    if (static_cast<DurationNs>(whole->second) * hop > rest_ns / 2) count = whole->second;
  }
  tally_.silences += found.size();
  if (found == expected) return {};
  const auto text = [](const auto& silences) {
    std::string all;
    for (const auto& [whose, count] : silences)
      all += " " + std::to_string((whose.second - begin) / ms) + " ms x" + std::to_string(count);
    return all;
  };
  return device.name + ": silent at" + text(found) + ", and should be at" + text(expected);
}

// Each change that the edge committed is one row, and what is active or provisional there is so here.
std::string World::check_alarms() {
  collector::Filter filter;
  filter.limit = collector::page_rows_max;
  const auto page = query_->alarms(filter);
  STETHOS_CHECK(page.has_value() && page->next.empty(), "a page takes them all");
  using schema::AlarmLevel;
  using schema::AlarmState;
  std::map<AlarmLevel, std::size_t> active, provisional;
  for (const auto& record : page->records) {
    const schema::AlarmRow& row = *record.row;
    ++active[row.level()];
    ++provisional[row.provisional_level()];
    const bool is_active = row.level() != AlarmLevel::none;
    const bool is_provisional = !is_active && row.provisional_level() != AlarmLevel::none;
    const bool was_active = row.highest_level() != AlarmLevel::none;
    const bool has_left = is_reconfigured() && row.state() == AlarmState::withdrawn;  // its limit, or its windows
    if (has_left && !is_active && !is_provisional) continue;
    const bool is_told_as_it_is = is_active        ? row.state() == AlarmState::active && was_active
                                  : is_provisional ? row.state() == AlarmState::provisional && !was_active
                                                   : row.state() == (was_active ? AlarmState::inactive : AlarmState::withdrawn);
    // Those of what is forgotten are withdrawn, active or not.
    const bool was_forgotten = with_forgetting_ && !is_active && !is_provisional && row.state() == AlarmState::withdrawn;
    if (!is_told_as_it_is && !was_forgotten) {
      return std::string("an alarm is ") + schema::EnumNameAlarmState(row.state()) + " at " +
             schema::EnumNameAlarmLevel(row.level()) + ", provisional at " + schema::EnumNameAlarmLevel(row.provisional_level()) +
             ", and was at most at " + schema::EnumNameAlarmLevel(row.highest_level());
    }
  }
  const edge::Core& core = *edge_->core;
  for (const auto level : {AlarmLevel::alert, AlarmLevel::danger}) {
    if (active[level] != core.alarm_count(level) || provisional[level] != core.provisional_alarm_count(level)) {
      return std::to_string(core.alarm_count(level)) + " alarms are active at " + schema::EnumNameAlarmLevel(level) + " and " +
             std::to_string(core.provisional_alarm_count(level)) + " provisional, at the collector " +
             std::to_string(active[level]) + " and " + std::to_string(provisional[level]);
    }
  }
  const auto nodes = query_->nodes(filter);
  STETHOS_CHECK(nodes.has_value(), "the store can be read");
  std::uint64_t changes = 0;
  for (const auto& node : nodes->records) {
    for (const auto& spool : node.spools) {
      for (const auto& lane : spool.lanes) changes += lane.lane == static_cast<int>(schema::Lane::alarms) ? lane.rows : 0;
    }
  }
  if (changes != core.totals()[edge::Counter::alarm_rows]) {
    return "the edge tells of " + std::to_string(core.totals()[edge::Counter::alarm_rows]) +
           " changes of alarms, the collector of " + std::to_string(changes);
  }
  tally_.alarms = page->records.size();
  return {};
}

}  // namespace stethos::simulation
