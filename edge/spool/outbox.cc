#include "edge/spool/outbox.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "common/hash.h"
#include "edge/spool/event_time.h"

namespace stethos::edge {
namespace {

using sqlite::Database;
using sqlite::Statement;
using uplink::LaneAnswer;
using uplink::NumberRange;
using uplink::NumberSet;
using uplink::OutboxLane;
using uplink::RowsAgain;
using uplink::SendOrder;
using uplink::WantedRows;

// What an alarm or a window needs to be understood comes before it.
constexpr std::array<schema::Lane, lane_count> sending_order{schema::Lane::alarms, schema::Lane::notes, schema::Lane::windows};
// Statistics first, alarms last.
constexpr std::array<schema::Lane, lane_count> leaving_order{schema::Lane::windows, schema::Lane::notes, schema::Lane::alarms};
constexpr std::uint64_t leaving_rows_max = 10'000;  // looked at in one go
constexpr std::size_t acknowledged_ranges_max = 5'000;  // more than an answer can have
constexpr std::int64_t given_up_ranges_max = 100;  // in one batch
// Looked at for one batch in search of what is wanted again: some hundredths of a second, with the spool on flash.
constexpr std::uint64_t searched_rows_max = 20'000;
constexpr std::uint64_t searched_bytes_max = 32u << 20;

constexpr const char* lane_columns =
    "first_number, next_number, acknowledged, previous_number, previous_hash, waiting_rows, waiting_bytes, history_rows, "
    "history_bytes";

std::uint64_t id_of(std::size_t lane, std::uint64_t number) { return static_cast<std::uint64_t>(lane) << lane_shift | number; }
std::uint64_t number_of(std::uint64_t id) { return id & ((1ull << lane_shift) - 1); }

std::vector<std::uint8_t> bytes_of(const std::vector<NumberRange>& ranges) {
  static_assert(std::endian::native == std::endian::little);
  std::vector<std::uint8_t> bytes(ranges.size() * sizeof(NumberRange));
  if (!ranges.empty()) std::memcpy(bytes.data(), ranges.data(), bytes.size());
  return bytes;
}

Status corrupt(std::string why) { return fail(Code::corrupt, "reading the spool's lanes", std::move(why)); }

// Runs a statement that gives one number or null.
Result<std::uint64_t> number_or(Statement& statement, std::uint64_t if_null) {
  const auto row = statement.step();
  if (!row) return std::unexpected(row.error());
  const std::uint64_t value = *row && !statement.is_null(0) ? statement.unsigned_integer(0) : if_null;
  statement.reset();
  return value;
}

}  // namespace

Outbox::Outbox(Database& writer, Database& reader)
    : writer_(writer),
      reader_(reader),
      needs_(writer),
      save_lane_(writer,
                 "UPDATE lane SET first_number = ?2, next_number = ?3, acknowledged = ?4, previous_number = ?5, previous_hash = "
                 "?6, waiting_rows = ?7, waiting_bytes = ?8, history_rows = ?9, history_bytes = ?10 WHERE lane = ?1"),
      add_row_(writer, "INSERT INTO outbox (id, kind, committed_ns, body) VALUES (?1, ?2, ?3, ?4)"),
      row_body_(writer, "SELECT body FROM outbox WHERE id = ?1"),
      measure_rows_(writer, "SELECT count(*), coalesce(sum(length(body)), 0) FROM outbox WHERE id BETWEEN ?1 AND ?2"),
      oldest_rows_(writer, "SELECT id, committed_ns, length(body) FROM outbox WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT ?3"),
      date_rows_(writer, "UPDATE outbox SET committed_ns = ?3 WHERE id BETWEEN ?1 AND ?2"),
      delete_rows_(writer, "DELETE FROM outbox WHERE id BETWEEN ?1 AND ?2"),
      extend_given_up_(writer, "UPDATE given_up SET last = ?3, last_ns = ?5 WHERE lane = ?1 AND last = ?2 - 1 AND cause = ?4"),
      add_given_up_(writer, "INSERT INTO given_up (lane, first, last, cause, first_ns, last_ns) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"),
      delete_given_up_(writer, "DELETE FROM given_up WHERE lane = ?1 AND first >= ?2 AND last <= ?3"),
      first_given_up_(writer, "SELECT min(first) FROM given_up WHERE lane = ?1"),
      first_row_(writer, "SELECT min(id) FROM outbox WHERE id BETWEEN ?1 AND ?2"),
      describing_rows_(writer, "SELECT id, kind, body FROM outbox WHERE id BETWEEN ?1 AND ?2 ORDER BY id"),
      read_lane_(reader, std::string("SELECT ") + lane_columns + " FROM lane WHERE lane = ?1"),
      read_ascending_(reader, "SELECT id, kind, body FROM outbox WHERE id BETWEEN ?1 AND ?2 ORDER BY id"),
      read_descending_(reader, "SELECT id, kind, body FROM outbox WHERE id BETWEEN ?1 AND ?2 ORDER BY id DESC"),
      read_body_(reader, "SELECT body FROM outbox WHERE id = ?1"),
      read_given_up_(reader,
                     "SELECT first, last, cause, first_ns, last_ns FROM given_up WHERE lane = ?1 ORDER BY first LIMIT ?2"),
      read_first_(reader, "SELECT id, committed_ns FROM outbox WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT 1") {}

Status Outbox::load() {
  Statement of_writer(writer_, std::string("SELECT ") + lane_columns + " FROM lane WHERE lane = ?1");
  Statement last_row(writer_, "SELECT max(id) FROM outbox WHERE id BETWEEN ?1 AND ?2");
  for (std::size_t lane = 0; lane < lane_count; ++lane) {
    auto read = read_lane(of_writer, lane);
    if (!read) return std::unexpected(read.error());
    lanes_[lane] = std::move(*read);
    // What grows without a bound is not read whole, but at its ends, which are written and read next.
    const auto last = number_or(last_row.bind(1, id_of(lane, 0)).bind(2, id_of(lane + 1, 0) - 1), id_of(lane, 0));
    if (!last) return std::unexpected(last.error());
    if (number_of(*last) >= lanes_[lane].next_number) return corrupt("a row has a number that its lane has not given out");
    const auto first = number_or(first_row_.bind(1, id_of(lane, 0)).bind(2, id_of(lane + 1, 0) - 1), 0);
    if (!first) return std::unexpected(first.error());
  }
  committed();
  return {};
}

Result<Outbox::Lane> Outbox::read_lane(Statement& statement, std::size_t lane) {
  const auto found = statement.bind(1, static_cast<std::int64_t>(lane)).step();
  if (!found) return std::unexpected(found.error());
  if (!*found) return std::unexpected(corrupt("one is missing").error());
  Lane out;
  out.first_number = statement.unsigned_integer(0);
  out.next_number = statement.unsigned_integer(1);
  const auto blob = statement.blob(2);
  std::vector<NumberRange> ranges(blob.size() / sizeof(NumberRange));
  if (!ranges.empty()) std::memcpy(ranges.data(), blob.data(), ranges.size() * sizeof(NumberRange));
  const bool is_plausible = blob.size() % sizeof(NumberRange) == 0 && ranges.size() <= acknowledged_ranges_max &&
                            uplink::are_sorted_and_disjoint(ranges) && out.first_number > 0 &&
                            out.first_number <= out.next_number && (ranges.empty() || ranges.back().last < out.next_number);
  if (is_plausible) out.acknowledged = NumberSet(std::move(ranges));
  out.previous_number = statement.unsigned_integer(3);
  out.previous_hash = statement.unsigned_integer(4);
  out.totals.waiting = {statement.unsigned_integer(5), statement.unsigned_integer(6)};
  out.totals.history = {statement.unsigned_integer(7), statement.unsigned_integer(8)};
  statement.reset();
  if (!is_plausible) return std::unexpected(corrupt("one contradicts itself").error());
  return out;
}

Status Outbox::save_lane(std::size_t lane) {
  const Lane& state = lanes_[lane];
  const auto acknowledged = bytes_of(state.acknowledged.ranges());
  return save_lane_.bind(1, static_cast<std::int64_t>(lane))
      .bind(2, state.first_number)
      .bind(3, state.next_number)
      .bind(4, std::span(acknowledged))
      .bind(5, state.previous_number)
      .bind(6, state.previous_hash)
      .bind(7, state.totals.waiting.rows)
      .bind(8, state.totals.waiting.bytes)
      .bind(9, state.totals.history.rows)
      .bind(10, state.totals.history.bytes)
      .run();
}

void Outbox::committed() {
  const std::lock_guard lock(mutex_);
  for (std::size_t lane = 0; lane < lane_count; ++lane) totals_[lane] = lanes_[lane].totals;
}

void Outbox::forget(const OutboxLane& sent) {
  if (sent.rows.empty()) return;
  const auto lane = static_cast<std::size_t>(sent.lane);
  static_cast<void>(
      delete_rows_.bind(1, id_of(lane, sent.rows.front().number)).bind(2, id_of(lane, sent.rows.back().number)).run());
}

std::array<LaneTotals, lane_count> Outbox::totals() const {
  const std::lock_guard lock(mutex_);
  return totals_;
}

std::uint64_t Outbox::budget_bytes() const {
  std::uint64_t bytes = 0;
  for (const Lane& lane : lanes_) {
    for (const RowTotals& part : {lane.totals.waiting, lane.totals.history}) bytes += part.bytes + part.rows * row_overhead_bytes;
  }
  return bytes;
}

Status Outbox::append(const std::vector<NewRow>& rows, std::optional<TimeNs> now) {
  std::array<bool, lane_count> touched{};
  for (const NewRow& row : rows) {
    const auto lane = static_cast<std::size_t>(row.lane);
    Lane& state = lanes_[lane];
    auto done = add_row_.bind(1, id_of(lane, state.next_number))
                    .bind(2, static_cast<int>(row.kind))
                    .bind(3, now.value_or(0))
                    .bind(4, std::span(row.body))
                    .run();
    if (!done) return done;
    if (done = needs_.note_row(row, state.next_number); !done) return done;
    ++state.next_number;
    state.totals.waiting += {1, row.body.size()};
    touched[lane] = true;
  }
  for (std::size_t lane = 0; lane < lane_count; ++lane) {
    if (!touched[lane]) continue;
    if (auto done = save_lane(lane); !done) return done;
  }
  return {};
}

Result<RowTotals> Outbox::measure(std::size_t lane, NumberRange range) {
  const auto row = measure_rows_.bind(1, id_of(lane, range.first)).bind(2, id_of(lane, range.last)).step();
  if (!row) return std::unexpected(row.error());
  const RowTotals measured{measure_rows_.unsigned_integer(0), measure_rows_.unsigned_integer(1)};
  measure_rows_.reset();
  return measured;
}

Result<Outbox::Taken> Outbox::take(std::span<const LaneAnswer> answers) {
  Taken taken;
  for (const LaneAnswer& answer : answers) {
    const auto another = has_another(static_cast<std::size_t>(answer.lane), answer);
    if (!another) return std::unexpected(another.error());
    taken.is_copy = taken.is_copy || *another;
  }
  if (taken.is_copy) {
    if (auto begun = begin_anew(); !begun) return std::unexpected(begun.error());
    return taken;
  }
  for (const LaneAnswer& answer : answers) {
    const auto lane = static_cast<std::size_t>(answer.lane);
    std::vector<NumberRange> ranges = answer.ranges;
    if (answer.durable_through > 0) ranges.insert(ranges.begin(), {1, answer.durable_through});
    const auto wait_again = note_acknowledged(lane, NumberSet(std::move(ranges)));
    if (!wait_again) return std::unexpected(wait_again.error());
    taken.wait_again = taken.wait_again || *wait_again;
  }
  return taken;
}

// Whether the collector has a row of this lane that is not ours.
Result<bool> Outbox::has_another(std::size_t lane, const LaneAnswer& answer) {
  const Lane& state = lanes_[lane];
  const std::uint64_t highest =
      std::max({answer.last_number, answer.durable_through, answer.ranges.empty() ? 0 : answer.ranges.back().last});
  if (highest >= state.next_number) return true;
  if (answer.last_number == 0) return false;
  if (answer.last_number == state.previous_number) return answer.last_hash != state.previous_hash;
  const auto row = row_body_.bind(1, id_of(lane, answer.last_number)).step();
  if (!row) return std::unexpected(row.error());
  const bool differs = *row && hash_of(row_body_.blob(0)) != answer.last_hash;
  row_body_.reset();
  return differs;
}

Status Outbox::begin_anew() {
  for (std::size_t lane = 0; lane < lane_count; ++lane) {
    Lane& state = lanes_[lane];
    const auto first_row =
        number_or(first_row_.bind(1, id_of(lane, 0)).bind(2, id_of(lane + 1, 0) - 1), id_of(lane, state.next_number));
    if (!first_row) return std::unexpected(first_row.error());
    const auto first_given_up = number_or(first_given_up_.bind(1, static_cast<std::int64_t>(lane)), state.next_number);
    if (!first_given_up) return std::unexpected(first_given_up.error());
    state.first_number = std::min(number_of(*first_row), *first_given_up);
    state.acknowledged = {};
    if (state.first_number > 1) state.acknowledged = NumberSet({{1, state.first_number - 1}});
    state.previous_number = state.previous_hash = 0;
    state.totals.waiting += state.totals.history;
    state.totals.history = {};
    if (auto saved = save_lane(lane); !saved) return saved;
  }
  return {};
}

// Whether rows of the history wait again.
Result<bool> Outbox::note_acknowledged(std::size_t lane, NumberSet acknowledged) {
  Lane& state = lanes_[lane];
  if (state.acknowledged == acknowledged) return false;
  const auto measure_new = [&](const NumberSet& now, const NumberSet& before) -> Result<RowTotals> {
    RowTotals sum;
    for (const NumberRange& range : now.ranges()) {
      for (const NumberRange& part : before.missing(range)) {
        const auto measured = measure(lane, part);
        if (!measured) return measured;
        sum += *measured;
      }
    }
    return sum;
  };
  const auto gained = measure_new(acknowledged, state.acknowledged);
  if (!gained) return std::unexpected(gained.error());
  const auto lost = measure_new(state.acknowledged, acknowledged);
  if (!lost) return std::unexpected(lost.error());
  state.totals.waiting -= *gained;
  state.totals.history += *gained;
  state.totals.history -= *lost;
  state.totals.waiting += *lost;
  for (const NumberRange& range : acknowledged.ranges()) {
    auto known = delete_given_up_.bind(1, static_cast<std::int64_t>(lane)).bind(2, range.first).bind(3, range.last).run();
    if (!known) return std::unexpected(known.error());
  }
  state.acknowledged = std::move(acknowledged);
  if (auto saved = save_lane(lane); !saved) return std::unexpected(saved.error());
  return lost->rows > 0;
}

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
    const Lane& state = lanes_[lane];
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

  Lane& state = lanes_[lane];
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

LaneNumbers Outbox::next_numbers() const {
  LaneNumbers out{};
  for (std::size_t lane = 0; lane < lane_count; ++lane) out[lane] = lanes_[lane].next_number;
  return out;
}

Result<LaneNumbers> Outbox::lowest_kept() {
  LaneNumbers out{};
  for (std::size_t lane = 0; lane < lane_count; ++lane) {
    const auto first =
        number_or(first_row_.bind(1, id_of(lane, 0)).bind(2, id_of(lane + 1, 0) - 1), id_of(lane, lanes_[lane].next_number));
    if (!first) return std::unexpected(first.error());
    out[lane] = number_of(*first);
  }
  return out;
}

// Before rows leave that lie between the two.
Status Outbox::keep_needed(std::size_t lane, std::uint64_t first_id, std::uint64_t last_id) {
  if (static_cast<schema::Lane>(lane) == schema::Lane::windows) return {};
  auto lowest = lowest_kept();
  if (!lowest) return std::unexpected(lowest.error());
  (*lowest)[lane] = number_of(last_id) + 1;
  describing_rows_.bind(1, first_id).bind(2, last_id);
  return sqlite::for_each(describing_rows_, [&](Statement& row) -> Status {
    const auto kind = static_cast<schema::RowKind>(row.integer(1));
    const auto body = row.blob(2);
    const auto is_needed = needs_.is_needed(kind, number_of(row.unsigned_integer(0)), body, *lowest, next_numbers());
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

// One read transaction, so that what a lane says of itself and its rows agree.
template <class Read>
std::invoke_result_t<Read> Outbox::in_one_view(Read read) {
  if (auto begun = reader_.execute("BEGIN"); !begun) return std::unexpected(begun.error());
  auto out = read();
  if (auto ended = reader_.execute("COMMIT"); !ended && out) return std::unexpected(ended.error());
  return out;
}

Result<std::vector<OutboxLane>> Outbox::waiting(SendOrder order, std::size_t rows_max, std::size_t bytes_max) {
  return in_one_view([&]() -> Result<std::vector<OutboxLane>> {
    std::vector<OutboxLane> lanes;
    for (const schema::Lane which : sending_order) {
      const auto state = read_lane(read_lane_, static_cast<std::size_t>(which));
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

Result<RowsAgain> Outbox::again(schema::Lane lane, const WantedRows& wanted, std::size_t rows_max, std::size_t bytes_max) {
  return in_one_view([&] { return read_again(static_cast<std::size_t>(lane), wanted, rows_max, bytes_max); });
}

Result<RowsAgain> Outbox::read_again(std::size_t lane, const WantedRows& wanted, std::size_t rows_max, std::size_t bytes_max) {
  const auto state = read_lane(read_lane_, lane);
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
  if (next <= last) read_ascending_.bind(1, id_of(lane, next)).bind(2, id_of(lane, last));
  while (next <= last) {
    const auto row = read_ascending_.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    const std::uint64_t number = number_of(read_ascending_.unsigned_integer(0));
    out.not_kept += number - next;
    next = number;
    if (out.rows.size() >= rows_max || bytes >= bytes_max || searched_rows >= searched_rows_max ||
        searched_bytes >= searched_bytes_max) {
      out.through = number - 1;
      break;
    }
    ++next;
    const auto kind = static_cast<std::uint16_t>(read_ascending_.integer(1));
    const auto body = read_ascending_.blob(2);
    ++searched_rows;
    searched_bytes += body.size();
    if (!state->acknowledged.contains(number) || !is_meant(kind, body)) continue;
    out.rows.push_back({number, kind, {body.begin(), body.end()}});
    bytes += body.size();
  }
  read_ascending_.reset();
  if (out.through == wanted.numbers.last && next <= out.through) out.not_kept += out.through - next + 1;
  if (out.not_kept > 0) out.cause = schema::GapCause::not_kept;
  return out;
}

Status Outbox::read_rows(OutboxLane& out, const Lane& state, SendOrder order, std::size_t rows_max, std::size_t& bytes_left) {
  const auto lane = static_cast<std::size_t>(out.lane);
  const auto body_hash = [&](std::uint64_t number, std::uint64_t& hash) -> Result<bool> {
    const auto row = read_body_.bind(1, id_of(lane, number)).step();
    if (row && *row) hash = hash_of(read_body_.blob(0));
    read_body_.reset();
    return row;
  };
  const auto first = read_first_.bind(1, id_of(lane, 0)).bind(2, id_of(lane + 1, 0) - 1).step();
  if (!first) return std::unexpected(first.error());
  out.lowest_kept = *first ? number_of(read_first_.unsigned_integer(0)) : state.next_number;
  read_first_.reset();

  std::vector<NumberRange> stretches;
  if (state.next_number > 1) stretches = state.acknowledged.missing({1, state.next_number - 1});
  for (const NumberRange& stretch : stretches) {
    const auto oldest = read_first_.bind(1, id_of(lane, stretch.first)).bind(2, id_of(lane, stretch.last)).step();
    if (!oldest) return std::unexpected(oldest.error());
    if (*oldest) out.oldest_waiting_ns = read_first_.integer(1);
    read_first_.reset();
    if (out.oldest_waiting_ns != 0) break;
  }
  if (order == SendOrder::live_first) std::ranges::reverse(stretches);
  Statement& rows = order == SendOrder::live_first ? read_descending_ : read_ascending_;
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

Status Outbox::read_given_up(OutboxLane& out) {
  read_given_up_.bind(1, static_cast<std::int64_t>(out.lane)).bind(2, given_up_ranges_max);
  for (;;) {
    const auto row = read_given_up_.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    out.given_up.push_back({{read_given_up_.unsigned_integer(0), read_given_up_.unsigned_integer(1)},
                            static_cast<schema::GapCause>(read_given_up_.integer(2)),
                            read_given_up_.integer(3),
                            read_given_up_.integer(4)});
  }
  read_given_up_.reset();
  return {};
}

}  // namespace stethos::edge
