#include "edge/spool/row_needs.h"

#include <algorithm>
#include <string>
#include <utility>

#include "schemas/envelope.h"

namespace stethos::edge {
namespace {

constexpr auto alarms = static_cast<std::size_t>(schema::Lane::alarms);
constexpr auto windows = static_cast<std::size_t>(schema::Lane::windows);
constexpr auto notes = static_cast<std::size_t>(schema::Lane::notes);

std::vector<std::uint64_t> versions_of(const Stream& stream) {
  std::vector<std::uint64_t> versions;
  if (stream.version != 0) versions.push_back(stream.version);
  for (const Part& part : stream.parts) versions.push_back(part.description.version);
  std::ranges::sort(versions);
  const auto repeated = std::ranges::unique(versions);
  versions.erase(repeated.begin(), repeated.end());
  return versions;
}

}  // namespace

RowNeeds::RowNeeds(sqlite::Database& writer)
    : set_number_(writer,
                  "INSERT INTO description (id, number) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET number = excluded.number"),
      begin_again_(writer, "UPDATE description SET alarms = NULL, windows = NULL, notes = NULL WHERE id = ?1"),
      end_(writer, "UPDATE description SET alarms = ?2, windows = ?3, notes = ?4 WHERE id = ?1"),
      forget_(writer, "DELETE FROM description WHERE id = ?1 AND (?2 OR NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.id = (" +
                          std::to_string(notes) + " << " + std::to_string(lane_shift) + " | number)))"),
      select_(writer, "SELECT number, alarms, windows, notes FROM description WHERE id = ?1"),
      select_alarms_(writer, "SELECT body FROM alarm WHERE level > 0 OR provisional_level > 0") {}

void RowNeeds::restore(const SavedState& saved) {
  versions_.clear();
  current_.clear();
  for (const Stream& stream : saved.streams) {
    const auto& versions = versions_.emplace(stream.id, versions_of(stream)).first->second;
    current_.insert(versions.begin(), versions.end());
  }
  provenance_ = saved.provenance;
}

Status RowNeeds::note(const Effect& effect, const LaneNumbers& next) {
  for (const Stream* stream : effect.streams) {
    if (auto done = follow(*stream, next); !done) return done;
  }
  for (const Stream* stream : effect.forgotten_streams) {
    for (const std::uint64_t version : versions_[stream->id]) {
      current_.erase(version);
      if (auto ended = end(version, next); !ended) return ended;
    }
    versions_.erase(stream->id);
  }
  const std::uint64_t former = std::exchange(provenance_, effect.provenance);
  if (former == provenance_) return {};
  if (auto begun = begin_again_.bind(1, provenance_).run(); !begun) return begun;
  return former == 0 ? Status() : end(former, next);
}

Status RowNeeds::follow(const Stream& stream, const LaneNumbers& next) {
  std::vector<std::uint64_t> now = versions_of(stream);
  std::vector<std::uint64_t>& before = versions_[stream.id];
  if (now == before) return {};
  for (const std::uint64_t version : before) {
    if (std::ranges::binary_search(now, version)) continue;
    current_.erase(version);
    if (auto ended = end(version, next); !ended) return ended;
  }
  for (const std::uint64_t version : now) {
    if (std::ranges::binary_search(before, version)) continue;
    current_.insert(version);
    if (auto begun = begin_again_.bind(1, version).run(); !begun) return begun;
  }
  before = std::move(now);
  return {};
}

Status RowNeeds::end(std::uint64_t id, const LaneNumbers& next) {
  // One whose row is gone already, for there was no room for it, is of no more use.
  if (auto forgotten = forget_.bind(1, id).bind(2, 0).run(); !forgotten) return forgotten;
  return end_.bind(1, id).bind(2, next[alarms]).bind(3, next[windows]).bind(4, next[notes]).run();
}

Status RowNeeds::note_row(const NewRow& row, std::uint64_t number) {
  std::uint64_t id = 0;
  if (row.kind == schema::RowKind::stream) {
    if (const auto opened = schema::open_stream_row(row.body)) id = (*opened)->version();
  } else if (row.kind == schema::RowKind::provenance) {
    if (const auto opened = schema::open_provenance_row(row.body)) id = (*opened)->id();
  }
  return id == 0 ? Status() : set_number_.bind(1, id).bind(2, number).run();
}

Result<bool> RowNeeds::is_needed(schema::RowKind kind, std::uint64_t number, std::span<const std::uint8_t> body,
                                 const LaneNumbers& lowest, const LaneNumbers& next) {
  if (kind == schema::RowKind::stream) {
    const auto opened = schema::open_stream_row(body);
    return opened ? is_description_needed((*opened)->version(), number, lowest, next) : false;
  }
  if (kind == schema::RowKind::provenance) {
    const auto opened = schema::open_provenance_row(body);
    return opened ? is_description_needed((*opened)->id(), number, lowest, next) : false;
  }
  if (kind != schema::RowKind::alarm) return false;
  const auto opened = schema::open_alarm_row(body);
  return opened ? stands(**opened) : false;
}

Result<bool> RowNeeds::is_description_needed(std::uint64_t id, std::uint64_t number, const LaneNumbers& lowest,
                                             const LaneNumbers& next) {
  const bool is_current = id == provenance_ || current_.contains(id);
  const auto found = select_.bind(1, id).step();
  if (!found) return std::unexpected(found.error());
  const bool is_known = *found;
  const bool is_last = is_known && select_.unsigned_integer(0) == number;
  const bool has_ended = is_known && !select_.is_null(1);
  const bool is_named =
      has_ended && (lowest[alarms] < select_.unsigned_integer(1) || lowest[windows] < select_.unsigned_integer(2) ||
                    lowest[notes] < select_.unsigned_integer(3));
  select_.reset();
  if (is_known && !is_last) return false;
  // One that the release before wrote is on no record, and may be the only one.
  if (is_current || is_named || !is_known) return is_current || is_named;
  Status changed = has_ended ? forget_.bind(1, id).bind(2, 1).run() : end(id, next);  // not ended: its stream is gone
  if (!changed) return std::unexpected(changed.error());
  return !has_ended;
}

// Whether it says what its alarm stands at.
Result<bool> RowNeeds::stands(const schema::AlarmRow& row) {
  if (row.state() != schema::AlarmState::active && row.state() != schema::AlarmState::provisional) return false;
  bool found = false;
  auto read = sqlite::for_each(select_alarms_, [&](sqlite::Statement& each) {
    const auto opened = schema::open_alarm_row(each.blob(0));
    if (!opened) return;
    const schema::AlarmRow& last = **opened;
    found = found || (last.revision() == row.revision() && last.limit() == row.limit() &&
                      last.activated_ns() == row.activated_ns() && last.device()->string_view() == row.device()->string_view() &&
                      last.channel()->string_view() == row.channel()->string_view());
  });
  if (!read) return std::unexpected(read.error());
  return found;
}

}  // namespace stethos::edge
