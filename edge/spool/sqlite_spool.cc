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

#include "common/fault_point.h"
#include "common/hash.h"
#include "common/identity.h"
#include "common/log.h"
#include "common/time_text.h"
#include "edge/ingest/message.h"
#include "edge/spool/spool_format.h"
#include "edge/spool/tables.h"
#include "schemas/envelope.h"

namespace stethos::edge {
namespace {

using sqlite::Access;
using sqlite::Database;
using sqlite::Statement;

constexpr std::string_view history_rows_dropped = "history_rows_dropped";
constexpr std::string_view dead_letters_dropped = "dead_letters_dropped";
constexpr std::string_view rows_given_up = "rows_given_up";

constexpr std::array<std::string_view, static_cast<std::size_t>(Counter::count_)> counter_names{
    "messages",      "message_bytes",   "duplicate_messages", "deferred_messages",  "lost_messages",       "identities_forgotten",
    "window_rows",   "streams_rebased", "alarm_rows",         "limit_units_differ", "letters_put_through", "silence_rows",
    "streams_behind"};

// Columns are named wherever a table is written: a later minor version may add some.
constexpr std::string_view definition_columns = "id, kind, length_ns, hop_ns, slice_ns, offset_ns, samples, quantity, device";
constexpr std::string_view stream_columns =
    "id, device, channel, quantity, unit, version, watermark_ns, watermark_ns_max, newest_ns, jump_from_ns, "
    "jump_to_ns, late_run, late_run_ns, last_received_ns, good, duplicate, late, out_of_range, not_finite, "
    "rejected";
constexpr std::string_view pane_columns =
    "start_ns, stream, definition, length_ns, count, mean, m2, m3, m4, min, max, sum_abs, sum_sqrt_abs, "
    "not_finite, out_of_range, duplicate, late, rejected, first_epoch, first_sequence, last_epoch, "
    "last_sequence, first_received_ns, last_received_ns, changed, sent, revision, is_final, before_silence, more";

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

// What the lock file says. Of one length: written in place, it needs no room on a full disk.
constexpr std::string_view running = "running\n";
constexpr std::string_view ended = "ended  \n";
static_assert(running.size() == ended.size());

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

// Makes the tables, or adds what later minor versions have.
Status bring_up_to_date(Database& database, int version) {
  const int first = version == 0 ? 0 : version % 1000 + 1;
  if (first > spool_version_minor) return {};
  std::string sql;
  for (int minor = first; minor <= spool_version_minor; ++minor) sql += spool_versions.at(static_cast<std::size_t>(minor));
  if (version == 0) {
    sql += "INSERT INTO meta VALUES ('identity', '" + random_identity() +
           "'); PRAGMA application_id = " + std::to_string(spool_application_id) + ";";
  }
  sql += "PRAGMA user_version = " + std::to_string(spool_version_major * 1000 + spool_version_minor);
  return database.transaction([&] { return database.execute(sql); });
}

}  // namespace

struct SqliteSpool::Statements {
  explicit Statements(Database& writer)
      : set_meta(writer, upsert("meta", "key, value")),
        set_definition(writer, upsert("definition", definition_columns)),
        set_stream(writer, upsert("stream", stream_columns)),
        set_pane(writer, upsert("pane", pane_columns)),
        delete_pane(writer, "DELETE FROM pane WHERE start_ns = ?1 AND stream = ?2 AND definition = ?3"),
        set_alarm(writer, upsert("alarm", alarm_columns)),
        delete_alarm(writer, "DELETE FROM alarm WHERE stream = ?1 AND limit_id = ?2"),
        set_identity(writer, upsert("identity", "time_ns, stream, identity, value")),
        delete_identity(writer, "DELETE FROM identity WHERE time_ns = ?1 AND stream = ?2 AND identity = ?3"),
        set_speed(writer, upsert("speed", "time_ns, machine, hz")),
        delete_speed(writer, "DELETE FROM speed WHERE time_ns = ?1 AND machine = ?2"),
        set_epoch(writer, upsert("device", "device, epoch, base, ranges")),
        delete_epochs_before(writer, "DELETE FROM device WHERE device = ?1 AND epoch < ?2"),
        set_counter(writer, upsert("counter", "name, value")) {}

  Statement set_meta, set_definition, set_stream, set_pane, delete_pane, set_alarm, delete_alarm, set_identity, delete_identity,
      set_speed, delete_speed, set_epoch, delete_epochs_before, set_counter;
};

Result<std::unique_ptr<SqliteSpool>> SqliteSpool::open(const std::string& path, SpoolBudget budget) {
  const auto locked = lock(path);
  if (!locked) return std::unexpected(locked.error());
  return open_locked(path, *locked, budget);
}

Result<OpenedSpool> SqliteSpool::open_or_set_aside(const std::string& path, TimeNs now, SpoolBudget budget) {
  const auto locked = lock(path);
  if (!locked) return std::unexpected(locked.error());
  auto opened = open_and_load(path, *locked, budget);
  if (opened || opened.error().code != Code::corrupt) return opened;
  std::string damage = opened.error().text();
  auto name = set_aside(path, now);
  if (!name) return fail(name.error().code, name.error().doing, name.error().failed + " (" + damage + ")");
  opened = open_and_load(path, *locked, budget);
  if (!opened) {
    return fail(opened.error().code, "beginning a new spool, the damaged one being " + *name + " now", opened.error().text());
  }
  opened->set_aside = std::move(*name);
  opened->damage = std::move(damage);
  return opened;
}

Result<OpenedSpool> SqliteSpool::open_and_load(const std::string& path, const std::shared_ptr<const Lock>& lock,
                                               SpoolBudget budget) {
  OpenedSpool opened;
  auto spool = open_locked(path, lock, budget);
  if (!spool) return std::unexpected(spool.error());
  auto saved = (*spool)->load();
  if (!saved) return fail(saved.error().code, "loading the spool " + path, saved.error().text());
  opened.spool = std::move(*spool);
  opened.saved = std::move(*saved);
  return opened;
}

Result<std::unique_ptr<SqliteSpool>> SqliteSpool::open_locked(const std::string& path, const std::shared_ptr<const Lock>& lock,
                                                              SpoolBudget budget) {
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
  if (auto done = bring_up_to_date(*writer, *version); !done) return std::unexpected(done.error());
  auto reader = Database::open(path, Access::read_only);
  if (!reader) return std::unexpected(reader.error());
  std::unique_ptr<SqliteSpool> spool(new SqliteSpool(path, lock, std::move(*writer), std::move(*reader), budget));
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

SqliteSpool::SqliteSpool(std::string path, std::shared_ptr<const Lock> lock, Database writer, Database reader, SpoolBudget budget)
    : path_(std::move(path)),
      lock_(std::move(lock)),
      budget_(budget),
      writer_(std::move(writer)),
      reader_(std::move(reader)),
      statements_(new Statements(writer_)),
      dead_letters_(writer_),
      outbox_(writer_, reader_) {}

SqliteSpool::~SqliteSpool() = default;

Status SqliteSpool::begin() {
  Statement meta(writer_, "SELECT key, value FROM meta");
  auto read = for_each(meta, [&](Statement& row) {
    if (row.text(0) == "identity") identity_ = row.text(1);
    if (row.text(0) == "offered_until_ns") offered_until_ns_.store(row.integer(1));
  });
  if (!read) return read;
  if (identity_.empty()) return fail(Code::corrupt, "opening the spool", "it has no identity");
  Statement counters(writer_, "SELECT name, value FROM counter");
  read = for_each(counters, [&](Statement& row) {
    if (row.text(0) == history_rows_dropped) giving_up_.history_rows = row.unsigned_integer(1);
    if (row.text(0) == dead_letters_dropped) giving_up_.dead_letters = row.unsigned_integer(1);
    if (row.text(0) == rows_given_up) giving_up_.rows = row.unsigned_integer(1);
  });
  if (!read) return read;
  given_up_ = giving_up_;
  if (read = dead_letters_.load(); !read) return read;
  return outbox_.load();
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
    pane.before_silence = row.integer(28) != 0;
    auto blocks = decode_block_summary(row.blob(29));
    if (!blocks) return std::unexpected(blocks.error());
    pane.blocks = std::move(*blocks);
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

  Statement speeds(writer_, "SELECT time_ns, machine, hz FROM speed");
  read =
      for_each(speeds, [&](Statement& row) { state.speeds.push_back({std::string(row.text(1)), row.integer(0), row.real(2)}); });
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
    if (row.text(0) == "may_return") {
      const auto bytes = row.blob(1);
      state.may_return.resize(std::min(bytes.size() / sizeof(std::uint64_t), on_the_way_max));
      std::memcpy(state.may_return.data(), bytes.data(), state.may_return.size() * sizeof(std::uint64_t));
    }
    if (row.text(0) == "provenance") state.provenance = row.unsigned_integer(1);
    if (row.text(0) == "position") state.position = row.text(1);
    if (row.text(0) == "suspects") state.suspects = suspects_of(row.blob(1));
  });
  if (!read) return std::unexpected(read.error());
  writer_.fold_log_on_close(true);  // it is whole: there is nothing to keep as it was
  if (auto folded = writer_.fold_log(); !folded) return std::unexpected(folded.error());
  return state;
}

Status SqliteSpool::commit(const Effect& effect) {
  const std::lock_guard lock(write_mutex_);
  if (effect.changed) {
    fault_point("edge.begin.before");
    change([&] {
      fault_point("edge.begin.after");
      auto written = write(effect);
      fault_point("edge.commit.before");
      return written;
    });
    fault_point("edge.commit.after");
  }
  if (usable_) offered_until_ns_.store(effect.now_ns);
  return usable_;
}

Status SqliteSpool::note(const Suspects& suspects) {
  const std::lock_guard lock(write_mutex_);
  fault_point("edge.suspects.before");
  change([&] { return write_suspects(suspects); });
  fault_point("edge.suspects.after");
  return usable_;
}

Status SqliteSpool::write_suspects(const Suspects& suspects) {
  const auto value = bytes_of(suspects);
  return statements_->set_meta.bind(1, std::string_view("suspects")).bind(2, std::span(value)).run();
}

Result<std::optional<DeadLetter>> SqliteSpool::letter_after(std::int64_t id) {
  const std::lock_guard lock(write_mutex_);
  return dead_letters_.after(id);
}

bool SqliteSpool::begin_run() {
  std::array<char, running.size()> said{};
  const bool died = ::pread(lock_->descriptor(), said.data(), said.size(), 0) == std::ssize(said) &&
                    std::string_view(said.data(), said.size()) == running;
  static_cast<void>(::pwrite(lock_->descriptor(), running.data(), running.size(), 0));
  return died;
}

void SqliteSpool::end_run() { static_cast<void>(::pwrite(lock_->descriptor(), ended.data(), ended.size(), 0)); }

std::optional<std::uint64_t> SqliteSpool::disk_free_bytes() const {
  std::error_code failed;
  const auto space = std::filesystem::space(path_, failed);
  return failed ? std::nullopt : std::optional<std::uint64_t>(space.available);
}

template <class Body>
void SqliteSpool::change(Body body) {
  if (usable_) usable_ = writer_.transaction(body);
  if (!usable_) return;
  outbox_.committed();
  const std::lock_guard lock(mutex_);
  given_up_ = giving_up_;
}

Status SqliteSpool::write(const Effect& effect) {
  Statements& sql = *statements_;
  const auto pane_row = [&](const PaneChange& change) {
    if (change.pane == nullptr) {
      return sql.delete_pane.bind(1, change.key.start_ns).bind(2, change.stream).bind(3, change.key.definition).run();
    }
    const Pane& pane = *change.pane;
    const kernels::Moments& m = pane.moments;
    const std::vector<std::uint8_t> more = encode(pane.blocks);
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
        .bind(29, pane.before_silence ? 1 : 0)
        .bind(30, std::span(more))
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
  for (const SpeedChange& change : effect.speeds) {
    auto done = change.hz ? sql.set_speed.bind(1, change.time_ns).bind(2, change.machine).bind(3, *change.hz).run()
                          : sql.delete_speed.bind(1, change.time_ns).bind(2, change.machine).run();
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
    if (has_canary("forget_sequences")) break;
    for (const EpochSequences& epoch : tracker->epochs()) {
      const auto ranges = bytes_of(epoch.ranges);
      auto done = sql.set_epoch.bind(1, *device).bind(2, epoch.epoch).bind(3, epoch.base).bind(4, std::span(ranges)).run();
      if (!done) return done;
    }
    auto done = sql.delete_epochs_before.bind(1, *device).bind(2, tracker->epochs().front().epoch).run();
    if (!done) return done;
  }
  if (auto done = outbox_.append(effect.rows, effect.now_ns); !done) return done;
  if (auto done = dead_letters_.change(effect.dead_letters, effect.put_through); !done) return done;
  if (auto done = make_room(effect.now_ns); !done) return done;
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
  if (effect.may_return != written_.may_return) {
    const auto bytes = std::as_bytes(std::span(effect.may_return));
    const std::span value(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    if (auto done = sql.set_meta.bind(1, std::string_view("may_return")).bind(2, value).run(); !done) return done;
    written_.may_return = effect.may_return;
  }
  if (effect.provenance != written_.provenance) {
    if (auto done = set_meta("provenance", static_cast<std::int64_t>(effect.provenance)); !done) return done;
    written_.provenance = effect.provenance;
  }
  if (!effect.position.empty()) {
    auto done = sql.set_meta.bind(1, std::string_view("position")).bind(2, std::string_view(effect.position)).run();
    if (!done) return done;
  }
  if (effect.suspects != nullptr) {
    if (auto done = write_suspects(*effect.suspects); !done) return done;
  }
  return set_meta("offered_until_ns", effect.now_ns);
}

Status SqliteSpool::make_room(TimeNs now) {
  const auto needed = [&] {
    const std::uint64_t used = outbox_.budget_bytes() + dead_letters_.budget_bytes();
    return used > budget_.bytes_max ? used - budget_.bytes_max : 0;
  };
  const auto count = [&](const Result<RowTotals>& gone, std::string_view name, std::uint64_t& total) -> Status {
    if (!gone) return std::unexpected(gone.error());
    if (gone->rows == 0) return {};
    total += gone->rows;
    return statements_->set_counter.bind(1, name).bind(2, total).run();
  };
  auto done = count(dead_letters_.drop_beyond(budget_.dead_letters_max), dead_letters_dropped, giving_up_.dead_letters);
  if (done && budget_.age_max > 0) {
    const TimeNs before = now - budget_.age_max;
    done = count(outbox_.drop_history_before(before), history_rows_dropped, giving_up_.history_rows);
    if (done) done = count(outbox_.give_up_before(before), rows_given_up, giving_up_.rows);
  }
  if (done && needed() > 0) done = count(outbox_.drop_history(needed()), history_rows_dropped, giving_up_.history_rows);
  if (done && needed() > 0) done = count(dead_letters_.drop(needed()), dead_letters_dropped, giving_up_.dead_letters);
  if (done && needed() > 0) done = count(outbox_.give_up(needed()), rows_given_up, giving_up_.rows);
  return done;
}

std::string SqliteSpool::spool_identity() const {
  const std::lock_guard lock(mutex_);
  return identity_;
}

GivenUpTotals SqliteSpool::given_up() const {
  const std::lock_guard lock(mutex_);
  return given_up_;
}

Result<std::vector<uplink::OutboxLane>> SqliteSpool::waiting(uplink::SendOrder order, std::size_t rows_max,
                                                             std::size_t bytes_max) {
  auto lanes = outbox_.waiting(order, rows_max, bytes_max);
  if (has_canary("delete_before_acknowledgement") && lanes) {
    const std::lock_guard lock(write_mutex_);
    for (const auto& lane : *lanes) outbox_.forget(lane);
  }
  return lanes;
}

Result<bool> SqliteSpool::answered(std::span<const uplink::LaneAnswer> answers) {
  const std::lock_guard lock(write_mutex_);
  Outbox::Taken taken;
  const std::string former = identity_;
  const std::string next = random_identity();
  fault_point("edge.outbox.before");
  change([&]() -> Status {
    const auto took = outbox_.take(answers);
    if (!took) return std::unexpected(took.error());
    taken = *took;
    if (!taken.is_copy) return {};
    if (auto set = statements_->set_meta.bind(1, std::string_view("identity")).bind(2, next).run(); !set) return set;
    schema::EventRowT event;
    event.kind = schema::EventKind::spool_copied;
    event.at_ns = offered_until_ns_.load();
    event.detail = former;
    return outbox_.append({{schema::Lane::notes, schema::RowKind::event, schema::pack(event)}}, event.at_ns);
  });
  if (!usable_) return std::unexpected(usable_.error());
  fault_point("edge.outbox.after");
  if (taken.is_copy) {
    spdlog::warn("the collector has rows that the spool {} never gave out: this is a copy of an earlier day, and goes on as {}",
                 former, next);
    const std::lock_guard mutex_lock(mutex_);
    identity_ = next;
  }
  return taken.wait_again;
}

}  // namespace stethos::edge
