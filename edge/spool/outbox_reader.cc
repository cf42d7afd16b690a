#include "edge/spool/outbox_reader.h"

#include <algorithm>

#include "common/hash.h"
#include "edge/spool/event_time.h"

namespace stethos::edge {
namespace {

using sqlite::Statement;
using uplink::NumberRange;
using uplink::OutboxLane;
using uplink::RowsAgain;
using uplink::SendOrder;
using uplink::WantedRows;

// What an alarm or a window needs to be understood comes before it.
constexpr std::array<schema::Lane, lane_count> sending_order{schema::Lane::alarms, schema::Lane::notes, schema::Lane::windows};
constexpr std::int64_t given_up_ranges_max = 100;  // in one batch
// Looked at for one batch in search of what is wanted again: some hundredths of a second, with the spool on flash.
constexpr std::uint64_t searched_rows_max = 20'000;
constexpr std::uint64_t searched_bytes_max = 32u << 20;

}  // namespace

OutboxReader::OutboxReader(sqlite::Database& database)
    : database_(database),
      lane_(database, lane_query),
      ascending_(database, "SELECT id, kind, body FROM outbox WHERE id BETWEEN ?1 AND ?2 ORDER BY id"),
      descending_(database, "SELECT id, kind, body FROM outbox WHERE id BETWEEN ?1 AND ?2 ORDER BY id DESC"),
      body_(database, "SELECT body FROM outbox WHERE id = ?1"),
      given_up_(database, "SELECT first, last, cause, first_ns, last_ns FROM given_up WHERE lane = ?1 ORDER BY first LIMIT ?2"),
      first_(database, "SELECT id, committed_ns FROM outbox WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT 1") {}

// One read transaction, so that what a lane says of itself and its rows agree.
template <class Read>
std::invoke_result_t<Read> OutboxReader::in_one_view(Read read) {
  if (auto begun = database_.execute("BEGIN"); !begun) return std::unexpected(begun.error());
  auto out = read();
  if (auto ended = database_.execute("COMMIT"); !ended && out) return std::unexpected(ended.error());
  return out;
}

Result<std::vector<OutboxLane>> OutboxReader::waiting(SendOrder order, std::size_t rows_max, std::size_t bytes_max) {
  return in_one_view([&]() -> Result<std::vector<OutboxLane>> {
    std::vector<OutboxLane> lanes;
    for (const schema::Lane which : sending_order) {
      const auto state = read_lane(lane_, static_cast<std::size_t>(which));
      if (!state) return std::unexpected(state.error());
      OutboxLane out;
      out.lane = which;
      out.first_number = state->first_number;
      out.next_number = state->next_number;
      out.rows_waiting = state->totals.waiting.rows;
      if (auto rows = read_rows(out, *state, order, rows_max, bytes_max); !rows) return std::unexpected(rows.error());
      if (auto given_up = read_given_up(out); !given_up) return std::unexpected(given_up.error());
      rows_max -= out.rows.size();
      lanes.push_back(std::move(out));
    }
    return lanes;
  });
}

Result<RowsAgain> OutboxReader::again(schema::Lane lane, const WantedRows& wanted, std::size_t rows_max, std::size_t bytes_max) {
  return in_one_view([&] { return read_again(static_cast<std::size_t>(lane), wanted, rows_max, bytes_max); });
}

Result<RowsAgain> OutboxReader::read_again(std::size_t lane, const WantedRows& wanted, std::size_t rows_max,
                                           std::size_t bytes_max) {
  const auto state = read_lane(lane_, lane);
  if (!state) return std::unexpected(state.error());
  const bool at_any_time = wanted.from == 0 && wanted.to == 0;
  const auto is_meant = [&](std::uint16_t kind, schema::Bytes body) {
    const auto time = at_any_time ? std::nullopt : event_time_of(static_cast<schema::RowKind>(kind), body);
    return !time || (*time >= wanted.from && *time < wanted.to);
  };
  RowsAgain out;
  out.through = wanted.numbers.last;
  std::uint64_t next = std::max(wanted.numbers.first, state->first_number);  // all below are looked at
  const std::uint64_t last = std::min(wanted.numbers.last, state->next_number - 1);
  std::uint64_t searched_rows = 0;
  std::uint64_t searched_bytes = 0;
  std::uint64_t bytes = 0;
  if (next <= last) ascending_.bind(1, id_of(lane, next)).bind(2, id_of(lane, last));
  while (next <= last) {
    const auto row = ascending_.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    const std::uint64_t number = number_of(ascending_.unsigned_integer(0));
    out.not_kept += number - next;
    next = number;
    if (out.rows.size() >= rows_max || bytes >= bytes_max || searched_rows >= searched_rows_max ||
        searched_bytes >= searched_bytes_max) {
      out.through = number - 1;
      break;
    }
    ++next;
    const auto kind = static_cast<std::uint16_t>(ascending_.integer(1));
    const auto body = ascending_.blob(2);
    ++searched_rows;
    searched_bytes += body.size();
    if (!state->acknowledged.contains(number) || !is_meant(kind, body)) continue;
    out.rows.push_back({number, kind, {body.begin(), body.end()}});
    bytes += body.size();
  }
  ascending_.reset();
  if (out.through == wanted.numbers.last && next <= out.through) out.not_kept += out.through - next + 1;
  if (out.not_kept > 0) out.cause = schema::GapCause::not_kept;
  return out;
}

Status OutboxReader::read_rows(OutboxLane& out, const LaneState& state, SendOrder order, std::size_t rows_max,
                               std::size_t& bytes_left) {
  const auto lane = static_cast<std::size_t>(out.lane);
  const auto body_hash = [&](std::uint64_t number, std::uint64_t& hash) -> Result<bool> {
    const auto row = body_.bind(1, id_of(lane, number)).step();
    if (row && *row) hash = hash_of(body_.blob(0));
    body_.reset();
    return row;
  };
  const auto first = first_.bind(1, id_of(lane, 0)).bind(2, id_of(lane + 1, 0) - 1).step();
  if (!first) return std::unexpected(first.error());
  out.lowest_kept = *first ? number_of(first_.unsigned_integer(0)) : state.next_number;
  first_.reset();

  std::vector<NumberRange> stretches;
  if (state.next_number > 1) stretches = state.acknowledged.missing({1, state.next_number - 1});
  for (const NumberRange& stretch : stretches) {
    const auto oldest = first_.bind(1, id_of(lane, stretch.first)).bind(2, id_of(lane, stretch.last)).step();
    if (!oldest) return std::unexpected(oldest.error());
    if (*oldest) out.oldest_waiting_ns = first_.integer(1);
    first_.reset();
    if (out.oldest_waiting_ns != 0) break;
  }
  if (order == SendOrder::live_first) std::ranges::reverse(stretches);
  Statement& rows = order == SendOrder::live_first ? descending_ : ascending_;
  for (const NumberRange& stretch : stretches) {
    rows.bind(1, id_of(lane, stretch.first)).bind(2, id_of(lane, stretch.last));
    while (out.rows.size() < rows_max && bytes_left > 0) {
      const auto row = rows.step();
      if (!row) return std::unexpected(row.error());
      if (!*row) break;
      const auto body = rows.blob(2);
      out.rows.push_back(
          {number_of(rows.unsigned_integer(0)), static_cast<std::uint16_t>(rows.integer(1)), {body.begin(), body.end()}});
      bytes_left -= std::min(bytes_left, body.size());
    }
    rows.reset();
  }
  std::ranges::sort(out.rows, {}, &uplink::OutboxRow::number);

  const std::uint64_t before = out.rows.empty() ? 0 : out.rows.front().number - 1;
  if (before == 0) return {};
  const auto kept = body_hash(before, out.previous_hash);
  if (!kept) return std::unexpected(kept.error());
  if (*kept) {
    out.previous_number = before;
  } else if (state.previous_number == before) {
    out.previous_number = before;
    out.previous_hash = state.previous_hash;
  }
  return {};
}

Status OutboxReader::read_given_up(OutboxLane& out) {
  given_up_.bind(1, static_cast<std::int64_t>(out.lane)).bind(2, given_up_ranges_max);
  for (;;) {
    const auto row = given_up_.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    out.given_up.push_back({{given_up_.unsigned_integer(0), given_up_.unsigned_integer(1)},
                            static_cast<schema::GapCause>(given_up_.integer(2)),
                            given_up_.integer(3),
                            given_up_.integer(4)});
  }
  given_up_.reset();
  return {};
}

}  // namespace stethos::edge
