#include "common/sqlite_disk_work.h"

#include <sqlite3.h>

#include <atomic>

#include "common/result.h"

namespace stethos::sqlite {
namespace {

std::atomic<std::uint64_t> bytes_written = 0;
std::atomic<std::uint64_t> syncs = 0;

// SQLite makes room for it, and hands it to each of the calls below.
struct File {
  sqlite3_file base;
  sqlite3_file* real;
  bool is_counted;  // not of a temporary file
};

File& file_of(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }
sqlite3_file* real(sqlite3_file* file) { return file_of(file).real; }
const sqlite3_io_methods& methods_of(sqlite3_file* file) { return *real(file)->pMethods; }
sqlite3_vfs* real_system() { return sqlite3_vfs_find(nullptr); }

int close(sqlite3_file* file) {
  const int closed = methods_of(file).xClose(real(file));
  sqlite3_free(real(file));
  return closed;
}
int write(sqlite3_file* file, const void* from, int bytes, sqlite3_int64 offset) {
  if (file_of(file).is_counted) bytes_written += static_cast<std::uint64_t>(bytes);
  return methods_of(file).xWrite(real(file), from, bytes, offset);
}
int sync(sqlite3_file* file, int flags) {
  if (file_of(file).is_counted) ++syncs;
  return methods_of(file).xSync(real(file), flags);
}

// The second version: without memory that is mapped, which is written to by no call.
const sqlite3_io_methods methods{
    .iVersion = 2,
    .xClose = close,
    .xRead = [](sqlite3_file* f, void* to, int bytes, sqlite3_int64 at) { return methods_of(f).xRead(real(f), to, bytes, at); },
    .xWrite = write,
    .xTruncate = [](sqlite3_file* f, sqlite3_int64 length) { return methods_of(f).xTruncate(real(f), length); },
    .xSync = sync,
    .xFileSize = [](sqlite3_file* f, sqlite3_int64* length) { return methods_of(f).xFileSize(real(f), length); },
    .xLock = [](sqlite3_file* f, int level) { return methods_of(f).xLock(real(f), level); },
    .xUnlock = [](sqlite3_file* f, int level) { return methods_of(f).xUnlock(real(f), level); },
    .xCheckReservedLock = [](sqlite3_file* f, int* is) { return methods_of(f).xCheckReservedLock(real(f), is); },
    .xFileControl = [](sqlite3_file* f, int what, void* with) { return methods_of(f).xFileControl(real(f), what, with); },
    .xSectorSize = [](sqlite3_file* f) { return methods_of(f).xSectorSize(real(f)); },
    .xDeviceCharacteristics = [](sqlite3_file* f) { return methods_of(f).xDeviceCharacteristics(real(f)); },
    .xShmMap = [](sqlite3_file* f, int region, int bytes, int extend,
                  void volatile** at) { return methods_of(f).xShmMap(real(f), region, bytes, extend, at); },
    .xShmLock = [](sqlite3_file* f, int first, int count,
                   int flags) { return methods_of(f).xShmLock(real(f), first, count, flags); },
    .xShmBarrier = [](sqlite3_file* f) { methods_of(f).xShmBarrier(real(f)); },
    .xShmUnmap = [](sqlite3_file* f, int remove) { return methods_of(f).xShmUnmap(real(f), remove); },
    .xFetch = nullptr,
    .xUnfetch = nullptr};

int open(sqlite3_vfs*, const char* path, sqlite3_file* file, int flags, int* flags_out) {
  file->pMethods = nullptr;  // SQLite then does not close it
  sqlite3_vfs* system = real_system();
  auto* opened_file = static_cast<sqlite3_file*>(sqlite3_malloc(system->szOsFile));
  if (opened_file == nullptr) return SQLITE_NOMEM;
  opened_file->pMethods = nullptr;
  const int opened = system->xOpen(system, path, opened_file, flags, flags_out);
  if (opened_file->pMethods == nullptr) {
    sqlite3_free(opened_file);
    return opened;
  }
  constexpr int counted = SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL;
  file_of(file) = {.base = {.pMethods = &methods}, .real = opened_file, .is_counted = (flags & counted) != 0};
  return opened;
}

sqlite3_vfs make_file_system() {
  constexpr int path_bytes_max = 512;
  sqlite3_vfs system{};
  system.iVersion = 2;
  system.szOsFile = sizeof(File);
  system.mxPathname = path_bytes_max;
  system.zName = "stethos-counting";
  system.xOpen = open;
  system.xDelete = [](sqlite3_vfs*, const char* path, int sync_folder) {
    return real_system()->xDelete(real_system(), path, sync_folder);
  };
  system.xAccess = [](sqlite3_vfs*, const char* path, int flags, int* may) {
    return real_system()->xAccess(real_system(), path, flags, may);
  };
  system.xFullPathname = [](sqlite3_vfs*, const char* path, int bytes, char* out) {
    return real_system()->xFullPathname(real_system(), path, bytes, out);
  };
  system.xRandomness = [](sqlite3_vfs*, int bytes, char* out) { return real_system()->xRandomness(real_system(), bytes, out); };
  system.xSleep = [](sqlite3_vfs*, int microseconds) { return real_system()->xSleep(real_system(), microseconds); };
  system.xCurrentTime = [](sqlite3_vfs*, double* days) { return real_system()->xCurrentTime(real_system(), days); };
  system.xCurrentTimeInt64 = [](sqlite3_vfs*, sqlite3_int64* ms) { return real_system()->xCurrentTimeInt64(real_system(), ms); };
  system.xGetLastError = [](sqlite3_vfs*, int bytes, char* out) {
    return real_system()->xGetLastError(real_system(), bytes, out);
  };
  return system;
}

}  // namespace

DiskWork disk_work() { return {.bytes_written = bytes_written, .syncs = syncs}; }

const char* counting_file_system() {
  static sqlite3_vfs system = make_file_system();
  static const int registered = sqlite3_vfs_register(&system, 0);
  STETHOS_CHECK(registered == SQLITE_OK, "registering a file system");
  return system.zName;
}

}  // namespace stethos::sqlite
