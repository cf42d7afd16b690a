#include "edge/spool/spool_report.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <iomanip>
#include <ostream>
#include <span>

#include "common/printable.h"
#include "common/time_text.h"
#include "edge/spool/lane_state.h"
#include "edge/spool/row_json.h"
#include "edge/spool/spool_format.h"
#include "edge/spool/state_loading.h"
#include "edge/spool/stream_labels.h"
#include "edge/spool/tables.h"
#include "schemas/envelope.h"
#include "uplink/sender/outbox_source.h"

namespace stethos::edge {
namespace {

using sqlite::Database;
using sqlite::Statement;

constexpr std::size_t findings_max = 100;  // that are printed
constexpr std::size_t reasons_max = 10;
constexpr std::size_t payload_bytes_max = 120;  // of a dead letter, on its line

std::string size_text(const std::string& path) {
  std::error_code absent;
  const auto size = std::filesystem::file_size(path, absent);
  return absent ? "none" : std::to_string(size) + " bytes";
}

std::string lane_name(std::size_t lane) { return schema::EnumNameLane(static_cast<schema::Lane>(lane)); }

// Runs `row` for each row of `sql`, whose parameters, if any, are `parameters`.
template <class Row>
Status for_each(Database& database, std::string_view sql, std::initializer_list<std::uint64_t> parameters, Row row) {
  auto statement = Statement::prepare(database, sql);
  if (!statement) return std::unexpected(statement.error());
  int index = 0;
  for (const std::uint64_t parameter : parameters) statement->bind(++index, parameter);
  return sqlite::for_each(*statement, row);
}

class Findings {
 public:
  explicit Findings(std::ostream& out) : out_(out) {}

  void add(const std::string& text) {
    if (++count_ <= findings_max) out_ << text << '\n';
  }
  std::size_t count() const { return count_; }

 private:
  std::ostream& out_;
  std::size_t count_ = 0;
};

Status find_damage(Database& database, Findings& findings) {
  return for_each(database, "PRAGMA integrity_check(" + std::to_string(findings_max) + ")", {}, [&](Statement& row) {
    if (row.text(0) != "ok") findings.add("SQLite: " + printable(row.text(0)));
  });
}

Status find_wrong_identity(Database& database, Findings& findings) {
  return for_each(database, "SELECT count(*) FROM meta WHERE key = 'identity' AND value <> ''", {}, [&](Statement& row) {
    if (row.integer(0) != 1) findings.add("it has no identity");
  });
}

Status find_wrong_lanes(Database& database, Findings& findings) {
  for (std::size_t lane = 0; lane < lane_count; ++lane) {
    const std::string name = "lane " + lane_name(lane) + ": ";
    bool found = false;
    std::uint64_t next_number = 0;
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;
    auto read = for_each(
        database, "SELECT next_number, waiting_rows + history_rows, waiting_bytes + history_bytes FROM lane WHERE lane = ?1",
        {lane}, [&](Statement& row) {
          found = true;
          next_number = row.unsigned_integer(0);
          rows = row.unsigned_integer(1);
          bytes = row.unsigned_integer(2);
        });
    if (!read) return read;
    if (!found) {
      findings.add(name + "it is missing");
      continue;
    }
    read = for_each(
        database, "SELECT count(*), coalesce(sum(length(body)), 0), coalesce(max(id), ?1) FROM outbox WHERE id BETWEEN ?1 AND ?2",
        {id_of(lane, 0), id_of(lane + 1, 0) - 1}, [&](Statement& row) {
          if (row.unsigned_integer(0) != rows || row.unsigned_integer(1) != bytes) {
            findings.add(name + "it says " + std::to_string(rows) + " rows of " + std::to_string(bytes) +
                         " bytes, the outbox has " + std::to_string(row.unsigned_integer(0)) + " of " +
                         std::to_string(row.unsigned_integer(1)));
          }
          const std::uint64_t last = number_of(row.unsigned_integer(2));
          if (last >= next_number) {
            findings.add(name + "there is a row " + std::to_string(last) + ", and the next is to be " +
                         std::to_string(next_number));
          }
        });
    if (!read) return read;
  }
  return for_each(database, "SELECT count(*) FROM outbox WHERE id NOT BETWEEN 0 AND ?1", {id_of(lane_count, 0) - 1},
                  [&](Statement& row) {
                    if (row.integer(0) > 0) findings.add("outbox: " + std::to_string(row.integer(0)) + " rows are of no lane");
                  });
}

// What load() would refuse. One more than is printed is enough to know that there is more.
Status find_loose_ends(Database& database, Findings& findings) {
  struct Reference {
    const char* table;
    const char* column;
    const char* time;
    const char* to;
    const char* counts;  // which of those
  };
  constexpr const char* in_memory = "forgotten_ns IS NULL";
  constexpr std::array<Reference, 6> references{
      {{"pane", "stream", "start_ns", "stream", in_memory},
       {"pane", "definition", "start_ns", "definition", "true"},
       {"alarm", "stream", "max(changed_ns, provisional_first_ns)", "stream", in_memory},
       {"identity", "stream", "time_ns", "stream", in_memory},
       {"joined", "stream", "0", "stream", in_memory},
       {"joined_block", "stream", "start_ns", "stream", in_memory}}};
  for (const Reference& each : references) {
    const std::string table = each.table;
    std::string sql = "SELECT ";
    sql.append(each.time).append(", stream, ").append(each.column).append(" FROM ").append(table);
    sql.append(" WHERE NOT EXISTS (SELECT 1 FROM ").append(each.to).append(" WHERE id = ").append(table).append(".");
    sql.append(each.column).append(" AND ").append(each.counts).append(") LIMIT ?1");
    auto read = for_each(database, sql, {findings_max + 1}, [&](Statement& row) {
      findings.add(table + " of stream " + std::to_string(row.integer(1)) + " at " + format_time(row.integer(0)) +
                   ": there is no " + each.to + " " + std::to_string(row.unsigned_integer(2)));
    });
    if (!read) return read;
  }
  return {};
}

Status open_body(schema::RowKind kind, schema::Bytes body) {
  const auto status = [](const auto& opened) -> Status {
    if (!opened) return std::unexpected(opened.error());
    return {};
  };
  switch (kind) {
    case schema::RowKind::window:
      return status(schema::open_window_row(body));
    case schema::RowKind::stream:
      return status(schema::open_stream_row(body));
    case schema::RowKind::provenance:
      return status(schema::open_provenance_row(body));
    case schema::RowKind::gap:
      return status(schema::open_gap_row(body));
    case schema::RowKind::alarm:
      return status(schema::open_alarm_row(body));
    case schema::RowKind::event:
      return status(schema::open_event_row(body));
    case schema::RowKind::silence:
      return status(schema::open_silence_row(body));
    case schema::RowKind::none:
      break;
  }
  return {};  // a kind of a later version
}

Status find_wrong_bodies(Database& database, Findings& findings) {
  auto read =
      for_each(database, "SELECT stream, body FROM alarm WHERE level > 0 OR provisional_level > 0", {}, [&](Statement& row) {
        if (schema::open_alarm_row(row.blob(1))) return;
        findings.add("alarm of stream " + std::to_string(row.integer(0)) +
                     ": it is active or provisional, and its row cannot be read");
      });
  if (!read) return read;
  return for_each(database, "SELECT id, kind, body FROM outbox ORDER BY id", {}, [&](Statement& row) {
    const auto opened = open_body(static_cast<schema::RowKind>(row.integer(1)), row.blob(2));
    if (opened) return;
    const std::uint64_t id = row.unsigned_integer(0);
    findings.add("outbox: row " + std::to_string(number_of(id)) + " of lane " + lane_name(id >> lane_shift) + ": " +
                 opened.error().text());
  });
}

// Of each lane, what the collector has.
Result<std::array<uplink::NumberSet, lane_count>> acknowledged_of(Database& database) {
  std::array<uplink::NumberSet, lane_count> sets;
  bool plausible = true;
  auto read = for_each(database, "SELECT lane, acknowledged FROM lane WHERE lane BETWEEN 0 AND ?1", {lane_count - 1},
                       [&](Statement& row) {
                         const auto blob = row.blob(1);
                         std::vector<uplink::NumberRange> ranges(blob.size() / sizeof(uplink::NumberRange));
                         if (!ranges.empty()) std::memcpy(ranges.data(), blob.data(), ranges.size() * sizeof(ranges[0]));
                         plausible = plausible && uplink::are_sorted_and_disjoint(ranges);
                         if (plausible) sets[row.unsigned_integer(0)] = uplink::NumberSet(std::move(ranges));
                       });
  if (!read) return std::unexpected(read.error());
  if (!plausible) return fail(Code::corrupt, "reading the spool's lanes", "one contradicts itself");
  return sets;
}

}  // namespace

Result<SpoolReport> SpoolReport::open(const std::string& path) {
  const std::string doing = "opening the spool " + path;
  std::error_code error;
  if (!std::filesystem::exists(path, error) && !error) return fail(Code::not_found, doing, "there is no such file");
  auto database = Database::open(path, sqlite::Access::read_only);
  if (!database) return std::unexpected(database.error());
  database->fold_log_on_close(false);
  if (auto begun = database->execute("BEGIN"); !begun) return std::unexpected(begun.error());
  const auto version = spool_version_of(*database, doing);
  if (!version) return std::unexpected(version.error());
  if (*version == 0) return fail(Code::not_found, doing, "there is nothing in it yet");
  if (*version % 1000 < spool_version_minor) {
    return fail(Code::unavailable, doing, "its format is an earlier one: stethos-edge run brings it up to date");
  }
  return SpoolReport(path, *version, std::move(*database));
}

Result<std::string> SpoolReport::owner() {
  std::string owner;
  auto read = for_each(database_, "SELECT value FROM meta WHERE key = 'node'", {}, [&](Statement& row) { owner = row.text(0); });
  if (!read) return std::unexpected(read.error());
  return owner;
}

Status SpoolReport::inspect(std::ostream& out) {
  const auto integer = [&](std::string_view sql, std::uint64_t& value) {
    return for_each(database_, sql, {}, [&](Statement& row) { value = row.unsigned_integer(0); });
  };
  const auto node = owner();
  if (!node) return std::unexpected(node.error());
  out << "spool         " << path_ << "\nnode          " << (node->empty() ? "not known" : printable(*node)) << '\n';
  auto read = for_each(database_, "SELECT value FROM meta WHERE key = 'identity'", {},
                       [&](Statement& row) { out << "identity      " << printable(row.text(0)) << '\n'; });
  if (!read) return read;
  out << "format        " << version_ / 1000 << '.' << version_ % 1000 << '\n';
  read = for_each(database_, "SELECT value FROM meta WHERE key = 'offered_until_ns'", {},
                  [&](Statement& row) { out << "last commit   " << format_time(row.integer(0)) << '\n'; });
  if (!read) return read;
  out << "file          " << size_text(path_) << "\nlog           " << size_text(path_ + "-wal") << "\n\n";

  out << std::left << std::setw(10) << "lane" << std::right << std::setw(12) << "waiting" << std::setw(14) << "bytes"
      << std::setw(12) << "history" << std::setw(14) << "bytes" << std::setw(12) << "lowest" << std::setw(12) << "next" << '\n';
  read =
      for_each(database_,
               "SELECT lane, waiting_rows, waiting_bytes, history_rows, history_bytes, next_number, (SELECT min(id) FROM outbox "
               "WHERE id BETWEEN lane << ?1 AND ((lane + 1) << ?1) - 1) FROM lane ORDER BY lane",
               {lane_shift}, [&](Statement& row) {
                 out << std::left << std::setw(10) << lane_name(row.unsigned_integer(0)) << std::right << std::setw(12)
                     << row.unsigned_integer(1) << std::setw(14) << row.unsigned_integer(2) << std::setw(12)
                     << row.unsigned_integer(3) << std::setw(14) << row.unsigned_integer(4) << std::setw(12)
                     << (row.is_null(6) ? "-" : std::to_string(number_of(row.unsigned_integer(6)))) << std::setw(12)
                     << row.unsigned_integer(5) << '\n';
               });
  if (!read) return read;

  constexpr std::array<std::pair<const char*, const char*>, 8> tables{
      {{"streams", "SELECT count(*) FROM stream WHERE forgotten_ns IS NULL"},
       {"forgotten", "SELECT count(*) FROM stream WHERE forgotten_ns IS NOT NULL"},
       {"panes", "SELECT count(*) FROM pane"},
       {"alarms", "SELECT count(*) FROM alarm WHERE level > 0 OR provisional_level > 0"},
       {"identities", "SELECT count(*) FROM identity"},
       {"joined blocks", "SELECT count(*) FROM joined_block"},
       {"devices", "SELECT count(DISTINCT device) FROM device WHERE forgotten_ns IS NULL"},
       {"dead letters", "SELECT count(*) FROM dead_letter"}}};
  out << '\n';
  for (const auto& [name, sql] : tables) {
    std::uint64_t count = 0;
    if (read = integer(sql, count); !read) return read;
    out << std::left << std::setw(14) << name << count << '\n';
  }
  std::uint64_t reasons = 0;
  if (read = integer("SELECT count(DISTINCT reason) FROM dead_letter", reasons); !read) return read;
  read = for_each(database_, "SELECT reason, count(*) FROM dead_letter GROUP BY reason ORDER BY count(*) DESC, reason LIMIT ?1",
                  {reasons_max}, [&](Statement& row) {
                    out << "  " << std::left << std::setw(24) << printable(row.text(0)) << row.integer(1) << '\n';
                  });
  if (!read) return read;
  if (reasons > reasons_max) out << "  and " << reasons - reasons_max << " more reasons\n";

  out << "\nsince the spool began\n";
  return for_each(database_, "SELECT name, value FROM counter ORDER BY name", {}, [&](Statement& row) {
    out << "  " << std::left << std::setw(32) << printable(row.text(0)) << row.unsigned_integer(1) << '\n';
  });
}

Result<bool> SpoolReport::verify(std::ostream& out) {
  Findings findings(out);
  for (const auto check : {find_damage, find_wrong_identity, find_wrong_lanes, find_loose_ends, find_wrong_bodies}) {
    const Status done = check(database_, findings);
    if (!done && done.error().code != Code::corrupt) return std::unexpected(done.error());
    if (!done) findings.add(done.error().text());
  }
  if (findings.count() == 0) {
    // What no check above knows would end a start all the same.
    if (const auto state = load_state(database_); !state) findings.add(state.error().text());
  }
  if (findings.count() > findings_max) out << "and " << findings.count() - findings_max << " more\n";
  if (findings.count() == 0) out << "good\n";
  return findings.count() == 0;
}

Status SpoolReport::letters(std::ostream& out, std::size_t limit) {
  return for_each(
      database_,
      "SELECT received_ns, reason, detail, topic, device, payload_bytes, payload, id, channel FROM dead_letter WHERE id >= "
      "(SELECT min(id) FROM (SELECT id FROM dead_letter ORDER BY id DESC LIMIT ?1)) ORDER BY id",
      {limit}, [&](Statement& row) {
        const auto kept = row.blob(6);
        const auto shown = kept.first(std::min(kept.size(), payload_bytes_max));
        out << row.integer(7) << ' ' << format_time(row.integer(0)) << ' ' << printable(row.text(1)) << ": "
            << printable(row.text(2)) << "\n  topic " << printable(row.text(3)) << ", device "
            << (row.text(4).empty() ? "not known" : printable(row.text(4)))
            << (row.text(8).empty() ? "" : ", channel " + printable(row.text(8))) << ", " << row.unsigned_integer(5)
            << " bytes\n  " << printable(shown) << (shown.size() < row.unsigned_integer(5) ? " ..." : "") << '\n';
      });
}

Status SpoolReport::rows(std::ostream& out, bool only_waiting) {
  const auto acknowledged = acknowledged_of(database_);
  if (!acknowledged) return std::unexpected(acknowledged.error());
  std::string identity;
  auto read = for_each(database_, "SELECT value FROM meta WHERE key = 'identity'", {},
                       [&](Statement& row) { identity = json_text(row.text(0)); });
  if (!read) return read;
  StreamLabels labels(database_);
  read = for_each(database_, "SELECT id, kind, body FROM outbox WHERE id BETWEEN 0 AND ?1 ORDER BY id",
                  {id_of(lane_count, 0) - 1}, [&](Statement& row) -> Status {
                    const std::uint64_t id = row.unsigned_integer(0);
                    const std::uint64_t lane = id >> lane_shift;
                    const bool waits = !(*acknowledged)[lane].contains(number_of(id));
                    if (!out || (only_waiting && !waits)) return {};
                    const auto kind = static_cast<schema::RowKind>(row.integer(1));
                    const WindowLabels* of_stream = nullptr;
                    if (kind == schema::RowKind::window) {
                      if (const auto window = schema::open_window_row(row.blob(2))) {
                        const auto found = labels.find((*window)->stream_version());
                        if (!found) return std::unexpected(found.error());
                        of_stream = *found;
                      }
                    }
                    out << "{\"spool\":" << identity << ",\"lane\":\"" << lane_name(lane) << "\",\"number\":" << number_of(id)
                        << ",\"waiting\":" << (waits ? "true" : "false") << ',' << row_json(kind, row.blob(2), of_stream)
                        << "}\n";
                    return {};
                  });
  if (!read) return read;
  out.flush();
  if (!out) return fail(Code::io, "writing the rows", "not all of them could be written");
  return {};
}

}  // namespace stethos::edge
