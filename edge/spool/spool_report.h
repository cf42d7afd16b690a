// What people ask of a spool: what is in it, whether it is sound, what was refused, its rows to take away. Reads only, from one
// snapshot, beside an edge that runs or without one; takes no lock and makes no spool where there is none. What came from outside
// is printed with all but plain text escaped; rows are JSON. One thread at a time.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>

#include "common/result.h"
#include "common/sqlite.h"

namespace stethos::edge {

class SpoolReport {
 public:
  // Errors as those of SqliteSpool::open; `not_found` where there is no file, or nothing in it yet.
  static Result<SpoolReport> open(const std::string& path);

  // The node whose spool it is; empty: nobody's yet.
  Result<std::string> owner();

  // Whose it is, identity, sizes, lanes, how much there is of what, totals.
  Status inspect(std::ostream& out);

  // SQLite's own check, then ours: totals, numbers, references and the bodies of rows. Reads all of it. Prints "good", or what
  // it found, and returns whether it is good.
  Result<bool> verify(std::ostream& out);

  // The `limit` newest dead letters, the newest last.
  Status letters(std::ostream& out, std::size_t limit);

  // The rows of the outbox, one JSON object a line, in the order of lanes and numbers: all, or those that the collector does not
  // have. Stops where `out` fails.
  Status rows(std::ostream& out, bool only_waiting);

 private:
  SpoolReport(std::string path, int version, sqlite::Database database)
      : path_(std::move(path)), version_(version), database_(std::move(database)) {}

  std::string path_;
  int version_;
  sqlite::Database database_;
};

}  // namespace stethos::edge
