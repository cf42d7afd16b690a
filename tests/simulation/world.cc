#include "tests/simulation/world.h"

#include <algorithm>
#include <utility>

#include "tests/simulation/world_parts.h"

namespace stethos::simulation {

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

}  // namespace stethos::simulation
