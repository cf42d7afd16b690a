#include "uplink/collector/retention.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "schemas/envelope.h"
#include "uplink/collector/rollup.h"

namespace stethos::collector {

struct Retention::Tier {
  Budget budget;
  Counter rows, bytes, dropped;
};

// Windows, hours or days.
struct Retention::Timed {
  Timed(sqlite::Database& database, const Tier& of, const std::string& table, DurationNs slice_length)
      : tier(of),
        slice(slice_length),
        select_oldest(database, "SELECT id, stream FROM " + table + " ORDER BY id LIMIT 1"),
        select_newest(database, "SELECT id, stream FROM " + table + " ORDER BY id DESC LIMIT 1"),
        select_rows(database,
                    "SELECT start_ns, definition, " +
                        std::string(is_windows() ? "NOT withdrawn, start_ns, start_ns, NULL, NULL" : merged_columns) +
                        ", body FROM " + table +
                        " WHERE stream = ?1 AND start_ns >= ?2 AND start_ns < ?3 ORDER BY start_ns, definition LIMIT ?4"),
        delete_rows(database,
                    "DELETE FROM " + table + " WHERE stream = ?1 AND start_ns >= ?2 AND (start_ns, definition) <= (?3, ?4)") {
    if (is_windows()) return;
    select_row.emplace(database, "SELECT " + std::string(merged_columns) + ", body FROM " + table +
                                     " WHERE stream = ? AND start_ns = ? AND definition = ?");
    select_merged.emplace(database, "SELECT " + std::string(merged_columns) + ", body FROM " + table +
                                        " WHERE stream = ?1 AND start_ns >= ?2 AND start_ns < ?3 AND definition = ?4");
    upsert_row.emplace(database,
                       "INSERT INTO " + table +
                           " (id, stream, start_ns, definition, windows, first_ns, last_ns, part_of_ns, parts_until_ns, "
                           "stored_ns, body) VALUES ((SELECT coalesce(max(id) + 1, ?8) FROM " +
                           table + " WHERE id >= ?8 AND id < ?8 + " + std::to_string(ids_per_slice) +
                           "), ?1, ?2, ?3, ?4, ?5, ?6, ?10, ?11, ?7, ?9) ON CONFLICT "
                           "(stream, start_ns, definition) DO UPDATE SET windows = ?4, first_ns = ?5, last_ns = ?6, "
                           "part_of_ns = ?10, parts_until_ns = ?11, stored_ns = ?7, body = ?9");
  }
  bool is_windows() const { return tier.rows == Counter::windows; }

  static constexpr const char* merged_columns = "windows, first_ns, last_ns, part_of_ns, parts_until_ns";
  Tier tier;
  DurationNs slice;  // of event time: see first_id. What is in one is merged into one row, for each stream and definition
  sqlite::Statement select_oldest;
  sqlite::Statement select_newest;
  sqlite::Statement select_rows;
  sqlite::Statement delete_rows;
  std::optional<sqlite::Statement> select_row;
  std::optional<sqlite::Statement> select_merged;  // that begin between two times
  std::optional<sqlite::Statement> upsert_row;
};

// Alarms or events: tables whose oldest row is quickly found.
struct Retention::Untimed {
  struct Table {
    sqlite::Statement select_oldest;  // id, when it was stored
    sqlite::Statement delete_row;
  };
  Tier tier;
  std::vector<Table> tables;
};

// The row that rows of a tier are merged into.
struct Retention::Merged {
  Rollup rollup;
  std::optional<MergedParts> parts;  // if the row that is in and begins last is a part
  std::array<Span, 2> covered;  // by it as it was, and by what it was merged into earlier itself
  std::optional<std::int64_t> bytes_before;
};

namespace {

constexpr std::size_t provenances_at_once_max = 16;

Span span_of(const sqlite::Statement& statement, int column) {
  return {statement.integer(column), statement.integer(column + 1), statement.integer(column + 2)};
}

std::optional<MergedParts> parts_of(const sqlite::Statement& statement, int column) {
  if (statement.is_null(column)) return std::nullopt;
  return MergedParts{statement.integer(column), statement.integer(column + 1)};
}

std::optional<MergedParts> parts_of(const schema::WindowRow& row) {
  if (row.whole() == nullptr) return std::nullopt;
  return MergedParts{row.whole()->start_ns(), row.start_ns() + row.length_ns()};
}

}  // namespace

Retention::Retention(Store& store, const Budgets& budgets)
    : store_(store),
      tally_(store.database()),
      select_newest_(store.database(), "SELECT max(id) FROM windows"),
      select_change_(
          store.database(),
          "SELECT count(DISTINCT quantity || ' ' || unit) FROM stream_versions WHERE stream = ? AND version IN (?, ?)"),
      select_parameters_(store.database(),
                         "SELECT parameters FROM provenances WHERE node = (SELECT node FROM streams WHERE id = ?) AND id = ?") {
  sqlite::Database& database = store.database();
  timed_.emplace_back(database, Tier{budgets.windows, Counter::windows, Counter::windows_bytes, Counter::windows_dropped},
                      "windows", hour_ns);
  timed_.emplace_back(database, Tier{budgets.hours, Counter::hours, Counter::hours_bytes, Counter::hours_dropped}, "hours",
                      day_ns);
  timed_.emplace_back(database, Tier{budgets.days, Counter::days, Counter::days_bytes, Counter::days_dropped}, "days", day_ns);

  const auto table = [&](const char* select_oldest, const char* delete_row) {
    return Untimed::Table{sqlite::Statement(database, select_oldest), sqlite::Statement(database, delete_row)};
  };
  untimed_.resize(2);
  untimed_[0].tier = {budgets.alarms, Counter::alarms, Counter::alarms_bytes, Counter::alarms_dropped};
  untimed_[0].tables.push_back(
      table("SELECT id, iif(state IN (1, 3), 9223372036854775807, stored_ns) FROM alarms "
            "ORDER BY iif(state IN (1, 3), 9223372036854775807, stored_ns), id LIMIT 1",
            "DELETE FROM alarms WHERE id = ?"));
  untimed_[1].tier = {budgets.events, Counter::events_held, Counter::events_bytes, Counter::events_dropped};
  untimed_[1].tables.push_back(table("SELECT id, stored_ns FROM gaps ORDER BY id LIMIT 1", "DELETE FROM gaps WHERE id = ?"));
  untimed_[1].tables.push_back(table("SELECT id, stored_ns FROM events ORDER BY id LIMIT 1", "DELETE FROM events WHERE id = ?"));
  untimed_[1].tables.push_back(
      table("SELECT id, stored_ns FROM silences ORDER BY id LIMIT 1", "DELETE FROM silences WHERE id = ?"));
  untimed_[1].tables.push_back(
      table("SELECT id, stored_ns FROM unknown_rows ORDER BY id LIMIT 1", "DELETE FROM unknown_rows WHERE id = ?"));
}

Retention::~Retention() = default;

Result<bool> Retention::step(TimeNs now) {
  tally_.clear();
  std::int64_t rows = 0;
  const auto add = [&](const Result<std::int64_t>& dropped) -> Status {
    if (!dropped) return std::unexpected(dropped.error());
    rows += *dropped;
    return {};
  };
  const Status done = store_.database().transaction([&]() -> Status {
    const auto until = today(now);
    if (!until) return std::unexpected(until.error());
    for (std::size_t tier = timed_.size(); tier-- > 0;) {
      if (auto dropped = add(drop_timed(tier, *until, now, rows_per_step - rows)); !dropped) return dropped;
    }
    for (Untimed& tier : untimed_) {
      if (auto dropped = add(drop_untimed(tier, *until, rows_per_step - rows)); !dropped) return dropped;
    }
    return tally_.write();
  });
  if (!done) return std::unexpected(done.error());
  return rows > 0;
}

// The end of the newest window's hour, or `now`; not before 1970, so that ages can be subtracted.
Result<TimeNs> Retention::today(TimeNs now) {
  const auto has_row = select_newest_.step();
  if (!has_row) return std::unexpected(has_row.error());
  const TimeNs newest = select_newest_.is_null(0) ? 0 : ((select_newest_.integer(0) >> slice_bits) + 1) * hour_ns;
  select_newest_.reset();
  return std::max<TimeNs>(0, std::min(now, newest));
}

// `oldest`: when the tier's oldest row was stored, or the end of the slice that it is in.
Result<bool> Retention::is_over(const Tier& tier, TimeNs oldest, TimeNs today) {
  if (oldest <= today - tier.budget.age_max) return true;
  const auto bytes = tally_.total(tier.bytes);
  if (!bytes) return std::unexpected(bytes.error());
  return *bytes > tier.budget.bytes_max;
}

Result<std::int64_t> Retention::drop_timed(std::size_t tier, TimeNs today, TimeNs now, std::int64_t rows_max) {
  Timed& from = timed_[tier];
  struct Row {
    TimeNs slice;
    std::int64_t stream;
  };
  const auto row_of = [&](sqlite::Statement& select) -> Result<std::optional<Row>> {
    const auto has_row = select.step();
    if (!has_row) return std::unexpected(has_row.error());
    if (!*has_row) return std::nullopt;
    const Row row{(select.integer(0) >> slice_bits) * from.slice, select.integer(1)};
    select.reset();
    return row;
  };
  std::int64_t rows = 0;
  while (rows < rows_max) {
    const auto oldest = row_of(from.select_oldest);
    if (!oldest) return std::unexpected(oldest.error());
    if (!*oldest) break;
    const auto is_due = is_over(from.tier, (*oldest)->slice + from.slice, today);
    if (!is_due) return std::unexpected(is_due.error());
    if (!*is_due) break;
    const auto newest = row_of(from.select_newest);
    if (!newest) return std::unexpected(newest.error());
    // What a node with a wrong clock sends must not push out what the others have.
    const bool is_from_afar = (*newest)->slice > now + day_ns && (*oldest)->slice <= now;
    const Row& first = is_from_afar ? **newest : **oldest;
    const auto dropped = drop_of_stream(tier, first.stream, first.slice, now, rows_max - rows);
    if (!dropped) return dropped;
    rows += *dropped;
  }
  return rows;
}

// Drops the stream's first rows of the slice that starts at `start`.
Result<std::int64_t> Retention::drop_of_stream(std::size_t tier, std::int64_t stream, TimeNs start, TimeNs now,
                                               std::int64_t rows_max) {
  struct Row {
    TimeNs start;
    std::uint64_t definition;
    Span span;
    std::optional<MergedParts> parts;
    std::vector<std::uint8_t> body;
  };
  Timed& from = timed_[tier];
  std::vector<Row> rows;
  from.select_rows.bind(1, stream).bind(2, start).bind(3, start + from.slice).bind(4, rows_max);
  for (;;) {
    const auto more = from.select_rows.step();
    if (!more) return std::unexpected(more.error());
    if (!*more) break;
    const auto body = from.select_rows.blob(7);
    rows.push_back({from.select_rows.integer(0),
                    from.select_rows.unsigned_integer(1),
                    span_of(from.select_rows, 2),
                    parts_of(from.select_rows, 5),
                    {body.begin(), body.end()}});
  }
  from.select_rows.reset();
  STETHOS_CHECK(!rows.empty(), "the oldest row is in its slice");
  const auto count = static_cast<std::int64_t>(rows.size());
  tally_.count(from.tier.dropped, count);
  const Row& last = rows.back();
  if (auto deleted = from.delete_rows.bind(1, stream).bind(2, start).bind(3, last.start).bind(4, last.definition).run(); !deleted)
    return std::unexpected(deleted.error());
  if (tier + 1 == timed_.size()) return count;

  texts_.clear();  // of another node
  std::map<std::uint64_t, Merged> merged;  // by definition
  for (Row& row : rows) {
    auto into = merged.find(row.definition);
    if (into == merged.end()) {
      auto found = merged_so_far(tier + 1, stream, start, row.definition);
      if (!found) return std::unexpected(found.error());
      into = merged.emplace(row.definition, std::move(*found)).first;
    }
    Result<bool> is_merged = false;
    if (const auto opened = schema::open_window_row(row.body); opened && from.is_windows()) {
      row.parts = parts_of(**opened);
      is_merged = is_merged_already(stream, into->second, **opened);
    }
    if (!is_merged) return std::unexpected(is_merged.error());
    const auto added = *is_merged ? false : merge(into->second, stream, row.span, row.body);
    if (!added) return std::unexpected(added.error());
    if (*added) {
      if (into->second.rollup.span().last == row.span.last) into->second.parts = row.parts;
    } else {
      tally_.count(from.is_windows() ? Counter::windows_unmerged : Counter::hours_unmerged);
    }
  }
  for (const auto& [definition, each] : merged) {
    if (auto written = write(timed_[tier + 1], stream, each, now); !written) return std::unexpected(written.error());
  }
  return count;
}

Result<Retention::Merged> Retention::merged_so_far(std::size_t tier, std::int64_t stream, TimeNs start,
                                                   std::uint64_t definition) {
  Merged out{.rollup = Rollup(start, timed_[tier - 1].slice), .parts = {}, .covered = {}, .bytes_before = {}};
  for (std::size_t i = tier; i < timed_.size(); ++i) {
    sqlite::Statement& select = *timed_[i].select_row;
    const auto found = select.bind(1, stream).bind(2, at_or_before(start, timed_[i - 1].slice)).bind(3, definition).step();
    if (!found) return std::unexpected(found.error());
    if (*found) out.covered.at(i - tier) = span_of(select, 0);
    if (*found && i == tier) {
      out.parts = parts_of(select, 3);
      if (const auto opened = schema::open_window_row(select.blob(5))) {
        const auto texts = texts_of(stream, (*opened)->provenance());
        if (!texts) return std::unexpected(texts.error());
        out.rollup = Rollup(**opened, out.covered[0], *texts);
        out.bytes_before = static_cast<std::int64_t>(select.blob(5).size());
      } else {  // damaged: it stays as it is
        out.covered[0] = {1, std::numeric_limits<TimeNs>::min(), std::numeric_limits<TimeNs>::max()};
      }
    }
    select.reset();
  }
  return out;
}

Result<bool> Retention::merge(Merged& into, std::int64_t stream, const Span& span, schema::Bytes body) {
  if (span.windows == 0) return false;  // withdrawn
  const auto row = schema::open_window_row(body);
  if (!row || into.covered[0].meets(span) || into.covered[1].meets(span)) return false;
  if (into.rollup.span().windows > 0 && (*row)->stream_version() != into.rollup.stream_version()) {
    // The stream was described anew. Samples of another quantity or unit are not merged with those before.
    const auto has_row =
        select_change_.bind(1, stream).bind(2, (*row)->stream_version()).bind(3, into.rollup.stream_version()).step();
    if (!has_row) return std::unexpected(has_row.error());
    const bool has_changed = select_change_.integer(0) > 1;
    select_change_.reset();
    if (has_changed) return false;
  }
  auto texts = texts_of(stream, (*row)->provenance());
  if (!texts) return std::unexpected(texts.error());
  return into.rollup.add(**row, span, std::move(*texts));
}

// Whether anything of the row's window has been merged that may hold its samples: another spool, or a replay, may have cut it
// elsewhere. Parts that end before the row begins do not, nor does what begins where it ends. Windows of a number of samples may
// overlap, and are known by their start alone.
Result<bool> Retention::is_merged_already(std::int64_t stream, const Merged& into, const schema::WindowRow& row) {
  if (row.kind() == schema::WindowKind::count) return false;
  const auto* whole = row.whole();
  const TimeNs start = whole == nullptr ? row.start_ns() : whole->start_ns();
  const Span window{1, start, start + (whole == nullptr ? row.length_ns() : whole->length_ns()) - 1};
  const bool is_in_one_hour = at_or_before(window.first, hour_ns) == at_or_before(window.last, hour_ns);
  if (is_in_one_hour && into.covered[1].windows == 0 && !window.meets(into.rollup.span())) return false;
  for (std::size_t tier = 1; tier < timed_.size(); ++tier) {
    sqlite::Statement& select = *timed_[tier].select_merged;
    select.bind(1, stream)
        .bind(2, at_or_before(start, timed_[tier - 1].slice))
        .bind(3, window.last + 1)
        .bind(4, row.definition());
    bool is_in = false;
    const Status read = sqlite::for_each(select, [&](sqlite::Statement& found) -> Status {
      const Span merged = span_of(found, 0);
      const auto parts = parts_of(found, 3);
      const bool goes_on = whole != nullptr && parts && parts->window == start && parts->until <= row.start_ns();
      const bool goes_before = row.start_ns() + row.length_ns() <= merged.first;
      is_in = is_in || (window.meets(merged) && !goes_on && !goes_before);
      return {};
    });
    if (!read) return std::unexpected(read.error());
    if (is_in) return true;
  }
  return false;
}

Result<Rollup::Texts> Retention::texts_of(std::int64_t stream, std::uint64_t provenance) {
  if (const auto known = texts_.find(provenance); known != texts_.end()) return known->second;
  const auto has_row = select_parameters_.bind(1, stream).bind(2, provenance).step();
  if (!has_row) return std::unexpected(has_row.error());
  auto texts = std::make_shared<const ParameterTexts>(*has_row ? parameter_texts(select_parameters_.text(0)) : ParameterTexts{});
  select_parameters_.reset();
  if (texts_.size() == provenances_at_once_max) texts_.clear();
  return texts_.emplace(provenance, std::move(texts)).first->second;
}

Status Retention::write(Timed& tier, std::int64_t stream, const Merged& merged, TimeNs now) {
  const Span& span = merged.rollup.span();
  if (span.windows == 0) return {};
  const auto row = merged.rollup.row();
  const auto body = schema::pack(row);
  const auto bytes = static_cast<std::int64_t>(body.size());
  if (!merged.bytes_before) tally_.count(tier.tier.rows);
  tally_.count(tier.tier.bytes, merged.bytes_before ? bytes - *merged.bytes_before : bytes + row_overhead_bytes);
  sqlite::Statement& upsert = *tier.upsert_row;
  if (merged.parts) {
    upsert.bind(10, merged.parts->window).bind(11, merged.parts->until);
  } else {
    upsert.bind_null(10).bind_null(11);
  }
  return upsert.bind(1, stream)
      .bind(2, row.start_ns)
      .bind(3, row.definition)
      .bind(4, span.windows)
      .bind(5, span.first)
      .bind(6, span.last)
      .bind(7, now)
      .bind(8, first_id(row.start_ns, tier.slice))
      .bind(9, body)
      .run();
}

Result<std::int64_t> Retention::drop_untimed(Untimed& tier, TimeNs today, std::int64_t rows_max) {
  std::int64_t rows = 0;
  for (; rows < rows_max; ++rows) {
    Untimed::Table* oldest = nullptr;
    std::int64_t id = 0;
    TimeNs stored = 0;
    for (Untimed::Table& table : tier.tables) {
      const auto has_row = table.select_oldest.step();
      if (!has_row) return std::unexpected(has_row.error());
      if (*has_row && (oldest == nullptr || table.select_oldest.integer(1) < stored)) {
        oldest = &table;
        id = table.select_oldest.integer(0);
        stored = table.select_oldest.integer(1);
      }
      table.select_oldest.reset();
    }
    if (oldest == nullptr) break;
    const auto is_due = is_over(tier.tier, stored, today);
    if (!is_due) return std::unexpected(is_due.error());
    if (!*is_due) break;
    if (auto deleted = oldest->delete_row.bind(1, id).run(); !deleted) return std::unexpected(deleted.error());
    tally_.count(tier.tier.dropped);
  }
  return rows;
}

}  // namespace stethos::collector
