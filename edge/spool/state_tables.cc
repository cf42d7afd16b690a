#include "edge/spool/state_tables.h"

#include <bit>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "common/fault_point.h"
#include "edge/spool/state_columns.h"
#include "edge/spool/state_loading.h"
#include "edge/spool/stream_blobs.h"

namespace stethos::edge {
namespace {

using sqlite::Database;
using sqlite::Statement;

std::vector<std::uint8_t> bytes_of(const std::vector<SequenceRange>& ranges) {
  static_assert(std::endian::native == std::endian::little);
  std::vector<std::uint8_t> bytes(ranges.size() * sizeof(SequenceRange));
  if (!ranges.empty()) std::memcpy(bytes.data(), ranges.data(), bytes.size());
  return bytes;
}

std::vector<std::uint8_t> bytes_of(const Suspects& suspects) {
  std::vector<std::uint64_t> numbers{suspects.in_hand};
  for (const Suspect& suspect : suspects.died_with) numbers.insert(numbers.end(), {suspect.message, suspect.stops});
  std::vector<std::uint8_t> bytes(numbers.size() * sizeof(std::uint64_t));
  std::memcpy(bytes.data(), numbers.data(), bytes.size());
  return bytes;
}

void bind_time(Statement& statement, int index, const std::optional<TimeNs>& time) {
  if (time) {
    statement.bind(index, *time);
  } else {
    statement.bind_null(index);
  }
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
      set_joined_(writer, upsert("joined", joined_columns)),
      delete_joined_(writer, "DELETE FROM joined WHERE stream = ?1"),
      set_joined_block_(writer, upsert("joined_block", joined_block_columns)),
      delete_joined_blocks_(writer, "DELETE FROM joined_block WHERE stream = ?1 AND number < ?2"),
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
  auto state = load_state(writer_);
  if (!state) return state;
  Statement any(writer_,
                "SELECT EXISTS (SELECT 1 FROM stream WHERE forgotten_ns IS NOT NULL) OR EXISTS (SELECT 1 FROM device "
                "WHERE forgotten_ns IS NOT NULL)");
  auto read = sqlite::for_each(any, [this](Statement& row) { may_have_forgotten_ = row.integer(0) != 0; });
  if (!read) return std::unexpected(read.error());
  return state;
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
  if (auto done = each(effect.joined, &StateTables::write_joined); !done) return done;
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
      .bind(27, stream->block_samples)
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

// Each block once: what came and went between two commits never.
Status StateTables::write_joined(const JoinedChange& change) {
  const KeptBlocks& kept = *change.kept;
  if (auto done = delete_joined_blocks_.bind(1, change.stream).bind(2, kept.first_number).run(); !done) return done;
  if (kept.blocks.empty()) return delete_joined_.bind(1, change.stream).run();
  std::uint64_t number = kept.first_number;
  for (const KeptBlock& each : kept.blocks) {
    const std::uint64_t own = number++;
    if (own < change.first_unwritten) continue;
    auto done = set_joined_block_.bind(1, change.stream)
                    .bind(2, own)
                    .bind(3, each.start_ns)
                    .bind(4, std::uint64_t{each.first})
                    .bind(5, each.interval_ns)
                    .bind(6, static_cast<int>(each.encoding))
                    .bind(7, each.scale)
                    .bind(8, each.offset)
                    .bind(9, each.speed.hz)
                    .bind(10, static_cast<int>(each.speed.source))
                    .bind(11, each.speed.age_ns)
                    .bind(12, std::span(each.samples))
                    .run();
    if (!done) return done;
  }
  const std::int64_t has_cut = kept.has_cut ? 1 : 0;
  return set_joined_.bind(1, change.stream)
      .bind(2, kept.version)
      .bind(3, kept.first_number)
      .bind(4, std::uint64_t{kept.used})
      .bind(5, has_cut)
      .run();
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
