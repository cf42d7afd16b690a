// The disk itself, shown on SQLite alone: what FULL keeps there, NORMAL loses. So the tests that rely on it can fail.
#include "tests/fault/crash_disk.h"

#include <gtest/gtest.h>

#include <optional>

#include "common/sqlite.h"

namespace stethos::fault {
namespace {

using sqlite::Access;
using sqlite::Database;
using sqlite::Statement;

constexpr int commits = 30;
const std::string machine = "/machine/";

// One row a commit, until the disk stops. Returns how many commits were confirmed.
int commit_rows(const char* synchronous) {
  auto opened = Database::open(machine + "a.db", Access::read_write);
  if (!opened) return 0;
  Database database = std::move(*opened);
  if (!database.execute(std::string("PRAGMA wal_autocheckpoint = 8; PRAGMA synchronous = ") + synchronous)) return 0;
  if (!database.execute("CREATE TABLE IF NOT EXISTS t (x INTEGER PRIMARY KEY, filler BLOB)")) return 0;
  int confirmed = 0;
  while (confirmed < commits && database.execute("INSERT INTO t (filler) VALUES (randomblob(3000))")) ++confirmed;
  return confirmed;
}

// Nothing: the file is damaged.
std::optional<int> rows_left() {
  auto database = Database::open(machine + "a.db", Access::read_write);
  if (!database) return std::nullopt;
  auto check = Statement::prepare(*database, "PRAGMA integrity_check");
  if (!check || !check->step().value_or(false) || check->text(0) != "ok") return std::nullopt;
  auto count = Statement::prepare(*database, "SELECT count(*) FROM t");
  if (!count || !count->step().value_or(false)) return 0;  // not even the table
  return static_cast<int>(count->integer(0));
}

struct Outcome {
  int runs = 0;
  int lost = 0;  // runs in which a confirmed row was missing afterwards
};

// Stops the disk at each of its writes and syncs in turn, and takes the power away.
Outcome crash_everywhere(const char* synchronous) {
  Outcome outcome;
  std::mt19937_64 random(1);
  for (std::uint64_t at = 0;; ++at) {
    CrashDisk disk;
    disk.fail(machine, CrashDisk::Failure::crash, CrashDisk::At::write, at);
    const int confirmed = commit_rows(synchronous);
    if (disk.is_failure_due()) return outcome;
    disk.lose_power(machine, random);
    const auto left = rows_left();
    ++outcome.runs;
    EXPECT_TRUE(left);
    if (left < confirmed) ++outcome.lost;
    EXPECT_LE(left, confirmed + 1);
  }
}

TEST(CrashDisk, WhatFullKeepsNormalLoses) {
  const Outcome full = crash_everywhere("FULL");
  EXPECT_GT(full.runs, 3 * commits);
  EXPECT_EQ(full.lost, 0);
  const Outcome normal = crash_everywhere("NORMAL");
  EXPECT_GT(normal.lost, normal.runs / 4);
}

TEST(CrashDisk, ADiskThatLiesLosesDespiteFull) {
  std::mt19937_64 random(2);
  int lost = 0;
  for (int round = 0; round < 10; ++round) {
    CrashDisk disk;
    disk.lie_about("-wal");
    disk.fail(machine, CrashDisk::Failure::crash, CrashDisk::At::write, 40);
    const int confirmed = commit_rows("FULL");
    disk.lose_power(machine, random);
    if (rows_left() < confirmed) ++lost;
  }
  EXPECT_GT(lost, 0);
}

TEST(CrashDisk, AKillLosesNothingThatWasWritten) {
  CrashDisk disk;
  auto database = *Database::open(machine + "a.db", Access::read_write);
  ASSERT_TRUE(database.execute("CREATE TABLE t (x INTEGER PRIMARY KEY, filler BLOB); INSERT INTO t VALUES (1, NULL)"));
  disk.kill(machine);
  EXPECT_FALSE(database.execute("INSERT INTO t VALUES (2, NULL)"));
  EXPECT_EQ(rows_left(), 1);
}

TEST(CrashDisk, AFullDiskRefusesAndTakesAgain) {
  CrashDisk disk;
  auto database = *Database::open(machine + "a.db", Access::read_write);
  ASSERT_TRUE(database.execute("CREATE TABLE t (x INTEGER PRIMARY KEY, filler BLOB)"));
  disk.limit(machine, disk.bytes(machine) + 10'000);
  const auto refused = database.execute("INSERT INTO t (filler) VALUES (randomblob(100000))");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::full);
  disk.unlimit();
  EXPECT_TRUE(database.execute("INSERT INTO t (filler) VALUES (randomblob(100000))"));
  EXPECT_EQ(rows_left(), 1);
}

}  // namespace
}  // namespace stethos::fault
