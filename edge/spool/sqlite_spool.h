// The spool as one SQLite file: edge/spool/tables.h says what is in it.
//
// Two connections: one that writes (commits of the pipeline, acknowledgements to the sender; under a mutex, so that none
// polls for the other) and one on which the sender reads. Nothing is scanned at start; lanes carry their own totals. A lock
// beside the file ("<file>.lock") keeps a second process from the same spool: two would count everything twice.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "common/sqlite.h"
#include "edge/spool/spool.h"
#include "uplink/sender/outbox_source.h"

namespace stethos::edge {

struct LaneTotals {
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
};

class SqliteSpool final : public Spool, public uplink::OutboxSource {
 public:
  // Creates the file where there is none. A file of a newer major version, or of something else, is refused by name.
  static Result<std::unique_ptr<SqliteSpool>> open(const std::string& path);
  ~SqliteSpool() override;

  Result<SavedState> load() override;
  Status commit(const Effect& effect) override;

  std::string spool_identity() const override { return identity_; }
  Result<std::vector<uplink::OutboxLane>> oldest(std::size_t rows_max, std::size_t bytes_max) override;
  Status acknowledged(schema::Lane lane, std::uint64_t durable_through, const std::vector<uplink::NumberRange>& ranges) override;
  TimeNs offered_until() const override { return offered_until_ns_.load(); }

  // By lane, as of the last commit or acknowledgement. Any thread.
  std::vector<LaneTotals> lane_totals() const;

 private:
  struct Statements;
  class Lock {
   public:
    explicit Lock(int descriptor) : descriptor_(descriptor) {}
    Lock(Lock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    Lock& operator=(Lock&&) = delete;
    ~Lock();

   private:
    int descriptor_;
  };
  static Result<Lock> lock(const std::string& path);
  struct LaneState {
    std::uint64_t next_number = 1;
    std::uint64_t previous_number = 0;
    std::uint64_t previous_hash = 0;
    LaneTotals totals;
  };
  SqliteSpool(Lock lock, sqlite::Database writer, sqlite::Database reader);
  Status begin();
  Status write(const Effect& effect);
  Status write_definitions(const std::vector<WindowDefinition>& definitions);
  Status write_totals(const Effect& effect);
  Status append_rows(const std::vector<NewRow>& rows);
  Status write_dead_letters(const Effect& effect);
  Status load_lanes();
  Status save_lane(std::size_t lane, const LaneState& state);

  const Lock lock_;
  sqlite::Database writer_;
  sqlite::Database reader_;
  std::unique_ptr<Statements> statements_;
  std::string identity_;
  SavedState written_;  // its totals, redelivery and provenance: what this process wrote last
  std::atomic<TimeNs> offered_until_ns_ = 0;

  std::mutex write_mutex_;          // the writing connection and its statements
  mutable std::mutex lanes_mutex_;  // lanes_
  std::vector<LaneState> lanes_;
};

}  // namespace stethos::edge
