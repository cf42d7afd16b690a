#include "edge/spool/sqlite_spool.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "common/fault_point.h"
#include "common/folder_fault.h"
#include "common/identity.h"
#include "common/log.h"
#include "common/time_text.h"
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
constexpr std::string_view forgotten_dropped = "forgotten_dropped";

std::uintmax_t size_of(const std::string& path) {
  std::error_code absent;
  const auto size = std::filesystem::file_size(path, absent);
  return absent ? 0 : size;
}

// SQLite follows a link and keeps its log beside the file itself; so must the lock, and what is set aside. The file need not be
// there.
std::string followed(const std::string& path) {
  namespace fs = std::filesystem;
  constexpr int links_max = 40;  // as many as Linux follows
  std::error_code error;
  fs::path file = path;
  for (int links = 0; links < links_max && fs::is_symlink(file, error); ++links) {
    const fs::path target = fs::read_symlink(file, error);
    file = target.is_absolute() ? target : file.parent_path() / target;
  }
  const fs::path folder = fs::canonical(file.has_parent_path() ? file.parent_path() : ".", error);
  return error ? path : (folder / file.filename()).string();
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

Result<std::unique_ptr<SqliteSpool>> SqliteSpool::open(const std::string& given, SpoolBudget budget) {
  const std::string path = followed(given);
  const auto locked = lock(path);
  if (!locked) return std::unexpected(locked.error());
  return open_locked(path, *locked, budget);
}

Result<OpenedSpool> SqliteSpool::open_or_set_aside(const std::string& given, TimeNs now, SpoolBudget budget) {
  const std::string path = followed(given);
  const auto locked = lock(path);
  if (!locked) return std::unexpected(locked.error());
  auto opened = open_and_load(path, *locked, budget);
  if (opened || opened.error().code != Code::corrupt) return opened;
  std::string damage = opened.error().text();
  if (auto checked = check_is_no_text(path, "opening the spool " + path); !checked) return std::unexpected(checked.error());
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
  if (descriptor < 0) {
    const std::string error = std::strerror(errno);
    const std::string fault = folder_fault(path);
    return fail(Code::io, doing, fault.empty() ? error : fault);
  }
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
      state_(writer_),
      dead_letters_(writer_),
      outbox_(writer_),
      outbox_reader_(reader_),
      labels_(writer_),
      held_time_(std::min(budget.age_max, age_hold_max)) {}

Status SqliteSpool::begin() {
  Statement meta(writer_, "SELECT key, value FROM meta");
  auto read = sqlite::for_each(meta, [&](Statement& row) {
    if (row.text(0) == "identity") identity_ = row.text(1);
    if (row.text(0) == "node") owner_ = row.text(1);
    if (row.text(0) == "offered_until_ns") offered_until_ns_.store(row.integer(1));
  });
  if (!read) return read;
  if (identity_.empty()) return fail(Code::corrupt, "opening the spool", "it has no identity");
  Statement counters(writer_, "SELECT name, value FROM counter");
  read = sqlite::for_each(counters, [&](Statement& row) {
    if (row.text(0) == history_rows_dropped) giving_up_.history_rows = row.unsigned_integer(1);
    if (row.text(0) == dead_letters_dropped) giving_up_.dead_letters = row.unsigned_integer(1);
    if (row.text(0) == rows_given_up) giving_up_.rows = row.unsigned_integer(1);
    if (row.text(0) == forgotten_dropped) giving_up_.forgotten = row.unsigned_integer(1);
  });
  if (!read) return read;
  given_up_ = giving_up_;
  if (read = dead_letters_.load(); !read) return read;
  return outbox_.load();
}

Status SqliteSpool::claim(std::string_view node) {
  if (owner_ == node) return {};
  if (auto checked = check_owner(path_, owner_, node); !checked) return checked;
  const std::lock_guard lock(write_mutex_);
  change([&] { return state_.set_meta("node", node); });
  if (usable_) owner_ = node;
  return usable_;
}

Result<SavedState> SqliteSpool::load() {
  const std::lock_guard lock(write_mutex_);
  auto state = state_.load();
  if (!state) return state;
  outbox_.restore(*state);
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
  if (usable_ && effect.clock_trusted) offered_until_ns_.store(effect.now_ns);
  return usable_;
}

Status SqliteSpool::note(const Suspects& suspects) {
  const std::lock_guard lock(write_mutex_);
  fault_point("edge.suspects.before");
  change([&] { return state_.write_suspects(suspects); });
  fault_point("edge.suspects.after");
  return usable_;
}

Status SqliteSpool::note(const SessionRecord& record) {
  const std::lock_guard lock(write_mutex_);
  fault_point("edge.sessions.before");
  change([&] { return state_.write_sessions(record); });
  fault_point("edge.sessions.after");
  return usable_;
}

Result<std::optional<DeviceSequences>> SqliteSpool::forgotten_device(std::string_view device) {
  const std::lock_guard lock(write_mutex_);
  return state_.forgotten_device(device);
}

Result<std::optional<Stream>> SqliteSpool::forgotten_stream(std::string_view device, std::string_view channel) {
  const std::lock_guard lock(write_mutex_);
  return state_.forgotten_stream(device, channel);
}

Result<std::optional<DeadLetter>> SqliteSpool::letter_after(std::int64_t id) {
  const std::lock_guard lock(write_mutex_);
  return dead_letters_.after(id);
}

Result<const WindowLabels*> SqliteSpool::labels_of(std::uint64_t version) {
  const std::lock_guard lock(write_mutex_);
  return labels_.find(version);
}

Result<std::size_t> SqliteSpool::admit(std::string_view device) {
  const std::lock_guard lock(write_mutex_);
  std::size_t epochs = 0;
  change([&]() -> Status {
    const auto forgotten = state_.forget_epochs(device);
    if (!forgotten) return std::unexpected(forgotten.error());
    epochs = *forgotten;
    return {};
  });
  if (!usable_) return std::unexpected(usable_.error());
  return epochs;
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
  if (auto done = state_.write(effect); !done) return done;
  if (!effect.forgotten_streams.empty() || !effect.forgotten_devices.empty()) {
    auto done = count_gone(state_.drop_forgotten_beyond(budget_.forgotten_max), forgotten_dropped, giving_up_.forgotten);
    if (!done) return done;
  }
  const std::optional<TimeNs> now = effect.clock_trusted ? std::optional(effect.now_ns) : std::nullopt;
  if (auto done = outbox_.append(effect.rows, now); !done) return done;
  if (auto done = outbox_.note(effect); !done) return done;
  if (auto done = dead_letters_.change(effect.dead_letters, effect.put_through); !done) return done;
  return make_room(now);
}

Status SqliteSpool::count_gone(const Result<std::uint64_t>& gone, std::string_view name, std::uint64_t& total) {
  if (!gone) return std::unexpected(gone.error());
  if (*gone == 0) return {};
  total += *gone;
  return state_.set_counter(name, total);
}

// What rows that are kept cannot do without goes to the end of its lane when it leaves the front. Should there be no room for
// that either, it is gone.
Status SqliteSpool::make_room(std::optional<TimeNs> now) {
  std::optional<TimeNs> age_now = now;
  if (now && budget_.clock != nullptr) age_now = held_time_.at(*now, budget_.clock->monotonic());
  if (auto done = let_go(age_now); !done) return done;
  const std::vector<NewRow> needed = outbox_.take_needed();
  if (needed.empty()) return {};
  if (auto done = outbox_.append(needed, now); !done) return done;
  auto done = let_go(age_now);
  outbox_.take_needed();
  return done;
}

Status SqliteSpool::let_go(std::optional<TimeNs> age_now) {
  const auto needed = [&] {
    const std::uint64_t used = outbox_.budget_bytes() + dead_letters_.budget_bytes();
    return used > budget_.bytes_max ? used - budget_.bytes_max : 0;
  };
  const auto count = [&](const Result<RowTotals>& gone, std::string_view name, std::uint64_t& total) -> Status {
    return count_gone(gone ? Result<std::uint64_t>(gone->rows) : std::unexpected(gone.error()), name, total);
  };
  auto done = count(dead_letters_.drop_beyond(budget_.dead_letters_max), dead_letters_dropped, giving_up_.dead_letters);
  if (done && budget_.age_max > 0 && age_now) {
    done = count(outbox_.drop_history_older(budget_.age_max, *age_now), history_rows_dropped, giving_up_.history_rows);
    if (done) done = count(outbox_.give_up_older(budget_.age_max, *age_now), rows_given_up, giving_up_.rows);
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
  auto lanes = outbox_reader_.waiting(order, rows_max, bytes_max);
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
    if (auto set = state_.set_meta("identity", next); !set) return set;
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
