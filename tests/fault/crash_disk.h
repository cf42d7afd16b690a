// A disk in memory, under SQLite, that does what disks do: forgets what was not synced, tears writes, fails, fills up. While
// one exists it is SQLite's default file system, so that the code under test opens its files as it always does.
//
// A write reaches every reader at once and the platter with the next sync of its file. After a power loss a file is what was
// synced, and of each later write all, some 512-byte sectors or nothing, in any order. A file that was never synced may be
// gone. Deletions and new lengths keep their place among the writes. A sync that fails leaves its writes where the kernel
// leaves them: readers see them, and no later sync brings them to the platter.
//
// Faults are for all files whose path begins with a prefix: a machine has one. One thread.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace stethos::fault {

class CrashDisk {
 public:
  enum class Failure : std::uint8_t {
    crash,     // everything stops, as in kill(), before the operation is done
    io_error,  // the operation fails, later ones do not
    full,      // as io_error, where it writes; SQLite hears that the disk is full
  };
  enum class At : std::uint8_t { sync, write };  // a write: also a new length, a new file, a sync

  CrashDisk();
  CrashDisk(const CrashDisk&) = delete;
  CrashDisk& operator=(const CrashDisk&) = delete;
  ~CrashDisk();

  // The process that had the files open is gone: what it still does through them does nothing. What it wrote is there.
  void kill(const std::string& prefix);

  // The same, and what was not synced may be lost.
  void lose_power(const std::string& prefix, std::mt19937_64& random);

  // Nothing of it is left.
  void erase(const std::string& prefix);

  // A copy of what readers see, and the same put in the place of whatever is there; nobody may have it open by then.
  using Image = std::map<std::string, std::vector<std::uint8_t>>;
  Image copy(const std::string& prefix) const;
  void put_back(const std::string& prefix, const Image& image);

  // The operation after the next `after` ones of its sort fails.
  void fail(const std::string& prefix, Failure failure, At at, std::uint64_t after);
  bool is_failure_due() const { return faults_left_ > 0; }
  void forgive() { faults_left_ = 0; }

  // All files of the prefix together may be this large.
  void limit(const std::string& prefix, std::uint64_t bytes);
  void unlimit() { bytes_max_ = std::numeric_limits<std::uint64_t>::max(); }

  // A disk that says that it synced and did not: of the files whose path ends like this.
  void lie_about(const std::string& suffix) { lies_about_ = suffix; }

  std::uint64_t bytes(const std::string& prefix) const;
  std::uint64_t bytes_written() const { return bytes_written_; }

 private:
  struct File;
  struct Handle;
  struct Shared;
  struct Calls;

  int open(const char* path, Handle& handle, int flags, int* flags_out);
  int before(const std::string& path, At at, std::uint64_t growth);

  sqlite3_vfs vfs_{};
  sqlite3_vfs* const former_;
  std::map<std::string, std::shared_ptr<File>> files_;
  std::string lies_about_;
  std::string fault_prefix_;
  Failure failure_ = Failure::io_error;
  At fault_at_ = At::write;
  std::uint64_t fault_after_ = 0;
  unsigned faults_left_ = 0;
  std::string limit_prefix_;
  std::uint64_t bytes_max_ = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t bytes_written_ = 0;
};

}  // namespace stethos::fault
