#include "edge/spool/sqlite_spool.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <unordered_map>

#include "common/hash.h"
#include "common/identity.h"
#include "common/time_text.h"
#include "edge/spool/spool_format.h"
#include "edge/spool/tables.h"
#include "schemas/envelope.h"

namespace stethos::edge {
namespace {

using sqlite::Access;
using sqlite::Database;
using sqlite::Statement;
using uplink::NumberRange;
using uplink::OutboxLane;

// How lanes are sent: what an alarm or a window needs to be understood comes before it.
constexpr std::array<schema::Lane, lane_count> sending_order{schema::Lane::alarms, schema::Lane::notes, schema::Lane::windows};

std::uint64_t outbox_id(std::size_t lane, std::uint64_t number) {
  return static_cast<std::uint64_t>(lane) << lane_shift | number;
}

constexpr std::array<std::string_view, static_cast<std::size_t>(Counter::count_)> counter_names{
    "messages",        "message_bytes",        "duplicate_messages",   "deferred_messages",
    "lost_messages",   "identities_forgotten", "dead_letters_dropped", "window_rows",
    "streams_rebased", "alarm_rows",           "limit_units_differ"};

// Columns are named wherever a table is written: a later minor version may add some.
constexpr std::string_view definition_columns = "id, kind, length_ns, hop_ns, slice_ns, offset_ns, samples, quantity, device";
constexpr std::string_view stream_columns =
    "id, device, channel, quantity, unit, version, watermark_ns, watermark_ns_max, newest_ns, jump_from_ns, "
    "jump_to_ns, late_run, late_run_ns, last_received_ns, good, duplicate, late, out_of_range, not_finite, "
    "rejected";
constexpr std::string_view pane_columns =
    "start_ns, stream, definition, length_ns, count, mean, m2, m3, m4, min, max, sum_abs, sum_sqrt_abs, "
    "not_finite, out_of_range, duplicate, late, rejected, first_epoch, first_sequence, last_epoch, "
    "last_sequence, first_received_ns, last_received_ns, changed, sent, revision, is_final";

constexpr std::string_view alarm_columns =
    "stream, limit_id, alert_since_ns, danger_since_ns, changed_ns, activated_ns, level, highest_level, revision, body";

// "INSERT OR REPLACE INTO table (columns) VALUES (?1, ?2, ...)".
std::string upsert(std::string_view table, std::string_view columns) {
  std::string sql = "INSERT OR REPLACE INTO " + std::string(table) + " (" + std::string(columns) + ") VALUES (?1";
  for (auto i = 2; i <= std::ranges::count(columns, ',') + 1; ++i) sql += ", ?" + std::to_string(i);
  return sql + ")";
}

std::string select(std::string_view columns, std::string_view table) {
  return "SELECT " + std::string(columns) + " FROM " + std::string(table);
}

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

// Runs `row` for each row that the statement gives.
template <class Row>
Status for_each(Statement& statement, Row row) {
  for (;;) {
    const auto more = statement.step();
    if (!more) return std::unexpected(more.error());
    if (!*more) break;
    if constexpr (std::is_same_v<decltype(row(statement)), Status>) {
      if (auto done = row(statement); !done) {
        statement.reset();
        return done;
      }
    } else {
      row(statement);
    }
  }
  statement.reset();
  return {};
}

std::uintmax_t size_of(const std::string& path) {
  std::error_code absent;
  const auto size = std::filesystem::file_size(path, absent);
  return absent ? 0 : size;
}

constexpr std::array<const char*, 4> file_suffixes{"", "-journal", "-wal", "-shm"};

bool is_taken(const std::string& path) {
  return std::ranges::any_of(file_suffixes,
                             [&](const char* suffix) { return ::access((path + suffix).c_str(), F_OK) == 0 || errno != ENOENT; });
}

// Renames the file and what belongs to it, and returns its new name.
Result<std::string> set_aside(const std::string& path, TimeNs now) {
  const std::string doing = "setting the damaged spool " + path + " aside";
  constexpr int names_max = 1'000;
  std::string time = format_time(now).substr(0, std::string_view("2026-11-21T15:55:00").size());
  std::erase_if(time, [](char c) { return c == '-' || c == ':'; });
  const std::string first = path + ".damaged-" + time + "Z";
  std::string name = first;
  for (int i = 2; is_taken(name); ++i) {
    if (i > names_max) return fail(Code::io, doing, first + " and all that follow are taken");
    name = first + "-" + std::to_string(i);
  }
  // The file goes first: without its log it would be an older spool, and give out numbers a second time. A log that is left
  // alone by a crash here is set aside by the next start.
  for (const char* suffix : file_suffixes) {
    if (::rename((path + suffix).c_str(), (name + suffix).c_str()) != 0 && errno != ENOENT) {
      return fail(Code::io, doing, std::string("renaming it to ") + name + suffix + ": " + std::strerror(errno));
    }
  }
  std::string folder = std::filesystem::path(path).parent_path().string();
  if (folder.empty()) folder = ".";
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return fail(Code::io, doing, "opening " + folder + ": " + std::strerror(errno));
  const int synced = ::fsync(descriptor);
  const int error = errno;
  ::close(descriptor);
  if (synced != 0) return fail(Code::io, doing, "writing " + folder + ": " + std::strerror(error));
  return name;
}

}  // namespace

struct SqliteSpool::Statements {
  explicit Statements(Database& writer, Database& reader)
      : set_meta(writer, upsert("meta", "key, value")),
        set_lane(
            writer,
            "UPDATE lane SET next_number = ?2, previous_number = ?3, previous_hash = ?4, rows = ?5, bytes = ?6 WHERE lane = ?1"),
        add_row(writer, "INSERT INTO outbox (id, kind, body) VALUES (?1, ?2, ?3)"),
        row_body(writer, "SELECT body FROM outbox WHERE id = ?1"),
        measure_rows(writer, "SELECT count(*), coalesce(sum(length(body)), 0) FROM outbox WHERE id BETWEEN ?1 AND ?2"),
        delete_rows(writer, "DELETE FROM outbox WHERE id BETWEEN ?1 AND ?2"),
        set_definition(writer, upsert("definition", definition_columns)),
        set_stream(writer, upsert("stream", stream_columns)),
        set_pane(writer, upsert("pane", pane_columns)),
        delete_pane(writer, "DELETE FROM pane WHERE start_ns = ?1 AND stream = ?2 AND definition = ?3"),
        set_alarm(writer, upsert("alarm", alarm_columns)),
        delete_alarm(writer, "DELETE FROM alarm WHERE stream = ?1 AND limit_id = ?2"),
        set_identity(writer, upsert("identity", "time_ns, stream, identity, value")),
        delete_identity(writer, "DELETE FROM identity WHERE time_ns = ?1 AND stream = ?2 AND identity = ?3"),
        set_epoch(writer, upsert("device", "device, epoch, base, ranges")),
        delete_epochs_before(writer, "DELETE FROM device WHERE device = ?1 AND epoch < ?2"),
        add_dead_letter(writer,
                        "INSERT INTO dead_letter (received_ns, reason, detail, topic, device, payload_bytes, payload) "
                        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"),
        drop_dead_letters(writer, "DELETE FROM dead_letter WHERE id IN (SELECT id FROM dead_letter ORDER BY id LIMIT ?1)"),
        set_counter(writer, upsert("counter", "name, value")),
        read_lane(reader, "SELECT next_number, previous_number, previous_hash FROM lane WHERE lane = ?1"),
        read_rows(reader, "SELECT id, kind, body FROM outbox WHERE id BETWEEN ?1 AND ?2 ORDER BY id") {}

  Statement set_meta, set_lane, add_row, row_body, measure_rows, delete_rows, set_definition, set_stream, set_pane, delete_pane,
      set_alarm, delete_alarm, set_identity, delete_identity, set_epoch, delete_epochs_before, add_dead_letter, drop_dead_letters,
      set_counter, read_lane, read_rows;
};

Result<std::unique_ptr<SqliteSpool>> SqliteSpool::open(const std::string& path) {
  const auto locked = lock(path);
  if (!locked) return std::unexpected(locked.error());
  return open_locked(path, *locked);
}

Result<OpenedSpool> SqliteSpool::open_or_set_aside(const std::string& path, TimeNs now) {
  const auto locked = lock(path);
  if (!locked) return std::unexpected(locked.error());
  auto opened = open_and_load(path, *locked);
  if (opened || opened.error().code != Code::corrupt) return opened;
  std::string damage = opened.error().text();
  auto name = set_aside(path, now);
  if (!name) return fail(name.error().code, name.error().doing, name.error().failed + " (" + damage + ")");
  opened = open_and_load(path, *locked);
  if (!opened) {
    return fail(opened.error().code, "beginning a new spool, the damaged one being " + *name + " now", opened.error().text());
  }
  opened->set_aside = std::move(*name);
  opened->damage = std::move(damage);
  return opened;
}

Result<OpenedSpool> SqliteSpool::open_and_load(const std::string& path, const std::shared_ptr<const Lock>& lock) {
  OpenedSpool opened;
  auto spool = open_locked(path, lock);
  if (!spool) return std::unexpected(spool.error());
  auto saved = (*spool)->load();
  if (!saved) return fail(saved.error().code, "loading the spool " + path, saved.error().text());
  opened.spool = std::move(*spool);
  opened.saved = std::move(*saved);
  return opened;
}

Result<std::unique_ptr<SqliteSpool>> SqliteSpool::open_locked(const std::string& path, const std::shared_ptr<const Lock>& lock) {
  const std::string doing = "opening the spool " + path;
  // SQLite would take it for a new file, and delete the log.
  if (size_of(path) == 0 && size_of(path + "-wal") > 0) {
    return fail(Code::corrupt, doing, "it is empty or missing, and its write-ahead log is there");
  }
  if (size_of(path) > 0) {
    // Before anything may write to it: it may be somebody else's, or has to be kept as it is.
    auto looking = Database::open(path, Access::read_only);
    if (!looking) return std::unexpected(looking.error());
    looking->fold_log_on_close(false);
    if (const auto version = spool_version_of(*looking, doing); !version) return std::unexpected(version.error());
  }
  auto writer = Database::open(path, Access::read_write);
  if (!writer) return std::unexpected(writer.error());
  writer->fold_log_on_close(false);
  const auto version = spool_version_of(*writer, doing);
  if (!version) return std::unexpected(version.error());
  if (*version == 0) {
    const std::string created = std::string(spool_tables) + "INSERT INTO meta VALUES ('identity', '" + random_identity() +
                                "'); PRAGMA application_id = " + std::to_string(spool_application_id) +
                                "; PRAGMA user_version = " + std::to_string(spool_version_major * 1000 + spool_version_minor);
    if (auto done = writer->transaction([&] { return writer->execute(created); }); !done) return std::unexpected(done.error());
  }
  auto reader = Database::open(path, Access::read_only);
  if (!reader) return std::unexpected(reader.error());
  std::unique_ptr<SqliteSpool> spool(new SqliteSpool(lock, std::move(*writer), std::move(*reader)));
  if (auto begun = spool->begin(); !begun) return std::unexpected(begun.error());
  return spool;
}

SqliteSpool::Lock::~Lock() { ::close(descriptor_); }

Result<std::shared_ptr<const SqliteSpool::Lock>> SqliteSpool::lock(const std::string& path) {
  const std::string doing = "locking the spool " + path;
  constexpr int mode = 0640;
  const int descriptor = ::open((path + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, mode);
  if (descriptor < 0) return fail(Code::io, doing, std::strerror(errno));
  auto held = std::make_shared<const Lock>(descriptor);
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) return fail(Code::unavailable, doing, "another process has it open");
  return held;
}

SqliteSpool::SqliteSpool(std::shared_ptr<const Lock> lock, Database writer, Database reader)
    : lock_(std::move(lock)),
      writer_(std::move(writer)),
      reader_(std::move(reader)),
      statements_(new Statements(writer_, reader_)) {}

SqliteSpool::~SqliteSpool() = default;

Status SqliteSpool::begin() {
  Statement meta(writer_, "SELECT key, value FROM meta");
  auto read = for_each(meta, [&](Statement& row) {
    if (row.text(0) == "identity") identity_ = row.text(1);
    if (row.text(0) == "offered_until_ns") offered_until_ns_.store(row.integer(1));
  });
  if (!read) return read;
  if (identity_.empty()) return fail(Code::corrupt, "opening the spool", "it has no identity");
  return load_lanes();
}

Status SqliteSpool::load_lanes() {
  const std::string doing = "reading the spool's lanes";
  lanes_.assign(lane_count, {});
  std::size_t found = 0;
  Statement lanes(writer_, "SELECT lane, next_number, previous_number, previous_hash, rows, bytes FROM lane");
  auto read = for_each(lanes, [&](Statement& row) {
    if (row.unsigned_integer(0) >= lane_count) return;
    ++found;
    lanes_[row.unsigned_integer(0)] = {row.unsigned_integer(1),
                                       row.unsigned_integer(2),
                                       row.unsigned_integer(3),
                                       {row.unsigned_integer(4), row.unsigned_integer(5)}};
  });
  if (!read) return read;
  if (found != lane_count) return fail(Code::corrupt, doing, "one is missing");

  // What grows without a bound is not read whole, but at its ends, which are written and read next.
  Statement ends(writer_,
                 "SELECT (SELECT max(id) FROM outbox WHERE id BETWEEN ?1 AND ?2), "
                 "(SELECT min(id) FROM outbox WHERE id BETWEEN ?1 AND ?2)");
  for (std::size_t lane = 0; lane < lane_count; ++lane) {
    const auto row = ends.bind(1, outbox_id(lane, 0)).bind(2, outbox_id(lane + 1, 0) - 1).step();
    if (!row) return std::unexpected(row.error());
    const bool is_below = ends.is_null(0) || ends.unsigned_integer(0) < outbox_id(lane, lanes_[lane].next_number);
    ends.reset();
    if (!is_below) return fail(Code::corrupt, doing, "a row has a number that its lane has not given out");
  }
  Statement letters(writer_, "SELECT (SELECT max(id) FROM dead_letter), (SELECT min(id) FROM dead_letter)");
  return for_each(letters, [](Statement&) {});
}

Result<SavedState> SqliteSpool::load() {
  const std::lock_guard lock(write_mutex_);
  SavedState state;
  std::unordered_map<std::int64_t, std::size_t> place_of_stream;

  Statement definitions(writer_, select(definition_columns, "definition"));
  auto read = for_each(definitions, [&](Statement& row) -> Status {
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
    state.definitions.push_back(std::move(definition));
    return {};
  });
  if (!read) return std::unexpected(read.error());

  Statement streams(writer_, select(stream_columns, "stream") + " ORDER BY id");
  read = for_each(streams, [&](Statement& row) {
    Stream stream;
    stream.id = row.integer(0);
    stream.device = row.text(1);
    stream.channel = row.text(2);
    stream.quantity = row.text(3);
    stream.unit = row.text(4);
    stream.version = row.unsigned_integer(5);
    stream.watermark_ns = row.integer(6);
    stream.watermark_ns_max = row.integer(7);
    stream.newest_ns = row.integer(8);
    stream.jump_from_ns = row.integer(9);
    stream.jump_to_ns = row.integer(10);
    stream.late_run = row.unsigned_integer(11);
    stream.late_run_ns = row.integer(12);
    stream.last_received_ns = row.integer(13);
    stream.counts = {row.unsigned_integer(14), row.unsigned_integer(15), row.unsigned_integer(16),
                     row.unsigned_integer(17), row.unsigned_integer(18), row.unsigned_integer(19)};
    place_of_stream.emplace(stream.id, state.streams.size());
    state.streams.push_back(std::move(stream));
  });
  if (!read) return std::unexpected(read.error());
  const auto stream_of = [&](std::int64_t id) -> Stream* {
    const auto found = place_of_stream.find(id);
    return found == place_of_stream.end() ? nullptr : &state.streams[found->second];
  };

  Statement panes(writer_, select(pane_columns, "pane"));
  read = for_each(panes, [&](Statement& row) -> Status {
    Stream* stream = stream_of(row.integer(1));
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
    if (std::ranges::find(state.definitions, row.unsigned_integer(2), &WindowDefinition::id) == state.definitions.end()) {
      return fail(Code::corrupt, "reading the spool's panes", "one has no definition");
    }
    stream->panes[row.unsigned_integer(2)].emplace(row.integer(0), pane);
    return {};
  });
  if (!read) return std::unexpected(read.error());

  Statement identities(writer_, "SELECT time_ns, stream, identity, value FROM identity");
  read = for_each(identities, [&](Statement& row) -> Status {
    Stream* stream = stream_of(row.integer(1));
    if (stream == nullptr) return fail(Code::corrupt, "reading the spool's identities", "one has no stream");
    stream->identities.emplace(IdentityKey{row.integer(0), row.unsigned_integer(2)}, row.real(3));
    return {};
  });
  if (!read) return std::unexpected(read.error());

  Statement alarms(writer_, select(alarm_columns, "alarm"));
  read = for_each(alarms, [&](Statement& row) -> Status {
    Stream* stream = stream_of(row.integer(0));
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
    const bool has_row = alarm.level == schema::AlarmLevel::none || schema::open_alarm_row(alarm.row).has_value();
    if (alarm.level > schema::AlarmLevel::MAX || !has_row) {
      return fail(Code::corrupt, "reading the spool's alarms", "one is not plausible");
    }
    stream->alarms.emplace(row.unsigned_integer(1), std::move(alarm));
    return {};
  });
  if (!read) return std::unexpected(read.error());

  Statement devices(writer_, "SELECT device, epoch, base, ranges FROM device ORDER BY device, epoch");
  read = for_each(devices, [&](Statement& row) -> Status {
    auto ranges = ranges_of(row.blob(3));
    if (!ranges) return std::unexpected(ranges.error());
    if (state.devices.empty() || state.devices.back().device != row.text(0))
      state.devices.push_back({std::string(row.text(0)), {}});
    state.devices.back().epochs.push_back({row.unsigned_integer(1), row.unsigned_integer(2), std::move(*ranges)});
    return {};
  });
  if (!read) return std::unexpected(read.error());

  Statement counters(writer_, "SELECT name, value FROM counter");
  read = for_each(counters, [&](Statement& row) {
    for (std::size_t i = 0; i < counter_names.size(); ++i) {
      if (row.text(0) == counter_names[i]) state.totals.counters[i] = row.unsigned_integer(1);
    }
    for (std::size_t i = 0; i < reason_count; ++i) {
      if (row.text(0) == dead_letter_counter(i)) state.totals.dead_letters[i] = row.unsigned_integer(1);
    }
  });
  if (!read) return std::unexpected(read.error());

  Statement meta(writer_, "SELECT key, value FROM meta");
  read = for_each(meta, [&](Statement& row) {
    if (row.text(0) == "redelivery_hash") state.redelivery.hash = row.unsigned_integer(1);
    if (row.text(0) == "redelivery_packet_id") state.redelivery.packet_id = static_cast<std::uint16_t>(row.integer(1));
    if (row.text(0) == "provenance") state.provenance = row.unsigned_integer(1);
  });
  if (!read) return std::unexpected(read.error());
  writer_.fold_log_on_close(true);  // it is whole: there is nothing to keep as it was
  return state;
}

Status SqliteSpool::commit(const Effect& effect) {
  if (effect.changed) {
    const std::lock_guard lock(write_mutex_);
    if (auto done = writer_.transaction([&] { return write(effect); }); !done) return done;
  }
  offered_until_ns_.store(effect.now_ns);
  return {};
}

Status SqliteSpool::write(const Effect& effect) {
  Statements& sql = *statements_;
  const auto pane_row = [&](const PaneChange& change) {
    if (change.pane == nullptr) {
      return sql.delete_pane.bind(1, change.key.start_ns).bind(2, change.stream).bind(3, change.key.definition).run();
    }
    const Pane& pane = *change.pane;
    const kernels::Moments& m = pane.moments;
    return sql.set_pane.bind(1, change.key.start_ns)
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
        .run();
  };
  if (effect.definitions != nullptr) {
    if (auto done = write_definitions(*effect.definitions); !done) return done;
  }
  for (const PaneChange& change : effect.panes) {
    if (auto done = pane_row(change); !done) return done;
  }
  for (const Stream* stream : effect.streams) {
    const SampleCounts& counts = stream->counts;
    auto done = sql.set_stream.bind(1, stream->id)
                    .bind(2, stream->device)
                    .bind(3, stream->channel)
                    .bind(4, stream->quantity)
                    .bind(5, stream->unit)
                    .bind(6, stream->version)
                    .bind(7, stream->watermark_ns)
                    .bind(8, stream->watermark_ns_max)
                    .bind(9, stream->newest_ns)
                    .bind(10, stream->jump_from_ns)
                    .bind(11, stream->jump_to_ns)
                    .bind(12, stream->late_run)
                    .bind(13, stream->late_run_ns)
                    .bind(14, stream->last_received_ns)
                    .bind(15, counts.good)
                    .bind(16, counts.duplicate)
                    .bind(17, counts.late)
                    .bind(18, counts.out_of_range)
                    .bind(19, counts.not_finite)
                    .bind(20, counts.rejected)
                    .run();
    if (!done) return done;
  }
  for (const IdentityChange& change : effect.identities) {
    auto done = change.value
                    ? sql.set_identity.bind(1, change.key.time_ns)
                          .bind(2, change.stream)
                          .bind(3, change.key.identity)
                          .bind(4, *change.value)
                          .run()
                    : sql.delete_identity.bind(1, change.key.time_ns).bind(2, change.stream).bind(3, change.key.identity).run();
    if (!done) return done;
  }
  for (const AlarmChange& change : effect.alarms) {
    auto done = change.alarm ? sql.set_alarm.bind(1, change.stream)
                                   .bind(2, change.limit)
                                   .bind(3, change.alarm->alert_since_ns)
                                   .bind(4, change.alarm->danger_since_ns)
                                   .bind(5, change.alarm->changed_ns)
                                   .bind(6, change.alarm->activated_ns)
                                   .bind(7, static_cast<int>(change.alarm->level))
                                   .bind(8, static_cast<int>(change.alarm->highest_level))
                                   .bind(9, change.alarm->revision)
                                   .bind(10, std::span(change.alarm->row))
                                   .run()
                             : sql.delete_alarm.bind(1, change.stream).bind(2, change.limit).run();
    if (!done) return done;
  }
  for (const auto& [device, tracker] : effect.devices) {
    for (const EpochSequences& epoch : tracker->epochs()) {
      const auto ranges = bytes_of(epoch.ranges);
      auto done = sql.set_epoch.bind(1, *device).bind(2, epoch.epoch).bind(3, epoch.base).bind(4, std::span(ranges)).run();
      if (!done) return done;
    }
    auto done = sql.delete_epochs_before.bind(1, *device).bind(2, tracker->epochs().front().epoch).run();
    if (!done) return done;
  }
  if (auto done = append_rows(effect.rows); !done) return done;
  if (auto done = write_dead_letters(effect); !done) return done;

  return write_totals(effect);
}

Status SqliteSpool::write_definitions(const std::vector<WindowDefinition>& definitions) {
  if (auto done = writer_.execute("DELETE FROM definition"); !done) return done;
  for (const WindowDefinition& definition : definitions) {
    auto done = statements_->set_definition.bind(1, definition.id)
                    .bind(2, static_cast<int>(definition.kind))
                    .bind(3, definition.length_ns)
                    .bind(4, definition.hop_ns)
                    .bind(5, definition.slice_ns)
                    .bind(6, definition.offset_ns)
                    .bind(7, definition.samples)
                    .bind(8, definition.quantity)
                    .bind(9, definition.device)
                    .run();
    if (!done) return done;
  }
  return {};
}

// Only what has changed since this process wrote it last: with one message a commit, the rest would be most of the work.
Status SqliteSpool::write_totals(const Effect& effect) {
  Statements& sql = *statements_;
  const auto set_counter = [&](std::string_view name, std::uint64_t value, std::uint64_t& written) -> Status {
    if (value == written) return {};
    written = value;
    return sql.set_counter.bind(1, name).bind(2, value).run();
  };
  for (std::size_t i = 0; i < counter_names.size(); ++i) {
    if (auto done = set_counter(counter_names[i], effect.totals.counters[i], written_.totals.counters[i]); !done) return done;
  }
  for (std::size_t i = 0; i < reason_count; ++i) {
    if (auto done = set_counter(dead_letter_counter(i), effect.totals.dead_letters[i], written_.totals.dead_letters[i]); !done) {
      return done;
    }
  }
  const auto set_meta = [&](std::string_view key, std::int64_t value) { return sql.set_meta.bind(1, key).bind(2, value).run(); };
  if (effect.redelivery != written_.redelivery) {
    if (auto done = set_meta("redelivery_hash", static_cast<std::int64_t>(effect.redelivery.hash)); !done) return done;
    if (auto done = set_meta("redelivery_packet_id", effect.redelivery.packet_id); !done) return done;
    written_.redelivery = effect.redelivery;
  }
  if (effect.provenance != written_.provenance) {
    if (auto done = set_meta("provenance", static_cast<std::int64_t>(effect.provenance)); !done) return done;
    written_.provenance = effect.provenance;
  }
  return set_meta("offered_until_ns", effect.now_ns);
}

Status SqliteSpool::append_rows(const std::vector<NewRow>& rows) {
  const std::lock_guard lock(lanes_mutex_);
  bool touched[lane_count] = {};
  for (const NewRow& row : rows) {
    const auto lane = static_cast<std::size_t>(row.lane);
    LaneState& state = lanes_[lane];
    auto done = statements_->add_row.bind(1, outbox_id(lane, state.next_number))
                    .bind(2, static_cast<int>(row.kind))
                    .bind(3, std::span(row.body))
                    .run();
    if (!done) return done;
    ++state.next_number;
    ++state.totals.rows;
    state.totals.bytes += row.body.size();
    touched[lane] = true;
  }
  for (std::size_t lane = 0; lane < lane_count; ++lane) {
    if (!touched[lane]) continue;
    if (auto done = save_lane(lane, lanes_[lane]); !done) return done;
  }
  return {};
}

Status SqliteSpool::save_lane(std::size_t lane, const LaneState& state) {
  return statements_->set_lane.bind(1, static_cast<std::int64_t>(lane))
      .bind(2, state.next_number)
      .bind(3, state.previous_number)
      .bind(4, state.previous_hash)
      .bind(5, state.totals.rows)
      .bind(6, state.totals.bytes)
      .run();
}

Status SqliteSpool::write_dead_letters(const Effect& effect) {
  for (const DeadLetter& letter : effect.dead_letters) {
    auto done = statements_->add_dead_letter.bind(1, letter.received_ns)
                    .bind(2, name_of(letter.rejection.reason))
                    .bind(3, letter.rejection.detail)
                    .bind(4, letter.topic)
                    .bind(5, letter.device)
                    .bind(6, letter.payload_bytes)
                    .bind(7, std::span(letter.payload))
                    .run();
    if (!done) return done;
  }
  if (effect.dead_letters_dropped == 0) return {};
  return statements_->drop_dead_letters.bind(1, effect.dead_letters_dropped).run();
}

Result<std::vector<OutboxLane>> SqliteSpool::oldest(std::size_t rows_max, std::size_t bytes_max) {
  // One read transaction, so that what a lane says of itself and its rows agree.
  if (auto begun = reader_.execute("BEGIN"); !begun) return std::unexpected(begun.error());
  std::vector<OutboxLane> lanes;
  Status read;
  std::size_t bytes = 0;
  std::size_t rows = 0;
  for (const schema::Lane which : sending_order) {
    const auto lane = static_cast<std::size_t>(which);
    OutboxLane out;
    out.lane = which;
    Statement& own = statements_->read_lane;
    const auto found = own.bind(1, static_cast<std::int64_t>(lane)).step();
    if (!found || !*found) {
      read = found ? fail(Code::corrupt, "reading the spool", "a lane is missing") : std::unexpected(found.error());
      break;
    }
    out.next_number = out.lowest_kept = own.unsigned_integer(0);
    out.previous_number = own.unsigned_integer(1);
    out.previous_hash = own.unsigned_integer(2);
    own.reset();

    Statement& body = statements_->read_rows;
    body.bind(1, outbox_id(lane, 0)).bind(2, outbox_id(lane + 1, 0) - 1);
    bool first = true;
    for (;;) {
      const auto more = body.step();
      if (!more) {
        read = std::unexpected(more.error());
        break;
      }
      if (!*more) break;
      const std::uint64_t number = body.unsigned_integer(0) & ((1ull << lane_shift) - 1);
      if (first) out.lowest_kept = number;
      first = false;
      if (rows == rows_max || bytes >= bytes_max) break;
      const auto blob = body.blob(2);
      out.rows.push_back({number, static_cast<std::uint16_t>(body.integer(1)), {blob.begin(), blob.end()}});
      bytes += blob.size();
      ++rows;
    }
    body.reset();
    if (out.previous_number + 1 != out.lowest_kept) out.previous_number = out.previous_hash = 0;
    lanes.push_back(std::move(out));
    if (!read) break;
  }
  if (auto ended = reader_.execute("COMMIT"); read && !ended) read = ended;
  if (!read) return std::unexpected(read.error());
  return lanes;
}

Status SqliteSpool::acknowledged(schema::Lane lane, std::uint64_t durable_through, const std::vector<NumberRange>& ranges) {
  const auto index = static_cast<std::size_t>(lane);
  STETHOS_CHECK(index < lane_count, "an unknown lane");
  std::vector<NumberRange> leaving{{1, durable_through}};
  leaving.insert(leaving.end(), ranges.begin(), ranges.end());
  const std::lock_guard lock(write_mutex_);
  const std::lock_guard lanes_lock(lanes_mutex_);
  LaneState state = lanes_[index];
  for (const NumberRange& range : leaving) {
    if (range.last >= state.next_number)
      return fail(Code::invalid, "taking an acknowledgement", "it names numbers never given out");
  }
  const auto body = [&]() -> Status {
    Statement& previous = statements_->row_body;
    const auto found = previous.bind(1, outbox_id(index, durable_through)).step();
    if (!found) return std::unexpected(found.error());
    if (*found) {
      state.previous_number = durable_through;
      state.previous_hash = hash_of(previous.blob(0));
    }
    previous.reset();
    for (const NumberRange& range : leaving) {
      if (range.last < range.first) continue;
      const std::uint64_t first = outbox_id(index, range.first);
      const std::uint64_t last = outbox_id(index, range.last);
      Statement& measure = statements_->measure_rows;
      const auto measured = measure.bind(1, first).bind(2, last).step();
      if (!measured) return std::unexpected(measured.error());
      state.totals.rows -= measure.unsigned_integer(0);
      state.totals.bytes -= measure.unsigned_integer(1);
      measure.reset();
      if (auto deleted = statements_->delete_rows.bind(1, first).bind(2, last).run(); !deleted) return deleted;
    }
    return save_lane(index, state);
  };
  if (auto done = writer_.transaction(body); !done) return done;
  lanes_[index] = state;
  return {};
}

std::vector<LaneTotals> SqliteSpool::lane_totals() const {
  const std::lock_guard lock(lanes_mutex_);
  std::vector<LaneTotals> totals;
  totals.reserve(lanes_.size());
  for (const LaneState& lane : lanes_) totals.push_back(lane.totals);
  return totals;
}

}  // namespace stethos::edge
