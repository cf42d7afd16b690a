#include "uplink/collector/intake.h"

#include <algorithm>
#include <utility>

#include "common/fault_point.h"
#include "common/hash.h"
#include "common/log.h"
#include "uplink/collector/intake_checks.h"

namespace stethos::collector {
namespace {

using uplink::NumberRange;
using uplink::NumberSet;

// What a verifier of answers lets pass, see schemas/envelope.cc.
static_assert(lanes_per_batch_max * (ranges_per_lane_max + 3) < 4096);

}  // namespace

Intake::Intake(Store& store, std::vector<std::string> replaceable, std::uint64_t clock)
    : store_(store),
      replaceable_(std::move(replaceable)),
      clock_(clock),
      tally_(store.database()),
      notices_(store.database(), tally_),
      wanted_(store),
      rows_(store, tally_, notices_),
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
      insert_range_(store.database(), "INSERT INTO lane_ranges (spool, lane, first, last) VALUES (?, ?, ?, ?)") {}

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
    RowSource source{.node_name = view(batch.node()), .now = now};
    const auto rows = tally_.total(Counter::rows);
    if (!rows) return std::unexpected(rows.error());
    const auto again = tally_.total(Counter::rows_again);
    if (!again) return std::unexpected(again.error());
    rows_.begin_batch(*rows + *again);
    const auto node = sqlite::run_for_integer(upsert_node_.bind(1, source.node_name).bind(2, now));
    if (!node) return std::unexpected(node.error());
    source.node = *node;
    source.owner = *node;
    if (!replaces.empty()) {
      if (auto found = find_replaced(replaces, source); !found) return found;
    } else if (auto looked = notices_.look_at_spool(source.node, source.node_name, view(batch.spool()), now); !looked) {
      return looked;
    }
    const TimeNs offered_until = plausible_time(batch.offered_until_ns());
    const auto spool = sqlite::run_for_integer(upsert_spool_.bind(1, source.node)
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
    const auto owner_name = replaces.empty() ? source.node_name : replaces;
    if (auto ended = rows_.end_batch(); !ended) return ended;
    if (source.owner) {
      if (auto told = notices_.tell_conflicts(*source.owner, owner_name, view(batch.spool()), now); !told) return told;
    }
    tally_.count(Counter::batches);
    auto counted = tally_.write();
    fault_point("collector.commit.before");
    return counted;
  });
  fault_point("collector.commit.after");
  if (!stored) {
    rows_.forget_streams();
    return std::unexpected(IntakeError{IntakeError::Fault::store, stored.error()});
  }
  if (const auto refused = tally_.of(Counter::rows_refused); refused > 0) {
    spdlog::warn("node {}: {} rows of a batch are not what they claim to be and were set aside", view(batch.node()), refused);
  }
  return schema::pack(ack);
}

// A node that never was has nothing to be replaced: what comes is refused row by row.
Status Intake::find_replaced(std::string_view name, RowSource& source) {
  const auto found = select_offered_.bind(1, name).step();
  if (!found) return std::unexpected(found.error());
  source.owner = std::nullopt;
  if (*found) {
    source.owner = select_offered_.integer(0);
    source.offered_until = select_offered_.integer(1);
  }
  select_offered_.reset();
  return {};
}

Status Intake::take_lane(RowSource source, const schema::LaneBatch& lane, schema::LaneAckT& ack) {
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
          if (auto taken = rows_.take(source, *row); !taken) return taken;
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
Status Intake::take_again(RowSource source, const schema::LaneBatch& lane, const NumberSet& held, schema::LaneAckT& ack) {
  auto open = wanted_.open_of(source.node, source.spool, source.lane, lane.next_number(), source.now);
  if (!open) return std::unexpected(open.error());
  if (const schema::Again* again = lane.again(); again != nullptr && *open && answers(*again, **open)) {
    const std::int64_t before = tally_.of(Counter::rows_again);
    source.is_again = true;
    if (again->rows() != nullptr) {
      for (const auto* row : *again->rows()) {
        if (!held.contains(row->number())) continue;  // it has to come as one that never came
        tally_.count(Counter::rows_again);
        if (auto taken = rows_.take(source, *row); !taken) return taken;
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
Status Intake::note_lost_rows(const RowSource& source, const schema::LaneBatch& lane, NumberSet& held) {
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

Status Intake::note_missing_rows(const RowSource& source, const NumberSet& held, const schema::GivenUpT& lost) {
  for (const NumberRange& range : held.missing({lost.first, lost.last})) {
    if (auto noted = rows_.note_missing(source, range, lost); !noted) return noted;
  }
  return {};
}

}  // namespace stethos::collector
