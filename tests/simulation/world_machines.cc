#include "tests/simulation/world_parts.h"

// The two machines: programs that start, are killed, lose what they had, and disks that fail.

namespace stethos::simulation {

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

}  // namespace stethos::simulation
