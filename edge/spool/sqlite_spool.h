// The spool as one SQLite file: edge/spool/tables.h says what is in it.
//
// Two connections: one that writes (commits of the pipeline, acknowledgements to the sender; under a mutex, so that none
// polls for the other) and one on which the sender reads. Nothing is scanned at start; lanes carry their own totals. A lock
// beside the file ("<file>.lock") keeps a second process from the same spool: two would count everything twice.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/sqlite.h"
#include "edge/core/remembered.h"
#include "edge/spool/dead_letters.h"
#include "edge/spool/held_time.h"
#include "edge/spool/outbox.h"
#include "edge/spool/outbox_reader.h"
#include "edge/spool/spool.h"
#include "edge/spool/state_tables.h"
#include "edge/spool/stream_labels.h"
#include "uplink/sender/outbox_source.h"

namespace stethos::edge {

// What the outbox and the dead letters may take. When there is no more room the acknowledged history goes first, then dead
// letters, then rows that the collector does not have, oldest first, alarms last.
struct SpoolBudget {
  std::uint64_t bytes_max = std::numeric_limits<std::uint64_t>::max();
  DurationNs age_max = 0;  // of rows; 0: any
  const Clock* clock = nullptr;  // whose monotonic time says how long a time of day has been held; null: it is believed at once
  std::uint64_t dead_letters_max = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t forgotten_max = std::numeric_limits<std::uint64_t>::max();  // streams, and as many devices
};

// A time of day by which rows are too old must have been held for so long, or for age_max where that is less.
inline constexpr DurationNs age_hold_max = 600 * ns_per_s;

// What left for want of room, or for age, since the spool began.
struct GivenUpTotals {
  std::uint64_t history_rows = 0;  // the collector has them
  std::uint64_t dead_letters = 0;
  std::uint64_t rows = 0;  // the collector does not have them
  std::uint64_t forgotten = 0;  // streams and devices of which nothing is known any more
};

class SqliteSpool;

struct OpenedSpool {
  std::unique_ptr<SqliteSpool> spool;
  SavedState saved;
  std::string set_aside;  // what the damaged file is called now; empty: there was none
  std::string damage;  // why it could not be read
};

class SqliteSpool final : public Spool, public Remembered, public uplink::OutboxSource {
 public:
  // Follows a link, and creates the file where there is none. A file of a newer major version, or of something else, is refused
  // by name and left as it is; one that cannot be read, or whose tables are not ours, is `corrupt`.
  static Result<std::unique_ptr<SqliteSpool>> open(const std::string& given, SpoolBudget budget = {});

  // Opens and loads, and lets no damaged file stop the node: what is `corrupt` is renamed, with its log, to
  // "<file>.damaged-<now>", unchanged, and a new spool begun. Every other error is an error: the file may be good.
  static Result<OpenedSpool> open_or_set_aside(const std::string& given, TimeNs now, SpoolBudget budget = {});

  // From now on it is the spool of this node and of no other. Errors as those of commit; Code::invalid: it is another's, and
  // nothing has changed.
  Status claim(std::string_view node);
  // Empty: it is nobody's yet, or an earlier release made it.
  const std::string& owner() const { return owner_; }

  // For a file that nobody opens once this process has ended.
  Status do_not_sync() { return writer_.execute("PRAGMA synchronous=OFF"); }

  Result<SavedState> load() override;
  Status commit(const Effect& effect) override;
  Status note(const Suspects& suspects) override;
  std::optional<std::uint64_t> disk_free_bytes() const override;

  Result<std::optional<DeviceSequences>> forgotten_device(std::string_view device) override;
  Result<std::optional<Stream>> forgotten_stream(std::string_view device, std::string_view channel) override;

  // What sessions at brokers are subscribed to, for the port: before it subscribes. Errors as those of commit. Any thread.
  Status note(const SessionRecord& record);

  std::string spool_identity() const override;
  Result<std::vector<uplink::OutboxLane>> waiting(uplink::SendOrder order, std::size_t rows_max, std::size_t bytes_max) override;
  Result<uplink::RowsAgain> again(schema::Lane lane, const uplink::WantedRows& wanted, std::size_t rows_max,
                                  std::size_t bytes_max) override {
    return outbox_reader_.again(lane, wanted, rows_max, bytes_max);
  }
  Result<bool> answered(std::span<const uplink::LaneAnswer> answers) override;

  // As DeadLetters::after.
  Result<std::optional<DeadLetter>> letter_after(std::int64_t id);

  // As StreamLabels::find.
  Result<const WindowLabels*> labels_of(std::uint64_t version);

  // Forgets what the device of this name has sent so far, so that another in its place may begin at any epoch. Returns how many
  // epochs were known.
  Result<std::size_t> admit(std::string_view device);

  // Of the process: between the two the file beside the spool says that one runs. Returns whether the last that began did not
  // come to its end: it died. Neither is synced: what a power loss leaves may say either.
  bool begin_run();
  void end_run();

  TimeNs offered_until() const override { return offered_until_ns_.load(); }

  // As of the last commit or answer. Any thread.
  std::array<LaneTotals, lane_count> lane_totals() const { return outbox_.totals(); }
  GivenUpTotals given_up() const;

 private:
  class Lock {
   public:
    explicit Lock(int descriptor) : descriptor_(descriptor) {}
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;
    ~Lock();
    int descriptor() const { return descriptor_; }

   private:
    const int descriptor_;
  };
  static Result<std::shared_ptr<const Lock>> lock(const std::string& path);
  static Result<std::unique_ptr<SqliteSpool>> open_locked(const std::string& path, const std::shared_ptr<const Lock>& lock,
                                                          SpoolBudget budget);
  static Result<OpenedSpool> open_and_load(const std::string& path, const std::shared_ptr<const Lock>& lock, SpoolBudget budget);
  SqliteSpool(std::string path, std::shared_ptr<const Lock> lock, sqlite::Database writer, sqlite::Database reader,
              SpoolBudget budget);
  Status begin();
  Status write(const Effect& effect);
  Status count_gone(const Result<std::uint64_t>& gone, std::string_view name, std::uint64_t& total);
  Status make_room(std::optional<TimeNs> now);  // nothing: the time is not known
  Status let_go(std::optional<TimeNs> age_now);

  // Every change goes through here. After the first that failed there is none: what a failed sync left behind would be lost
  // with the power, and all that follows it in the log.
  template <class Body>
  void change(Body body);

  const std::string path_;
  const std::shared_ptr<const Lock> lock_;
  const SpoolBudget budget_;
  std::string owner_;  // before other threads know of it
  sqlite::Database writer_;
  sqlite::Database reader_;
  StateTables state_;
  DeadLetters dead_letters_;
  Outbox outbox_;
  OutboxReader outbox_reader_;
  StreamLabels labels_;
  std::atomic<TimeNs> offered_until_ns_ = 0;

  std::mutex write_mutex_;  // the writing connection and its statements, and what follows
  Status usable_;  // or why not
  GivenUpTotals giving_up_;  // with the change at hand
  HeldTime held_time_;

  mutable std::mutex mutex_;  // of what follows: as of the last change
  std::string identity_;
  GivenUpTotals given_up_;
};

}  // namespace stethos::edge
