#include "uplink/collector/query.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "common/identity.h"

namespace stethos::collector {
namespace {

constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t highest = std::numeric_limits<std::int64_t>::max();
constexpr auto lowest_bits = static_cast<std::uint64_t>(lowest);
constexpr std::size_t streams_at_once_max = 256;
const std::string windows_of_a_stream =
    " WHERE w.stream = ?1 AND w.start_ns >= ?2 AND w.start_ns < ?3 AND (w.start_ns, w.definition) > (?4, ?5) "
    "AND (?6 IS NULL OR w.definition = ?6) ORDER BY w.start_ns, w.definition";
// A bound on what one node may show of itself in one answer.
constexpr std::int64_t spools_per_node_max = 20;

// Calls `each` for every row and resets the statement. `each` returns whether to go on.
template <class Each>
Status for_each_row(sqlite::Statement& statement, Each each) {
  for (;;) {
    const auto more = statement.step();
    if (!more) return std::unexpected(more.error());
    if (!*more || !each()) break;
  }
  statement.reset();
  return {};
}

std::uint64_t cursor_part(const Filter& filter, std::size_t index) {
  return index < filter.cursor.size() ? filter.cursor[index] : 0;
}

// Binds a text, or NULL where the filter does not have it.
void bind_optional(sqlite::Statement& statement, int index, const std::optional<std::string>& text) {
  if (text) {
    statement.bind(index, std::string_view(*text));
  } else {
    statement.bind_null(index);
  }
}

}  // namespace

struct Query::StreamKey {
  std::int64_t id = 0;
  std::int64_t node = 0;
  std::string node_name, device, channel;
};

// One page of windows as it fills.
struct Query::WindowScan {
  struct Position {
    std::uint64_t stream = 0;      // and all before it were looked at
    std::uint64_t start = 0;       // of its windows up to this one; bit for bit, as in a cursor
    std::uint64_t definition = 0;
  };
  WindowScan(const Filter& of, sqlite::Statement& from) : filter(of), select(from) {
    position = {cursor_part(of, 0), cursor_part(of, 1), cursor_part(of, 2)};
    if (of.cursor.empty()) position = {0, lowest_bits, lowest_bits};
  }
  const Filter& filter;
  sqlite::Statement& select;
  Position position;
  Page<WindowRecord> page;
  std::size_t examined = 0;
  std::size_t bytes = 0;
  bool is_over = false;            // there may be more, for another page
  // Many windows share their stream's version and their provenance.
  std::map<std::pair<std::int64_t, std::uint64_t>, std::optional<StreamInfo>> infos;
  std::map<std::pair<std::int64_t, std::uint64_t>, std::shared_ptr<const ProvenanceInfo>> provenances;
};

Query::Query(Store& store)
    : select_streams_(
          store.database(),
          "SELECT s.id, s.node, n.name, s.device, s.channel FROM streams s JOIN nodes n ON n.id = s.node "
          "WHERE s.id >= ?1 AND (?2 IS NULL OR n.name = ?2) AND (?3 IS NULL OR s.device = ?3) "
          "AND (?4 IS NULL OR s.channel = ?4) "
          "AND (?5 IS NULL OR s.id IN (SELECT stream FROM stream_versions WHERE machine = ?5)) ORDER BY s.id LIMIT ?6"),
      select_version_(store.database(),
                      "SELECT version, machine, point, axis, quantity, unit, location, owner FROM stream_versions "
                      "WHERE stream = ? AND version = ?"),
      select_latest_(store.database(),
                     "SELECT version, machine, point, axis, quantity, unit, location, owner FROM stream_versions "
                     "WHERE stream = ? ORDER BY id DESC LIMIT 1"),
      select_newest_(
          store.database(),
          "SELECT body FROM (SELECT body FROM windows WHERE stream = ?1 AND NOT withdrawn ORDER BY start_ns DESC LIMIT 1) "
          "UNION ALL SELECT body FROM (SELECT body FROM hours WHERE stream = ?1 ORDER BY start_ns DESC LIMIT 1) "
          "UNION ALL SELECT body FROM (SELECT body FROM days WHERE stream = ?1 ORDER BY start_ns DESC LIMIT 1)"),
      select_provenance_(store.database(),
                         "SELECT program, backend, config_hash, schema_major, schema_minor, source, parameters FROM provenances "
                         "WHERE node = ? AND id = ?"),
      select_windows_{sqlite::Statement(
                          store.database(),
                          "SELECT w.start_ns, w.definition, w.stored_ns, w.body, 1, p.identity, w.lane, w.number FROM windows w "
                          "JOIN spools p ON p.id = w.spool AND NOT w.withdrawn" +
                              windows_of_a_stream),
                      sqlite::Statement(store.database(),
                                        "SELECT w.start_ns, w.definition, w.stored_ns, w.body, w.windows, '', 0, 0 FROM hours w" +
                                            windows_of_a_stream),
                      sqlite::Statement(store.database(),
                                        "SELECT w.start_ns, w.definition, w.stored_ns, w.body, w.windows, '', 0, 0 FROM days w" +
                                            windows_of_a_stream)},
      select_alarms_(store.database(),
                     "SELECT a.id, a.stream, n.name, p.identity, a.lane, a.number, a.stored_ns, a.body, "
                     "(?2 IS NULL OR n.name = ?2) AND (?3 IS NULL OR s.device = ?3) AND (?4 IS NULL OR s.channel = ?4) "
                     "AND (?5 IS NULL OR a.state = ?5) AND a.activated_ns >= ?6 AND a.activated_ns < ?7 "
                     "FROM alarms a JOIN streams s ON s.id = a.stream JOIN nodes n ON n.id = s.node "
                     "JOIN spools p ON p.id = a.spool WHERE a.id > ?1 ORDER BY a.id"),
      select_span_(store.database(),
                   "SELECT (SELECT min(start_ns) FROM windows WHERE stream = ?1 AND NOT withdrawn), (SELECT max(start_ns) FROM "
                   "windows WHERE stream = ?1 AND NOT withdrawn)"),
      select_nodes_(store.database(),
                    "SELECT id, name, first_seen_ns, last_seen_ns FROM nodes WHERE id > ?1 AND (?2 IS NULL OR name = ?2) "
                    "ORDER BY id LIMIT ?3"),
      select_spools_(store.database(),
                     "SELECT id, identity, first_seen_ns, last_seen_ns, sent_ns, offered_until_ns FROM spools WHERE node = ? "
                     "ORDER BY last_seen_ns DESC, id DESC LIMIT ?"),
      select_lanes_(store.database(),
                    "SELECT lane, lowest_kept, next_number, rows, duplicates FROM lanes WHERE spool = ? ORDER BY lane"),
      select_lane_ranges_(store.database(), "SELECT first, last FROM lane_ranges WHERE spool = ? AND lane = ? ORDER BY first"),
      select_gaps_(
          store.database(),
          "SELECT g.id, n.name, g.device, g.epoch, coalesce(p.identity, ''), g.lane, g.first, g.last, g.cause, g.first_ns, "
          "g.last_ns, g.noticed_ns, g.stored_ns, g.clock_untrusted FROM gaps g JOIN nodes n ON n.id = g.node LEFT JOIN spools p "
          "ON p.id = g.spool "
          "WHERE g.id > ?1 AND (?2 IS NULL OR n.name = ?2) AND (?3 IS NULL OR g.device = ?3) ORDER BY g.id LIMIT ?4"),
      select_events_(
          store.database(),
          "SELECT e.id, n.name, e.kind, e.at_ns, e.device, e.channel, e.value, e.detail, e.stored_ns, e.clock_untrusted FROM "
          "events e JOIN nodes n ON n.id = e.node WHERE e.id > ?1 AND (?2 IS NULL OR n.name = ?2) AND (?3 IS NULL OR e.device = "
          "?3) "
          "ORDER BY e.id LIMIT ?4"),
      // An open one has no end yet.
      select_silences_(
          store.database(),
          "SELECT x.id, n.name, s.device, s.channel, x.definition, x.first_start_ns, x.length_ns, x.hop_ns, x.windows, x.state, "
          "x.noticed_ns, x.stored_ns, x.clock_untrusted FROM silences x JOIN streams s ON s.id = x.stream JOIN nodes n ON n.id = "
          "s.node "
          "WHERE x.id > ?1 AND (?2 IS NULL OR n.name = ?2) AND (?3 IS NULL OR s.device = ?3) AND (?4 IS NULL OR s.channel = ?4) "
          "AND x.first_start_ns < ?6 AND (x.state = 0 OR x.first_start_ns + (x.windows - 1) * x.hop_ns + x.length_ns > ?5) "
          "ORDER BY x.id LIMIT ?7"),
      select_counters_(store.database(), "SELECT name, value FROM counters"),
      select_oldest_(store.database(),
                     "SELECT (SELECT min(id) FROM windows), (SELECT min(id) FROM hours), (SELECT min(id) FROM days), "
                     "(SELECT stored_ns FROM alarms ORDER BY iif(state IN (1, 3), 9223372036854775807, stored_ns), id LIMIT 1), "
                     "(SELECT min(stored_ns) FROM (SELECT stored_ns FROM gaps WHERE id = (SELECT min(id) FROM gaps) "
                     "UNION ALL SELECT stored_ns FROM events WHERE id = (SELECT min(id) FROM events) "
                     "UNION ALL SELECT stored_ns FROM silences WHERE id = (SELECT min(id) FROM silences) "
                     "UNION ALL SELECT stored_ns FROM unknown_rows WHERE id = (SELECT min(id) FROM unknown_rows)))") {}

Result<std::vector<Query::StreamKey>> Query::matching_streams(const Filter& filter, std::uint64_t from_id,
                                                              std::size_t count_max) {
  std::vector<StreamKey> out;
  select_streams_.bind(1, from_id);
  bind_optional(select_streams_, 2, filter.node);
  bind_optional(select_streams_, 3, filter.device);
  bind_optional(select_streams_, 4, filter.channel);
  bind_optional(select_streams_, 5, filter.machine);
  select_streams_.bind(6, static_cast<std::int64_t>(count_max));
  const Status read = for_each_row(select_streams_, [&] {
    out.push_back({.id = select_streams_.integer(0),
                   .node = select_streams_.integer(1),
                   .node_name = std::string(select_streams_.text(2)),
                   .device = std::string(select_streams_.text(3)),
                   .channel = std::string(select_streams_.text(4))});
    return true;
  });
  if (!read) return std::unexpected(read.error());
  return out;
}

Result<std::optional<StreamInfo>> Query::stream_info(std::int64_t stream, std::optional<std::uint64_t> version) {
  sqlite::Statement& statement = version ? select_version_ : select_latest_;
  statement.bind(1, stream);
  if (version) statement.bind(2, *version);
  std::optional<StreamInfo> out;
  const Status read = for_each_row(statement, [&] {
    const auto text = [&](int column) { return std::string(statement.text(column)); };
    out = StreamInfo{statement.unsigned_integer(0), text(1), text(2), text(3), text(4), text(5), text(6), text(7)};
    return false;
  });
  if (!read) return std::unexpected(read.error());
  return out;
}

Result<std::optional<StreamInfo>> Query::stream_info_or_latest(std::int64_t stream, std::uint64_t version) {
  auto found = stream_info(stream, version);
  return found && !*found ? stream_info(stream, std::nullopt) : found;
}

// What the stream was in its newest window: labels may go back to what they were, and a replay may bring older ones last.
Result<std::optional<StreamInfo>> Query::newest_stream_info(std::int64_t stream) {
  std::optional<std::uint64_t> version;
  const Status read = for_each_row(select_newest_.bind(1, stream), [&] {
    if (const auto row = schema::open_window_row(select_newest_.blob(0))) version = (*row)->stream_version();
    return !version;
  });
  if (!read) return std::unexpected(read.error());
  return version ? stream_info_or_latest(stream, *version) : stream_info(stream, std::nullopt);
}

Result<std::shared_ptr<const ProvenanceInfo>> Query::provenance_info(std::int64_t node, std::uint64_t id) {
  std::shared_ptr<const ProvenanceInfo> out;
  const Status read = for_each_row(select_provenance_.bind(1, node).bind(2, id), [&] {
    out = std::make_shared<const ProvenanceInfo>(ProvenanceInfo{.program = std::string(select_provenance_.text(0)),
                                                                .backend = std::string(select_provenance_.text(1)),
                                                                .config_hash = select_provenance_.unsigned_integer(2),
                                                                .schema_major = static_cast<int>(select_provenance_.integer(3)),
                                                                .schema_minor = static_cast<int>(select_provenance_.integer(4)),
                                                                .source = std::string(select_provenance_.text(5)),
                                                                .parameters = parameter_texts(select_provenance_.text(6))});
    return false;
  });
  if (!read) return std::unexpected(read.error());
  return out;
}

Result<Page<WindowRecord>> Query::windows(const Filter& filter, Tier tier) {
  WindowScan scan(filter, select_windows_.at(static_cast<std::size_t>(tier)));
  for (;;) {
    const auto streams = matching_streams(filter, scan.position.stream, streams_at_once_max);
    if (!streams) return std::unexpected(streams.error());
    for (const StreamKey& stream : *streams) {
      const auto id = static_cast<std::uint64_t>(stream.id);
      if (id != scan.position.stream) scan.position = {id, lowest_bits, lowest_bits};
      if (auto read = read_windows(stream, scan); !read) return std::unexpected(read.error());
      if (scan.is_over) {
        scan.page.next = hex_of(scan.position.stream) + hex_of(scan.position.start) + hex_of(scan.position.definition);
        return std::move(scan.page);
      }
    }
    if (streams->size() < streams_at_once_max) return std::move(scan.page);
    scan.position = {static_cast<std::uint64_t>(streams->back().id) + 1, lowest_bits, lowest_bits};
  }
}

Status Query::read_windows(const StreamKey& stream, WindowScan& scan) {
  const Filter& filter = scan.filter;
  const auto after_start = static_cast<std::int64_t>(scan.position.start);
  scan.select.bind(1, stream.id)
      .bind(2, std::max(filter.from.value_or(lowest), after_start))
      .bind(3, filter.to.value_or(highest))
      .bind(4, after_start)
      .bind(5, scan.position.definition);
  if (filter.definition) {
    scan.select.bind(6, *filter.definition);
  } else {
    scan.select.bind_null(6);
  }
  Status joined;
  const Status read = for_each_row(scan.select, [&] {
    scan.is_over = scan.page.records.size() == filter.limit || ++scan.examined > page_examined_max || scan.bytes > page_bytes_max;
    if (scan.is_over) return false;
    scan.position = {static_cast<std::uint64_t>(stream.id), scan.select.unsigned_integer(0), scan.select.unsigned_integer(1)};
    WindowRecord record;
    record.stored = scan.select.integer(2);
    const auto blob = scan.select.blob(3);
    record.body.assign(blob.begin(), blob.end());
    scan.bytes += blob.size();
    record.windows = scan.select.integer(4);
    record.spool = scan.select.text(5);
    record.lane = static_cast<int>(scan.select.integer(6));
    record.number = scan.select.unsigned_integer(7);
    joined = join(stream, scan, record);
    if (!joined) return false;
    if (record.row->state() == schema::WindowState::withdrawn) return true;  // there is no such window
    if (!filter.machine || (record.stream && record.stream->machine == *filter.machine))
      scan.page.records.push_back(std::move(record));
    return true;
  });
  if (read && joined && !scan.is_over) scan.is_over = ++scan.examined > page_examined_max;
  return read ? joined : read;
}

// Completes a record whose body is there: verifies it, and finds what it refers to.
Status Query::join(const StreamKey& stream, WindowScan& scan, WindowRecord& record) {
  const auto opened = schema::open_window_row(record.body);
  if (!opened) return fail(Code::corrupt, "reading a window of the store", opened.error().failed);
  record.row = *opened;
  record.node = stream.node_name;

  const auto version = std::pair(stream.id, record.row->stream_version());
  auto info = scan.infos.find(version);
  if (info == scan.infos.end()) {
    auto found = stream_info_or_latest(stream.id, version.second);
    if (!found) return std::unexpected(found.error());
    info = scan.infos.emplace(version, std::move(*found)).first;
  }
  record.stream = info->second;

  const auto source = std::pair(stream.node, record.row->provenance());
  auto provenance = scan.provenances.find(source);
  if (provenance == scan.provenances.end()) {
    auto found = provenance_info(source.first, source.second);
    if (!found) return std::unexpected(found.error());
    if (*found != nullptr) {
      for (const std::string& text : (*found)->parameters) scan.bytes += sizeof(std::string) + text.size();
    }
    provenance = scan.provenances.emplace(source, std::move(*found)).first;
  }
  record.provenance = provenance->second;
  return {};
}

Result<Page<AlarmRecord>> Query::alarms(const Filter& filter) {
  Page<AlarmRecord> page;
  std::uint64_t last_id = cursor_part(filter, 0);
  std::size_t examined = 0;
  std::size_t bytes = 0;
  Status joined;
  select_alarms_.bind(1, last_id);
  bind_optional(select_alarms_, 2, filter.node);
  bind_optional(select_alarms_, 3, filter.device);
  bind_optional(select_alarms_, 4, filter.channel);
  if (filter.state) {
    select_alarms_.bind(5, static_cast<int>(*filter.state));
  } else {
    select_alarms_.bind_null(5);
  }
  select_alarms_.bind(6, filter.from.value_or(lowest)).bind(7, filter.to.value_or(highest));
  const Status read = for_each_row(select_alarms_, [&] {
    if (page.records.size() == filter.limit || ++examined > page_examined_max || bytes > page_bytes_max) {
      page.next = hex_of(last_id);
      return false;
    }
    last_id = select_alarms_.unsigned_integer(0);
    if (select_alarms_.integer(8) == 0) return true;
    const auto blob = select_alarms_.blob(7);
    bytes += blob.size();
    AlarmRecord record{.node = std::string(select_alarms_.text(2)),
                       .stream = {},
                       .spool = std::string(select_alarms_.text(3)),
                       .lane = static_cast<int>(select_alarms_.integer(4)),
                       .number = select_alarms_.unsigned_integer(5),
                       .stored = select_alarms_.integer(6),
                       .body = {blob.begin(), blob.end()}};
    const auto opened = schema::open_alarm_row(record.body);
    if (!opened) {
      joined = fail(Code::corrupt, "reading an alarm of the store", opened.error().failed);
      return false;
    }
    record.row = *opened;
    auto info = stream_info_or_latest(select_alarms_.integer(1), record.row->stream_version());
    if (!info) {
      joined = std::unexpected(info.error());
      return false;
    }
    record.stream = std::move(*info);
    if (!filter.machine || (record.stream && record.stream->machine == *filter.machine))
      page.records.push_back(std::move(record));
    return true;
  });
  if (!read || !joined) return std::unexpected(read ? joined.error() : read.error());
  return page;
}

Result<Page<StreamRecord>> Query::streams(const Filter& filter) {
  Page<StreamRecord> page;
  const auto streams = matching_streams(filter, cursor_part(filter, 0), filter.limit + 1);
  if (!streams) return std::unexpected(streams.error());
  for (const StreamKey& stream : *streams) {
    if (page.records.size() == filter.limit) {
      page.next = hex_of(static_cast<std::uint64_t>(stream.id));
      break;
    }
    auto latest = newest_stream_info(stream.id);
    if (!latest) return std::unexpected(latest.error());
    StreamRecord record;
    record.node = stream.node_name;
    record.device = stream.device;
    record.channel = stream.channel;
    record.latest = std::move(*latest);
    const Status read = for_each_row(select_span_.bind(1, stream.id), [&] {
      if (!select_span_.is_null(0)) record.first_start = select_span_.integer(0);
      if (!select_span_.is_null(1)) record.last_start = select_span_.integer(1);
      return false;
    });
    if (!read) return std::unexpected(read.error());
    page.records.push_back(std::move(record));
  }
  return page;
}

Result<Page<NodeRecord>> Query::nodes(const Filter& filter) {
  Page<NodeRecord> page;
  std::vector<std::int64_t> ids;
  select_nodes_.bind(1, cursor_part(filter, 0));
  bind_optional(select_nodes_, 2, filter.node);
  select_nodes_.bind(3, static_cast<std::int64_t>(filter.limit + 1));
  const Status read = for_each_row(select_nodes_, [&] {
    if (ids.size() == filter.limit) {
      page.next = hex_of(static_cast<std::uint64_t>(ids.back()));
      return false;
    }
    ids.push_back(select_nodes_.integer(0));
    page.records.push_back({.name = std::string(select_nodes_.text(1)),
                            .first_seen = select_nodes_.integer(2),
                            .last_seen = select_nodes_.integer(3),
                            .spools = {}});
    return true;
  });
  if (!read) return std::unexpected(read.error());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (auto filled = read_spools(ids[i], page.records[i]); !filled) return std::unexpected(filled.error());
  }
  return page;
}

Status Query::read_spools(std::int64_t node, NodeRecord& record) {
  std::vector<std::int64_t> ids;
  const Status read = for_each_row(select_spools_.bind(1, node).bind(2, spools_per_node_max), [&] {
    ids.push_back(select_spools_.integer(0));
    record.spools.push_back({.identity = std::string(select_spools_.text(1)),
                             .first_seen = select_spools_.integer(2),
                             .last_seen = select_spools_.integer(3),
                             .sent = select_spools_.integer(4),
                             .offered_until = select_spools_.integer(5),
                             .lanes = {}});
    return true;
  });
  if (!read) return read;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (auto filled = read_lanes(ids[i], record.spools[i]); !filled) return filled;
  }
  return {};
}

Status Query::read_lanes(std::int64_t spool, SpoolRecord& record) {
  const Status read = for_each_row(select_lanes_.bind(1, spool), [&] {
    record.lanes.push_back({.lane = static_cast<int>(select_lanes_.integer(0)),
                            .lowest_kept = select_lanes_.unsigned_integer(1),
                            .next_number = select_lanes_.unsigned_integer(2),
                            .rows = select_lanes_.unsigned_integer(3),
                            .duplicates = select_lanes_.unsigned_integer(4),
                            .held = {}});
    return true;
  });
  if (!read) return read;
  for (LaneRecord& lane : record.lanes) {
    std::vector<uplink::NumberRange> ranges;
    const Status found = for_each_row(select_lane_ranges_.bind(1, spool).bind(2, lane.lane), [&] {
      ranges.push_back({select_lane_ranges_.unsigned_integer(0), select_lane_ranges_.unsigned_integer(1)});
      return true;
    });
    if (!found) return found;
    if (!uplink::are_sorted_and_disjoint(ranges))
      return fail(Code::corrupt, "reading the ranges of a lane", "they are not in order");
    lane.held = uplink::NumberSet(std::move(ranges));
  }
  return {};
}

Result<Page<GapRecord>> Query::gaps(const Filter& filter) {
  Page<GapRecord> page;
  std::int64_t last_id = 0;
  select_gaps_.bind(1, cursor_part(filter, 0));
  bind_optional(select_gaps_, 2, filter.node);
  bind_optional(select_gaps_, 3, filter.device);
  select_gaps_.bind(4, static_cast<std::int64_t>(filter.limit + 1));
  const Status read = for_each_row(select_gaps_, [&] {
    if (page.records.size() == filter.limit) {
      page.next = hex_of(static_cast<std::uint64_t>(last_id));
      return false;
    }
    last_id = select_gaps_.integer(0);
    page.records.push_back({.node = std::string(select_gaps_.text(1)),
                            .device = std::string(select_gaps_.text(2)),
                            .epoch = select_gaps_.unsigned_integer(3),
                            .spool = std::string(select_gaps_.text(4)),
                            .lane = static_cast<int>(select_gaps_.integer(5)),
                            .first = select_gaps_.unsigned_integer(6),
                            .last = select_gaps_.unsigned_integer(7),
                            .cause = std::string(select_gaps_.text(8)),
                            .first_time = select_gaps_.integer(9),
                            .last_time = select_gaps_.integer(10),
                            .noticed = select_gaps_.integer(11),
                            .stored = select_gaps_.integer(12),
                            .clock_untrusted = select_gaps_.integer(13) != 0});
    return true;
  });
  if (!read) return std::unexpected(read.error());
  return page;
}

Result<Page<EventRecord>> Query::events(const Filter& filter) {
  Page<EventRecord> page;
  std::int64_t last_id = 0;
  select_events_.bind(1, cursor_part(filter, 0));
  bind_optional(select_events_, 2, filter.node);
  bind_optional(select_events_, 3, filter.device);
  select_events_.bind(4, static_cast<std::int64_t>(filter.limit + 1));
  const Status read = for_each_row(select_events_, [&] {
    if (page.records.size() == filter.limit) {
      page.next = hex_of(static_cast<std::uint64_t>(last_id));
      return false;
    }
    last_id = select_events_.integer(0);
    page.records.push_back({.node = std::string(select_events_.text(1)),
                            .kind = std::string(select_events_.text(2)),
                            .at = select_events_.integer(3),
                            .device = std::string(select_events_.text(4)),
                            .channel = std::string(select_events_.text(5)),
                            .value = select_events_.integer(6),
                            .detail = std::string(select_events_.text(7)),
                            .stored = select_events_.integer(8),
                            .clock_untrusted = select_events_.integer(9) != 0});
    EventRecord& event = page.records.back();
    if (event.clock_untrusted) event.at = event.stored;
    return true;
  });
  if (!read) return std::unexpected(read.error());
  return page;
}

Result<Page<SilenceRecord>> Query::silences(const Filter& filter) {
  Page<SilenceRecord> page;
  std::int64_t last_id = 0;
  select_silences_.bind(1, cursor_part(filter, 0));
  bind_optional(select_silences_, 2, filter.node);
  bind_optional(select_silences_, 3, filter.device);
  bind_optional(select_silences_, 4, filter.channel);
  select_silences_.bind(5, filter.from.value_or(lowest)).bind(6, filter.to.value_or(highest));
  select_silences_.bind(7, static_cast<std::int64_t>(filter.limit + 1));
  const Status read = for_each_row(select_silences_, [&] {
    if (page.records.size() == filter.limit) {
      page.next = hex_of(static_cast<std::uint64_t>(last_id));
      return false;
    }
    last_id = select_silences_.integer(0);
    SilenceRecord record{.node = std::string(select_silences_.text(1)),
                         .device = std::string(select_silences_.text(2)),
                         .channel = std::string(select_silences_.text(3)),
                         .definition = select_silences_.unsigned_integer(4),
                         .start = select_silences_.integer(5),
                         .length = select_silences_.integer(6),
                         .hop = select_silences_.integer(7),
                         .windows = select_silences_.unsigned_integer(8),
                         .state = static_cast<schema::WindowState>(select_silences_.integer(9)),
                         .noticed = select_silences_.integer(10),
                         .stored = select_silences_.integer(11),
                         .clock_untrusted = select_silences_.integer(12) != 0};
    if (record.state == schema::WindowState::final) {
      record.end = record.start + static_cast<DurationNs>(record.windows - 1) * record.hop + record.length;
    }
    page.records.push_back(std::move(record));
    return true;
  });
  if (!read) return std::unexpected(read.error());
  return page;
}

Result<std::vector<TierRecord>> Query::tiers() {
  std::vector<TierRecord> out{
      {"windows", Counter::windows, Counter::windows_bytes, Counter::windows_dropped, {}},
      {"hours", Counter::hours, Counter::hours_bytes, Counter::hours_dropped, {}},
      {"days", Counter::days, Counter::days_bytes, Counter::days_dropped, {}},
      {"alarms", Counter::alarms, Counter::alarms_bytes, Counter::alarms_dropped, {}},
      {"events", Counter::events_held, Counter::events_bytes, Counter::events_dropped, {}},
  };
  constexpr std::array<DurationNs, 3> slices{hour_ns, day_ns, day_ns};
  const Status read = for_each_row(select_oldest_, [&] {
    for (std::size_t i = 0; i < out.size(); ++i) {
      const int column = static_cast<int>(i);
      if (select_oldest_.is_null(column)) continue;
      const std::int64_t value = select_oldest_.integer(column);
      out[i].oldest = i < slices.size() ? (value >> slice_bits) * slices[i] : value;
    }
    return false;
  });
  if (!read) return std::unexpected(read.error());
  return out;
}

Result<std::map<std::string, std::int64_t>> Query::counters() {
  std::map<std::string, std::int64_t> out;
  const Status read = for_each_row(select_counters_, [&] {
    out.emplace(select_counters_.text(0), select_counters_.integer(1));
    return true;
  });
  if (!read) return std::unexpected(read.error());
  return out;
}

}  // namespace stethos::collector
