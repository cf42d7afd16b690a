// The spool's file format, version 1.3. `user_version` is major * 1000 + minor; `application_id` spells "stet".
//
//   meta         what there is one of: the spool's identity, the node whose it is, the messages that may return, copies that are
//                expected (64-bit little-endian: topic, message, filter), the highest identifier of a filter, how many dead
//                letters there are and how many bytes their payloads, details, topics, devices, channels and late_in have
//                together, the messages that the process may have died of (64-bit little-endian: the one in hand, then pairs of
//                hash and deaths), offered_until, the position of a replay in its recording
//   lane         per lane: where its numbers begin and end, which of them the collector has (`acknowledged` is pairs of 64-bit
//                little-endian first and last), the last row that left from the front and its hash, and totals, so that nothing
//                is counted at start
//   outbox       rows; id = lane << 56 | number, so they lie in the order of their numbers. Those that the collector has are
//                kept as history until the budget needs their room. committed_ns is 0 where the clock was not known to be right
//   given_up     rows that left before the collector had them, until it knows
//   description  of each StreamRow and ProvenanceRow that may be needed, by version or id: the number of its last row in the lane
//                of notes; once nothing new is to name it, the next numbers of the three lanes at that moment, else null
//   stream       per stream: its time, counts since the spool began; `clocks` are those of its definitions, `parts` those of its
//                event time (stream_blobs.h). The columns of a clock are the clock that is farthest behind, quantity, unit and
//                version those of the last part: the release before knows no others. described_in_epoch is the epoch
//                of its device that said quantity and unit, 0 where the configuration did, NULL where the point table did or it
//                is not known. heard_ns is when anything came for it last, NULL where that is not known; forgotten_ns when it was
//                forgotten, NULL where it was not. One that is forgotten is not loaded, has no panes, identities and alarms, and
//                leaves when there are too many such
//   definition   how the windows of the panes are cut; `place`: those of the configuration first, then those that have left it,
//                the latest first
//   pane         what windows are merged from, clustered by start: written often, and keyed the other way the same load
//                writes 15 times as many bytes; `more` is what blocks have beyond moments, a PaneMore of schemas/pane.fbs
//   speed        the last speeds of machines' shafts
//   alarm        what is known of limits that are exceeded, with the last AlarmRow of those whose alarm is active
//                or provisional
//   identity     identities of readings that may still come again
//   device       per device and epoch: sequences handled; `ranges`, and `skipped` of those that never were, are pairs of 64-bit
//                little-endian first and last. heard_ns and forgotten_ns as those of a stream
//   session      at which broker there may be a session, as which client; whether the broker has ever confirmed it, whether it
//                may have filters that are not on record, and whether it was given up for another; the one that was used last
//                has the highest id
//   session_filter  what such a session is, or was, subscribed to, by subscription identifier; `state` is a FilterState
//   dead_letter  what was refused, with its first bytes; `channel` where it was just one of a message, and of one that was late
//                where all of its samples were; `late_in` of such a one is the definitions that have counted it so, as 64-bit
//                little-endian numbers
//   counter      totals; `dropped_samples` are those of forgotten streams that have left
//
// 64-bit unsigned numbers are stored bit for bit as signed ones.
//
// A minor version adds: tables, or columns with a default. So the release before, which names the columns that it knows, can
// still use the file, and a file of an earlier minor version is brought up to date when it is opened for writing.
#pragma once

#include <array>
#include <cstddef>

namespace stethos::edge {

inline constexpr int spool_version_major = 1;
inline constexpr int spool_application_id = 0x73746574;
inline constexpr std::size_t lane_count = 3;
inline constexpr unsigned lane_shift = 56;

// What each minor version adds.
inline constexpr std::array<const char*, 4> spool_versions{
    R"sql(
CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value ANY NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE lane (
  lane INTEGER PRIMARY KEY,
  first_number INTEGER NOT NULL,
  next_number INTEGER NOT NULL,
  acknowledged BLOB NOT NULL,
  previous_number INTEGER NOT NULL,
  previous_hash INTEGER NOT NULL,
  waiting_rows INTEGER NOT NULL,
  waiting_bytes INTEGER NOT NULL,
  history_rows INTEGER NOT NULL,
  history_bytes INTEGER NOT NULL
) STRICT;
INSERT INTO lane VALUES (0, 1, 1, x'', 0, 0, 0, 0, 0, 0), (1, 1, 1, x'', 0, 0, 0, 0, 0, 0), (2, 1, 1, x'', 0, 0, 0, 0, 0, 0);

CREATE TABLE outbox (
  id INTEGER PRIMARY KEY,
  kind INTEGER NOT NULL,
  committed_ns INTEGER NOT NULL,
  body BLOB NOT NULL
) STRICT;

CREATE TABLE given_up (
  lane INTEGER NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  cause INTEGER NOT NULL,
  first_ns INTEGER NOT NULL,
  last_ns INTEGER NOT NULL,
  PRIMARY KEY (lane, first)
) STRICT, WITHOUT ROWID;

CREATE TABLE stream (
  id INTEGER PRIMARY KEY,
  device TEXT NOT NULL,
  channel TEXT NOT NULL,
  quantity TEXT NOT NULL,
  unit TEXT NOT NULL,
  version INTEGER NOT NULL,
  watermark_ns INTEGER NOT NULL,
  watermark_ns_max INTEGER NOT NULL,
  newest_ns INTEGER NOT NULL,
  jump_from_ns INTEGER NOT NULL,
  jump_to_ns INTEGER NOT NULL,
  late_run INTEGER NOT NULL,
  late_run_ns INTEGER NOT NULL,
  last_received_ns INTEGER NOT NULL,
  good INTEGER NOT NULL,
  duplicate INTEGER NOT NULL,
  late INTEGER NOT NULL,
  out_of_range INTEGER NOT NULL,
  not_finite INTEGER NOT NULL,
  rejected INTEGER NOT NULL
) STRICT;

CREATE TABLE definition (
  id INTEGER PRIMARY KEY,
  kind INTEGER NOT NULL,
  length_ns INTEGER NOT NULL,
  hop_ns INTEGER NOT NULL,
  slice_ns INTEGER NOT NULL,
  offset_ns INTEGER NOT NULL,
  samples INTEGER NOT NULL,
  quantity TEXT NOT NULL,
  device TEXT NOT NULL
) STRICT;

CREATE TABLE pane (
  start_ns INTEGER NOT NULL,
  stream INTEGER NOT NULL,
  definition INTEGER NOT NULL,
  length_ns INTEGER NOT NULL,
  count INTEGER NOT NULL,
  mean REAL NOT NULL,
  m2 REAL NOT NULL,
  m3 REAL NOT NULL,
  m4 REAL NOT NULL,
  min REAL NOT NULL,
  max REAL NOT NULL,
  sum_abs REAL NOT NULL,
  sum_sqrt_abs REAL NOT NULL,
  not_finite INTEGER NOT NULL,
  out_of_range INTEGER NOT NULL,
  duplicate INTEGER NOT NULL,
  late INTEGER NOT NULL,
  rejected INTEGER NOT NULL,
  first_epoch INTEGER NOT NULL,
  first_sequence INTEGER NOT NULL,
  last_epoch INTEGER NOT NULL,
  last_sequence INTEGER NOT NULL,
  first_received_ns INTEGER NOT NULL,
  last_received_ns INTEGER NOT NULL,
  changed INTEGER NOT NULL,
  sent INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  is_final INTEGER NOT NULL,
  PRIMARY KEY (start_ns, stream, definition)
) STRICT, WITHOUT ROWID;

CREATE TABLE alarm (
  stream INTEGER NOT NULL,
  limit_id INTEGER NOT NULL,
  alert_since_ns INTEGER NOT NULL,
  danger_since_ns INTEGER NOT NULL,
  changed_ns INTEGER NOT NULL,
  activated_ns INTEGER NOT NULL,
  level INTEGER NOT NULL,
  highest_level INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (stream, limit_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE identity (
  time_ns INTEGER NOT NULL,
  stream INTEGER NOT NULL,
  identity INTEGER NOT NULL,
  value REAL NOT NULL,
  PRIMARY KEY (time_ns, stream, identity)
) STRICT, WITHOUT ROWID;

CREATE TABLE device (
  device TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  base INTEGER NOT NULL,
  ranges BLOB NOT NULL,
  PRIMARY KEY (device, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE dead_letter (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  received_ns INTEGER NOT NULL,
  reason TEXT NOT NULL,
  detail TEXT NOT NULL,
  topic TEXT NOT NULL,
  device TEXT NOT NULL,
  payload_bytes INTEGER NOT NULL,
  payload BLOB NOT NULL
) STRICT;

CREATE TABLE counter (
  name TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
)sql",
    "ALTER TABLE dead_letter ADD COLUMN channel TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE pane ADD COLUMN before_silence INTEGER NOT NULL DEFAULT 0;",
    R"sql(
ALTER TABLE pane ADD COLUMN more BLOB NOT NULL DEFAULT x'';

CREATE TABLE speed (
  time_ns INTEGER NOT NULL,
  machine TEXT NOT NULL,
  hz REAL NOT NULL,
  PRIMARY KEY (time_ns, machine)
) STRICT, WITHOUT ROWID;
)sql",
    "ALTER TABLE stream ADD COLUMN clocks BLOB NOT NULL DEFAULT x'';"
    "ALTER TABLE stream ADD COLUMN parts BLOB NOT NULL DEFAULT x'';"
    "ALTER TABLE alarm ADD COLUMN provisional_first_ns INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE alarm ADD COLUMN provisional_last_ns INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE alarm ADD COLUMN provisional_level INTEGER NOT NULL DEFAULT 0;"  // 0: there is none
    "ALTER TABLE alarm ADD COLUMN provisional_value REAL NOT NULL DEFAULT 0;"
    "ALTER TABLE pane ADD COLUMN clock_untrusted INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE pane ADD COLUMN recovered INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE stream ADD COLUMN recovered INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE dead_letter ADD COLUMN clock_untrusted INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE dead_letter ADD COLUMN late_in BLOB NOT NULL DEFAULT x'';"
    "ALTER TABLE stream ADD COLUMN heard_ns INTEGER;"
    "ALTER TABLE stream ADD COLUMN forgotten_ns INTEGER;"
    "ALTER TABLE device ADD COLUMN heard_ns INTEGER;"
    "ALTER TABLE device ADD COLUMN forgotten_ns INTEGER;"
    "ALTER TABLE device ADD COLUMN skipped BLOB NOT NULL DEFAULT x'';"
    "CREATE INDEX stream_forgotten ON stream (device, channel) WHERE forgotten_ns IS NOT NULL;"
    "ALTER TABLE stream ADD COLUMN described_in_epoch INTEGER;"
    "ALTER TABLE stream ADD COLUMN newest_ns_max INTEGER;"
    "ALTER TABLE stream ADD COLUMN block_samples INTEGER NOT NULL DEFAULT 0;"
    "INSERT OR REPLACE INTO meta SELECT 'dead_letter_bytes', coalesce(sum(length(payload) + length(CAST(detail AS BLOB)) + "
    "length(CAST(topic AS BLOB)) + length(CAST(device AS BLOB)) + length(CAST(channel AS BLOB))), 0) FROM dead_letter;"
    "ALTER TABLE definition ADD COLUMN place INTEGER NOT NULL DEFAULT 0;"
    R"sql(
CREATE TABLE session (
  id INTEGER PRIMARY KEY,
  broker TEXT NOT NULL,
  client_id TEXT NOT NULL,
  is_confirmed INTEGER NOT NULL,
  has_unknown INTEGER NOT NULL,
  is_given_up INTEGER NOT NULL
) STRICT;

CREATE TABLE description (
  id INTEGER PRIMARY KEY,
  number INTEGER NOT NULL,
  alarms INTEGER,
  windows INTEGER,
  notes INTEGER
) STRICT;

CREATE TABLE joined (
  stream INTEGER PRIMARY KEY,
  version INTEGER NOT NULL,
  first_number INTEGER NOT NULL,
  used INTEGER NOT NULL,
  has_cut INTEGER NOT NULL
) STRICT;

CREATE TABLE joined_block (
  stream INTEGER NOT NULL,
  number INTEGER NOT NULL,
  start_ns INTEGER NOT NULL,
  first INTEGER NOT NULL,
  interval_ns REAL NOT NULL,
  encoding INTEGER NOT NULL,
  scale REAL NOT NULL,
  offset REAL NOT NULL,
  shaft_hz REAL NOT NULL,
  speed_source INTEGER NOT NULL,
  speed_age_ns INTEGER NOT NULL,
  samples BLOB NOT NULL,
  PRIMARY KEY (stream, number)
) STRICT;

CREATE TABLE session_filter (
  id INTEGER NOT NULL,
  session INTEGER NOT NULL,
  topic TEXT NOT NULL,
  qos INTEGER NOT NULL,
  state INTEGER NOT NULL,
  PRIMARY KEY (session, id)
) STRICT, WITHOUT ROWID;
)sql",
};
inline constexpr int spool_version_minor = static_cast<int>(spool_versions.size()) - 1;

}  // namespace stethos::edge
