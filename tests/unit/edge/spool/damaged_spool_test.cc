#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/unit/edge/spool/filled_spool.h"

namespace stethos::edge {
namespace {

constexpr TimeNs now_ns = filled_ns;

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class DamagedSpool : public testing::Test {
 protected:
  std::string fill() { return fill_spool(file_, 400); }
  void execute(const std::string& sql) { execute_on(file_, sql); }

  void overwrite(std::size_t first, std::size_t length) {
    std::fstream file(file_, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(first));
    for (std::size_t i = 0; i < length; ++i) file.put(static_cast<char>(i * 31 + 7));
  }

  // It is renamed as it is, and what is there now is a new spool that works.
  void expect_set_aside(const std::string& why) {
    const std::string before = bytes_of(file_);
    const std::string log_before = bytes_of(file_ + "-wal");
    const auto opened = SqliteSpool::open_or_set_aside(file_, now_ns);
    ASSERT_TRUE(opened) << opened.error().text();
    EXPECT_EQ(opened->set_aside, aside_);
    EXPECT_NE(opened->damage.find(why), std::string::npos) << opened->damage;
    EXPECT_EQ(bytes_of(aside_), before);
    EXPECT_EQ(bytes_of(aside_ + "-wal"), log_before);
    EXPECT_TRUE(opened->saved.streams.empty());
    Effect effect;
    effect.changed = true;
    effect.rows.push_back({schema::Lane::windows, schema::RowKind::window, {1}});
    EXPECT_TRUE(opened->spool->commit(effect));
  }

  void expect_refused(Code code, const std::string& why) {
    const std::string before = bytes_of(file_);
    const auto opened = SqliteSpool::open_or_set_aside(file_, now_ns);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, code);
    EXPECT_NE(opened.error().failed.find(why), std::string::npos) << opened.error().text();
    EXPECT_EQ(bytes_of(file_), before);
    EXPECT_FALSE(std::filesystem::exists(aside_));
  }

  const test::ScratchFolder folder_;
  const std::string file_ = folder_ / "spool.db";
  const std::string aside_ = file_ + ".damaged-20261121T155500Z";
};

TEST_F(DamagedSpool, AWholeOneIsNotSetAside) {
  const std::string identity = fill();
  const auto opened = SqliteSpool::open_or_set_aside(file_, now_ns);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->set_aside, "");
  EXPECT_EQ(opened->spool->spool_identity(), identity);
  EXPECT_GT(opened->saved.streams.size(), 50u);
}

TEST_F(DamagedSpool, Garbage) {
  std::ofstream(file_) << std::string(10'000, '\x07');
  expect_set_aside("not a database");
}

// As flash reads what was erased.
TEST_F(DamagedSpool, AFirstPageOfOneByte) {
  for (const char byte : {'\xff', '\0', 'Z', '\n'}) {
    const std::string file = file_ + std::to_string(static_cast<int>(byte));
    fill_spool(file, 400);
    std::fstream(file, std::ios::in | std::ios::out | std::ios::binary) << std::string(4096, byte);
    const auto opened = SqliteSpool::open_or_set_aside(file, now_ns);
    ASSERT_TRUE(opened) << opened.error().text();
    EXPECT_NE(opened->set_aside, "") << static_cast<int>(byte);
  }
}

TEST_F(DamagedSpool, CutShort) {
  fill();
  std::filesystem::resize_file(file_, std::filesystem::file_size(file_) / 2);
  expect_set_aside("malformed");
}

TEST_F(DamagedSpool, CutToNothingBesideItsLog) {
  std::ofstream(file_ + "-wal") << "what was committed last";
  expect_set_aside("its write-ahead log is there");
}

TEST_F(DamagedSpool, AnyPageThatIsReadAtTheStart) {
  for (const char* table :
       {"meta", "lane", "outbox", "stream", "definition", "pane", "identity", "device", "dead_letter", "counter"}) {
    SCOPED_TRACE(table);
    for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(file_).parent_path())) {
      std::filesystem::remove(entry);
    }
    fill();
    std::int64_t page = 0;
    {
      auto database = *sqlite::Database::open(file_, sqlite::Access::read_only);
      sqlite::Statement root(database, "SELECT rootpage FROM sqlite_schema WHERE name = ?1");
      ASSERT_TRUE(*root.bind(1, std::string_view(table)).step());
      page = root.integer(0);
    }
    constexpr std::size_t page_bytes = 4096;
    overwrite(static_cast<std::size_t>(page - 1) * page_bytes, page_bytes);
    expect_set_aside("malformed");
  }
}

// The pages below a table's first: nothing at its two ends says that they are gone.
TEST_F(DamagedSpool, APageInTheMiddleOfTheStreams) {
  fill();
  const std::string bytes = bytes_of(file_);
  const std::size_t at = bytes.find("device-50");
  ASSERT_NE(at, std::string::npos);
  overwrite(at / 4096 * 4096, 4096);
  expect_set_aside("malformed");
}

TEST_F(DamagedSpool, ItsLogGoesWithIt) {
  {
    auto spool = *SqliteSpool::open(file_);
    ASSERT_TRUE(spool->load());
  }
  auto database = *sqlite::Database::open(file_, sqlite::Access::read_write);
  database.fold_log_on_close(false);
  ASSERT_TRUE(database.execute("DELETE FROM lane WHERE lane = 1"));
  ASSERT_GT(bytes_of(file_ + "-wal").size(), 0u);
  expect_set_aside("one is missing");
}

TEST_F(DamagedSpool, ATableThatIsMissing) {
  fill();
  execute("DROP TABLE pane");
  expect_set_aside("there is no pane.");
}

TEST_F(DamagedSpool, AColumnThatIsAnother) {
  fill();
  execute("ALTER TABLE stream RENAME COLUMN watermark_ns TO watermark");
  expect_set_aside("there is no stream.watermark_ns INTEGER NOT NULL");
}

TEST_F(DamagedSpool, StateThatDoesNotFitTogether) {
  fill();
  execute("DELETE FROM stream");
  expect_set_aside("one has no stream");
}

TEST_F(DamagedSpool, NumbersThatWereGivenOutTwice) {
  fill();
  execute("UPDATE lane SET next_number = 1");
  expect_set_aside("that its lane has not given out");
}

TEST_F(DamagedSpool, NothingIsOverwritten) {
  std::ofstream(file_) << std::string(10'000, '\x07');
  std::ofstream(aside_) << "an earlier one";
  std::ofstream(aside_ + "-2-wal") << "and the log of one";
  const auto opened = SqliteSpool::open_or_set_aside(file_, now_ns);
  ASSERT_TRUE(opened) << opened.error().text();
  EXPECT_EQ(opened->set_aside, aside_ + "-3");
  EXPECT_EQ(bytes_of(aside_), "an earlier one");
  EXPECT_EQ(bytes_of(aside_ + "-3"), std::string(10'000, '\x07'));
}

TEST_F(DamagedSpool, WhatALaterMinorVersionAddedIsNoDamage) {
  const std::string identity = fill();
  execute("ALTER TABLE stream ADD COLUMN more INTEGER; CREATE TABLE later (x); PRAGMA user_version = 1999");
  const auto opened = SqliteSpool::open_or_set_aside(file_, now_ns);
  ASSERT_TRUE(opened) << opened.error().text();
  EXPECT_EQ(opened->spool->spool_identity(), identity);
}

TEST_F(DamagedSpool, ANewerMajorVersionIsRefusedAndLeft) {
  fill();
  execute("DROP TABLE pane; PRAGMA user_version = 2000");
  expect_refused(Code::unsupported, "its format is 2.0");
}

TEST_F(DamagedSpool, AFileOfAnotherProgramIsRefusedAndLeft) {
  sqlite3* theirs = nullptr;
  ASSERT_EQ(sqlite3_open(file_.c_str(), &theirs), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(theirs, "CREATE TABLE theirs (x)", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(theirs);
  expect_refused(Code::unsupported, "something else");
}

// As where spool.file names the configuration.
TEST_F(DamagedSpool, ATextIsRefusedAndLeft) {
  std::ofstream(file_) << "[mqtt]\nhost = \"brüssel\"\n";
  const auto opened = SqliteSpool::open_or_set_aside(file_, now_ns);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::invalid);
  EXPECT_EQ(std::filesystem::file_size(file_), 25u);
}

TEST_F(DamagedSpool, OneThatIsOpenIsRefusedAndLeft) {
  const auto first = *SqliteSpool::open(file_);
  execute("DELETE FROM lane");
  expect_refused(Code::unavailable, "another process has it open");
}

TEST_F(DamagedSpool, WhatTheSystemRefusesIsRefused) {
  std::filesystem::create_directory(file_);
  const auto opened = SqliteSpool::open_or_set_aside(file_, now_ns);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::io);
  EXPECT_TRUE(std::filesystem::is_directory(file_));
}

}  // namespace
}  // namespace stethos::edge
