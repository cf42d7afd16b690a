#include "uplink/collector/row_intake.h"

#include <algorithm>
#include <utility>

#include "common/log.h"
#include "uplink/collector/intake_checks.h"
#include "uplink/collector/statistics.h"

namespace stethos::collector {
namespace {

constexpr std::size_t stream_ids_max = 100'000;

std::string_view name_of(schema::GapCause cause) {
  const std::string_view known = schema::EnumNameGapCause(cause);
  return known.empty() ? std::string_view("unknown") : known;
}

}  // namespace

RowIntake::RowIntake(Store& store, Tally& tally, Notices& notices)
    : store_(store),
      tally_(tally),
      notices_(notices),
      replayed_(store, tally, notices),
      select_stream_(store.database(), "SELECT id FROM streams WHERE node = ? AND device = ? AND channel = ?"),
      insert_stream_(store.database(), "INSERT INTO streams (node, device, channel) VALUES (?, ?, ?) RETURNING id"),
      windows_{
          Counter::windows,
          Counter::windows_bytes,
          Counter::windows_superseded,
          Counter::windows_stale,
          sqlite::Statement(
              store.database(),
              "INSERT INTO windows (id, stream, start_ns, definition, generation, revision, spool, lane, "
              "number, stored_ns, good, body, part_of_ns, length_ns) VALUES (?11, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?14, "
              "?12, ?13) "
              "ON CONFLICT (stream, start_ns, definition) DO NOTHING"),
          sqlite::Statement(store.database(),
                            "UPDATE windows SET generation = ?4, revision = ?5, spool = ?6, lane = ?7, number = ?8, "
                            "stored_ns = ?9, good = ?10, body = ?14, part_of_ns = ?12, length_ns = ?13, withdrawn = 0, "
                            "good_of_node = iif(generation = 0, good, good_of_node) WHERE stream = ?1 AND start_ns = ?2 "
                            "AND definition = ?3 AND (?4 > generation OR (?4 = generation AND (withdrawn OR "
                            "iif(?6 = spool, ?5 > revision, (?10, ?5) > (good, revision)))))"),
          sqlite::Statement(store.database(),
                            "SELECT length(body), spool <> ?6 AND body <> ?14 AND generation = ?4 AND NOT withdrawn AND "
                            "(generation = 0 OR good <> ?10), spool, good FROM windows WHERE stream = ?1 AND start_ns = ?2 AND "
                            "definition = ?3")},
      insert_stream_version_(
          store.database(),
          "INSERT INTO stream_versions (stream, version, machine, point, axis, quantity, unit, location, owner, "
          "stored_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"),
      insert_provenance_(store.database(),
                         "INSERT INTO provenances (node, id, program, backend, config_hash, schema_major, schema_minor, source, "
                         "parameters, stored_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"),
      insert_gap_(store.database(),
                  "INSERT INTO gaps (node, device, epoch, spool, lane, first, last, cause, first_ns, last_ns, noticed_ns, "
                  "stored_ns, clock_untrusted) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"),
      insert_event_(store.database(),
                    "INSERT INTO events (node, kind, at_ns, device, channel, value, detail, stored_ns, clock_untrusted) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"),
      update_silence_(store.database(),
                      "UPDATE silences SET windows = ?6, state = ?7, noticed_ns = ?8, stored_ns = ?9, clock_untrusted = ?10, "
                      "spool = ?11, number = ?12 WHERE stream = ?1 AND "
                      "definition = ?2 AND first_start_ns = ?3 AND length_ns = ?4 AND hop_ns = ?5 AND "
                      "iif(spool IS ?11, number < ?12, spool IS NOT NULL OR state <= ?7)"),
      insert_silence_(store.database(),
                      "INSERT INTO silences (stream, definition, first_start_ns, length_ns, hop_ns, windows, state, noticed_ns, "
                      "stored_ns, clock_untrusted, spool, number) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) "
                      "ON CONFLICT DO NOTHING"),
      alarms_{Counter::alarms,
              Counter::alarms_bytes,
              Counter::alarms_superseded,
              Counter::alarms_stale,
              sqlite::Statement(store.database(),
                                "INSERT INTO alarms (stream, limit_id, activated_ns, state, revision, spool, lane, number, "
                                "stored_ns, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) "
                                "ON CONFLICT (stream, activated_ns, limit_id) DO NOTHING"),
              sqlite::Statement(store.database(),
                                "UPDATE alarms SET state = ?4, revision = ?5, spool = ?6, lane = ?7, number = ?8, "
                                "stored_ns = ?9, body = ?10 WHERE stream = ?1 AND limit_id = ?2 AND activated_ns = ?3 "
                                "AND iif(?6 = spool, ?8 > number, 1)"),
              sqlite::Statement(store.database(),
                                "SELECT length(body), spool <> ?6 AND body <> ?10, spool, 0 FROM alarms WHERE stream = ?1 AND "
                                "limit_id = ?2 AND activated_ns = ?3")},
      insert_unknown_(store.database(),
                      "INSERT INTO unknown_rows (spool, lane, number, kind, body, stored_ns) VALUES (?, ?, ?, ?, ?, ?) "
                      "ON CONFLICT DO NOTHING"),
      insert_refused_(
          store.database(),
          "INSERT INTO refused_rows (spool, lane, number, kind, reason, body, stored_ns) VALUES (?, ?, ?, ?, ?, ?, ?) "
          "RETURNING id"),
      trim_refused_(store.database(), "DELETE FROM refused_rows WHERE id <= ?") {}

Status RowIntake::take(RowSource source, const schema::Row& row) {
  source.number = row.number();
  const schema::Bytes body(row.body()->data(), row.body()->size());
  const auto take = [&](const auto& opened, auto store) -> Status {
    if (!opened) return refuse_row(source, row, opened.error().failed);
    if (const auto why = objection(**opened); !why.empty()) return refuse_row(source, row, why);
    return store(**opened);
  };
  switch (static_cast<schema::RowKind>(row.kind())) {
    case schema::RowKind::window:
      return take(schema::open_window_row(body), [&](const auto& opened) {
        if (!source.owner) return refuse_row(source, row, "it is a replay's, and the node that it replaces has never come");
        const auto why =
            *source.owner == source.node ? objection_to_live(opened) : objection_to_replayed(opened, source.offered_until);
        return why.empty() ? take_window(source, opened, body) : refuse_row(source, row, why);
      });
    case schema::RowKind::stream:
      return take(schema::open_stream_row(body), [&](const auto& opened) { return take_stream(source, opened); });
    case schema::RowKind::provenance:
      return take(schema::open_provenance_row(body), [&](const auto& opened) { return take_provenance(source, opened); });
    case schema::RowKind::gap:
      return take(schema::open_gap_row(body), [&](const auto& opened) { return take_gap(source, opened); });
    case schema::RowKind::alarm:
      return take(schema::open_alarm_row(body), [&](const auto& opened) { return take_alarm(source, opened, body); });
    case schema::RowKind::event:
      return take(schema::open_event_row(body), [&](const auto& opened) { return take_event(source, opened); });
    case schema::RowKind::silence:
      return take(schema::open_silence_row(body), [&](const auto& opened) { return take_silence(source, opened); });
    case schema::RowKind::none:
      return refuse_row(source, row, "it has no kind");
  }
  if (body.size() > schema::row_bytes_max) return refuse_row(source, row, "its kind is unknown and it is too large to be kept");
  if (!source.is_again) tally_.count(Counter::rows_unknown);
  const Status written = insert_unknown_.bind(1, source.spool)
                             .bind(2, source.lane)
                             .bind(3, row.number())
                             .bind(4, static_cast<int>(row.kind()))
                             .bind(5, body)
                             .bind(6, source.now)
                             .run();
  if (written) count_note(body.size());
  return written;
}

Status RowIntake::take_window(const RowSource& source, const schema::WindowRow& row, schema::Bytes body) {
  const auto stream = stream_id(*source.owner, view(row.device()), view(row.channel()));
  if (!stream) return std::unexpected(stream.error());
  const WholeWindow window = whole_window_of(*stream, row);
  const auto has_room = replayed_.make_room(window, row, source.spool, source.now);
  if (!has_room) return std::unexpected(has_room.error());
  if (!*has_room) {
    tally_.count(Counter::windows_stale);
    return {};
  }
  // Which row of the store's life it is tells it apart from all others of its hour.
  const std::int64_t id = first_id(row.start_ns(), hour_ns) +
                          (rows_before_ + tally_.of(Counter::rows) + tally_.of(Counter::rows_again)) % ids_per_slice;
  const auto before = upsert(windows_, body, [&](sqlite::Statement& statement) {
    statement.bind(1, *stream)
        .bind(2, row.start_ns())
        .bind(3, row.definition())
        .bind(4, row.generation())
        .bind(5, row.revision())
        .bind(6, source.spool)
        .bind(7, source.lane)
        .bind(8, source.number)
        .bind(9, source.now)
        .bind(10, row.counts()->good())
        .bind(11, id)
        .bind(13, row.length_ns())
        .bind(14, body);
    if (window.start < row.start_ns()) {
      statement.bind(12, window.start);
    } else {
      statement.bind_null(12);
    }
  });
  if (!before) return std::unexpected(before.error());
  if (!before->differs) return {};
  notices_.note({.device = view(row.device()),
                 .channel = view(row.channel()),
                 .start = row.start_ns(),
                 .spool_before = before->spool,
                 .good_before = before->good,
                 .good = static_cast<std::int64_t>(row.counts()->good()),
                 .is_replaced = before->is_replaced});
  return {};
}

template <class Bind>
Result<RowIntake::Before> RowIntake::upsert(Replaceable& table, schema::Bytes body, Bind bind) {
  const auto bytes = static_cast<std::int64_t>(body.size());
  bind(table.insert);
  if (auto inserted = table.insert.run(); !inserted) return std::unexpected(inserted.error());
  if (store_.database().changes() > 0) {
    tally_.count(table.rows);
    tally_.count(table.bytes, bytes + row_overhead_bytes);
    return Before{};
  }
  bind(table.select);
  const auto found = table.select.step();
  if (!found) return std::unexpected(found.error());
  STETHOS_CHECK(*found, "it was in the way of the insert");
  const std::int64_t bytes_before = table.select.integer(0);
  Before before{.spool = table.select.integer(2), .good = table.select.integer(3), .differs = table.select.integer(1) != 0};
  table.select.reset();

  bind(table.update);
  if (auto updated = table.update.run(); !updated) return std::unexpected(updated.error());
  before.is_replaced = store_.database().changes() > 0;
  tally_.count(before.is_replaced ? table.superseded : table.stale);
  if (before.is_replaced) tally_.count(table.bytes, bytes - bytes_before);
  return before;
}

Status RowIntake::take_stream(const RowSource& source, const schema::StreamRow& row) {
  if (!source.owner) return {};
  const auto stream = stream_id(*source.owner, view(row.device()), view(row.channel()));
  if (!stream) return std::unexpected(stream.error());
  return insert_stream_version_.bind(1, *stream)
      .bind(2, row.version())
      .bind(3, view(row.machine()))
      .bind(4, view(row.point()))
      .bind(5, view(row.axis()))
      .bind(6, view(row.quantity()))
      .bind(7, view(row.unit()))
      .bind(8, view(row.location()))
      .bind(9, view(row.owner()))
      .bind(10, source.now)
      .run();
}

Status RowIntake::take_provenance(const RowSource& source, const schema::ProvenanceRow& row) {
  const std::string parameters = lines_of(row);
  if (!source.owner) return {};
  const Status written = insert_provenance_.bind(1, *source.owner)
                             .bind(2, row.id())
                             .bind(3, view(row.program()))
                             .bind(4, view(row.backend()))
                             .bind(5, row.config_hash())
                             .bind(6, static_cast<int>(row.schema_major()))
                             .bind(7, static_cast<int>(row.schema_minor()))
                             .bind(8, view(row.source()))
                             .bind(9, std::string_view(parameters))
                             .bind(10, source.now)
                             .run();
  if (written) tally_.count(Counter::provenances, store_.database().changes());
  return written;
}

Status RowIntake::take_gap(const RowSource& source, const schema::GapRow& row) {
  const Status written = insert_gap_.bind(1, source.node)
                             .bind(2, view(row.device()))
                             .bind(3, row.epoch())
                             .bind(4, 0)
                             .bind(5, 0)
                             .bind(6, row.first_sequence())
                             .bind(7, row.last_sequence())
                             .bind(8, name_of(row.cause()))
                             .bind(9, 0)
                             .bind(10, 0)
                             .bind(11, plausible_time(row.noticed_ns()))
                             .bind(12, source.now)
                             .bind(13, row.clock_untrusted() ? 1 : 0)
                             .run();
  if (!written) return written;
  if (!source.is_again) tally_.count(Counter::gaps, store_.database().changes());
  count_note(view(row.device()).size() + name_of(row.cause()).size());
  return {};
}

Status RowIntake::take_event(const RowSource& source, const schema::EventRow& row) {
  const std::string_view known = schema::EnumNameEventKind(row.kind());
  const std::string_view kind = known.empty() ? std::string_view("unknown") : known;
  const Status written = insert_event_.bind(1, source.node)
                             .bind(2, kind)
                             .bind(3, plausible_time(row.at_ns()))
                             .bind(4, view(row.device()))
                             .bind(5, view(row.channel()))
                             .bind(6, row.value())
                             .bind(7, view(row.detail()))
                             .bind(8, source.now)
                             .bind(9, row.clock_untrusted() ? 1 : 0)
                             .run();
  if (!written) return written;
  if (!source.is_again) tally_.count(Counter::events, store_.database().changes());
  count_note(kind.size() + view(row.device()).size() + view(row.channel()).size() + view(row.detail()).size());
  return {};
}

Status RowIntake::take_silence(const RowSource& source, const schema::SilenceRow& row) {
  const auto stream = stream_id(source.node, view(row.device()), view(row.channel()));
  if (!stream) return std::unexpected(stream.error());
  const auto run = [&](sqlite::Statement& statement) {
    return statement.bind(1, *stream)
        .bind(2, row.definition())
        .bind(3, row.first_start_ns())
        .bind(4, row.length_ns())
        .bind(5, row.hop_ns())
        .bind(6, row.windows())
        .bind(7, static_cast<int>(row.state()))
        .bind(8, plausible_time(row.noticed_ns()))
        .bind(9, source.now)
        .bind(10, row.clock_untrusted() ? 1 : 0)
        .bind(11, source.spool)
        .bind(12, source.number)
        .run();
  };
  if (!source.is_again) tally_.count(Counter::silences);
  if (auto updated = run(update_silence_); !updated || store_.database().changes() > 0) return updated;
  const Status written = run(insert_silence_);
  if (written) count_note(0);
  return written;
}

Status RowIntake::take_alarm(const RowSource& source, const schema::AlarmRow& row, schema::Bytes body) {
  const auto stream = stream_id(source.node, view(row.device()), view(row.channel()));
  if (!stream) return std::unexpected(stream.error());
  const auto upserted = upsert(alarms_, body, [&](sqlite::Statement& statement) {
    statement.bind(1, *stream)
        .bind(2, row.limit())
        .bind(3, row.activated_ns())
        .bind(4, static_cast<int>(row.state()))
        .bind(5, row.revision())
        .bind(6, source.spool)
        .bind(7, source.lane)
        .bind(8, source.number)
        .bind(9, source.now)
        .bind(10, body);
  });
  return upserted ? Status{} : std::unexpected(upserted.error());
}

Status RowIntake::refuse_row(const RowSource& source, const schema::Row& row, std::string_view reason) {
  spdlog::debug("node {}: row {} of lane {}, kind {}, is set aside: {}", source.node_name, row.number(), source.lane, row.kind(),
                reason);
  if (source.is_again) return {};  // it was refused when it came first
  tally_.count(Counter::rows_refused);
  const schema::Bytes body(row.body()->data(), std::min<std::size_t>(row.body()->size(), refused_row_bytes_max));
  const auto id = sqlite::run_for_integer(insert_refused_.bind(1, source.spool)
                                              .bind(2, source.lane)
                                              .bind(3, row.number())
                                              .bind(4, static_cast<int>(row.kind()))
                                              .bind(5, reason)
                                              .bind(6, body)
                                              .bind(7, source.now));
  if (!id) return std::unexpected(id.error());
  return trim_refused_.bind(1, *id - static_cast<std::int64_t>(refused_rows_max)).run();
}

Result<std::int64_t> RowIntake::stream_id(std::int64_t node, std::string_view device, std::string_view channel) {
  std::string key = std::to_string(node);
  key.append(1, '\0').append(device).append(1, '\0').append(channel);
  if (const auto known = stream_ids_.find(key); known != stream_ids_.end()) return known->second;

  const auto stored = select_stream_.bind(1, node).bind(2, device).bind(3, channel).step();
  if (!stored) return std::unexpected(stored.error());
  std::int64_t id = *stored ? select_stream_.integer(0) : 0;
  select_stream_.reset();
  if (id == 0) {
    const auto made = sqlite::run_for_integer(insert_stream_.bind(1, node).bind(2, device).bind(3, channel));
    if (!made) return made;
    id = *made;
    tally_.count(Counter::streams);
  }
  if (stream_ids_.size() >= stream_ids_max) stream_ids_.clear();
  stream_ids_.emplace(std::move(key), id);
  return id;
}

void RowIntake::count_note(std::size_t bytes) {
  const std::int64_t inserted = store_.database().changes();
  tally_.count(Counter::events_held, inserted);
  tally_.count(Counter::events_bytes, inserted * (static_cast<std::int64_t>(bytes) + row_overhead_bytes));
}

Status RowIntake::note_missing(const RowSource& source, const uplink::NumberRange& range, const schema::GivenUpT& lost) {
  const std::string_view cause = name_of(lost.cause);
  const Status noted = insert_gap_.bind(1, source.node)
                           .bind(2, std::string_view{})
                           .bind(3, 0)
                           .bind(4, source.spool)
                           .bind(5, source.lane)
                           .bind(6, range.first)
                           .bind(7, range.last)
                           .bind(8, cause)
                           .bind(9, plausible_time(lost.first_ns))
                           .bind(10, plausible_time(lost.last_ns))
                           .bind(11, source.now)
                           .bind(12, source.now)
                           .bind(13, 0)
                           .run();
  if (!noted) return noted;
  tally_.count(Counter::gaps, store_.database().changes());
  count_note(cause.size());
  spdlog::warn("node {}: rows {} to {} of lane {} will not come ({})", source.node_name, range.first, range.last, source.lane,
               cause);
  return {};
}

}  // namespace stethos::collector
