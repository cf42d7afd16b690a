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
#include <vector>

#include "common/sqlite.h"
#include "edge/spool/spool.h"
#include "uplink/sender/outbox_source.h"

namespace stethos::edge {

struct LaneTotals {
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
};

class SqliteSpool;

struct OpenedSpool {
  std::unique_ptr<SqliteSpool> spool;
  SavedState saved;
  std::string set_aside;  // what the damaged file is called now; empty: there was none
  std::string damage;     // why it could not be read
};

class SqliteSpool final : public Spool, public uplink::OutboxSource {
 public:
  // Creates the file where there is none. A file of a newer major version, or of something else, is refused by name and left
  // as it is; one that cannot be read, or whose tables are not ours, is `corrupt`.
  static Result<std::unique_ptr<SqliteSpool>> open(const std::string& path);

  // Opens and loads, and lets no damaged file stop the node: what is `corrupt` is renamed, with its log, to
  // "<file>.damaged-<now>", unchanged, and a new spool begun. Every other error is an error: the file may be good.
  static Result<OpenedSpool> open_or_set_aside(const std::string& path, TimeNs now);

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
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;
    ~Lock();

   private:
    const int descriptor_;
  };
  static Result<std::shared_ptr<const Lock>> lock(const std::string& path);
  static Result<std::unique_ptr<SqliteSpool>> open_locked(const std::string& path, const std::shared_ptr<const Lock>& lock);
  static Result<OpenedSpool> open_and_load(const std::string& path, const std::shared_ptr<const Lock>& lock);
  struct LaneState {
    std::uint64_t next_number = 1;
    std::uint64_t previous_number = 0;
    std::uint64_t previous_hash = 0;
    LaneTotals totals;
  };
  SqliteSpool(std::shared_ptr<const Lock> lock, sqlite::Database writer, sqlite::Database reader);
  Status begin();
  Status write(const Effect& effect);
  Status write_definitions(const std::vector<WindowDefinition>& definitions);
  Status write_totals(const Effect& effect);
  Status append_rows(const std::vector<NewRow>& rows);
  Status write_dead_letters(const Effect& effect);
  Status load_lanes();
  Status save_lane(std::size_t lane, const LaneState& state);

  // Every change goes through here. After the first that failed there is none: what a failed sync left behind would be lost
  // with the power, and all that follows it in the log.
  template <class Body>
  void change(Body body);

  const std::shared_ptr<const Lock> lock_;
  sqlite::Database writer_;
  sqlite::Database reader_;
  std::unique_ptr<Statements> statements_;
  std::string identity_;
  SavedState written_;  // its totals, redelivery and provenance: what this process wrote last
  std::atomic<TimeNs> offered_until_ns_ = 0;

  std::mutex write_mutex_;          // the writing connection and its statements, and what follows
  Status usable_;                   // or why not
  mutable std::mutex lanes_mutex_;  // lanes_
  std::vector<LaneState> lanes_;
};

}  // namespace stethos::edge
