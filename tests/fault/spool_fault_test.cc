// The edge's spool on a disk that crashes, fails and fills up at every operation in turn: whatever happens, the spool is in the
// state after the last commit that was confirmed, or after the one that was under way, whole.
#include <gtest/gtest.h>

#include <limits>
#include <sstream>

#include "edge/spool/spool_report.h"
#include "tests/fault/crash_disk.h"
#include "tests/unit/common/scratch_folder.h"
#include "tests/unit/edge/core/core_rig.h"

namespace stethos::edge {
namespace {

using fault::CrashDisk;

constexpr int batches = 8;
constexpr TimeNs now_ns = epoch_ns + 3'600 * ns_per_s;

std::vector<Message> batch_of(int index) {
  BlockSpec block;
  block.sequence = static_cast<std::uint64_t>(index) + 1;
  block.start_ns = epoch_ns + 700 * ns_per_ms * index;
  std::vector<Message> batch{block_message(block)};
  if (index % 3 == 0) batch.push_back(json_message("not json"));
  batch.push_back(json_message(R"({"device":"t1","temperature":1,"ts":)" + std::to_string((block.start_ns) / ns_per_ms) +
                               R"(,"seq":)" + std::to_string(index) + "}"));
  return batch;
}

// All that a restart would find.
std::string state_of(SqliteSpool& spool) {
  const auto saved = spool.load();
  if (!saved) return saved.error().text();
  std::ostringstream out;
  out << saved->totals[Counter::messages] << " messages, " << saved->totals[Counter::window_rows] << " rows, "
      << saved->totals[Reason::not_json] << " letters;";
  for (const Stream& stream : saved->streams) {
    out << ' ' << stream.channel << ' ' << stream.counts.good << ' ' << stream.clock.watermark_ns << ' '
        << stream.identities.size();
    for (const auto& [definition, panes] : stream.panes) {
      for (const auto& [start, pane] : panes) out << ' ' << start << ':' << pane.moments.count << '/' << pane.revision;
    }
  }
  for (const LaneTotals& lane : spool.lane_totals()) {
    out << "; lane " << lane.waiting.rows << ' ' << lane.waiting.bytes << ' ' << lane.history.rows;
  }
  return out.str();
}

// SQLite's memory, of which there may be none left. In place before the first connection.
class ScarceMemory {
 public:
  ScarceMemory() {
    sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_);
    sqlite3_mem_methods scarce = real_;
    scarce.xMalloc = [](int bytes) { return take() ? real_.xMalloc(bytes) : nullptr; };
    scarce.xRealloc = [](void* old, int bytes) { return take() ? real_.xRealloc(old, bytes) : nullptr; };
    sqlite3_config(SQLITE_CONFIG_MALLOC, &scarce);
  }
  static void allow(std::uint64_t allocations) { left_ = allocations; }
  static bool is_used_up() { return left_ == 0; }
  static constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();

 private:
  static bool take() {
    if (left_ != unlimited && left_ > 0) --left_;
    return left_ > 0;
  }

  static inline sqlite3_mem_methods real_{};
  static inline std::uint64_t left_ = unlimited;
};
const ScarceMemory scarce_memory;

class SpoolFaults : public testing::Test {
 protected:
  // `row_bytes`: of a row that each batch brings besides.
  explicit SpoolFaults(std::size_t row_bytes = 0) : row_bytes_(row_bytes) {
    const CrashDisk disk;
    run(&states_);
  }

  // Opens the spool, commits all batches, and acknowledges after each the oldest row of every lane; until something fails.
  // Returns how many of these changes were confirmed. `states`: what a restart would find after each.
  std::size_t run(std::vector<std::string>* states = nullptr) {
    std::size_t confirmed = 0;
    auto spool = SqliteSpool::open(path_, {.bytes_max = 5'000 + 2 * row_bytes_});  // so that rows are given up as well
    if (!spool) return confirmed;
    auto saved = (*spool)->load();
    if (!saved) return confirmed;
    if (states != nullptr) states->push_back(state_of(**spool));
    const auto confirm = [&](const Status& done) {
      if (!done) {
        EXPECT_FALSE((*spool)->commit({})) << "it goes on after " << done.error().text();
        return false;
      }
      ++confirmed;
      if (states != nullptr) states->push_back(state_of(**spool));
      return true;
    };
    Core core(core_config(), 7, {}, kernels::make_backend("reference"), std::move(*saved), **spool, "live");
    ScarceMemory::allow(allocations_);
    for (int index = 0; index < batches; ++index) {
      auto effect = core.process(batch_of(index), now_ns);
      pack_rows(**effect, now_ns);
      if (row_bytes_ > 0) {
        (*effect)->rows.push_back({schema::Lane::windows, schema::RowKind::none, std::vector<std::uint8_t>(row_bytes_)});
      }
      if (!confirm((*spool)->commit(**effect))) return confirmed;
      const auto lanes = (*spool)->waiting(uplink::SendOrder::oldest_first, 1'000, 1 << 20);
      if (!lanes) return confirmed;
      for (const auto& lane : *lanes) {
        if (lane.rows.empty()) continue;
        const uplink::LaneAnswer answer{.lane = lane.lane, .durable_through = lane.rows.front().number, .ranges = {}};
        const auto answered = (*spool)->answered({&answer, 1});
        if (!confirm(answered ? Status{} : std::unexpected(answered.error()))) return confirmed;
      }
    }
    return confirmed;
  }

  void expect_state(const std::string& state, std::size_t confirmed) const {
    const bool is_next = confirmed + 1 < states_.size() && state == states_[confirmed + 1];
    EXPECT_TRUE(is_next || state == states_[confirmed]) << state << "\ninstead of\n" << states_[confirmed];
  }

  void expect_whole(std::size_t confirmed) const {
    {
      auto spool = SqliteSpool::open(path_);
      ASSERT_TRUE(spool) << spool.error().text();
      expect_state(state_of(**spool), confirmed);
    }
    std::ostringstream out;
    auto report = SpoolReport::open(path_);
    ASSERT_TRUE(report) << report.error().text();
    EXPECT_TRUE(report->verify(out).value_or(false)) << out.str();
  }

  // Lets each operation in turn fail, on a fresh disk each time, and says how many there were.
  template <class Check>
  std::uint64_t fail_everywhere(CrashDisk::Failure failure, Check check, std::uint64_t stride = 1) {
    for (std::uint64_t at = 0;; at += stride) {
      CrashDisk disk;
      disk.fail(path_, failure, CrashDisk::At::write, at);
      const std::size_t confirmed = run();
      if (disk.is_failure_due()) return at;
      SCOPED_TRACE("operation " + std::to_string(at));
      check(disk, confirmed);
      if (HasFailure()) return at;
    }
  }

  const std::size_t row_bytes_;
  const test::ScratchFolder folder_;  // holds the lock, and a name for who looks whether the file exists
  const std::string path_ = folder_.write("spool.db", "");
  std::vector<std::string> states_;
  std::uint64_t allocations_ = ScarceMemory::unlimited;  // that SQLite may make once the spool is open
};

TEST_F(SpoolFaults, PowerLossAtEveryOperation) {
  std::mt19937_64 random(1);
  const auto operations = fail_everywhere(CrashDisk::Failure::crash, [&](CrashDisk& disk, std::size_t confirmed) {
    disk.lose_power(path_, random);
    expect_whole(confirmed);
  });
  EXPECT_GT(operations, 3 * states_.size());
}

TEST_F(SpoolFaults, KillAtEveryOperation) {
  fail_everywhere(CrashDisk::Failure::crash, [&](CrashDisk&, std::size_t confirmed) { expect_whole(confirmed); });
}

// A sync that fails leaves writes that are seen, and that no later sync brings to the platter. The process ends and begins
// again on what it sees; what it confirms from then on must not need those writes when the power goes.
TEST_F(SpoolFaults, IoErrorAtEveryOperationThenPowerLoss) {
  std::mt19937_64 random(2);
  fail_everywhere(CrashDisk::Failure::io_error, [&](CrashDisk& disk, std::size_t confirmed) {
    disk.kill(path_);
    auto spool = *SqliteSpool::open(path_);
    expect_state(state_of(*spool), confirmed);
    Effect effect;
    effect.changed = true;
    effect.rows.push_back({schema::Lane::alarms, schema::RowKind::none, {1}});
    ASSERT_TRUE(spool->commit(effect));
    const std::string after = state_of(*spool);
    disk.lose_power(path_, random);
    spool.reset();
    spool = *SqliteSpool::open(path_);
    EXPECT_EQ(state_of(*spool), after);
  });
}

// A checkpoint may fail without the commit, and the process goes on.
TEST_F(SpoolFaults, IoErrorAtEveryOperationAndPowerLossWithoutARestart) {
  std::mt19937_64 random(3);
  fail_everywhere(CrashDisk::Failure::io_error, [&](CrashDisk& disk, std::size_t confirmed) {
    disk.lose_power(path_, random);
    expect_whole(confirmed);
  });
}

// So much that SQLite folds the log while it runs.
class LargeSpoolFaults : public SpoolFaults {
 protected:
  LargeSpoolFaults() : SpoolFaults(700'000) {}
};

TEST_F(LargeSpoolFaults, PowerLossAndIoErrorsAroundACheckpoint) {
  std::mt19937_64 random(4);
  const auto lose_power = [&](CrashDisk& disk, std::size_t confirmed) {
    disk.lose_power(path_, random);
    expect_whole(confirmed);
  };
  const auto operations = fail_everywhere(CrashDisk::Failure::crash, lose_power, 61);
  EXPECT_GT(operations, 2'000U) << "the log did not become long enough";
  fail_everywhere(CrashDisk::Failure::io_error, lose_power, 59);
}

TEST_F(SpoolFaults, FullDiskAtEveryOperation) {
  fail_everywhere(CrashDisk::Failure::full, [&](CrashDisk& disk, std::size_t confirmed) {
    disk.kill(path_);
    expect_whole(confirmed);
  });
}

TEST_F(SpoolFaults, NoMemoryAtEveryAllocation) {
  for (allocations_ = 1;; allocations_ += 1 + allocations_ / 50) {
    SCOPED_TRACE("allocation " + std::to_string(allocations_));
    CrashDisk disk;
    const std::size_t confirmed = run();
    const bool was_used_up = ScarceMemory::is_used_up();
    ScarceMemory::allow(ScarceMemory::unlimited);
    expect_whole(confirmed);
    if (!was_used_up || HasFailure()) break;
  }
  EXPECT_GT(allocations_, 500);
}

}  // namespace
}  // namespace stethos::edge
