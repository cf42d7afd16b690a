// What of an outbox leaves when there is no room, or when it is too old.
#include <limits>

#include "common/hash.h"
#include "edge/spool/outbox.h"

namespace stethos::edge {
namespace {

using sqlite::Statement;
using uplink::NumberRange;

// Statistics first, alarms last.
constexpr std::array<schema::Lane, lane_count> leaving_order{schema::Lane::windows, schema::Lane::notes, schema::Lane::alarms};
constexpr std::uint64_t leaving_rows_max = 10'000;  // looked at in one go

}  // namespace

Result<RowTotals> Outbox::drop_history(std::uint64_t bytes) { return leave(Leaving::history, {.bytes = bytes}); }
Result<RowTotals> Outbox::give_up(std::uint64_t bytes) { return leave(Leaving::waiting, {.bytes = bytes}); }
Result<RowTotals> Outbox::drop_history_older(DurationNs age, TimeNs now) {
  return leave(Leaving::history, {.bytes = std::numeric_limits<std::uint64_t>::max(), .age = age, .now = now});
}
Result<RowTotals> Outbox::give_up_older(DurationNs age, TimeNs now) {
  return leave(Leaving::waiting, {.bytes = std::numeric_limits<std::uint64_t>::max(), .age = age, .now = now});
}

Result<RowTotals> Outbox::leave(Leaving which, Until until) {
  RowTotals gone;
  for (const schema::Lane each : leaving_order) {
    const auto lane = static_cast<std::size_t>(each);
    const LaneState& state = lanes_[lane];
    const RowTotals& part = which == Leaving::history ? state.totals.history : state.totals.waiting;
    if (part.rows == 0 || state.next_number == 1) continue;
    const std::vector<NumberRange> stretches =
        which == Leaving::history ? state.acknowledged.ranges() : state.acknowledged.missing({1, state.next_number - 1});
    for (const NumberRange& stretch : stretches) {
      for (;;) {
        const std::uint64_t freed = gone.bytes + gone.rows * row_overhead_bytes;
        if (freed >= until.bytes || part.rows == 0) break;
        const auto left = leave_stretch(lane, stretch, which, {.bytes = until.bytes - freed, .age = until.age, .now = until.now});
        if (!left) return left;
        if (left->rows == 0) break;
        gone += *left;
      }
    }
  }
  return gone;
}

// Gives a time to the rows at the front that have none that can be true.
Status Outbox::date_rows(std::size_t lane, NumberRange stretch, TimeNs now) {
  std::uint64_t first_id = 0;
  std::uint64_t last_id = 0;
  TimeNs time = now;
  oldest_rows_.bind(1, id_of(lane, stretch.first)).bind(2, id_of(lane, stretch.last)).bind(3, leaving_rows_max);
  for (;;) {
    const auto row = oldest_rows_.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    const TimeNs committed = oldest_rows_.integer(1);
    if (committed > 0 && committed <= now) {
      time = committed;
      break;
    }
    last_id = oldest_rows_.unsigned_integer(0);
    if (first_id == 0) first_id = last_id;
  }
  oldest_rows_.reset();
  return first_id == 0 ? Status() : date_rows_.bind(1, first_id).bind(2, last_id).bind(3, time).run();
}

Result<RowTotals> Outbox::leave_stretch(std::size_t lane, NumberRange stretch, Leaving which, Until until) {
  if (until.age != 0) {
    if (auto dated = date_rows(lane, stretch, until.now); !dated) return std::unexpected(dated.error());
  }
  RowTotals gone;
  std::uint64_t first_id = 0;
  std::uint64_t last_id = 0;
  TimeNs first_ns = 0;
  TimeNs last_ns = 0;
  oldest_rows_.bind(1, id_of(lane, stretch.first)).bind(2, id_of(lane, stretch.last)).bind(3, leaving_rows_max);
  for (;;) {
    const auto row = oldest_rows_.step();
    if (!row) return std::unexpected(row.error());
    if (!*row || gone.bytes + gone.rows * row_overhead_bytes >= until.bytes) break;
    const TimeNs committed = oldest_rows_.integer(1);
    if (until.age != 0 && (committed == 0 || committed >= until.now - until.age)) break;
    last_id = oldest_rows_.unsigned_integer(0);
    last_ns = committed;
    if (gone.rows == 0) {
      first_id = last_id;
      first_ns = last_ns;
    }
    gone += {1, oldest_rows_.unsigned_integer(2)};
  }
  oldest_rows_.reset();
  if (gone.rows == 0) return gone;

  LaneState& state = lanes_[lane];
  if (number_of(last_id) > state.previous_number) {
    const auto row = row_body_.bind(1, last_id).step();
    if (!row) return std::unexpected(row.error());
    state.previous_number = number_of(last_id);
    state.previous_hash = hash_of(row_body_.blob(0));
    row_body_.reset();
  }
  if (auto kept = keep_needed(lane, first_id, last_id); !kept) return std::unexpected(kept.error());
  if (auto deleted = delete_rows_.bind(1, first_id).bind(2, last_id).run(); !deleted) return std::unexpected(deleted.error());
  (which == Leaving::history ? state.totals.history : state.totals.waiting) -= gone;
  if (which == Leaving::waiting) {
    const auto cause = until.age != 0 ? schema::GapCause::given_up_for_age : schema::GapCause::given_up_for_room;
    auto noted = note_given_up(lane, {number_of(first_id), number_of(last_id)}, cause, first_ns, last_ns);
    if (!noted) return std::unexpected(noted.error());
  }
  if (auto saved = save_lane(lane); !saved) return std::unexpected(saved.error());
  return gone;
}

// Before rows leave that lie between the two.
Status Outbox::keep_needed(std::size_t lane, std::uint64_t first_id, std::uint64_t last_id) {
  if (static_cast<schema::Lane>(lane) == schema::Lane::windows) return {};
  LaneNumbers lowest{};
  for (std::size_t each = 0; each < lane_count; ++each) {
    const auto first = lowest_kept(each);
    if (!first) return std::unexpected(first.error());
    lowest[each] = *first;
  }
  lowest[lane] = number_of(last_id) + 1;
  describing_rows_.bind(1, first_id).bind(2, last_id);
  return sqlite::for_each(describing_rows_, [&](Statement& row) -> Status {
    const auto kind = static_cast<schema::RowKind>(row.integer(1));
    const auto body = row.blob(2);
    const auto is_needed = needs_.is_needed(kind, number_of(row.unsigned_integer(0)), body, lowest, next_numbers());
    if (!is_needed) return std::unexpected(is_needed.error());
    if (*is_needed) needed_.push_back({static_cast<schema::Lane>(lane), kind, {body.begin(), body.end()}});
    return {};
  });
}

Status Outbox::note_given_up(std::size_t lane, NumberRange range, schema::GapCause cause, TimeNs first_ns, TimeNs last_ns) {
  auto extended = extend_given_up_.bind(1, static_cast<std::int64_t>(lane))
                      .bind(2, range.first)
                      .bind(3, range.last)
                      .bind(4, static_cast<int>(cause))
                      .bind(5, last_ns)
                      .run();
  if (!extended || writer_.changes() > 0) return extended;
  return add_given_up_.bind(1, static_cast<std::int64_t>(lane))
      .bind(2, range.first)
      .bind(3, range.last)
      .bind(4, static_cast<int>(cause))
      .bind(5, first_ns)
      .bind(6, last_ns)
      .run();
}

}  // namespace stethos::edge
