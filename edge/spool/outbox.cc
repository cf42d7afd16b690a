#include "edge/spool/outbox.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "common/hash.h"

namespace stethos::edge {
namespace {

using sqlite::Database;
using sqlite::Statement;
using uplink::LaneAnswer;
using uplink::NumberRange;
using uplink::NumberSet;
using uplink::OutboxLane;

std::vector<std::uint8_t> bytes_of(const std::vector<NumberRange>& ranges) {
  static_assert(std::endian::native == std::endian::little);
  std::vector<std::uint8_t> bytes(ranges.size() * sizeof(NumberRange));
  if (!ranges.empty()) std::memcpy(bytes.data(), ranges.data(), bytes.size());
  return bytes;
}

// Runs a statement that gives one number or null.
Result<std::uint64_t> number_or(Statement& statement, std::uint64_t if_null) {
  const auto row = statement.step();
  if (!row) return std::unexpected(row.error());
  const std::uint64_t value = *row && !statement.is_null(0) ? statement.unsigned_integer(0) : if_null;
  statement.reset();
  return value;
}

}  // namespace

Outbox::Outbox(Database& writer)
    : writer_(writer),
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
      describing_rows_(writer, "SELECT id, kind, body FROM outbox WHERE id BETWEEN ?1 AND ?2 ORDER BY id") {}

Status Outbox::load() {
  Statement of_writer(writer_, lane_query);
  Statement last_row(writer_, "SELECT max(id) FROM outbox WHERE id BETWEEN ?1 AND ?2");
  for (std::size_t lane = 0; lane < lane_count; ++lane) {
    auto read = read_lane(of_writer, lane);
    if (!read) return std::unexpected(read.error());
    lanes_[lane] = std::move(*read);
    // What grows without a bound is not read whole, but at its ends, which are written and read next.
    const auto last = number_or(last_row.bind(1, id_of(lane, 0)).bind(2, id_of(lane + 1, 0) - 1), id_of(lane, 0));
    if (!last) return std::unexpected(last.error());
    if (number_of(*last) >= lanes_[lane].next_number) return corrupt_lane("a row has a number that its lane has not given out");
    const auto first = lowest_kept(lane);
    if (!first) return std::unexpected(first.error());
  }
  committed();
  return {};
}

Status Outbox::save_lane(std::size_t lane) {
  const LaneState& state = lanes_[lane];
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
  for (const LaneState& lane : lanes_) {
    for (const RowTotals& part : {lane.totals.waiting, lane.totals.history}) bytes += part.bytes + part.rows * row_overhead_bytes;
  }
  return bytes;
}

Status Outbox::append(const std::vector<NewRow>& rows, std::optional<TimeNs> now) {
  std::array<bool, lane_count> touched{};
  for (const NewRow& row : rows) {
    const auto lane = static_cast<std::size_t>(row.lane);
    LaneState& state = lanes_[lane];
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

LaneNumbers Outbox::next_numbers() const {
  LaneNumbers out{};
  for (std::size_t lane = 0; lane < lane_count; ++lane) out[lane] = lanes_[lane].next_number;
  return out;
}

// The number of its first row, or of the next if there is none.
Result<std::uint64_t> Outbox::lowest_kept(std::size_t lane) {
  const auto id =
      number_or(first_row_.bind(1, id_of(lane, 0)).bind(2, id_of(lane + 1, 0) - 1), id_of(lane, lanes_[lane].next_number));
  if (!id) return id;
  return number_of(*id);
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
  const LaneState& state = lanes_[lane];
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
    LaneState& state = lanes_[lane];
    const auto first_row = lowest_kept(lane);
    if (!first_row) return std::unexpected(first_row.error());
    const auto first_given_up = number_or(first_given_up_.bind(1, static_cast<std::int64_t>(lane)), state.next_number);
    if (!first_given_up) return std::unexpected(first_given_up.error());
    state.first_number = std::min(*first_row, *first_given_up);
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
  LaneState& state = lanes_[lane];
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

}  // namespace stethos::edge
