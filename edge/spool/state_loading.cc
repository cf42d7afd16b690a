#include "edge/spool/state_loading.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "edge/core/limits.h"
#include "edge/spool/state_columns.h"
#include "edge/spool/stream_blobs.h"
#include "schemas/envelope.h"

namespace stethos::edge {
namespace {

using sqlite::Database;
using sqlite::Statement;

Result<std::vector<SequenceRange>> ranges_of(std::span<const std::uint8_t> bytes) {
  if (bytes.size() % sizeof(SequenceRange) != 0 || bytes.size() / sizeof(SequenceRange) > ranges_per_epoch_max) {
    return fail(Code::corrupt, "reading the spool's device table", "ranges of an impossible size");
  }
  std::vector<SequenceRange> ranges(bytes.size() / sizeof(SequenceRange));
  if (!ranges.empty()) std::memcpy(ranges.data(), bytes.data(), bytes.size());
  return ranges;
}

Suspects suspects_of(std::span<const std::uint8_t> bytes) {
  std::vector<std::uint64_t> numbers(std::min(bytes.size() / sizeof(std::uint64_t), 1 + 2 * suspects_max));
  if (numbers.empty()) return {};
  std::memcpy(numbers.data(), bytes.data(), numbers.size() * sizeof(std::uint64_t));
  Suspects suspects;
  suspects.in_hand = numbers[0];
  for (std::size_t i = 1; i + 1 < numbers.size(); i += 2) suspects.died_with.push_back({numbers[i], numbers[i + 1]});
  return suspects;
}

// What is loaded, and where in it each stream is.
struct Loading {
  SavedState state;
  std::unordered_map<std::int64_t, std::size_t> places;

  Stream* stream_of(std::int64_t id) {
    const auto found = places.find(id);
    return found == places.end() ? nullptr : &state.streams[found->second];
  }
};

Status load_definitions(Database& database, Loading& loading) {
  Statement rows(database, select(definition_columns, "definition") + " ORDER BY place");
  return sqlite::for_each(rows, [&](Statement& row) -> Status {
    WindowDefinition definition;
    definition.id = row.unsigned_integer(0);
    definition.kind = static_cast<schema::WindowKind>(row.integer(1));
    definition.length_ns = row.integer(2);
    definition.hop_ns = row.integer(3);
    definition.slice_ns = row.integer(4);
    definition.offset_ns = row.integer(5);
    definition.samples = row.unsigned_integer(6);
    definition.quantity = row.text(7);
    definition.device = row.text(8);
    const bool is_plausible = row.integer(1) >= 0 && definition.kind <= schema::WindowKind::MAX && definition.length_ns >= 0 &&
                              (!definition.is_on_grid() || (definition.slice_ns > 0 && definition.hop_ns > 0));
    if (!is_plausible) return fail(Code::corrupt, "reading the spool's definitions", "one is not plausible");
    loading.state.definitions.push_back(std::move(definition));
    return {};
  });
}

Status load_streams(Database& database, Loading& loading) {
  Statement rows(database, select(stream_columns, "stream") + " WHERE forgotten_ns IS NULL ORDER BY id");
  return sqlite::for_each(rows, [&](Statement& row) -> Status {
    auto stream = stream_of(row);
    if (!stream) return std::unexpected(stream.error());
    loading.places.emplace(stream->id, loading.state.streams.size());
    loading.state.streams.push_back(std::move(*stream));
    return {};
  });
}

// The samples of those that have left are counters.
Status load_forgotten(Database& database, Loading& loading) {
  std::string sql = "SELECT (SELECT coalesce(max(id), 0) FROM stream)";
  for (const auto& [name, count] : sample_columns) sql.append(", coalesce(sum(").append(name).append("), 0)");
  Statement rows(database, sql + " FROM stream WHERE forgotten_ns IS NOT NULL");
  return sqlite::for_each(rows, [&](Statement& row) {
    loading.state.last_stream = row.integer(0);
    int column = 0;
    for (const auto& [name, count] : sample_columns) loading.state.samples_forgotten.*count += row.unsigned_integer(++column);
  });
}

Status load_panes(Database& database, Loading& loading) {
  Statement rows(database, select(pane_columns, "pane"));
  return sqlite::for_each(rows, [&](Statement& row) -> Status {
    Stream* stream = loading.stream_of(row.integer(1));
    if (stream == nullptr) return fail(Code::corrupt, "reading the spool's panes", "one has no stream");
    Pane pane;
    pane.length_ns = row.integer(3);
    pane.moments = {row.unsigned_integer(4),
                    row.real(5),
                    row.real(6),
                    row.real(7),
                    row.real(8),
                    row.real(9),
                    row.real(10),
                    row.real(11),
                    row.real(12),
                    row.unsigned_integer(13),
                    row.unsigned_integer(14)};
    pane.duplicate = row.unsigned_integer(15);
    pane.late = row.unsigned_integer(16);
    pane.rejected = row.unsigned_integer(17);
    pane.first = {row.unsigned_integer(18), row.unsigned_integer(19)};
    pane.last = {row.unsigned_integer(20), row.unsigned_integer(21)};
    pane.first_received_ns = row.integer(22);
    pane.last_received_ns = row.integer(23);
    pane.changed = row.unsigned_integer(24);
    pane.sent = row.unsigned_integer(25);
    pane.revision = static_cast<std::uint32_t>(row.integer(26));
    pane.is_final = row.integer(27) != 0;
    pane.before_silence = row.integer(28) != 0;
    auto blocks = decode_block_summary(row.blob(29));
    if (!blocks) return std::unexpected(blocks.error());
    pane.blocks = std::move(*blocks);
    pane.clock_untrusted = row.integer(30) != 0;
    pane.recovered = row.unsigned_integer(31);
    if (std::ranges::find(loading.state.definitions, row.unsigned_integer(2), &WindowDefinition::id) ==
        loading.state.definitions.end()) {
      return fail(Code::corrupt, "reading the spool's panes", "one has no definition");
    }
    stream->panes[row.unsigned_integer(2)].emplace(row.integer(0), pane);
    return {};
  });
}

Status load_identities(Database& database, Loading& loading) {
  Statement rows(database, "SELECT time_ns, stream, identity, value FROM identity");
  return sqlite::for_each(rows, [&](Statement& row) -> Status {
    Stream* stream = loading.stream_of(row.integer(1));
    if (stream == nullptr) return fail(Code::corrupt, "reading the spool's identities", "one has no stream");
    stream->identities.add({row.integer(0), row.unsigned_integer(2)}, row.real(3));
    return {};
  });
}

Status load_speeds(Database& database, Loading& loading) {
  Statement rows(database, "SELECT time_ns, machine, hz FROM speed");
  return sqlite::for_each(
      rows, [&](Statement& row) { loading.state.speeds.push_back({std::string(row.text(1)), row.integer(0), row.real(2)}); });
}

bool is_plausible(const KeptBlock& block) {
  const std::size_t sample_bytes = kernels::sample_bytes(block.encoding);
  return block.interval_ns >= 1 && block.interval_ns <= interval_ns_max && std::isfinite(block.scale) &&
         std::isfinite(block.offset) && std::isfinite(block.speed.hz) && !block.samples.empty() &&
         block.samples.size() % sample_bytes == 0;
}

Status load_joined_blocks(Database& database, std::int64_t stream, KeptBlocks& kept) {
  Statement rows(database, select(joined_block_columns, "joined_block") + " WHERE stream = ?1 ORDER BY number");
  rows.bind(1, stream);
  const auto refuse = [] { return fail(Code::corrupt, "reading the spool's joined blocks", "one is not plausible"); };
  auto read = sqlite::for_each(rows, [&](Statement& row) -> Status {
    const auto encoding = row.integer(5);
    const auto source = row.integer(9);
    if (row.unsigned_integer(1) != kept.first_number + kept.blocks.size() || encoding < 0 || encoding > 1 || row.integer(3) < 0 ||
        source < 0 || source > static_cast<std::int64_t>(schema::SpeedSource::MAX)) {
      return refuse();
    }
    const auto samples = row.blob(11);
    kept.blocks.push_back(
        {.start_ns = row.integer(2),
         .first = static_cast<std::size_t>(row.integer(3)),
         .interval_ns = row.real(4),
         .encoding = static_cast<kernels::BlockView::Encoding>(encoding),
         .scale = row.real(6),
         .offset = row.real(7),
         .speed = {.hz = row.real(8), .source = static_cast<schema::SpeedSource>(source), .age_ns = row.integer(10)},
         .samples = {samples.begin(), samples.end()}});
    return is_plausible(kept.blocks.back()) ? Status() : refuse();
  });
  if (!read) return read;
  const bool is_whole = !kept.blocks.empty() &&
                        kept.used < kept.blocks.front().samples.size() / kernels::sample_bytes(kept.blocks.front().encoding);
  return is_whole ? Status() : refuse();
}

Status load_joined(Database& database, Loading& loading) {
  Statement rows(database, select(joined_columns, "joined"));
  return sqlite::for_each(rows, [&](Statement& row) -> Status {
    if (loading.stream_of(row.integer(0)) == nullptr) {
      return fail(Code::corrupt, "reading the spool's joined blocks", "one has no stream");
    }
    KeptBlocks kept{.version = row.unsigned_integer(1),
                    .first_number = row.unsigned_integer(2),
                    .used = static_cast<std::size_t>(row.unsigned_integer(3)),
                    .has_cut = row.integer(4) != 0,
                    .blocks = {}};
    if (auto read = load_joined_blocks(database, row.integer(0), kept); !read) return read;
    loading.state.joined.emplace(row.integer(0), std::move(kept));
    return {};
  });
}

Status load_alarms(Database& database, Loading& loading) {
  Statement rows(database, select(alarm_columns, "alarm"));
  return sqlite::for_each(rows, [&](Statement& row) -> Status {
    Stream* stream = loading.stream_of(row.integer(0));
    if (stream == nullptr) return fail(Code::corrupt, "reading the spool's alarms", "one has no stream");
    Alarm alarm;
    alarm.alert_since_ns = row.integer(2);
    alarm.danger_since_ns = row.integer(3);
    alarm.changed_ns = row.integer(4);
    alarm.activated_ns = row.integer(5);
    alarm.level = static_cast<schema::AlarmLevel>(row.integer(6));
    alarm.highest_level = static_cast<schema::AlarmLevel>(row.integer(7));
    alarm.revision = static_cast<std::uint32_t>(row.integer(8));
    const auto body = row.blob(9);
    alarm.row.assign(body.begin(), body.end());
    if (const auto level = static_cast<schema::AlarmLevel>(row.integer(12)); level != schema::AlarmLevel::none) {
      alarm.provisional = ProvisionalAlarm{row.integer(10), row.integer(11), level, row.real(13)};
    }
    const bool has_told = alarm.level != schema::AlarmLevel::none || alarm.provisional;
    const bool has_row = !has_told || schema::open_alarm_row(alarm.row).has_value();
    const auto highest = std::max(alarm.level, alarm.provisional ? alarm.provisional->level : schema::AlarmLevel::none);
    if (highest > schema::AlarmLevel::MAX || !has_row) {
      return fail(Code::corrupt, "reading the spool's alarms", "one is not plausible");
    }
    stream->alarms.emplace(row.unsigned_integer(1), std::move(alarm));
    return {};
  });
}

Status load_devices(Database& database, Loading& loading) {
  Statement rows(database, select(device_columns, "device") + " WHERE forgotten_ns IS NULL ORDER BY device, epoch");
  return sqlite::for_each(rows, [&](Statement& row) -> Status {
    auto epoch = epoch_of(row);
    if (!epoch) return std::unexpected(epoch.error());
    if (loading.state.devices.empty() || loading.state.devices.back().device != row.text(0))
      loading.state.devices.push_back({std::string(row.text(0)), {}, time_of(row, 4)});
    loading.state.devices.back().epochs.push_back(std::move(*epoch));
    return {};
  });
}

Status load_counters(Database& database, Loading& loading) {
  Statement rows(database, "SELECT name, value FROM counter");
  return sqlite::for_each(rows, [&](Statement& row) {
    for (std::size_t i = 0; i < counter_names.size(); ++i) {
      if (row.text(0) == counter_names[i]) loading.state.totals.counters[i] = row.unsigned_integer(1);
    }
    for (const auto& [column, count] : sample_columns) {
      if (row.text(0) == dropped_samples_counter(column)) loading.state.samples_forgotten.*count += row.unsigned_integer(1);
    }
    for (std::size_t i = 0; i < reason_count; ++i) {
      if (row.text(0) == dead_letter_counter(i)) loading.state.totals.dead_letters[i] = row.unsigned_integer(1);
    }
  });
}

Status load_sessions(Database& database, Loading& loading) {
  Statement rows(database,
                 "SELECT session.id, broker, client_id, is_confirmed, session_filter.id, topic, qos, state, has_unknown, "
                 "is_given_up FROM session "
                 "LEFT JOIN session_filter ON session = session.id ORDER BY session.id, session_filter.id");
  auto& sessions = loading.state.sessions.sessions;
  std::int64_t last = 0;
  return sqlite::for_each(rows, [&](Statement& row) {
    if (row.integer(0) != last) {
      sessions.push_back({std::string(row.text(1)),
                          std::string(row.text(2)),
                          row.integer(3) != 0,
                          row.integer(8) != 0,
                          row.integer(9) != 0,
                          {}});
    }
    last = row.integer(0);
    if (row.integer(4) == 0) return;  // a session without filters
    sessions.back().filters.push_back({static_cast<std::uint32_t>(row.integer(4)), std::string(row.text(5)),
                                       static_cast<int>(row.integer(6)), static_cast<FilterState>(row.integer(7))});
  });
}

Status load_meta(Database& database, Loading& loading) {
  Statement rows(database, "SELECT key, value FROM meta");
  return sqlite::for_each(rows, [&](Statement& row) {
    if (row.text(0) == "may_return") {
      const auto bytes = row.blob(1);
      loading.state.may_return.resize(std::min(bytes.size() / sizeof(std::uint64_t), redeliveries_remembered_max));
      std::memcpy(loading.state.may_return.data(), bytes.data(), loading.state.may_return.size() * sizeof(std::uint64_t));
    }
    if (row.text(0) == "expected_copies") {
      const auto bytes = row.blob(1);
      loading.state.expected_copies.resize(std::min(bytes.size() / sizeof(ExpectedCopy), copies_expected_max));
      std::memcpy(loading.state.expected_copies.data(), bytes.data(),
                  loading.state.expected_copies.size() * sizeof(ExpectedCopy));
    }
    if (row.text(0) == "last_filter_id") {
      loading.state.sessions.last_id = static_cast<std::uint32_t>(row.unsigned_integer(1));
    }
    if (row.text(0) == "provenance") loading.state.provenance = row.unsigned_integer(1);
    if (row.text(0) == "position") loading.state.position = row.text(1);
    if (row.text(0) == "suspects") loading.state.suspects = suspects_of(row.blob(1));
  });
}

}  // namespace

Result<Stream> stream_of(const Statement& row) {
  Stream stream;
  stream.id = row.integer(0);
  stream.device = row.text(1);
  stream.channel = row.text(2);
  stream.quantity = row.text(3);
  stream.unit = row.text(4);
  stream.version = row.unsigned_integer(5);
  stream.clock.watermark_ns = row.integer(6);
  stream.clock.watermark_ns_max = row.integer(7);
  stream.newest_ns = row.integer(8);
  stream.clock.jump_from_ns = row.integer(9);
  stream.clock.jump_to_ns = row.integer(10);
  stream.clock.late_run = row.unsigned_integer(11);
  stream.clock.late_run_ns = row.integer(12);
  stream.last_received_ns = row.integer(13);
  stream.counts = {row.unsigned_integer(14), row.unsigned_integer(15), row.unsigned_integer(16), row.unsigned_integer(17),
                   row.unsigned_integer(18), row.unsigned_integer(19), row.unsigned_integer(22)};
  auto clocks = decode_clocks(row.blob(20));
  if (!clocks) return std::unexpected(clocks.error());
  stream.clocks = std::move(*clocks);
  auto parts = decode_parts(row.blob(21));
  if (!parts) return std::unexpected(parts.error());
  stream.parts = std::move(*parts);
  // The release before has one clock, and does not say whether it came back.
  if (stream.clock.watermark_ns < stream.clock.watermark_ns_max) {
    stream.clock.jump = Jump::back;
    stream.clock.back_from_ns = stream.clock.jump_from_ns;
    stream.clock.back_to_ns = stream.clock.jump_to_ns;
  }
  // Nor how far it was; it was at its watermark at least.
  stream.newest_ns_max = time_of(row, 25).value_or(std::max(stream.newest_ns, stream.clock.watermark_ns_max));
  stream.heard_ns = time_of(row, 23);
  stream.block_samples = row.unsigned_integer(26);
  if (!row.is_null(24)) stream.described_in_epoch = row.unsigned_integer(24);
  stream.note_clock_behind();
  return stream;
}

Result<EpochSequences> epoch_of(Statement& row) {
  auto ranges = ranges_of(row.blob(3));
  if (!ranges) return std::unexpected(ranges.error());
  auto skipped = ranges_of(row.blob(5));
  if (!skipped) return std::unexpected(skipped.error());
  return EpochSequences{row.unsigned_integer(1), row.unsigned_integer(2), std::move(*ranges), std::move(*skipped)};
}

Result<SavedState> load_state(Database& database) {
  Loading loading;
  for (const auto part : {load_definitions, load_streams, load_forgotten, load_panes, load_identities, load_speeds, load_joined,
                          load_alarms, load_devices, load_counters, load_sessions, load_meta}) {
    if (auto done = part(database, loading); !done) return std::unexpected(done.error());
  }
  return std::move(loading.state);
}

}  // namespace stethos::edge
