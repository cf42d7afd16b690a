#include "common/sqlite.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "common/sqlite_disk_work.h"
#include "tests/unit/common/scratch_folder.h"

namespace stethos::sqlite {
namespace {

bool steps_to_a_row(Statement& statement) {
  const auto row = statement.step();
  EXPECT_TRUE(row) << row.error().text();
  return row && *row;
}

std::int64_t number_from(Database& database, const std::string& sql) {
  Statement statement(database, sql);
  EXPECT_TRUE(steps_to_a_row(statement)) << sql;
  return statement.integer(0);
}

std::string text_from(Database& database, const std::string& sql) {
  Statement statement(database, sql);
  EXPECT_TRUE(steps_to_a_row(statement)) << sql;
  return std::string(statement.text(0));
}

class Sqlite : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = Database::open(file_, Access::read_write);
    ASSERT_TRUE(opened) << opened.error().text();
    database_.emplace(std::move(*opened));
  }

  void execute(const std::string& sql) {
    const auto done = database_->execute(sql);
    ASSERT_TRUE(done) << done.error().text();
  }

  const test::ScratchFolder folder_;
  const std::string file_ = folder_ / "a.db";
  std::optional<Database> database_;
};

TEST_F(Sqlite, SqlThatDoesNotCompileIsAnErrorWhereItIsAskedFor) {
  const auto absent = Statement::prepare(*database_, "SELECT x FROM absent");
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().failed, "no such table: absent");
  auto good = Statement::prepare(*database_, "SELECT 7");
  ASSERT_TRUE(good);
  EXPECT_TRUE(steps_to_a_row(*good));
  EXPECT_EQ(good->integer(0), 7);
}

TEST_F(Sqlite, TheLogStaysWhereItIsToldTo) {
  execute("CREATE TABLE t (x)");
  database_->fold_log_on_close(false);
  database_.reset();
  EXPECT_GT(std::filesystem::file_size(file_ + "-wal"), 0u);
  database_.emplace(*Database::open(file_, Access::read_write));
  EXPECT_EQ(number_from(*database_, "SELECT count(*) FROM t"), 0);
  database_.reset();
  EXPECT_FALSE(std::filesystem::exists(file_ + "-wal"));
}

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST_F(Sqlite, ALogThatIsFoldedKeepsItsLengthAndIsNotReadAgain) {
  execute("CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob(100000)); PRAGMA application_id = 7");
  const std::string before = bytes_of(file_ + "-wal");
  ASSERT_TRUE(database_->fold_log());
  const std::string after = bytes_of(file_ + "-wal");
  EXPECT_EQ(after.size(), before.size());
  constexpr std::size_t salts_at = 16;
  constexpr std::size_t salts_bytes = 8;
  EXPECT_NE(after.substr(salts_at, salts_bytes), before.substr(salts_at, salts_bytes));
  EXPECT_EQ(number_from(*database_, "PRAGMA application_id"), 7);
  EXPECT_EQ(number_from(*database_, "SELECT length(x) FROM t"), 100'000);

  // All of it is in the file, which may stand alone.
  std::filesystem::copy_file(file_, folder_ / "alone.db");
  auto alone = *Database::open(folder_ / "alone.db", Access::read_only);
  EXPECT_EQ(number_from(alone, "SELECT length(x) FROM t"), 100'000);
}

TEST_F(Sqlite, ALogThatHasGrownLongIsCutWhenItBeginsAnew) {
  execute("CREATE TABLE t (x)");
  {
    auto reader = *Database::open(file_, Access::read_only);
    Statement reading(reader, "SELECT count(*) FROM t");  // until it ends the log cannot begin anew
    ASSERT_TRUE(steps_to_a_row(reading));
    for (int i = 0; i < 3; ++i) execute("INSERT INTO t VALUES (zeroblob(8000000))");
  }
  ASSERT_GT(std::filesystem::file_size(file_ + "-wal"), 20'000'000u);
  ASSERT_TRUE(database_->fold_log());
  EXPECT_LE(std::filesystem::file_size(file_ + "-wal"), 16u << 20);
}

TEST_F(Sqlite, WhatIsWrittenAndSyncedIsCounted) {
  execute("CREATE TABLE t (x)");
  const DiskWork before = disk_work();
  execute("INSERT INTO t VALUES (1)");
  const DiskWork after = disk_work();
  constexpr std::uint64_t frame_bytes = 4'096 + 24;
  EXPECT_EQ(after.bytes_written - before.bytes_written, frame_bytes);
  EXPECT_EQ(after.syncs - before.syncs, 1u);
  EXPECT_EQ(number_from(*database_, "SELECT count(*) FROM t"), 1);
  EXPECT_EQ(disk_work().bytes_written, after.bytes_written);
}

TEST_F(Sqlite, OpensWithWhatEveryStoreWants) {
  EXPECT_EQ(text_from(*database_, "PRAGMA journal_mode"), "wal");
  EXPECT_EQ(number_from(*database_, "PRAGMA synchronous"), 2);  // FULL
  EXPECT_EQ(number_from(*database_, "PRAGMA foreign_keys"), 1);
  EXPECT_EQ(number_from(*database_, "PRAGMA secure_delete"), 2);  // FAST
  EXPECT_EQ(number_from(*database_, "PRAGMA trusted_schema"), 0);
  EXPECT_EQ(number_from(*database_, "PRAGMA busy_timeout"), 10'000);
}

TEST_F(Sqlite, IsDefensive) {
  execute("CREATE TABLE t (a INTEGER) STRICT");
  EXPECT_FALSE(database_->execute("PRAGMA writable_schema=ON; DELETE FROM sqlite_schema"));
  EXPECT_FALSE(database_->execute("SELECT \"no such column\" FROM t"));  // not read as a text
  EXPECT_FALSE(database_->execute("ATTACH '" + (folder_ / "other.db") + "' AS other"));
}

TEST_F(Sqlite, KeepsEveryKindOfValue) {
  execute("CREATE TABLE t (i INTEGER, u INTEGER, r REAL, n REAL, s TEXT, e TEXT, b BLOB, z BLOB, absent TEXT) STRICT");
  const std::string text("a\0'b", 4);
  const std::vector<std::uint8_t> bytes{0, 1, 255};
  Statement insert(*database_, "INSERT INTO t VALUES (?,?,?,?,?,?,?,?,?)");
  insert.bind(1, std::numeric_limits<std::int64_t>::min())
      .bind(2, std::numeric_limits<std::uint64_t>::max())
      .bind(3, 0.1)
      .bind(4, std::nan(""))
      .bind(5, std::string_view(text))
      .bind(6, std::string_view())
      .bind(7, std::span<const std::uint8_t>(bytes))
      .bind(8, std::span<const std::uint8_t>())
      .bind_null(9);
  ASSERT_TRUE(insert.run());
  EXPECT_EQ(database_->changes(), 1);

  Statement select(*database_, "SELECT * FROM t");
  ASSERT_TRUE(steps_to_a_row(select));
  EXPECT_EQ(select.integer(0), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(select.unsigned_integer(1), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(select.real(2), 0.1);
  EXPECT_TRUE(select.is_null(3));
  EXPECT_TRUE(std::isnan(select.real(3)));
  EXPECT_EQ(select.text(4), text);
  EXPECT_FALSE(select.is_null(5));
  EXPECT_EQ(select.text(5), "");
  EXPECT_EQ(std::vector<std::uint8_t>(select.blob(6).begin(), select.blob(6).end()), bytes);
  EXPECT_FALSE(select.is_null(7));
  EXPECT_TRUE(select.blob(7).empty());
  EXPECT_TRUE(select.is_null(8));
  EXPECT_FALSE(steps_to_a_row(select));
}

TEST_F(Sqlite, AStatementIsRunAgainWithOtherValues) {
  execute("CREATE TABLE t (a INTEGER PRIMARY KEY) STRICT");
  Statement insert(*database_, "INSERT INTO t VALUES (?)");
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(insert.bind(1, i).run());
  EXPECT_EQ(number_from(*database_, "SELECT sum(a) FROM t"), 10);
  const auto twice = insert.bind(1, 3).run();
  ASSERT_FALSE(twice);
  EXPECT_NE(twice.error().text().find("UNIQUE"), std::string::npos) << twice.error().text();
  ASSERT_TRUE(insert.bind(1, 6).run());  // an error does not spoil the statement
}

TEST_F(Sqlite, ATransactionCommits) {
  execute("CREATE TABLE t (a INTEGER) STRICT");
  ASSERT_TRUE(database_->transaction([&]() -> Status { return database_->execute("INSERT INTO t VALUES (1), (2)"); }));
  auto again = Database::open(file_, Access::read_only);
  ASSERT_TRUE(again);
  EXPECT_EQ(number_from(*again, "SELECT count(*) FROM t"), 2);
}

TEST_F(Sqlite, ATransactionThatFailsRollsBack) {
  execute("CREATE TABLE t (a INTEGER PRIMARY KEY) STRICT; INSERT INTO t VALUES (1)");
  const auto refused = database_->transaction([&]() -> Status {
    if (auto done = database_->execute("INSERT INTO t VALUES (2)"); !done) return done;
    return fail(Code::invalid, "testing", "the body says no");
  });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().text(), "testing: the body says no");

  const auto broken = database_->transaction([&]() -> Status {
    if (auto done = database_->execute("INSERT INTO t VALUES (3)"); !done) return done;
    return database_->execute("INSERT INTO t VALUES (1)");
  });
  ASSERT_FALSE(broken);
  EXPECT_EQ(number_from(*database_, "SELECT count(*) FROM t"), 1);
  EXPECT_NE(sqlite3_get_autocommit(database_->handle()), 0);
  ASSERT_TRUE(database_->transaction([&]() -> Status { return database_->execute("INSERT INTO t VALUES (4)"); }));
}

TEST_F(Sqlite, ATransactionWithinATransactionIsRefused) {
  const auto outer = database_->transaction([&]() -> Status { return database_->transaction([]() -> Status { return {}; }); });
  ASSERT_FALSE(outer);
  EXPECT_NE(sqlite3_get_autocommit(database_->handle()), 0);
}

TEST_F(Sqlite, ReadOnlyDoesNotWrite) {
  execute("CREATE TABLE t (a INTEGER) STRICT");
  auto reader = Database::open(file_, Access::read_only);
  ASSERT_TRUE(reader) << reader.error().text();
  EXPECT_FALSE(reader->execute("INSERT INTO t VALUES (1)"));
}

TEST_F(Sqlite, ValuesLargerThanTheLimitAreRefused) {
  execute("CREATE TABLE t (a BLOB) STRICT");
  const auto inserted = database_->execute("INSERT INTO t VALUES (zeroblob(17000000))");
  ASSERT_FALSE(inserted);
  EXPECT_EQ(inserted.error().code, Code::too_large);
}

TEST(SqliteOpen, AMissingFolderIsNamed) {
  const test::ScratchFolder folder;
  const auto opened = Database::open(folder / "absent" + "/a.db", Access::read_write);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().failed,
            "its folder " + (folder / "absent") + " does not exist; nothing makes it by itself: mkdir -p " + (folder / "absent"));
}

TEST(SqliteOpen, WhatIsNoDatabaseIsAnError) {
  const test::ScratchFolder folder;
  const auto text = Database::open(folder.write("text", std::string(5000, 'x')), Access::read_write);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, Code::corrupt);
  EXPECT_EQ(text.error().doing, "opening " + (folder / "text"));

  EXPECT_FALSE(Database::open(folder / "absent", Access::read_only));
  EXPECT_FALSE(Database::open(folder / "no/such/folder", Access::read_write));
  EXPECT_FALSE(Database::open(":memory:", Access::read_write));  // has no write-ahead log
}

TEST(SqliteDeath, SqlThatDoesNotCompileStopsTheProgram) {
  const test::ScratchFolder folder;
  auto database = Database::open(folder / "a.db", Access::read_write);
  ASSERT_TRUE(database);
  EXPECT_DEATH(Statement(*database, "SELEC 1"), "syntax error");
}

}  // namespace
}  // namespace stethos::sqlite
