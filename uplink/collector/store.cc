#include "uplink/collector/store.h"

#include <array>
#include <utility>

#include "common/identity.h"

namespace stethos::collector {
namespace {

constexpr std::int64_t application_id = 0x53544843;  // "STHC"

// 64-bit hashes and epochs are stored bit for bit, as the signed integers that SQLite has. Times are ns UTC since 1970.
//
// windows keeps each row's FlatBuffer as it came, beside the columns that find it and rank it. It is a table with a rowid
// and an index, not one without: bodies have some 700 bytes, of which an index page would hold five. New rows are written
// one behind the other within their hour (see first_id), and only the narrow index is spread over all streams.
//
// hours and days are rows of the same form, merged from what left windows and hours. `first_ns` and `last_ns` are the starts of
// the first and the last window that is in, and `windows` is their number: a window that starts between them came too late.
//
// Pages that are freed are used again: the file stays as large as it was at its largest, and needs no vacuum.
constexpr const char* schema_sql = R"sql(
CREATE TABLE store (
  only        INTEGER PRIMARY KEY CHECK (only = 1),
  identity    TEXT NOT NULL,
  created_ns  INTEGER NOT NULL
) STRICT;

CREATE TABLE counters (
  name   TEXT PRIMARY KEY,
  value  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE nodes (
  id             INTEGER PRIMARY KEY,
  name           TEXT NOT NULL UNIQUE,
  first_seen_ns  INTEGER NOT NULL,
  last_seen_ns   INTEGER NOT NULL
) STRICT;

CREATE TABLE spools (
  id                INTEGER PRIMARY KEY,
  node              INTEGER NOT NULL REFERENCES nodes,
  identity          TEXT NOT NULL,
  first_seen_ns     INTEGER NOT NULL,
  last_seen_ns      INTEGER NOT NULL,
  sent_ns           INTEGER NOT NULL,     -- by the node's clock, of its last batch
  offered_until_ns  INTEGER NOT NULL,
  UNIQUE (node, identity)
) STRICT;

CREATE TABLE lanes (
  spool        INTEGER NOT NULL REFERENCES spools,
  lane         INTEGER NOT NULL,
  lowest_kept  INTEGER NOT NULL,
  next_number  INTEGER NOT NULL,
  rows         INTEGER NOT NULL,
  duplicates   INTEGER NOT NULL,
  last_number  INTEGER NOT NULL,          -- the highest row that came, and its hash; kept whatever else is dropped
  last_hash    INTEGER NOT NULL,
  PRIMARY KEY (spool, lane)
) STRICT, WITHOUT ROWID;

-- Numbers that are durable here or known never to come: sorted, disjoint, few.
CREATE TABLE lane_ranges (
  spool  INTEGER NOT NULL,
  lane   INTEGER NOT NULL,
  first  INTEGER NOT NULL,
  last   INTEGER NOT NULL,
  PRIMARY KEY (spool, lane, first),
  FOREIGN KEY (spool, lane) REFERENCES lanes
) STRICT, WITHOUT ROWID;

CREATE TABLE streams (
  id       INTEGER PRIMARY KEY,
  node     INTEGER NOT NULL REFERENCES nodes,
  device   TEXT NOT NULL,
  channel  TEXT NOT NULL,
  UNIQUE (node, device, channel)
) STRICT;

CREATE TABLE stream_versions (
  id         INTEGER PRIMARY KEY,
  stream     INTEGER NOT NULL REFERENCES streams,
  version    INTEGER NOT NULL,
  machine    TEXT NOT NULL,
  point      TEXT NOT NULL,
  axis       TEXT NOT NULL,
  quantity   TEXT NOT NULL,
  unit       TEXT NOT NULL,
  location   TEXT NOT NULL,
  owner      TEXT NOT NULL,
  stored_ns  INTEGER NOT NULL,
  UNIQUE (stream, version)
) STRICT;
CREATE INDEX stream_versions_by_machine ON stream_versions (machine, stream);

CREATE TABLE provenances (
  node          INTEGER NOT NULL REFERENCES nodes,
  id            INTEGER NOT NULL,
  program       TEXT NOT NULL,
  backend       TEXT NOT NULL,
  config_hash   INTEGER NOT NULL,
  schema_major  INTEGER NOT NULL,
  schema_minor  INTEGER NOT NULL,
  source        TEXT NOT NULL,
  parameters    TEXT NOT NULL,            -- of statistics, by index, each a line; the first is empty
  stored_ns     INTEGER NOT NULL,
  PRIMARY KEY (node, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE windows (
  id          INTEGER PRIMARY KEY,
  stream      INTEGER NOT NULL,
  start_ns    INTEGER NOT NULL,
  definition  INTEGER NOT NULL,
  generation  INTEGER NOT NULL,
  revision    INTEGER NOT NULL,
  spool       INTEGER NOT NULL,           -- and the number in its lane: where the row came from
  lane        INTEGER NOT NULL,
  number      INTEGER NOT NULL,
  stored_ns   INTEGER NOT NULL,
  good        INTEGER NOT NULL,           -- samples
  body        BLOB NOT NULL,
  length_ns   INTEGER,                    -- null: an older version stored the row
  part_of_ns  INTEGER,                    -- a part that begins within its window: where that one begins; else null
  good_of_node INTEGER NOT NULL DEFAULT 0,-- of a row of a replay: good samples of the node's row that it replaced
  withdrawn   INTEGER NOT NULL DEFAULT 0  -- 1: for rows of a replay (replayed_windows.h), which have its generation
) STRICT;
CREATE UNIQUE INDEX windows_by_identity ON windows (stream, start_ns, definition);
CREATE INDEX windows_parts ON windows (stream, definition, part_of_ns) WHERE part_of_ns IS NOT NULL;

CREATE TABLE hours (
  id          INTEGER PRIMARY KEY,
  stream      INTEGER NOT NULL,
  start_ns    INTEGER NOT NULL,
  definition  INTEGER NOT NULL,
  windows     INTEGER NOT NULL,
  first_ns    INTEGER NOT NULL,
  last_ns     INTEGER NOT NULL,
  stored_ns   INTEGER NOT NULL,
  body        BLOB NOT NULL,
  part_of_ns  INTEGER,                    -- if the row that is in and begins last is a part: where its window begins
  parts_until_ns INTEGER                  -- and where the part ends
) STRICT;
CREATE UNIQUE INDEX hours_by_identity ON hours (stream, start_ns, definition);

CREATE TABLE days (
  id          INTEGER PRIMARY KEY,
  stream      INTEGER NOT NULL,
  start_ns    INTEGER NOT NULL,
  definition  INTEGER NOT NULL,
  windows     INTEGER NOT NULL,
  first_ns    INTEGER NOT NULL,
  last_ns     INTEGER NOT NULL,
  stored_ns   INTEGER NOT NULL,
  body        BLOB NOT NULL,
  part_of_ns  INTEGER,                    -- as above
  parts_until_ns INTEGER
) STRICT;
CREATE UNIQUE INDEX days_by_identity ON days (stream, start_ns, definition);

-- Each as the last row of it says; that row as it came is in body.
CREATE TABLE alarms (
  id            INTEGER PRIMARY KEY,
  stream        INTEGER NOT NULL REFERENCES streams,
  limit_id      INTEGER NOT NULL,
  activated_ns  INTEGER NOT NULL,
  state         INTEGER NOT NULL,
  revision      INTEGER NOT NULL,
  spool         INTEGER NOT NULL,         -- and the number in its lane: where the row came from
  lane          INTEGER NOT NULL,
  number        INTEGER NOT NULL,
  stored_ns     INTEGER NOT NULL,
  body          BLOB NOT NULL,
  UNIQUE (stream, activated_ns, limit_id)
) STRICT;
-- In the order in which they are dropped: those that are over by when they last changed, then the active and provisional ones.
CREATE INDEX alarms_by_end ON alarms (iif(state IN (1, 3), 9223372036854775807, stored_ns));

-- Of messages (device and epoch say whose), or of rows (spool and lane, and when the first and the last were committed): the
-- others are '' and 0.
CREATE TABLE gaps (
  id          INTEGER PRIMARY KEY,
  node        INTEGER NOT NULL REFERENCES nodes,
  device      TEXT NOT NULL,
  epoch       INTEGER NOT NULL,
  spool       INTEGER NOT NULL,
  lane        INTEGER NOT NULL,
  first       INTEGER NOT NULL,
  last        INTEGER NOT NULL,
  cause       TEXT NOT NULL,
  first_ns    INTEGER NOT NULL,
  last_ns     INTEGER NOT NULL,
  noticed_ns  INTEGER NOT NULL,
  stored_ns   INTEGER NOT NULL,
  clock_untrusted  INTEGER NOT NULL DEFAULT 0,  -- noticed_ns is by a node's clock that was not known to be right
  UNIQUE (node, device, epoch, spool, lane, first, last)
) STRICT;

CREATE TABLE events (
  id         INTEGER PRIMARY KEY,
  node       INTEGER NOT NULL REFERENCES nodes,
  kind       TEXT NOT NULL,
  at_ns      INTEGER NOT NULL,
  device     TEXT NOT NULL,
  channel    TEXT NOT NULL,
  value      INTEGER NOT NULL,
  detail     TEXT NOT NULL,
  stored_ns  INTEGER NOT NULL,
  clock_untrusted  INTEGER NOT NULL DEFAULT 0,  -- as above, at_ns
  UNIQUE (node, kind, at_ns, device, channel)
) STRICT;

-- Stretches of windows that are missing, each as the last row of it says.
CREATE TABLE silences (
  id              INTEGER PRIMARY KEY,
  stream          INTEGER NOT NULL REFERENCES streams,
  definition      INTEGER NOT NULL,
  first_start_ns  INTEGER NOT NULL,
  length_ns       INTEGER NOT NULL,
  hop_ns          INTEGER NOT NULL,
  windows         INTEGER NOT NULL,
  state           INTEGER NOT NULL,
  noticed_ns      INTEGER NOT NULL,
  stored_ns       INTEGER NOT NULL,
  clock_untrusted  INTEGER NOT NULL DEFAULT 0,  -- as above, noticed_ns
  spool           INTEGER,                -- and the number in its lane: where the row came from; null: an older version stored it
  number          INTEGER,
  UNIQUE (stream, definition, first_start_ns)
) STRICT;

CREATE TABLE unknown_rows (
  id         INTEGER PRIMARY KEY,
  spool      INTEGER NOT NULL REFERENCES spools,
  lane       INTEGER NOT NULL,
  number     INTEGER NOT NULL,
  kind       INTEGER NOT NULL,
  body       BLOB NOT NULL,
  stored_ns  INTEGER NOT NULL,
  UNIQUE (spool, lane, number)
) STRICT;

-- What operators asked nodes for again, see wanted.h. `spool` is 0 until a node was asked for a span of time.
CREATE TABLE wanted (
  id         INTEGER PRIMARY KEY,
  node       INTEGER NOT NULL REFERENCES nodes,
  spool      INTEGER NOT NULL,
  lane       INTEGER NOT NULL,
  first      INTEGER NOT NULL,
  last       INTEGER NOT NULL,
  from_ns    INTEGER NOT NULL,            -- event time; both 0: any
  to_ns      INTEGER NOT NULL,
  next       INTEGER NOT NULL,            -- numbers below are answered
  rows       INTEGER NOT NULL,
  not_kept   INTEGER NOT NULL,
  cause      TEXT NOT NULL,
  state      TEXT NOT NULL,
  asked_ns   INTEGER NOT NULL,
  ended_ns   INTEGER NOT NULL
) STRICT;
CREATE INDEX wanted_open ON wanted (node, lane, id) WHERE state = 'open';

CREATE TABLE refused_rows (
  id         INTEGER PRIMARY KEY,
  spool      INTEGER NOT NULL REFERENCES spools,
  lane       INTEGER NOT NULL,
  number     INTEGER NOT NULL,
  kind       INTEGER NOT NULL,
  reason     TEXT NOT NULL,
  body       BLOB NOT NULL,               -- its first bytes
  stored_ns  INTEGER NOT NULL
) STRICT;
)sql";

// What version 5 has beyond version 3; no release had version 4.
constexpr const char* upgrade_sql = R"sql(
ALTER TABLE gaps ADD COLUMN clock_untrusted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE events ADD COLUMN clock_untrusted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE silences ADD COLUMN clock_untrusted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE silences ADD COLUMN spool INTEGER;
ALTER TABLE silences ADD COLUMN number INTEGER;
ALTER TABLE hours ADD COLUMN part_of_ns INTEGER;
ALTER TABLE hours ADD COLUMN parts_until_ns INTEGER;
ALTER TABLE days ADD COLUMN part_of_ns INTEGER;
ALTER TABLE days ADD COLUMN parts_until_ns INTEGER;
ALTER TABLE windows ADD COLUMN length_ns INTEGER;
ALTER TABLE windows ADD COLUMN part_of_ns INTEGER;
ALTER TABLE windows ADD COLUMN good_of_node INTEGER NOT NULL DEFAULT 0;
ALTER TABLE windows ADD COLUMN withdrawn INTEGER NOT NULL DEFAULT 0;
CREATE INDEX windows_parts ON windows (stream, definition, part_of_ns) WHERE part_of_ns IS NOT NULL;
DROP INDEX alarms_by_age;
CREATE INDEX alarms_by_end ON alarms (iif(state IN (1, 3), 9223372036854775807, stored_ns));
PRAGMA user_version = 5;
)sql";
constexpr int upgradable_version = 3;

Result<std::int64_t> read_integer(sqlite::Database& database, const char* sql) {
  sqlite::Statement statement(database, sql);
  const auto has_row = statement.step();
  if (!has_row) return std::unexpected(has_row.error());
  return *has_row ? statement.integer(0) : 0;
}

}  // namespace

const char* name_of(Counter counter) {
  switch (counter) {
    case Counter::batches:
      return "batches";
    case Counter::rows:
      return "rows";
    case Counter::rows_duplicate:
      return "rows_duplicate";
    case Counter::rows_again:
      return "rows_again";
    case Counter::rows_postponed:
      return "rows_postponed";
    case Counter::rows_refused:
      return "rows_refused";
    case Counter::rows_unknown:
      return "rows_unknown";
    case Counter::windows:
      return "windows";
    case Counter::windows_superseded:
      return "windows_superseded";
    case Counter::windows_stale:
      return "windows_stale";
    case Counter::streams:
      return "streams";
    case Counter::provenances:
      return "provenances";
    case Counter::gaps:
      return "gaps";
    case Counter::events:
      return "events";
    case Counter::windows_conflicting:
      return "windows_conflicting";
    case Counter::alarms:
      return "alarms";
    case Counter::alarms_superseded:
      return "alarms_superseded";
    case Counter::alarms_stale:
      return "alarms_stale";
    case Counter::windows_bytes:
      return "windows_bytes";
    case Counter::windows_dropped:
      return "windows_dropped";
    case Counter::windows_unmerged:
      return "windows_unmerged";
    case Counter::hours:
      return "hours";
    case Counter::hours_bytes:
      return "hours_bytes";
    case Counter::hours_dropped:
      return "hours_dropped";
    case Counter::hours_unmerged:
      return "hours_unmerged";
    case Counter::days:
      return "days";
    case Counter::days_bytes:
      return "days_bytes";
    case Counter::days_dropped:
      return "days_dropped";
    case Counter::alarms_bytes:
      return "alarms_bytes";
    case Counter::alarms_dropped:
      return "alarms_dropped";
    case Counter::events_held:
      return "events_held";
    case Counter::events_bytes:
      return "events_bytes";
    case Counter::silences:
      return "silences";
    case Counter::events_dropped:
      return "events_dropped";
  }
  return "";
}

Tally::Tally(sqlite::Database& database)
    : add_(database, "UPDATE counters SET value = value + ? WHERE name = ?"),
      select_(database, "SELECT value FROM counters WHERE name = ?") {}

Result<std::int64_t> Tally::total(Counter counter) {
  const auto has_row = select_.bind(1, std::string_view(name_of(counter))).step();
  if (!has_row) return std::unexpected(has_row.error());
  const std::int64_t stored = *has_row ? select_.integer(0) : 0;
  select_.reset();
  return stored + of(counter);
}

Status Tally::write() {
  for (int i = 0; i < counter_count; ++i) {
    const auto counter = static_cast<Counter>(i);
    if (of(counter) == 0) continue;
    if (auto added = add_.bind(1, of(counter)).bind(2, std::string_view(name_of(counter))).run(); !added) return added;
  }
  return {};
}

// Rows that leave are counted where they leave, whoever deletes them. `bytes`: beside the overhead.
std::string counted_deletes(std::string_view table, Counter rows, Counter bytes, std::string_view body) {
  const auto less = [](Counter counter, std::string_view by) {
    return "UPDATE counters SET value = value - " + std::string(by) + " WHERE name = '" + name_of(counter) + "'; ";
  };
  const std::string name(table);
  return "CREATE TRIGGER " + name + "_deleted AFTER DELETE ON " + name + " BEGIN " + less(rows, "1") +
         less(bytes, std::to_string(row_overhead_bytes) + " - " + std::string(body)) + "END; ";
}

Status Store::create(TimeNs now) {
  return database_.transaction([&]() -> Status {
    if (auto made = database_.execute(schema_sql); !made) return made;
    const std::string triggers =
        counted_deletes("windows", Counter::windows, Counter::windows_bytes, "length(OLD.body)") +
        counted_deletes("hours", Counter::hours, Counter::hours_bytes, "length(OLD.body)") +
        counted_deletes("days", Counter::days, Counter::days_bytes, "length(OLD.body)") +
        counted_deletes("alarms", Counter::alarms, Counter::alarms_bytes, "length(OLD.body)") +
        counted_deletes("gaps", Counter::events_held, Counter::events_bytes, "length(CAST(OLD.device || OLD.cause AS BLOB))") +
        counted_deletes("events", Counter::events_held, Counter::events_bytes,
                        "length(CAST(OLD.kind || OLD.device || OLD.channel || OLD.detail AS BLOB))") +
        counted_deletes("silences", Counter::events_held, Counter::events_bytes, "0") +
        counted_deletes("unknown_rows", Counter::events_held, Counter::events_bytes, "length(OLD.body)");
    if (auto made = database_.execute(triggers); !made) return made;
    sqlite::Statement store(database_, "INSERT INTO store (only, identity, created_ns) VALUES (1, ?, ?)");
    const std::string identity = random_identity();
    if (auto made = store.bind(1, std::string_view(identity)).bind(2, now).run(); !made) return made;
    sqlite::Statement counter(database_, "INSERT INTO counters (name, value) VALUES (?, 0)");
    for (int i = 0; i < counter_count; ++i) {
      if (auto made = counter.bind(1, std::string_view(name_of(static_cast<Counter>(i)))).run(); !made) return made;
    }
    return database_.execute("PRAGMA application_id = " + std::to_string(application_id) +
                             "; PRAGMA user_version = " + std::to_string(store_version));
  });
}

Result<std::unique_ptr<Store>> Store::open(const std::string& path, sqlite::Access access, TimeNs now) {
  const std::string doing = "opening the store " + path;
  auto database = sqlite::Database::open(path, access);
  if (!database) return std::unexpected(database.error());
  std::unique_ptr<Store> store(new Store(std::move(*database)));

  const auto tables = read_integer(store->database_, "SELECT count(*) FROM sqlite_schema");
  if (!tables) return std::unexpected(Error{tables.error().code, doing, tables.error().failed});
  if (*tables == 0 && access == sqlite::Access::read_write) {
    if (auto made = store->create(now); !made) return std::unexpected(Error{made.error().code, doing, made.error().failed});
  }
  const auto application = read_integer(store->database_, "PRAGMA application_id");
  auto version = read_integer(store->database_, "PRAGMA user_version");
  if (!application || !version) return fail(Code::io, doing, "its header cannot be read");
  if (*application != application_id) return fail(Code::unsupported, doing, "it is not a collector's store");
  if (*version == upgradable_version && access == sqlite::Access::read_write) {
    static_assert(store_version == 5 && upgradable_version == 3);
    auto upgraded = store->database_.transaction([&] { return store->database_.execute(upgrade_sql); });
    if (!upgraded) return std::unexpected(Error{upgraded.error().code, doing, upgraded.error().failed});
    version = store_version;
  }
  if (*version != store_version) {
    return fail(Code::unsupported, doing,
                "its version is " + std::to_string(*version) + ", this program reads " + std::to_string(store_version));
  }
  sqlite::Statement identity(store->database_, "SELECT identity FROM store");
  const auto has_identity = identity.step();
  if (!has_identity || !*has_identity) return fail(Code::corrupt, doing, "it has no identity");
  store->identity_ = identity.text(0);
  identity.reset();
  if (access == sqlite::Access::read_write) {
    if (auto folded = store->database_.fold_log(); !folded)
      return std::unexpected(Error{folded.error().code, doing, folded.error().failed});
  }
  return store;
}

}  // namespace stethos::collector
