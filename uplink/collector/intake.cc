#include "uplink/collector/intake.h"

#include <algorithm>
#include <utility>

#include "common/fault_point.h"
#include "common/hash.h"
#include "common/log.h"
#include "uplink/collector/intake_checks.h"
#include "uplink/collector/statistics.h"

namespace stethos::collector {
namespace {

using uplink::NumberRange;
using uplink::NumberSet;

constexpr std::size_t stream_ids_max = 100'000;
// What a verifier of answers lets pass, see schemas/envelope.cc.
static_assert(lanes_per_batch_max * (ranges_per_lane_max + 3) < 4096);

TimeNs plausible_time(TimeNs time) { return std::clamp(time, -plausible_time_max, plausible_time_max); }

std::string_view name_of(schema::GapCause cause) {
  const std::string_view known = schema::EnumNameGapCause(cause);
  return known.empty() ? std::string_view("unknown") : known;
}

// Runs a statement that returns one integer.
Result<std::int64_t> run_for_integer(sqlite::Statement& statement) {
  const auto has_row = statement.step();
  if (!has_row) return std::unexpected(has_row.error());
  STETHOS_CHECK(*has_row, "a statement that always returns a row");
  const std::int64_t value = statement.integer(0);
  statement.reset();
  return value;
}

}  // namespace

struct Intake::Source {
  std::int64_t node = 0;
  std::int64_t spool = 0;
  std::string_view node_name;
  int lane = 0;
  std::uint64_t number = 0;
  TimeNs now = 0;
  bool is_again = false;
  std::int64_t owner = 0;      // the node that windows are of: a replay's are those of the node that it replaces
  TimeNs offered_until = 0;    // then: by that node
};

Intake::Intake(Store& store, std::vector<std::string> replaceable, std::uint64_t clock)
    : store_(store),
      replaceable_(std::move(replaceable)),
      clock_(clock),
      tally_(store.database()),
      notices_(store.database(), tally_),
      wanted_(store),
      select_offered_(store.database(),
                      "SELECT nodes.id, max(offered_until_ns) FROM nodes JOIN spools ON spools.node = nodes.id WHERE name = ? "
                      "GROUP BY nodes.id"),
      upsert_node_(store.database(),
                   "INSERT INTO nodes (name, first_seen_ns, last_seen_ns) VALUES (?1, ?2, ?2) "
                   "ON CONFLICT (name) DO UPDATE SET last_seen_ns = max(last_seen_ns, ?2) RETURNING id"),
      upsert_spool_(
          store.database(),
          "INSERT INTO spools (node, identity, first_seen_ns, last_seen_ns, sent_ns, offered_until_ns) "
          "VALUES (?1, ?2, ?3, ?3, ?4, ?5) ON CONFLICT (node, identity) DO UPDATE SET "
          "last_seen_ns = max(last_seen_ns, ?3), sent_ns = ?4, offered_until_ns = max(offered_until_ns, ?5) RETURNING id"),
      select_last_row_(store.database(), "SELECT last_number, last_hash FROM lanes WHERE spool = ? AND lane = ?"),
      upsert_lane_(store.database(),
                   "INSERT INTO lanes (spool, lane, lowest_kept, next_number, rows, duplicates, last_number, last_hash) "
                   "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (spool, lane) DO UPDATE SET "
                   "lowest_kept = max(lowest_kept, ?3), next_number = max(next_number, ?4), rows = rows + ?5, "
                   "duplicates = duplicates + ?6, last_number = ?7, last_hash = ?8"),
      select_ranges_(store.database(), "SELECT first, last FROM lane_ranges WHERE spool = ? AND lane = ? ORDER BY first"),
      delete_ranges_(store.database(), "DELETE FROM lane_ranges WHERE spool = ? AND lane = ?"),
      insert_range_(store.database(), "INSERT INTO lane_ranges (spool, lane, first, last) VALUES (?, ?, ?, ?)"),
      select_stream_(store.database(), "SELECT id FROM streams WHERE node = ? AND device = ? AND channel = ?"),
      insert_stream_(store.database(), "INSERT INTO streams (node, device, channel) VALUES (?, ?, ?) RETURNING id"),
      windows_{Counter::windows,
               Counter::windows_bytes,
               Counter::windows_superseded,
               Counter::windows_stale,
               sqlite::Statement(store.database(),
                                 "INSERT INTO windows (id, stream, start_ns, definition, generation, revision, spool, lane, "
                                 "number, stored_ns, good, body) VALUES (?11, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?12) "
                                 "ON CONFLICT (stream, start_ns, definition) DO NOTHING"),
               sqlite::Statement(store.database(),
                                 "UPDATE windows SET generation = ?4, revision = ?5, spool = ?6, lane = ?7, number = ?8, "
                                 "stored_ns = ?9, good = ?10, body = ?12 WHERE stream = ?1 AND start_ns = ?2 AND definition = ?3 "
                                 "AND (?4 > generation OR (?4 = generation AND "
                                 "iif(?6 = spool, ?5 > revision, (?10, ?5) > (good, revision))))"),
               sqlite::Statement(store.database(),
                                 "SELECT length(body), spool <> ?6 AND generation = ?4 AND body <> ?12, spool, good FROM windows "
                                 "WHERE stream = ?1 AND start_ns = ?2 AND definition = ?3")},
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
                      "UPDATE silences SET windows = ?6, state = ?7, noticed_ns = ?8, stored_ns = ?9, clock_untrusted = ?10 "
                      "WHERE stream = ?1 AND "
                      "definition = ?2 AND first_start_ns = ?3 AND length_ns = ?4 AND hop_ns = ?5 AND state < ?7"),
      insert_silence_(store.database(),
                      "INSERT INTO silences (stream, definition, first_start_ns, length_ns, hop_ns, windows, state, noticed_ns, "
                      "stored_ns, clock_untrusted) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO NOTHING"),
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
                                "AND ?5 > revision"),
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

std::expected<std::vector<std::uint8_t>, IntakeError> Intake::take(std::span<const std::uint8_t> packed, TimeNs now) {
  const auto opened = schema::open_uplink_batch(packed);
  if (!opened) return std::unexpected(IntakeError{IntakeError::Fault::batch, opened.error()});
  const schema::UplinkBatch& batch = **opened;
  if (auto checked = check_batch(batch); !checked)
    return std::unexpected(IntakeError{IntakeError::Fault::batch, checked.error()});

  const std::string_view replaces = view(batch.replaces());
  if (!replaces.empty() && std::ranges::find(replaceable_, replaces) == replaceable_.end()) {
    return std::unexpected(
        IntakeError{IntakeError::Fault::batch,
                    {Code::invalid, "taking a replay", "the node whose windows it replaces is none of replays.nodes"}});
  }

  schema::UplinkAckT ack;
  ack.collector = store_.identity();
  ack.spool = std::string(view(batch.spool()));
  ack.time_ns = now;
  ack.clock = clock_;
  tally_.clear();
  notices_.begin_batch();
  fault_point("collector.begin.before");
  const Status stored = store_.database().transaction([&]() -> Status {
    fault_point("collector.begin.after");
    Source source{.node_name = view(batch.node()), .now = now};
    const auto rows = tally_.total(Counter::rows);
    if (!rows) return std::unexpected(rows.error());
    const auto again = tally_.total(Counter::rows_again);
    if (!again) return std::unexpected(again.error());
    rows_before_ = *rows + *again;
    const auto node = run_for_integer(upsert_node_.bind(1, source.node_name).bind(2, now));
    if (!node) return std::unexpected(node.error());
    source.node = source.owner = *node;
    if (!replaces.empty()) {
      if (auto found = find_replaced(replaces, source); !found) return found;
    } else if (auto looked = notices_.look_at_spool(source.node, source.node_name, view(batch.spool()), now); !looked) {
      return looked;
    }
    const TimeNs offered_until = plausible_time(batch.offered_until_ns());
    const auto spool = run_for_integer(upsert_spool_.bind(1, source.node)
                                           .bind(2, view(batch.spool()))
                                           .bind(3, now)
                                           .bind(4, plausible_time(batch.sent_ns()))
                                           .bind(5, offered_until));
    if (!spool) return std::unexpected(spool.error());
    source.spool = *spool;
    if (batch.lanes() != nullptr) {
      for (const auto* lane : *batch.lanes()) {
        source.lane = lane->lane();
        ack.lanes.push_back(std::make_unique<schema::LaneAckT>());
        if (auto taken = take_lane(source, *lane, *ack.lanes.back()); !taken) return taken;
      }
    }
    if (auto told = notices_.tell_conflicts(source.node, source.node_name, view(batch.spool()), now); !told) return told;
    tally_.count(Counter::batches);
    auto counted = tally_.write();
    fault_point("collector.commit.before");
    return counted;
  });
  fault_point("collector.commit.after");
  if (!stored) {
    stream_ids_.clear();  // some of them may have been taken back
    return std::unexpected(IntakeError{IntakeError::Fault::store, stored.error()});
  }
  if (const auto refused = tally_.of(Counter::rows_refused); refused > 0) {
    spdlog::warn("node {}: {} rows of a batch are not what they claim to be and were set aside", view(batch.node()), refused);
  }
  return schema::pack(ack);
}

// A node that never was has nothing to be replaced: what comes is refused row by row.
Status Intake::find_replaced(std::string_view name, Source& source) {
  const auto found = select_offered_.bind(1, name).step();
  if (!found) return std::unexpected(found.error());
  source.owner = *found ? select_offered_.integer(0) : 0;
  source.offered_until = *found ? select_offered_.integer(1) : 0;
  select_offered_.reset();
  return {};
}

Status Intake::take_lane(Source source, const schema::LaneBatch& lane, schema::LaneAckT& ack) {
  auto held = read_ranges(source.spool, source.lane);
  if (!held) return std::unexpected(held.error());
  const auto has_last = select_last_row_.bind(1, source.spool).bind(2, source.lane).step();
  if (!has_last) return std::unexpected(has_last.error());
  std::uint64_t last_number = *has_last ? select_last_row_.unsigned_integer(0) : 0;
  std::uint64_t last_hash = *has_last ? select_last_row_.unsigned_integer(1) : 0;
  select_last_row_.reset();

  const bool is_copy = lane.next_number() <= last_number ||
                       (last_number > 0 && lane.previous_number() == last_number && lane.previous_hash() != last_hash);
  if (is_copy) {
    spdlog::warn("node {}: lane {} has other rows than those that came under the same numbers", source.node_name, source.lane);
  } else {
    const NumberSet before = *held;
    const std::int64_t known = tally_.of(Counter::rows);
    const std::int64_t duplicates = tally_.of(Counter::rows_duplicate);
    const schema::Row* last = nullptr;  // of those that are new and beyond the highest that came before
    if (lane.rows() != nullptr) {
      for (const auto* row : *lane.rows()) {
        if (held->contains(row->number())) {
          tally_.count(Counter::rows_duplicate);
        } else if (!held->add({row->number(), row->number()}, ranges_per_lane_max)) {
          tally_.count(Counter::rows_postponed);
        } else {
          tally_.count(Counter::rows);
          if (auto taken = take_row(source, *row); !taken) return taken;
          if (row->number() > last_number) last = row;
        }
      }
    }
    if (last != nullptr) {
      last_number = last->number();
      last_hash = hash_of(schema::Bytes(last->body()->data(), last->body()->size()));
    }
    if (auto noted = note_lost_rows(source, lane, *held); !noted) return noted;
    if (auto written = upsert_lane_.bind(1, source.spool)
                           .bind(2, source.lane)
                           .bind(3, lane.lowest_kept())
                           .bind(4, lane.next_number())
                           .bind(5, tally_.of(Counter::rows) - known)
                           .bind(6, tally_.of(Counter::rows_duplicate) - duplicates)
                           .bind(7, last_number)
                           .bind(8, last_hash)
                           .run();
        !written) {
      return written;
    }
    if (*held != before) {
      if (auto written = write_ranges(source.spool, source.lane, *held); !written) return written;
    }
    if (auto taken = take_again(source, lane, *held, ack); !taken) return taken;
  }
  ack.lane = static_cast<std::uint8_t>(source.lane);
  ack.durable_through = held->durable_through();
  ack.last_number = last_number;
  ack.last_hash = last_hash;
  for (const NumberRange& range : held->beyond()) {
    ack.ranges.push_back(std::make_unique<schema::SequenceRangeT>());
    ack.ranges.back()->first = range.first;
    ack.ranges.back()->last = range.last;
  }
  return {};
}

// Takes what was asked for again, and asks for what is left.
Status Intake::take_again(Source source, const schema::LaneBatch& lane, const NumberSet& held, schema::LaneAckT& ack) {
  auto open = wanted_.open_of(source.node, source.spool, source.lane, lane.next_number(), source.now);
  if (!open) return std::unexpected(open.error());
  if (const schema::Again* again = lane.again(); again != nullptr && *open && answers(*again, **open)) {
    const std::int64_t before = tally_.of(Counter::rows_again);
    source.is_again = true;
    if (again->rows() != nullptr) {
      for (const auto* row : *again->rows()) {
        if (!held.contains(row->number())) continue;  // it has to come as one that never came
        tally_.count(Counter::rows_again);
        if (auto taken = take_row(source, *row); !taken) return taken;
      }
    }
    auto noted = wanted_.note_answer(**open, *again, tally_.of(Counter::rows_again) - before, source.now);
    if (!noted) return noted;
    open = wanted_.open_of(source.node, source.spool, source.lane, lane.next_number(), source.now);
    if (!open) return std::unexpected(open.error());
  }
  if (!*open) return {};
  ack.wanted = std::make_unique<schema::WantedT>();
  ack.wanted->first = (*open)->next;
  ack.wanted->last = (*open)->last;
  ack.wanted->from_ns = (*open)->from;
  ack.wanted->to_ns = (*open)->to;
  return {};
}

// What the node says it gave up is a gap, unless it came before; so is what it no longer keeps and never sent. Numbers below
// the lane's first were never given out.
Status Intake::note_lost_rows(const Source& source, const schema::LaneBatch& lane, NumberSet& held) {
  if (lane.first_number() > 1 && !held.add({1, lane.first_number() - 1}, ranges_per_lane_max)) return {};
  std::vector<schema::GivenUpT> lost;
  if (lane.given_up() != nullptr) {
    for (const auto* given_up : *lane.given_up()) given_up->UnPackTo(&lost.emplace_back());
  }
  if (lane.lowest_kept() > lane.first_number()) {
    lost.emplace_back();
    lost.back().first = lane.first_number();
    lost.back().last = lane.lowest_kept() - 1;
    lost.back().cause = schema::GapCause::not_kept;
  }
  for (const schema::GivenUpT& each : lost) {
    NumberSet with_it = held;
    if (!with_it.add({each.first, each.last}, ranges_per_lane_max)) continue;  // said again by a later batch, when there is room
    if (auto noted = note_missing_rows(source, held, each); !noted) return noted;
    held = std::move(with_it);
  }
  return {};
}

Result<NumberSet> Intake::read_ranges(std::int64_t spool, int lane) {
  std::vector<NumberRange> ranges;
  select_ranges_.bind(1, spool).bind(2, lane);
  for (;;) {
    const auto more = select_ranges_.step();
    if (!more) return std::unexpected(more.error());
    if (!*more) break;
    ranges.push_back({select_ranges_.unsigned_integer(0), select_ranges_.unsigned_integer(1)});
  }
  select_ranges_.reset();
  if (!uplink::are_sorted_and_disjoint(ranges)) {
    return fail(Code::corrupt, "reading the ranges of a lane", "they are not in order");
  }
  return NumberSet(std::move(ranges));
}

Status Intake::write_ranges(std::int64_t spool, int lane, const NumberSet& held) {
  if (auto deleted = delete_ranges_.bind(1, spool).bind(2, lane).run(); !deleted) return deleted;
  for (const NumberRange& range : held.ranges()) {
    if (auto written = insert_range_.bind(1, spool).bind(2, lane).bind(3, range.first).bind(4, range.last).run(); !written) {
      return written;
    }
  }
  return {};
}

Status Intake::note_missing_rows(const Source& source, const NumberSet& held, const schema::GivenUpT& lost) {
  const std::string_view cause = name_of(lost.cause);
  for (const NumberRange& range : held.missing({lost.first, lost.last})) {
    if (auto noted = insert_gap_.bind(1, source.node)
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
        !noted) {
      return noted;
    }
    tally_.count(Counter::gaps, store_.database().changes());
    count_note(cause.size());
    spdlog::warn("node {}: rows {} to {} of lane {} will not come ({})", source.node_name, range.first, range.last, source.lane,
                 cause);
  }
  return {};
}

Status Intake::take_row(Source source, const schema::Row& row) {
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
        const auto why = source.owner == source.node ? std::string_view() : objection_to_replayed(opened, source.offered_until);
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

Status Intake::take_window(const Source& source, const schema::WindowRow& row, schema::Bytes body) {
  const auto stream = stream_id(source.owner, view(row.device()), view(row.channel()));
  if (!stream) return std::unexpected(stream.error());
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
        .bind(12, body);
  });
  if (!before) return std::unexpected(before.error());
  if (!before->differs) return {};
  tally_.count(Counter::windows_conflicting);
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
Result<Intake::Before> Intake::upsert(Replaceable& table, schema::Bytes body, Bind bind) {
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

Status Intake::take_stream(const Source& source, const schema::StreamRow& row) {
  if (source.owner == 0) return {};
  const auto stream = stream_id(source.owner, view(row.device()), view(row.channel()));
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

Status Intake::take_provenance(const Source& source, const schema::ProvenanceRow& row) {
  const std::string parameters = lines_of(row);
  if (source.owner == 0) return {};
  const Status written = insert_provenance_.bind(1, source.owner)
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

Status Intake::take_gap(const Source& source, const schema::GapRow& row) {
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

Status Intake::take_event(const Source& source, const schema::EventRow& row) {
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

Status Intake::take_silence(const Source& source, const schema::SilenceRow& row) {
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
        .run();
  };
  if (!source.is_again) tally_.count(Counter::silences);
  if (auto updated = run(update_silence_); !updated || store_.database().changes() > 0) return updated;
  const Status written = run(insert_silence_);
  if (written) count_note(0);
  return written;
}

Status Intake::take_alarm(const Source& source, const schema::AlarmRow& row, schema::Bytes body) {
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

Status Intake::refuse_row(const Source& source, const schema::Row& row, std::string_view reason) {
  spdlog::debug("node {}: row {} of lane {}, kind {}, is set aside: {}", source.node_name, row.number(), source.lane, row.kind(),
                reason);
  if (source.is_again) return {};  // it was refused when it came first
  tally_.count(Counter::rows_refused);
  const schema::Bytes body(row.body()->data(), std::min<std::size_t>(row.body()->size(), refused_row_bytes_max));
  const auto id = run_for_integer(insert_refused_.bind(1, source.spool)
                                      .bind(2, source.lane)
                                      .bind(3, row.number())
                                      .bind(4, static_cast<int>(row.kind()))
                                      .bind(5, reason)
                                      .bind(6, body)
                                      .bind(7, source.now));
  if (!id) return std::unexpected(id.error());
  return trim_refused_.bind(1, *id - static_cast<std::int64_t>(refused_rows_max)).run();
}

Result<std::int64_t> Intake::stream_id(std::int64_t node, std::string_view device, std::string_view channel) {
  std::string key = std::to_string(node);
  key.append(1, '\0').append(device).append(1, '\0').append(channel);
  if (const auto known = stream_ids_.find(key); known != stream_ids_.end()) return known->second;

  const auto stored = select_stream_.bind(1, node).bind(2, device).bind(3, channel).step();
  if (!stored) return std::unexpected(stored.error());
  std::int64_t id = *stored ? select_stream_.integer(0) : 0;
  select_stream_.reset();
  if (id == 0) {
    const auto made = run_for_integer(insert_stream_.bind(1, node).bind(2, device).bind(3, channel));
    if (!made) return made;
    id = *made;
    tally_.count(Counter::streams);
  }
  if (stream_ids_.size() >= stream_ids_max) stream_ids_.clear();
  stream_ids_.emplace(std::move(key), id);
  return id;
}

void Intake::count_note(std::size_t bytes) {
  const std::int64_t inserted = store_.database().changes();
  tally_.count(Counter::events_held, inserted);
  tally_.count(Counter::events_bytes, inserted * (static_cast<std::int64_t>(bytes) + row_overhead_bytes));
}

}  // namespace stethos::collector
