#include "tests/fault/crash_disk.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include "common/result.h"

namespace stethos::fault {
namespace {

constexpr std::uint64_t sector_bytes = 512;
constexpr int path_bytes_max = 512;

}  // namespace

// The memory that connections to one file share.
struct CrashDisk::Shared {
  std::vector<std::unique_ptr<std::vector<std::uint8_t>>> regions;
  std::array<int, SQLITE_SHM_NLOCK> holders{};  // how many share it; -1: one has it alone
};

struct CrashDisk::File {
  struct Change {
    std::uint64_t offset = 0;
    std::vector<std::uint8_t> bytes;
    bool is_length = false;  // the file is `offset` long from here on
  };

  std::string path;
  std::vector<std::uint8_t> seen;
  std::vector<std::uint8_t> durable;
  std::vector<Change> pending;
  bool exists_durably = false;
  std::uint64_t generation = 0;  // of the processes that have it open
  int shared = 0;
  bool reserved = false;
  bool pending_lock = false;
  bool exclusive = false;
  std::shared_ptr<Shared> memory = std::make_shared<Shared>();

  static void apply(std::vector<std::uint8_t>& to, const Change& change) {
    if (change.is_length) return to.resize(change.offset);
    to.resize(std::max<std::size_t>(to.size(), change.offset + change.bytes.size()));
    std::ranges::copy(change.bytes, to.begin() + static_cast<std::ptrdiff_t>(change.offset));
  }
  void change(Change change) {
    apply(seen, change);
    pending.push_back(std::move(change));
  }
  void sync() {
    for (const Change& change : pending) apply(durable, change);
    pending.clear();
    exists_durably = true;
  }
  void leave_all() {
    ++generation;
    shared = 0;
    reserved = pending_lock = exclusive = false;
    memory = std::make_shared<Shared>();
  }
};

struct CrashDisk::Handle {
  sqlite3_file base{};
  CrashDisk* disk = nullptr;
  std::shared_ptr<File> file;
  std::shared_ptr<Shared> memory;
  std::uint64_t generation = 0;
  int level = SQLITE_LOCK_NONE;
  bool is_temporary = false;
  std::array<bool, SQLITE_SHM_NLOCK> shares{};
  std::array<bool, SQLITE_SHM_NLOCK> owns{};

  bool is_dead() const { return generation != file->generation; }
};

// What SQLite calls.
struct CrashDisk::Calls {
  static Handle& handle_of(sqlite3_file* file) { return *reinterpret_cast<Handle*>(file); }
  static CrashDisk& disk_of(sqlite3_vfs* vfs) { return *static_cast<CrashDisk*>(vfs->pAppData); }

  static int close(sqlite3_file* file) {
    Handle& handle = handle_of(file);
    unlock(file, SQLITE_LOCK_NONE);
    shm_unmap(file, 0);
    handle.~Handle();
    return SQLITE_OK;
  }

  static int read(sqlite3_file* file, void* to, int count, sqlite3_int64 offset) {
    const Handle& handle = handle_of(file);
    if (handle.is_dead()) return SQLITE_IOERR_READ;
    const auto& seen = handle.file->seen;
    const auto from = std::min<std::size_t>(static_cast<std::size_t>(offset), seen.size());
    const std::size_t there = std::min<std::size_t>(static_cast<std::size_t>(count), seen.size() - from);
    if (there > 0) std::memcpy(to, seen.data() + from, there);
    std::memset(static_cast<char*>(to) + there, 0, static_cast<std::size_t>(count) - there);
    return there == static_cast<std::size_t>(count) ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
  }

  static int write(sqlite3_file* file, const void* from, int count, sqlite3_int64 offset) {
    Handle& handle = handle_of(file);
    if (handle.is_dead()) return SQLITE_IOERR_WRITE;
    const std::uint64_t end = static_cast<std::uint64_t>(offset) + static_cast<std::uint64_t>(count);
    const std::uint64_t growth = end > handle.file->seen.size() ? end - handle.file->seen.size() : 0;
    if (!handle.is_temporary) {
      if (const int refused = handle.disk->before(handle.file->path, At::write, growth); refused != SQLITE_OK) {
        return refused == SQLITE_IOERR ? SQLITE_IOERR_WRITE : refused;
      }
      handle.disk->bytes_written_ += static_cast<std::uint64_t>(count);
    }
    const auto* bytes = static_cast<const std::uint8_t*>(from);
    handle.file->change({.offset = static_cast<std::uint64_t>(offset), .bytes = {bytes, bytes + count}});
    return SQLITE_OK;
  }

  static int truncate(sqlite3_file* file, sqlite3_int64 length) {
    Handle& handle = handle_of(file);
    if (handle.is_dead()) return SQLITE_IOERR_TRUNCATE;
    if (!handle.is_temporary && handle.disk->before(handle.file->path, At::write, 0) != SQLITE_OK) return SQLITE_IOERR_TRUNCATE;
    handle.file->change({.offset = static_cast<std::uint64_t>(length), .bytes = {}, .is_length = true});
    return SQLITE_OK;
  }

  static int sync(sqlite3_file* file, int) {
    Handle& handle = handle_of(file);
    if (handle.is_dead()) return SQLITE_IOERR_FSYNC;
    File& stored = *handle.file;
    if (handle.disk->before(stored.path, At::sync, 0) != SQLITE_OK) {
      stored.pending.clear();
      return SQLITE_IOERR_FSYNC;
    }
    const std::string& lies_about = handle.disk->lies_about_;
    if (lies_about.empty() || !stored.path.ends_with(lies_about)) stored.sync();
    return SQLITE_OK;
  }

  static int size(sqlite3_file* file, sqlite3_int64* length) {
    const Handle& handle = handle_of(file);
    if (handle.is_dead()) return SQLITE_IOERR_FSTAT;
    *length = static_cast<sqlite3_int64>(handle.file->seen.size());
    return SQLITE_OK;
  }

  static int lock(sqlite3_file* file, int level) {
    Handle& handle = handle_of(file);
    if (handle.is_dead()) return SQLITE_IOERR_LOCK;
    File& stored = *handle.file;
    if (level <= handle.level) return SQLITE_OK;
    if (level == SQLITE_LOCK_SHARED) {
      if (stored.pending_lock || stored.exclusive) return SQLITE_BUSY;
      ++stored.shared;
    } else if (level == SQLITE_LOCK_RESERVED) {
      if (stored.reserved) return SQLITE_BUSY;
      stored.reserved = true;
    } else {
      if (handle.level < SQLITE_LOCK_RESERVED && stored.reserved) return SQLITE_BUSY;
      stored.reserved = stored.pending_lock = true;
      handle.level = SQLITE_LOCK_PENDING;
      if (stored.shared > 1) return SQLITE_BUSY;
      stored.exclusive = true;
    }
    handle.level = level;
    return SQLITE_OK;
  }

  static int unlock(sqlite3_file* file, int level) {
    Handle& handle = handle_of(file);
    if (level >= handle.level) return SQLITE_OK;
    if (!handle.is_dead()) {
      File& stored = *handle.file;
      if (handle.level >= SQLITE_LOCK_RESERVED) stored.reserved = stored.pending_lock = stored.exclusive = false;
      if (level == SQLITE_LOCK_NONE) --stored.shared;
    }
    handle.level = level;
    return SQLITE_OK;
  }

  static int check_reserved(sqlite3_file* file, int* is_reserved) {
    *is_reserved = handle_of(file).file->reserved ? 1 : 0;
    return SQLITE_OK;
  }

  static int control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
  static int sector_size(sqlite3_file*) { return sector_bytes; }
  static int characteristics(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

  static int shm_map(sqlite3_file* file, int region, int bytes, int extend, void volatile** at) {
    Handle& handle = handle_of(file);
    *at = nullptr;
    if (handle.is_dead()) return SQLITE_IOERR_SHMMAP;
    if (!handle.memory) handle.memory = handle.file->memory;
    auto& regions = handle.memory->regions;
    const auto index = static_cast<std::size_t>(region);
    if (index >= regions.size() && extend == 0) return SQLITE_OK;
    while (regions.size() <= index) {
      regions.push_back(std::make_unique<std::vector<std::uint8_t>>(static_cast<std::size_t>(bytes)));
    }
    *at = regions[index]->data();
    return SQLITE_OK;
  }

  static int shm_lock(sqlite3_file* file, int first, int count, int flags) {
    Handle& handle = handle_of(file);
    if (!handle.memory) return SQLITE_IOERR_SHMLOCK;
    auto& holders = handle.memory->holders;
    const auto each = [&](auto change) {
      for (int i = first; i < first + count; ++i) change(static_cast<std::size_t>(i));
    };
    if ((flags & SQLITE_SHM_UNLOCK) != 0) {
      each([&](std::size_t i) {
        if (std::exchange(handle.shares[i], false)) --holders[i];
        if (std::exchange(handle.owns[i], false)) holders[i] = 0;
      });
      return SQLITE_OK;
    }
    if (handle.is_dead()) return SQLITE_IOERR_SHMLOCK;
    const bool is_shared = (flags & SQLITE_SHM_SHARED) != 0;
    bool is_free = true;
    each([&](std::size_t i) {
      const int others = holders[i] - (handle.shares[i] ? 1 : 0);
      if (is_shared ? holders[i] < 0 && !handle.owns[i] : others != 0 && !handle.owns[i]) is_free = false;
    });
    if (!is_free) return SQLITE_BUSY;
    each([&](std::size_t i) {
      if (is_shared) {
        if (!std::exchange(handle.shares[i], true)) ++holders[i];
      } else {
        handle.shares[i] = false;
        handle.owns[i] = true;
        holders[i] = -1;
      }
    });
    return SQLITE_OK;
  }

  static void shm_barrier(sqlite3_file*) { std::atomic_thread_fence(std::memory_order_seq_cst); }

  static int shm_unmap(sqlite3_file* file, int remove) {
    Handle& handle = handle_of(file);
    if (!handle.memory) return SQLITE_OK;
    shm_lock(file, 0, SQLITE_SHM_NLOCK, SQLITE_SHM_UNLOCK | SQLITE_SHM_SHARED);
    handle.memory.reset();
    if (remove != 0 && !handle.is_dead()) handle.file->memory = std::make_shared<Shared>();
    return SQLITE_OK;
  }

  static int open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* flags_out) {
    auto* handle = new (file) Handle;
    const int opened = disk_of(vfs).open(path, *handle, flags, flags_out);
    if (opened != SQLITE_OK) {
      handle->~Handle();
      file->pMethods = nullptr;  // SQLite then does not close it
    }
    return opened;
  }

  static int remove(sqlite3_vfs* vfs, const char* path, int) {
    CrashDisk& disk = disk_of(vfs);
    const auto found = disk.files_.find(path);
    if (found == disk.files_.end()) return SQLITE_IOERR_DELETE_NOENT;
    if (disk.before(path, At::write, 0) != SQLITE_OK) return SQLITE_IOERR_DELETE;
    disk.files_.erase(path);
    return SQLITE_OK;
  }

  static int access(sqlite3_vfs* vfs, const char* path, int, int* is_there) {
    *is_there = disk_of(vfs).files_.contains(path) ? 1 : 0;
    return SQLITE_OK;
  }

  static int full_path(sqlite3_vfs*, const char* path, int bytes, char* out) {
    sqlite3_snprintf(bytes, out, "%s", path);
    return SQLITE_OK;
  }

  static int randomness(sqlite3_vfs* vfs, int bytes, char* out) {
    sqlite3_vfs* former = disk_of(vfs).former_;
    return former->xRandomness(former, bytes, out);
  }
  static int sleep(sqlite3_vfs*, int microseconds) { return microseconds; }
  static int time(sqlite3_vfs* vfs, double* days) {
    sqlite3_vfs* former = disk_of(vfs).former_;
    return former->xCurrentTime(former, days);
  }
  static int time_ms(sqlite3_vfs* vfs, sqlite3_int64* ms) {
    sqlite3_vfs* former = disk_of(vfs).former_;
    return former->xCurrentTimeInt64(former, ms);
  }
  static int last_error(sqlite3_vfs*, int, char*) { return 0; }

  static const sqlite3_io_methods methods;
};

const sqlite3_io_methods CrashDisk::Calls::methods{.iVersion = 2,
                                                   .xClose = close,
                                                   .xRead = read,
                                                   .xWrite = write,
                                                   .xTruncate = truncate,
                                                   .xSync = sync,
                                                   .xFileSize = size,
                                                   .xLock = lock,
                                                   .xUnlock = unlock,
                                                   .xCheckReservedLock = check_reserved,
                                                   .xFileControl = control,
                                                   .xSectorSize = sector_size,
                                                   .xDeviceCharacteristics = characteristics,
                                                   .xShmMap = shm_map,
                                                   .xShmLock = shm_lock,
                                                   .xShmBarrier = shm_barrier,
                                                   .xShmUnmap = shm_unmap,
                                                   .xFetch = nullptr,
                                                   .xUnfetch = nullptr};

CrashDisk::CrashDisk() : former_(sqlite3_vfs_find(nullptr)) {
  vfs_.iVersion = 2;
  vfs_.szOsFile = sizeof(Handle);
  vfs_.mxPathname = path_bytes_max;
  vfs_.zName = "crash-disk";
  vfs_.pAppData = this;
  vfs_.xOpen = Calls::open;
  vfs_.xDelete = Calls::remove;
  vfs_.xAccess = Calls::access;
  vfs_.xFullPathname = Calls::full_path;
  vfs_.xRandomness = Calls::randomness;
  vfs_.xSleep = Calls::sleep;
  vfs_.xCurrentTime = Calls::time;
  vfs_.xCurrentTimeInt64 = Calls::time_ms;
  vfs_.xGetLastError = Calls::last_error;
  STETHOS_CHECK(sqlite3_vfs_register(&vfs_, 1) == SQLITE_OK, "registering a file system");
}

CrashDisk::~CrashDisk() {
  sqlite3_vfs_unregister(&vfs_);
  sqlite3_vfs_register(former_, 1);
}

int CrashDisk::open(const char* path, Handle& handle, int flags, int* flags_out) {
  handle.disk = this;
  if (path == nullptr) {
    handle.is_temporary = true;
    handle.file = std::make_shared<File>();
  } else {
    const auto found = files_.find(path);
    if (found != files_.end()) {
      handle.file = found->second;
    } else {
      if ((flags & SQLITE_OPEN_CREATE) == 0) return SQLITE_CANTOPEN;
      if (before(path, At::write, 0) != SQLITE_OK) return SQLITE_CANTOPEN;
      handle.file = files_[path] = std::make_shared<File>();
      handle.file->path = path;
    }
  }
  handle.generation = handle.file->generation;
  handle.base.pMethods = &Calls::methods;
  if (flags_out != nullptr) *flags_out = flags;
  return SQLITE_OK;
}

int CrashDisk::before(const std::string& path, At at, std::uint64_t growth) {
  if (growth > 0 && path.starts_with(limit_prefix_) && bytes(limit_prefix_) + growth > bytes_max_) return SQLITE_FULL;
  if (faults_left_ == 0 || !path.starts_with(fault_prefix_)) return SQLITE_OK;
  if (fault_at_ == At::sync && at != At::sync) return SQLITE_OK;
  if (fault_after_ > 0) {
    --fault_after_;
    return SQLITE_OK;
  }
  --faults_left_;
  if (failure_ == Failure::crash) kill(fault_prefix_);
  return failure_ == Failure::full ? SQLITE_FULL : SQLITE_IOERR;
}

void CrashDisk::kill(const std::string& prefix) {
  for (auto& [path, file] : files_) {
    if (path.starts_with(prefix)) file->leave_all();
  }
}

void CrashDisk::lose_power(const std::string& prefix, std::mt19937_64& random) {
  kill(prefix);
  const auto how = random() % 4;  // of all writes since the last sync: none, all, the first ones, any sectors
  std::erase_if(files_, [&](auto& entry) {
    File& file = *entry.second;
    if (!entry.first.starts_with(prefix)) return false;
    const std::size_t first_ones = file.pending.empty() ? 0 : random() % (file.pending.size() + 1);
    std::size_t index = 0;
    for (const File::Change& change : file.pending) {
      const bool is_kept = how == 1 || (how == 2 && index < first_ones) || (how == 3 && change.is_length && random() % 2 == 0);
      ++index;
      if (is_kept) {
        File::apply(file.durable, change);
        continue;
      }
      if (how != 3 || change.is_length) continue;
      for (std::uint64_t at = 0; at < change.bytes.size();) {
        const std::uint64_t sector_end = (change.offset + at) / sector_bytes * sector_bytes + sector_bytes;
        const std::uint64_t end = std::min<std::uint64_t>(change.bytes.size(), sector_end - change.offset);
        if (random() % 2 == 0) {
          const auto* bytes = change.bytes.data();
          File::apply(file.durable, {.offset = change.offset + at, .bytes = {bytes + at, bytes + end}});
        }
        at = end;
      }
    }
    file.pending.clear();
    file.seen = file.durable;
    return !file.exists_durably && (how == 0 || random() % 2 == 0);
  });
}

void CrashDisk::erase(const std::string& prefix) {
  kill(prefix);
  std::erase_if(files_, [&](const auto& entry) { return entry.first.starts_with(prefix); });
}

CrashDisk::Image CrashDisk::copy(const std::string& prefix) const {
  Image image;
  for (const auto& [path, file] : files_) {
    if (path.starts_with(prefix)) image.emplace(path, file->seen);
  }
  return image;
}

void CrashDisk::put_back(const std::string& prefix, const Image& image) {
  erase(prefix);
  for (const auto& [path, bytes] : image) {
    const auto& file = files_[path] = std::make_shared<File>();
    file->path = path;
    file->seen = file->durable = bytes;
    file->exists_durably = true;
  }
}

void CrashDisk::fail(const std::string& prefix, Failure failure, At at, std::uint64_t after) {
  fault_prefix_ = prefix;
  failure_ = failure;
  fault_at_ = at;
  fault_after_ = after;
  faults_left_ = 1;
}

void CrashDisk::limit(const std::string& prefix, std::uint64_t bytes) {
  limit_prefix_ = prefix;
  bytes_max_ = bytes;
}

std::uint64_t CrashDisk::bytes(const std::string& prefix) const {
  std::uint64_t sum = 0;
  for (const auto& [path, file] : files_) {
    if (path.starts_with(prefix)) sum += file->seen.size();
  }
  return sum;
}

}  // namespace stethos::fault
