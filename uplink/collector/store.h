// The collector's file: one SQLite database with an identity of its own, made with it. What the tables hold is written in
// store.cc, beside their definition; Intake writes them and Query reads them.
//
// One thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "common/clock.h"
#include "common/result.h"
#include "common/sqlite.h"

namespace stethos::collector {

inline constexpr int store_version = 1;

class Store {
 public:
  // For writing, a file that is not there is made. Code::unsupported: it is of a newer version, or another program's.
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
  windows_conflicting,  // of another spool, with other content, that did not replace what was there
  alarms,             // that the store holds
  alarms_superseded,  // replaced by a higher revision
  alarms_stale,       // that came after a higher or the same one
};
inline constexpr int counter_count = static_cast<int>(Counter::alarms_stale) + 1;

const char* name_of(Counter counter);

}  // namespace stethos::collector
