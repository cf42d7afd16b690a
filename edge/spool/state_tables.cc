#include "edge/spool/state_tables.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "common/fault_point.h"
#include "edge/core/limits.h"
#include "edge/spool/stream_blobs.h"
#include "schemas/envelope.h"

namespace stethos::edge {
namespace {

using sqlite::Database;
using sqlite::Statement;

constexpr std::array<std::string_view, static_cast<std::size_t>(Counter::count_)> counter_names{
    "messages",         "message_bytes",        "duplicate_messages",  "deferred_messages",
    "lost_messages",    "identities_forgotten", "window_rows",         "streams_rebased",
    "alarm_rows",       "limit_units_differ",   "letters_put_through", "silence_rows",
    "streams_behind",   "ignored_messages",     "streams_forgotten",   "devices_forgotten",
    "streams_returned", "devices_returned"};

// Columns are named wherever a table is written: a later minor version may add some.
constexpr std::string_view definition_columns =
    "id, kind, length_ns, hop_ns, slice_ns, offset_ns, samples, quantity, device, place";
constexpr std::string_view stream_columns =
    "id, device, channel, quantity, unit, version, watermark_ns, watermark_ns_max, newest_ns, jump_from_ns, "
    "jump_to_ns, late_run, late_run_ns, last_received_ns, good, duplicate, late, out_of_range, not_finite, "
    "rejected, clocks, parts, recovered, heard_ns, described_in_epoch, newest_ns_max";
constexpr std::string_view pane_columns =
    "start_ns, stream, definition, length_ns, count, mean, m2, m3, m4, min, max, sum_abs, sum_sqrt_abs, "
    "not_finite, out_of_range, duplicate, late, rejected, first_epoch, first_sequence, last_epoch, "
    "last_sequence, first_received_ns, last_received_ns, changed, sent, revision, is_final, before_silence, more, "
    "clock_untrusted, recovered";

constexpr std::string_view device_columns = "device, epoch, base, ranges, heard_ns, skipped";
constexpr std::string_view alarm_columns =
    "stream, limit_id, alert_since_ns, danger_since_ns, changed_ns, activated_ns, level, highest_level, revision, body, "
    "provisional_first_ns, provisional_last_ns, provisional_level, provisional_value";

// "INSERT OR REPLACE INTO table (columns) VALUES (?1, ?2, ...)".
std::string upsert(std::string_view table, std::string_view columns) {
  std::string sql = "INSERT OR REPLACE INTO " + std::string(table) + " (" + std::string(columns) + ") VALUES (?1";
  for (auto i = 2; i <= std::ranges::count(columns, ',') + 1; ++i) sql += ", ?" + std::to_string(i);
  return sql + ")";
}

std::string select(std::string_view columns, std::string_view table) {
  return "SELECT " + std::string(columns) + " FROM " + std::string(table);
}

// What counts samples in the table of streams.
constexpr std::pair<std::string_view, std::uint64_t SampleCounts::*> sample_columns[] = {
    {"good", &SampleCounts::good},
    {"duplicate", &SampleCounts::duplicate},
    {"late", &SampleCounts::late},
    {"out_of_range", &SampleCounts::out_of_range},
    {"not_finite", &SampleCounts::not_finite},
    {"rejected", &SampleCounts::rejected},
    {"recovered", &SampleCounts::recovered}};

std::string dropped_samples_counter(std::string_view column) { return "dropped_samples." + std::string(column); }

std::string dead_letter_counter(std::size_t reason) { return "dead_letter." + std::string(reason_names[reason]); }

std::vector<std::uint8_t> bytes_of(const std::vector<SequenceRange>& ranges) {
  static_assert(std::endian::native == std::endian::little);
  std::vector<std::uint8_t> bytes(ranges.size() * sizeof(SequenceRange));
  if (!ranges.empty()) std::memcpy(bytes.data(), ranges.data(), bytes.size());
  return bytes;
}

Result<std::vector<SequenceRange>> ranges_of(std::span<const std::uint8_t> bytes) {
  if (bytes.size() % sizeof(SequenceRange) != 0 || bytes.size() / sizeof(SequenceRange) > ranges_per_epoch_max) {
    return fail(Code::corrupt, "reading the spool's device table", "ranges of an impossible size");
  }
  std::vector<SequenceRange> ranges(bytes.size() / sizeof(SequenceRange));
  if (!ranges.empty()) std::memcpy(ranges.data(), bytes.data(), bytes.size());
  return ranges;
}

// Of a row of device_columns.
Result<EpochSequences> epoch_of(Statement& row) {
  auto ranges = ranges_of(row.blob(3));
  if (!ranges) return std::unexpected(ranges.error());
  auto skipped = ranges_of(row.blob(5));
  if (!skipped) return std::unexpected(skipped.error());
  return EpochSequences{row.unsigned_integer(1), row.unsigned_integer(2), std::move(*ranges), std::move(*skipped)};
}

std::vector<std::uint8_t> bytes_of(const Suspects& suspects) {
  std::vector<std::uint64_t> numbers{suspects.in_hand};
  for (const Suspect& suspect : suspects.died_with) numbers.insert(numbers.end(), {suspect.message, suspect.stops});
  std::vector<std::uint8_t> bytes(numbers.size() * sizeof(std::uint64_t));
  std::memcpy(bytes.data(), numbers.data(), bytes.size());
  return bytes;
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

std::optional<TimeNs> time_of(const Statement& row, int column) {
  return row.is_null(column) ? std::nullopt : std::optional(row.integer(column));
}

void bind_time(Statement& statement, int index, const std::optional<TimeNs>& time) {
  if (time) {
    statement.bind(index, *time);
  } else {
    statement.bind_null(index);
  }
}

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
  if (!row.is_null(24)) stream.described_in_epoch = row.unsigned_integer(24);
  stream.note_clock_behind();
  return stream;
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

StateTables::StateTables(Database& writer)
    : writer_(writer),
      set_meta_(writer, upsert("meta", "key, value")),
      set_definition_(writer, upsert("definition", definition_columns)),
      set_stream_(writer, upsert("stream", stream_columns)),
      set_pane_(writer, upsert("pane", pane_columns)),
      delete_pane_(writer, "DELETE FROM pane WHERE start_ns = ?1 AND stream = ?2 AND definition = ?3"),
      set_alarm_(writer, upsert("alarm", alarm_columns)),
      delete_alarm_(writer, "DELETE FROM alarm WHERE stream = ?1 AND limit_id = ?2"),
      set_identity_(writer, upsert("identity", "time_ns, stream, identity, value")),
      delete_identity_(writer, "DELETE FROM identity WHERE time_ns = ?1 AND stream = ?2 AND identity = ?3"),
      set_speed_(writer, upsert("speed", "time_ns, machine, hz")),
      delete_speed_(writer, "DELETE FROM speed WHERE time_ns = ?1 AND machine = ?2"),
      set_epoch_(writer, upsert("device", device_columns)),
      delete_epochs_before_(writer, "DELETE FROM device WHERE device = ?1 AND epoch < ?2"),
      set_counter_(writer, upsert("counter", "name, value")),
      forget_stream_(writer, "UPDATE stream SET forgotten_ns = ?2 WHERE id = ?1"),
      forget_device_(writer, "UPDATE device SET forgotten_ns = ?2 WHERE device = ?1"),
      forgotten_stream_(writer, select(stream_columns, "stream") +
                                    " WHERE device = ?1 AND channel = ?2 AND forgotten_ns IS NOT NULL ORDER BY id DESC LIMIT 1"),
      forgotten_device_(writer,
                        select(device_columns, "device") + " WHERE device = ?1 AND forgotten_ns IS NOT NULL ORDER BY epoch") {}

Result<SavedState> StateTables::load() {
  Loading loading;
  for (const auto part : {load_definitions, load_streams, load_forgotten, load_panes, load_identities, load_speeds, load_alarms,
                          load_devices, load_counters, load_sessions, load_meta}) {
    if (auto done = part(writer_, loading); !done) return std::unexpected(done.error());
  }
  Statement any(writer_,
                "SELECT EXISTS (SELECT 1 FROM stream WHERE forgotten_ns IS NOT NULL) OR EXISTS (SELECT 1 FROM device "
                "WHERE forgotten_ns IS NOT NULL)");
  auto read = sqlite::for_each(any, [this](Statement& row) { may_have_forgotten_ = row.integer(0) != 0; });
  if (!read) return std::unexpected(read.error());
  return std::move(loading.state);
}

Status StateTables::write(const Effect& effect) {
  const auto each = [this](const auto& changes, auto write_one) -> Status {
    for (const auto& change : changes) {
      if (auto done = (this->*write_one)(change); !done) return done;
    }
    return {};
  };
  if (effect.definitions != nullptr) {
    if (auto done = write_definitions(*effect.definitions); !done) return done;
  }
  if (auto done = each(effect.panes, &StateTables::write_pane); !done) return done;
  if (auto done = each(effect.streams, &StateTables::write_stream); !done) return done;
  if (auto done = each(effect.identities, &StateTables::write_identity); !done) return done;
  if (auto done = each(effect.speeds, &StateTables::write_speed); !done) return done;
  if (auto done = each(effect.alarms, &StateTables::write_alarm); !done) return done;
  if (auto done = each(effect.devices, &StateTables::write_device); !done) return done;
  if (auto done = write_forgotten(effect); !done) return done;
  return write_totals(effect);
}

Status StateTables::write_suspects(const Suspects& suspects) {
  const auto value = bytes_of(suspects);
  return set_meta_.bind(1, std::string_view("suspects")).bind(2, std::span(value)).run();
}

Result<std::size_t> StateTables::forget_epochs(std::string_view device) {
  Statement all(writer_, "DELETE FROM device WHERE device = ?1");
  if (auto done = all.bind(1, device).run(); !done) return std::unexpected(done.error());
  return static_cast<std::size_t>(writer_.changes());
}

Status StateTables::set_meta(std::string_view key, std::string_view value) { return set_meta_.bind(1, key).bind(2, value).run(); }

Status StateTables::set_counter(std::string_view name, std::uint64_t value) {
  return set_counter_.bind(1, name).bind(2, value).run();
}

Status StateTables::write_definitions(const std::vector<WindowDefinition>& definitions) {
  if (auto done = writer_.execute("DELETE FROM definition"); !done) return done;
  std::int64_t place = 0;
  for (const WindowDefinition& definition : definitions) {
    auto done = set_definition_.bind(1, definition.id)
                    .bind(2, static_cast<int>(definition.kind))
                    .bind(3, definition.length_ns)
                    .bind(4, definition.hop_ns)
                    .bind(5, definition.slice_ns)
                    .bind(6, definition.offset_ns)
                    .bind(7, definition.samples)
                    .bind(8, definition.quantity)
                    .bind(9, definition.device)
                    .bind(10, place++)
                    .run();
    if (!done) return done;
  }
  return {};
}

Status StateTables::write_pane(const PaneChange& change) {
  if (change.pane == nullptr) {
    return delete_pane_.bind(1, change.key.start_ns).bind(2, change.stream).bind(3, change.key.definition).run();
  }
  const Pane& pane = *change.pane;
  const kernels::Moments& m = pane.moments;
  const std::vector<std::uint8_t> more = encode(pane.blocks);
  return set_pane_.bind(1, change.key.start_ns)
      .bind(2, change.stream)
      .bind(3, change.key.definition)
      .bind(4, pane.length_ns)
      .bind(5, m.count)
      .bind(6, m.mean)
      .bind(7, m.m2)
      .bind(8, m.m3)
      .bind(9, m.m4)
      .bind(10, m.min)
      .bind(11, m.max)
      .bind(12, m.sum_abs)
      .bind(13, m.sum_sqrt_abs)
      .bind(14, m.not_finite)
      .bind(15, m.out_of_range)
      .bind(16, pane.duplicate)
      .bind(17, pane.late)
      .bind(18, pane.rejected)
      .bind(19, pane.first.epoch)
      .bind(20, pane.first.sequence)
      .bind(21, pane.last.epoch)
      .bind(22, pane.last.sequence)
      .bind(23, pane.first_received_ns)
      .bind(24, pane.last_received_ns)
      .bind(25, pane.changed)
      .bind(26, pane.sent)
      .bind(27, pane.revision)
      .bind(28, pane.is_final ? 1 : 0)
      .bind(29, pane.before_silence ? 1 : 0)
      .bind(30, std::span(more))
      .bind(31, pane.clock_untrusted ? 1 : 0)
      .bind(32, pane.recovered)
      .run();
}

Status StateTables::write_stream(const Stream* stream) {
  const SampleCounts& counts = stream->counts;
  const std::vector<std::uint8_t> clocks = encode(stream->clocks);
  const std::vector<std::uint8_t> parts = encode(stream->parts);
  bind_time(set_stream_, 24, stream->heard_ns);
  if (stream->described_in_epoch) {
    set_stream_.bind(25, *stream->described_in_epoch);
  } else {
    set_stream_.bind_null(25);
  }
  return set_stream_.bind(1, stream->id)
      .bind(2, stream->device)
      .bind(3, stream->channel)
      .bind(4, stream->quantity)
      .bind(5, stream->unit)
      .bind(6, stream->version)
      .bind(7, stream->clock.watermark_ns)
      .bind(8, stream->clock.watermark_ns_max)
      .bind(9, stream->newest_ns)
      .bind(10, stream->clock.jump_from_ns)
      .bind(11, stream->clock.jump_to_ns)
      .bind(12, stream->clock.late_run)
      .bind(13, stream->clock.late_run_ns)
      .bind(14, stream->last_received_ns)
      .bind(15, counts.good)
      .bind(16, counts.duplicate)
      .bind(17, counts.late)
      .bind(18, counts.out_of_range)
      .bind(19, counts.not_finite)
      .bind(20, counts.rejected)
      .bind(21, std::span(clocks))
      .bind(22, std::span(parts))
      .bind(23, counts.recovered)
      .bind(26, stream->newest_ns_max)
      .run();
}

Status StateTables::write_identity(const IdentityChange& change) {
  return change.value ? set_identity_.bind(1, change.key.time_ns)
                            .bind(2, change.stream)
                            .bind(3, change.key.identity)
                            .bind(4, *change.value)
                            .run()
                      : delete_identity_.bind(1, change.key.time_ns).bind(2, change.stream).bind(3, change.key.identity).run();
}

Status StateTables::write_speed(const SpeedChange& change) {
  return change.hz ? set_speed_.bind(1, change.time_ns).bind(2, change.machine).bind(3, *change.hz).run()
                   : delete_speed_.bind(1, change.time_ns).bind(2, change.machine).run();
}

Status StateTables::write_alarm(const AlarmChange& change) {
  if (!change.alarm) return delete_alarm_.bind(1, change.stream).bind(2, change.limit).run();
  const Alarm& alarm = *change.alarm;
  const ProvisionalAlarm provisional = alarm.provisional.value_or(ProvisionalAlarm());
  return set_alarm_.bind(1, change.stream)
      .bind(2, change.limit)
      .bind(3, alarm.alert_since_ns)
      .bind(4, alarm.danger_since_ns)
      .bind(5, alarm.changed_ns)
      .bind(6, alarm.activated_ns)
      .bind(7, static_cast<int>(alarm.level))
      .bind(8, static_cast<int>(alarm.highest_level))
      .bind(9, alarm.revision)
      .bind(10, std::span(alarm.row))
      .bind(11, provisional.first_ns)
      .bind(12, provisional.last_ns)
      .bind(13, static_cast<int>(provisional.level))
      .bind(14, provisional.value)
      .run();
}

Status StateTables::write_device(const DeviceChange& change) {
  const auto& [device, tracker, heard_ns] = change;
  if (has_canary("forget_sequences")) return {};
  for (const EpochSequences& epoch : tracker->epochs()) {
    const auto ranges = bytes_of(epoch.ranges);
    const auto skipped = bytes_of(epoch.skipped);
    bind_time(set_epoch_, 5, heard_ns);
    set_epoch_.bind(1, *device).bind(2, epoch.epoch).bind(3, epoch.base).bind(4, std::span(ranges)).bind(6, std::span(skipped));
    auto done = set_epoch_.run();
    if (!done) return done;
  }
  return delete_epochs_before_.bind(1, *device).bind(2, tracker->epochs().front().epoch).run();
}

// What is written otherwise is not forgotten: the column is not named there.
Status StateTables::write_forgotten(const Effect& effect) {
  for (const Stream* stream : effect.forgotten_streams) {
    if (auto done = forget_stream_.bind(1, stream->id).bind(2, effect.now_ns).run(); !done) return done;
    may_have_forgotten_ = true;
  }
  for (const std::string* device : effect.forgotten_devices) {
    if (auto done = forget_device_.bind(1, *device).bind(2, effect.now_ns).run(); !done) return done;
    may_have_forgotten_ = true;
  }
  return {};
}

Result<std::optional<DeviceSequences>> StateTables::forgotten_device(std::string_view device) {
  std::optional<DeviceSequences> found;
  if (!may_have_forgotten_) return found;
  auto read = sqlite::for_each(forgotten_device_.bind(1, device), [&](Statement& row) -> Status {
    auto epoch = epoch_of(row);
    if (!epoch) return std::unexpected(epoch.error());
    if (!found) found = DeviceSequences{std::string(device), {}, time_of(row, 4)};
    found->epochs.push_back(std::move(*epoch));
    return {};
  });
  if (!read) return std::unexpected(read.error());
  return found;
}

Result<std::optional<Stream>> StateTables::forgotten_stream(std::string_view device, std::string_view channel) {
  std::optional<Stream> found;
  if (!may_have_forgotten_) return found;
  auto read = sqlite::for_each(forgotten_stream_.bind(1, device).bind(2, channel), [&](Statement& row) -> Status {
    auto stream = stream_of(row);
    if (!stream) return std::unexpected(stream.error());
    found = std::move(*stream);
    return {};
  });
  if (!read) return std::unexpected(read.error());
  return found;
}

Result<std::uint64_t> StateTables::drop_forgotten_beyond(std::uint64_t max) {
  const auto most = static_cast<std::int64_t>(std::min<std::uint64_t>(max, std::numeric_limits<std::int64_t>::max()));
  constexpr std::string_view beyond =
      "(SELECT id FROM stream WHERE forgotten_ns IS NOT NULL ORDER BY forgotten_ns DESC, id DESC LIMIT -1 OFFSET ?1)";
  SampleCounts samples;
  std::string sql = "SELECT count(*)";
  for (const auto& [column, count] : sample_columns) sql.append(", coalesce(sum(").append(column).append("), 0)");
  Statement sums(writer_, sql.append(" FROM stream WHERE id IN ").append(beyond));
  std::uint64_t streams = 0;
  auto done = sqlite::for_each(sums.bind(1, most), [&](Statement& row) {
    streams = row.unsigned_integer(0);
    int at = 0;
    for (const auto& [column, count] : sample_columns) samples.*count = row.unsigned_integer(++at);
  });
  if (!done) return std::unexpected(done.error());
  if (streams > 0) {
    Statement add(writer_,
                  "INSERT INTO counter (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = value + ?2");
    for (const auto& [column, count] : sample_columns) {
      const std::string name = dropped_samples_counter(column);
      if (done = add.bind(1, std::string_view(name)).bind(2, samples.*count).run(); !done) return std::unexpected(done.error());
    }
    Statement drop(writer_, std::string("DELETE FROM stream WHERE id IN ").append(beyond));
    if (done = drop.bind(1, most).run(); !done) return std::unexpected(done.error());
  }
  std::vector<std::string> devices;
  Statement names(writer_,
                  "SELECT device FROM device WHERE forgotten_ns IS NOT NULL GROUP BY device "
                  "ORDER BY max(forgotten_ns) DESC, device DESC LIMIT -1 OFFSET ?1");
  done = sqlite::for_each(names.bind(1, most), [&](Statement& row) { devices.emplace_back(row.text(0)); });
  if (!done) return std::unexpected(done.error());
  for (const std::string& device : devices) {
    if (auto gone = forget_epochs(device); !gone) return std::unexpected(gone.error());
  }
  return streams + devices.size();
}

Status StateTables::write_sessions(const SessionRecord& record) {
  if (auto done = writer_.execute("DELETE FROM session; DELETE FROM session_filter"); !done) return done;
  Statement session(writer_, "INSERT INTO session VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
  Statement filter(writer_, "INSERT INTO session_filter VALUES (?1, ?2, ?3, ?4, ?5)");
  std::int64_t id = 0;
  for (const MqttSession& each : record.sessions) {
    ++id;
    const std::int64_t is_confirmed = each.is_confirmed ? 1 : 0;
    const std::int64_t has_unknown = each.has_unknown ? 1 : 0;
    const std::int64_t is_given_up = each.is_given_up ? 1 : 0;
    auto noted = session.bind(1, id)
                     .bind(2, each.broker)
                     .bind(3, each.client_id)
                     .bind(4, is_confirmed)
                     .bind(5, has_unknown)
                     .bind(6, is_given_up)
                     .run();
    if (!noted) return noted;
    for (const SessionFilter& its : each.filters) {
      filter.bind(1, std::int64_t{its.id}).bind(2, id).bind(3, its.topic);
      auto done = filter.bind(4, std::int64_t{its.qos}).bind(5, static_cast<std::int64_t>(its.state)).run();
      if (!done) return done;
    }
  }
  return set_meta_.bind(1, std::string_view("last_filter_id")).bind(2, std::uint64_t{record.last_id}).run();
}

// Only what has changed since this process wrote it last: with one message a commit, the rest would be most of the work.
Status StateTables::write_totals(const Effect& effect) {
  const auto count = [&](std::string_view name, std::uint64_t value, std::uint64_t& written) -> Status {
    return value == std::exchange(written, value) ? Status() : set_counter(name, value);
  };
  const auto set = [&](std::string_view key, auto value) { return set_meta_.bind(1, key).bind(2, value).run(); };
  for (std::size_t i = 0; i < counter_names.size(); ++i) {
    if (auto done = count(counter_names[i], effect.totals.counters[i], written_.totals.counters[i]); !done) return done;
  }
  for (std::size_t i = 0; i < reason_count; ++i) {
    auto done = count(dead_letter_counter(i), effect.totals.dead_letters[i], written_.totals.dead_letters[i]);
    if (!done) return done;
  }
  if (effect.may_return != written_.may_return) {
    const auto bytes = std::as_bytes(std::span(effect.may_return));
    if (auto done = set("may_return", std::span(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size())); !done) {
      return done;
    }
    written_.may_return = effect.may_return;
  }
  if (effect.expected_copies != written_.expected_copies) {
    const auto bytes = std::as_bytes(std::span(effect.expected_copies));
    auto done = set("expected_copies", std::span(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()));
    if (!done) return done;
    written_.expected_copies = effect.expected_copies;
  }
  if (effect.provenance != written_.provenance) {
    if (auto done = set("provenance", effect.provenance); !done) return done;
    written_.provenance = effect.provenance;
  }
  if (!effect.position.empty()) {
    if (auto done = set("position", std::string_view(effect.position)); !done) return done;
  }
  if (effect.suspects != nullptr) {
    if (auto done = write_suspects(*effect.suspects); !done) return done;
  }
  return effect.clock_trusted ? set("offered_until_ns", effect.now_ns) : Status();
}

}  // namespace stethos::edge
