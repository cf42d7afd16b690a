// Devices, an edge and a collector in one thread, with a clock, networks and crashes from one seed. The edge's pipeline, core
// and spool, the sender and the collector's intake are the real ones; so is SQLite. What is simulated lies between them.
//
// A crash is what SIGKILL does: everything in memory is gone, what was written stays. With the power goes what was not synced.
// Either machine may lose it, and either disk may fail, fill up, and have room again. The edge's clock may be wrong after a
// start, until somebody sets it: only the collector can tell. It may start with another configuration: other labels, other
// windows, a filter that takes one device only. The collector may lose its store, or windows of it that are then asked for again,
// and the edge may be put back to a copy of an earlier day: then what it had acknowledged since may be missing, and nothing else.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "edge/pipeline.h"
#include "edge/spool/sqlite_spool.h"
#include "tests/fault/crash_disk.h"
#include "tests/unit/edge/core/core_rig.h"
#include "uplink/collector/intake.h"
#include "uplink/collector/query.h"
#include "uplink/sender/sender.h"

namespace stethos::simulation {

// Faults that the checks must catch: each breaks one promise.
enum class Planted : std::uint8_t {
  none,
  commit_forgotten,  // now and then a commit is said to be done and is not
  rows_deleted_early,  // rows leave the outbox though the collector never got them
  sequences_forgotten,  // a restarted edge does not know what it has handled
  revision_forgotten,  // a restarted edge numbers its rows from the beginning again
  sync_forgotten,  // the edge's disk says that its log is synced, and it is not
  alarms_forgotten,  // a restarted edge does not know which limits are exceeded
  clock_believed,  // a restarted edge takes its clock for right, whatever it shows
  returns_unknown,  // what was forgotten and returns is taken for new
};
inline constexpr std::array<std::string_view, 9> planted_names{
    "none",           "commit_forgotten", "rows_deleted_early", "sequences_forgotten", "revision_forgotten",
    "sync_forgotten", "alarms_forgotten", "clock_believed",     "returns_unknown"};

struct Tally {
  std::uint64_t steps = 0;
  std::uint64_t edge_crashes = 0;
  std::uint64_t collector_crashes = 0;
  std::uint64_t power_losses = 0;  // of them
  std::uint64_t disk_faults = 0;
  std::uint64_t lost_stores = 0;
  std::uint64_t requests = 0;  // for windows that were deleted
  std::uint64_t copies = 0;  // that the edge was put back to
  std::uint64_t clock_jumps = 0;
  std::uint64_t wrong_clocks = 0;  // that the edge started with
  std::uint64_t changes = 0;  // of the configuration
  std::uint64_t published = 0;  // messages
  std::uint64_t sent = 0;  // with all that were sent again
  std::uint64_t windows = 0;
  std::uint64_t alarms = 0;
  std::uint64_t silences = 0;
  std::uint64_t forgotten = 0;  // streams
  std::uint64_t returned = 0;
  std::uint64_t given_up = 0;  // rows, for want of room
  DurationNs drained_after_ns = 0;  // since everything healed
};

class World {
 public:
  World(std::uint64_t seed, Planted planted, const std::string& folder);
  ~World();

  // Runs, heals, drains. Empty: every promise held; else what did not.
  std::string run(std::uint64_t steps);

  const Tally& tally() const { return tally_; }

 private:
  struct Device;
  struct InFlight;
  class SimClock;
  class EdgeClock;
  class SimPort;
  class SimSpool;
  class SimUplink;
  struct Edge;

  bool chance(double probability);
  std::uint64_t below(std::uint64_t limit);
  DurationNs up_to(DurationNs limit) { return static_cast<DurationNs>(below(static_cast<std::uint64_t>(limit) + 1)); }

  void add_setups();
  void step();
  void rest();
  void produce(Device& device);
  void send(Device& device);
  void restart(Device& device);
  void deliver_acknowledgements();
  void run_edge();
  void start_edge();
  void crash_edge();
  void start_collector();
  void crash_collector();
  void lose_store();
  void lose_windows();
  void copy_edge();
  void put_edge_back();
  DurationNs any_offset();
  void stop_machine(const std::string& file);
  void trouble_a_disk();
  void heal();
  void say_last_word(Device& device, DurationNs pause, DurationNs complete);
  std::string drain();
  bool is_drained();

  struct Expected {
    std::uint64_t count = 0;
    std::uint64_t may_be_lost = 0;  // of them
    double sum = 0;
  };
  std::map<std::pair<std::uint64_t, TimeNs>, Expected> expected_windows(const Device& device) const;
  std::string check(bool at_end);
  std::string check_slices(const Device& device, std::uint64_t of_device, bool at_end);
  std::string check_alarms();
  std::string check_budget() const;
  std::string check_silences(const Device& device);

  std::mt19937_64 random_;
  const Planted planted_;
  const std::string edge_file_;
  const std::string collector_file_;
  fault::CrashDisk disk_;
  // What the edge may be configured to, the first one at the beginning and at the end.
  struct Setup {
    edge::EdgeConfig config;
    edge::PointTable points;
  };
  std::vector<Setup> setups_;
  std::size_t setup_ = 0;
  bool is_reconfigured() const { return setups_.size() > 1; }
  edge::NothingForgotten nothing_forgotten_;
  edge::SpoolBudget budget_;
  bool has_budget() const { return budget_.bytes_max < std::numeric_limits<std::uint64_t>::max(); }
  std::vector<edge::WindowDefinition> definitions_;  // that all setups have; if there are several it is one, tumbling
  std::unique_ptr<SimClock> clock_;
  std::unique_ptr<EdgeClock> edge_clock_;
  std::vector<std::unique_ptr<Device>> devices_;
  std::vector<InFlight> to_edge_;
  std::vector<InFlight> to_devices_;
  std::unique_ptr<Edge> edge_;  // null: it could not start
  std::unique_ptr<collector::Store> store_;  // null: it could not start
  std::optional<collector::Intake> intake_;
  std::optional<collector::Query> query_;
  std::vector<std::vector<std::uint8_t>> late_posts_;  // that come a second time
  bool collector_is_away_ = false;
  bool faults_ = true;
  bool with_forgetting_ = false;  // the plant rests now and then for so long that all of it is forgotten
  bool is_resting_ = false;  // nothing is produced; once all is acknowledged, until asleep_until_
  DurationNs asleep_until_ = 0;  // 0: it is not asleep
  bool with_copies_ = false;  // only windows on a grid are known by what they hold, and can be compared then
  std::optional<fault::CrashDisk::Image> image_;
  std::string damage_;  // what a store said when it would not open
  Tally tally_;
};

}  // namespace stethos::simulation
