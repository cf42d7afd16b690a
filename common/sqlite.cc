#include "common/sqlite.h"

#include <cmath>

#include "common/fault_point.h"
#include "common/folder_fault.h"
#include "common/sqlite_disk_work.h"

namespace stethos::sqlite {
namespace {

Code code_of(int result) {
  switch (result & 0xff) {
    case SQLITE_FULL:
      return Code::full;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Code::corrupt;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Code::unavailable;
    case SQLITE_TOOBIG:
      return Code::too_large;
    default:
      return Code::io;
  }
}

constexpr int busy_timeout_ms = 10'000;

// A log that has grown beyond this, because others read for long, is cut to it when it begins anew. It is several times what it
// grows to by itself: a file that grows costs the disk more than one that is written over.
constexpr int log_bytes_max = 16 << 20;

// What SQLite does by itself after a commit, at its own size of the log, with a point on either side.
int checkpoint_if_long(void*, sqlite3* handle, const char* name, int pages) {
  constexpr int pages_max = 1'000;
  if (pages < pages_max) return SQLITE_OK;
  fault_point("checkpoint.before");
  sqlite3_wal_checkpoint_v2(handle, name, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);  // if it fails, the next commit tries
  fault_point("checkpoint.after");
  return SQLITE_OK;
}

}  // namespace

Statement::Statement(Database& database, std::string_view sql) : database_(&database) {
  sqlite3_stmt* prepared = nullptr;
  const int result = sqlite3_prepare_v3(database.handle(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                        &prepared, nullptr);
  STETHOS_CHECK(result == SQLITE_OK, std::string(sql) + ": " + sqlite3_errmsg(database.handle()));
  statement_.reset(prepared);
}

Result<Statement> Statement::prepare(Database& database, std::string_view sql) {
  sqlite3_stmt* prepared = nullptr;
  if (sqlite3_prepare_v3(database.handle(), sql.data(), static_cast<int>(sql.size()), 0, &prepared, nullptr) != SQLITE_OK) {
    return std::unexpected(database.error("preparing " + std::string(sql)));
  }
  return Statement(database, prepared);
}

Statement& Statement::note(int bound) {
  STETHOS_CHECK(bound == SQLITE_OK || bound == SQLITE_NOMEM || bound == SQLITE_TOOBIG, sqlite3_errstr(bound));
  if (bound_ == SQLITE_OK) bound_ = bound;
  return *this;
}

Statement& Statement::bind(int index, std::int64_t value) { return note(sqlite3_bind_int64(statement_.get(), index, value)); }
Statement& Statement::bind(int index, double value) { return note(sqlite3_bind_double(statement_.get(), index, value)); }
Statement& Statement::bind(int index, std::string_view value) {
  // An empty view may have no address, and SQLite reads that as NULL.
  const char* data = value.data() == nullptr ? "" : value.data();
  return note(sqlite3_bind_text64(statement_.get(), index, data, value.size(), SQLITE_STATIC, SQLITE_UTF8));
}
Statement& Statement::bind(int index, std::span<const std::uint8_t> value) {
  const void* data = value.data() == nullptr ? static_cast<const void*>("") : value.data();
  return note(sqlite3_bind_blob64(statement_.get(), index, data, value.size(), SQLITE_STATIC));
}
Statement& Statement::bind_null(int index) { return note(sqlite3_bind_null(statement_.get(), index)); }

Result<bool> Statement::step() {
  if (bound_ != SQLITE_OK) {
    const char* why = sqlite3_errstr(bound_);
    const Code code = code_of(bound_);
    reset();
    return fail(code, std::string("binding to ") + sqlite3_sql(statement_.get()), why);
  }
  const int result = sqlite3_step(statement_.get());
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) return false;
  auto error = database_->error(std::string("running ") + sqlite3_sql(statement_.get()));
  reset();
  return std::unexpected(std::move(error));
}

Status Statement::run() {
  for (;;) {
    const auto more = step();
    if (!more) return std::unexpected(more.error());
    if (!*more) break;
  }
  reset();
  return {};
}

Result<std::int64_t> run_for_integer(Statement& statement) {
  const auto has_row = statement.step();
  if (!has_row) return std::unexpected(has_row.error());
  STETHOS_CHECK(*has_row, "a statement that always gives a row");
  const std::int64_t value = statement.integer(0);
  statement.reset();
  return value;
}

void Statement::reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
  bound_ = SQLITE_OK;
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_.get(), column); }
double Statement::real(int column) const {
  return is_null(column) ? std::nan("") : sqlite3_column_double(statement_.get(), column);
}
std::string_view Statement::text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  return data == nullptr ? std::string_view{}
                         : std::string_view(data, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column)));
}
std::span<const std::uint8_t> Statement::blob(int column) const {
  const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_.get(), column));
  return {data, data == nullptr ? 0 : static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}
bool Statement::is_null(int column) const { return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL; }

Result<Database> Database::open(const std::string& path, Access access) {
  const std::string doing = "opening " + path;
  const int flags = (access == Access::read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE) |
                    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  sqlite3* handle = nullptr;
  const int opened = sqlite3_open_v2(path.c_str(), &handle, flags, counting_file_system());
  Database database(handle);
  if (opened != SQLITE_OK) {
    Error error = database.error(doing);
    if (const std::string fault = folder_fault(path); access == Access::read_write && !fault.empty()) error.failed = fault;
    return std::unexpected(std::move(error));
  }

  sqlite3_busy_timeout(handle, busy_timeout_ms);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
  sqlite3_limit(handle, SQLITE_LIMIT_ATTACHED, 0);
  sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, 16 << 20);
  sqlite3_limit(handle, SQLITE_LIMIT_SQL_LENGTH, 64 << 10);
  if (access == Access::read_only) return database;
  sqlite3_wal_hook(handle, checkpoint_if_long, nullptr);

  // Debian's SQLite overwrites with zeros whatever is deleted; `fast` does so only where that costs no write.
  const std::string settings =
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; "
      "PRAGMA secure_delete=FAST; PRAGMA journal_size_limit=" +
      std::to_string(log_bytes_max);
  if (auto set = database.execute(settings); !set) {
    return std::unexpected(Error{set.error().code, doing, set.error().failed});
  }
  Statement journal(database, "PRAGMA journal_mode");
  Statement synchronous(database, "PRAGMA synchronous");
  const auto has_journal = journal.step();
  const auto has_synchronous = synchronous.step();
  if (!has_journal || !*has_journal || journal.text(0) != "wal")
    return fail(Code::io, doing, "it does not take a write-ahead log");
  if (!has_synchronous || !*has_synchronous || synchronous.integer(0) != 2) {
    return fail(Code::io, doing, "it does not take synchronous=FULL");
  }
  return database;
}

Result<Database> Database::in_memory() {
  sqlite3* handle = nullptr;
  const int opened = sqlite3_open_v2(":memory:", &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  Database database(handle);
  if (opened != SQLITE_OK) return std::unexpected(database.error("opening a database in memory"));
  return database;
}

void Database::fold_log_on_close(bool fold) const {
  sqlite3_db_config(handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, fold ? 0 : 1, nullptr);
}

Status Database::fold_log() {
  sqlite3_busy_timeout(handle(), 0);
  int frames = 0;
  const int folded = sqlite3_wal_checkpoint_v2(handle(), nullptr, SQLITE_CHECKPOINT_RESTART, &frames, nullptr);
  sqlite3_busy_timeout(handle(), busy_timeout_ms);
  if ((folded & 0xff) == SQLITE_BUSY) return {};
  if (folded != SQLITE_OK) return std::unexpected(error("folding the write-ahead log"));
  if (frames <= 0) return {};
  // The log keeps its length: what is written over costs less than what grows. Its first commit gives it a new header, by which
  // what stands behind is not read again.
  Statement id(*this, "PRAGMA application_id");
  const auto has_id = id.step();
  if (!has_id) return std::unexpected(has_id.error());
  const std::string same = std::to_string(id.integer(0));
  id.reset();
  return execute("PRAGMA application_id = " + same);
}

// NOLINTNEXTLINE(readability-make-member-function-const)
Status Database::execute(const std::string& sql) {
  if (sqlite3_exec(handle(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
    return std::unexpected(error("running " + sql));
  return {};
}

Error Database::error(std::string doing) const {
  const int result = handle_ ? sqlite3_extended_errcode(handle()) : SQLITE_NOMEM;
  return Error{code_of(result), std::move(doing), handle_ ? sqlite3_errmsg(handle()) : "out of memory"};
}

}  // namespace stethos::sqlite
