// Counts what SQLite gives the files of databases to do: it lies between SQLite and its file system, and changes nothing.
#pragma once

#include <cstdint>

namespace stethos::sqlite {

struct DiskWork {
  std::uint64_t bytes_written = 0;  // to a database, its write-ahead log and its journal, as SQLite hands them over
  std::uint64_t syncs = 0;          // of these files, those that failed as well
};

// Of all databases that this process has opened, since its start. Any thread.
DiskWork disk_work();

// The name of the file system that counts, for sqlite3_open_v2. What it is given it hands on to the one that is SQLite's default
// at the time. Any thread.
const char* counting_file_system();

}  // namespace stethos::sqlite
