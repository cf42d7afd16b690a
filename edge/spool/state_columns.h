// The columns of the tables that hold the core's state, by which they are read and written, and rows of those that are read in
// more than one place. Columns are named wherever a table is written: a later minor version may add some. Pure; any thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "common/sqlite.h"
#include "edge/core/effect.h"
#include "edge/core/state.h"

namespace stethos::edge {

inline constexpr std::array<std::string_view, static_cast<std::size_t>(Counter::count_)> counter_names{
    "messages",         "message_bytes",        "duplicate_messages",  "deferred_messages",
    "lost_messages",    "identities_forgotten", "window_rows",         "streams_rebased",
    "alarm_rows",       "limit_units_differ",   "letters_put_through", "silence_rows",
    "streams_behind",   "ignored_messages",     "streams_forgotten",   "devices_forgotten",
    "streams_returned", "devices_returned",     "analysis_blocks",     "analysis_blocks_late",
    "joins_ended"};

inline constexpr std::string_view definition_columns =
    "id, kind, length_ns, hop_ns, slice_ns, offset_ns, samples, quantity, device, place";
inline constexpr std::string_view stream_columns =
    "id, device, channel, quantity, unit, version, watermark_ns, watermark_ns_max, newest_ns, jump_from_ns, "
    "jump_to_ns, late_run, late_run_ns, last_received_ns, good, duplicate, late, out_of_range, not_finite, "
    "rejected, clocks, parts, recovered, heard_ns, described_in_epoch, newest_ns_max, "
    "block_samples";
inline constexpr std::string_view pane_columns =
    "start_ns, stream, definition, length_ns, count, mean, m2, m3, m4, min, max, sum_abs, sum_sqrt_abs, "
    "not_finite, out_of_range, duplicate, late, rejected, first_epoch, first_sequence, last_epoch, "
    "last_sequence, first_received_ns, last_received_ns, changed, sent, revision, is_final, before_silence, more, "
    "clock_untrusted, recovered";

inline constexpr std::string_view joined_columns = "stream, version, first_number, used, has_cut";
inline constexpr std::string_view joined_block_columns =
    "stream, number, start_ns, first, interval_ns, encoding, scale, offset, shaft_hz, speed_source, speed_age_ns, samples";
inline constexpr std::string_view device_columns = "device, epoch, base, ranges, heard_ns, skipped";
inline constexpr std::string_view alarm_columns =
    "stream, limit_id, alert_since_ns, danger_since_ns, changed_ns, activated_ns, level, highest_level, revision, body, "
    "provisional_first_ns, provisional_last_ns, provisional_level, provisional_value";

// "INSERT OR REPLACE INTO table (columns) VALUES (?1, ?2, ...)".
inline std::string upsert(std::string_view table, std::string_view columns) {
  std::string sql = "INSERT OR REPLACE INTO " + std::string(table) + " (" + std::string(columns) + ") VALUES (?1";
  for (auto i = 2; i <= std::ranges::count(columns, ',') + 1; ++i) sql += ", ?" + std::to_string(i);
  return sql + ")";
}

inline std::string select(std::string_view columns, std::string_view table) {
  return "SELECT " + std::string(columns) + " FROM " + std::string(table);
}

// What counts samples in the table of streams.
inline constexpr std::pair<std::string_view, std::uint64_t SampleCounts::*> sample_columns[] = {
    {"good", &SampleCounts::good},
    {"duplicate", &SampleCounts::duplicate},
    {"late", &SampleCounts::late},
    {"out_of_range", &SampleCounts::out_of_range},
    {"not_finite", &SampleCounts::not_finite},
    {"rejected", &SampleCounts::rejected},
    {"recovered", &SampleCounts::recovered}};

inline std::string dropped_samples_counter(std::string_view column) { return "dropped_samples." + std::string(column); }

inline std::string dead_letter_counter(std::size_t reason) { return "dead_letter." + std::string(reason_names[reason]); }

inline std::optional<TimeNs> time_of(const sqlite::Statement& row, int column) {
  return row.is_null(column) ? std::nullopt : std::optional(row.integer(column));
}

// Of a row of stream_columns.
Result<Stream> stream_of(const sqlite::Statement& row);
// Of a row of device_columns.
Result<EpochSequences> epoch_of(sqlite::Statement& row);

}  // namespace stethos::edge
