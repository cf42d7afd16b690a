// A thin hold on SQLite: connections and statements that close themselves, and errors as values. Used by the edge's spool
// and the collector's store. A Database and its Statements belong to one thread at a time.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "common/result.h"

namespace stethos::sqlite {

class Database;

// A prepared statement. Bind from 1, step until it says no, then reset. Text and blobs that were bound must live until
// then; column views live until the next step. A bind that finds no memory, or a value that is too large, fails the next step;
// one with a wrong index stops the program.
class Statement {
 public:
  Statement(Database& database, std::string_view sql);  // SQL that does not compile stops the program

  // For a file that may not be what it should be: there, SQL that does not compile is an error of the file.
  static Result<Statement> prepare(Database& database, std::string_view sql);

  Statement& bind(int index, std::int64_t value);
  Statement& bind(int index, std::uint64_t value) { return bind(index, static_cast<std::int64_t>(value)); }  // bit for bit
  Statement& bind(int index, int value) { return bind(index, static_cast<std::int64_t>(value)); }
  Statement& bind(int index, unsigned value) { return bind(index, static_cast<std::int64_t>(value)); }
  Statement& bind(int index, double value);  // a NaN is stored as NULL
  Statement& bind(int index, std::string_view value);
  Statement& bind(int index, std::span<const std::uint8_t> value);
  Statement& bind_null(int index);

  Result<bool> step();  // whether there is a row
  Status run();         // steps to the end, then resets: for statements without rows
  void reset();

  std::int64_t integer(int column) const;
  std::uint64_t unsigned_integer(int column) const { return static_cast<std::uint64_t>(integer(column)); }
  double real(int column) const;  // NULL is NaN
  std::string_view text(int column) const;
  std::span<const std::uint8_t> blob(int column) const;
  bool is_null(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  Statement(Database& database, sqlite3_stmt* statement) : database_(&database), statement_(statement) {}

  Statement& note(int bound);

  Database* database_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int bound_ = SQLITE_OK;  // what went wrong since the last reset
};

// Runs `row` for each row that the statement gives, and resets it. `row` returns nothing, or a Status whose error ends it.
template <class Row>
Status for_each(Statement& statement, Row row) {
  for (;;) {
    const auto more = statement.step();
    if (!more) return std::unexpected(more.error());
    if (!*more) break;
    if constexpr (std::is_same_v<decltype(row(statement)), Status>) {
      if (auto done = row(statement); !done) {
        statement.reset();
        return done;
      }
    } else {
      row(statement);
    }
  }
  statement.reset();
  return {};
}

// Of a statement that always gives one row: the integer that this begins with.
Result<std::int64_t> run_for_integer(Statement& statement);

enum class Access : std::uint8_t { read_write, read_only };

class Database {
 public:
  // Opens (and, for writing, creates) a file with what every store of ours wants: WAL, synchronous=FULL, defensive mode,
  // no trust in the schema, double-quoted strings refused, lowered limits. What was set is read back; a file that will
  // not take it is an error.
  static Result<Database> open(const std::string& path, Access access);

  static Result<Database> in_memory();

  // Whether the last connection to close moves the write-ahead log into the file and deletes it. It does unless told not to,
  // and changes a file by it that nothing was written to.
  void fold_log_on_close(bool fold) const;

  // Moves what an earlier process left in the write-ahead log into the file, and begins the log anew. A store does so when it
  // starts: after a sync that failed the log may hold commits that are seen but not on disk, and no later sync would put them
  // there; what follows them in the log would be lost with them. Others that read the file at the moment may put it off. The
  // log's file stays as long as it is.
  Status fold_log();

  // NOLINTNEXTLINE(readability-make-member-function-const): it changes what is stored
  Status execute(const std::string& sql);  // one or more statements without parameters

  // The error of the last call that failed.
  Error error(std::string doing) const;

  // Runs `body` (returning Status) between BEGIN IMMEDIATE and COMMIT; any failure rolls back.
  template <class Body>
  Status transaction(Body body) {
    if (auto begun = execute("BEGIN IMMEDIATE"); !begun) return begun;
    Status done = body();
    if (done) done = execute("COMMIT");
    if (!done && sqlite3_get_autocommit(handle()) == 0) static_cast<void>(execute("ROLLBACK"));
    return done;
  }

  std::int64_t changes() const { return sqlite3_changes64(handle()); }
  sqlite3* handle() const { return handle_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  explicit Database(sqlite3* handle) : handle_(handle) {}
  std::unique_ptr<sqlite3, Close> handle_;
};

}  // namespace stethos::sqlite
