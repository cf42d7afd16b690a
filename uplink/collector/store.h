// The collector's file: one SQLite database with an identity of its own, made with it. What the tables hold is written in
// store.cc, beside their definition; Intake writes them and Query reads them.
//
// One thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "common/clock.h"
#include "common/result.h"
#include "common/sqlite.h"

namespace stethos::collector {

inline constexpr int store_version = 5;

class Store {
 public:
  // For writing, a file that is not there is made. Code::unsupported: it is of another version, or another program's.
  static Result<std::unique_ptr<Store>> open(const std::string& path, sqlite::Access access, TimeNs now);

  const std::string& identity() const { return identity_; }
  sqlite::Database& database() { return database_; }

 private:
  explicit Store(sqlite::Database database) : database_(std::move(database)) {}
  Status create(TimeNs now);

  sqlite::Database database_;
  std::string identity_;
};

// Totals over the life of the store. Each is changed in the transaction that it counts.
enum class Counter : std::uint8_t {
  batches,
  rows,               // taken in for the first time
  rows_duplicate,     // taken in before
  rows_again,         // that were asked for again, and came
  rows_postponed,     // left to be sent again: the lane has too many holes
  rows_refused,       // of a known kind, and not what they claim to be
  rows_unknown,       // of a kind that this program does not know
  windows,            // that the store holds
  windows_superseded, // replaced by a higher generation or revision
  windows_stale,      // that came after a higher or the same one
  streams,
  provenances,
  gaps,
  events,
  windows_conflicting,  // that came of another spool, and with other content, than what was there: one of the two is shown
  alarms,             // that the store holds
  alarms_superseded,  // replaced by a higher revision
  alarms_stale,       // that came after a higher or the same one
  windows_bytes,      // of the rows that the store holds, as budgets count them
  windows_dropped,    // that the store held, and no longer does
  windows_unmerged,   // of these, those that went into no hour: overlapping another, sessions, withdrawn or too late
  hours,              // that the store holds, and so on
  hours_bytes,
  hours_dropped,
  hours_unmerged,
  days,
  days_bytes,
  days_dropped,
  alarms_bytes,
  alarms_dropped,
  events_held,        // gaps, events, silences and rows of unknown kinds that the store holds
  events_bytes,
  events_dropped,
  silences,           // reports of missing windows that were taken in, in any state
};
inline constexpr int counter_count = static_cast<int>(Counter::silences) + 1;

const char* name_of(Counter counter);

// What a row takes beside its body, as budgets count it: its columns, and its places in the indexes.
inline constexpr std::int64_t row_overhead_bytes = 128;

// Changes of the counters in the transaction under way.
class Tally {
 public:
  explicit Tally(sqlite::Database& database);

  void count(Counter counter, std::int64_t by = 1) { by_[static_cast<std::size_t>(counter)] += by; }
  std::int64_t of(Counter counter) const { return by_[static_cast<std::size_t>(counter)]; }
  Result<std::int64_t> total(Counter counter);  // what is stored, and the change
  Status write();               // before the transaction commits
  void clear() { by_.fill(0); }  // when one begins

 private:
  std::array<std::int64_t, counter_count> by_{};
  sqlite::Statement add_;
  sqlite::Statement select_;
};

// Windows, hours and days are laid out by time: the upper bits of a row's id are the slice of event time that it starts in,
// counted since 1970, so that a slice is one stretch of the table, the oldest stands first, and rows that are dropped leave whole
// pages. The lower bits tell the rows of a slice apart.
inline constexpr int slice_bits = 36;
inline constexpr std::int64_t ids_per_slice = std::int64_t{1} << slice_bits;
inline constexpr DurationNs hour_ns = 3'600 * ns_per_s;
inline constexpr DurationNs day_ns = 24 * hour_ns;

// The start of the slice of this length that holds `time`.
constexpr TimeNs at_or_before(TimeNs time, DurationNs length) {
  const TimeNs remainder = time % length;
  return time - (remainder < 0 ? remainder + length : remainder);
}
// The first id of the slice that holds `start`.
constexpr std::int64_t first_id(TimeNs start, DurationNs slice) { return at_or_before(start, slice) / slice * ids_per_slice; }

}  // namespace stethos::collector
