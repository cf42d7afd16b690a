#include "uplink/collector/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/unit/uplink/collector_fixture.h"

namespace stethos::collector {
namespace {

using ::testing::HasSubstr;

class StoreTest : public CollectorTest {};

TEST_F(StoreTest, HasARandomIdentityThatStays) {
  const std::string identity = store->identity();
  EXPECT_EQ(identity.size(), 32U);
  open();
  EXPECT_EQ(store->identity(), identity);
  auto other = Store::open(folder.file("other.db"), sqlite::Access::read_write, some_time);
  ASSERT_TRUE(other);
  EXPECT_NE((*other)->identity(), identity);
}

TEST_F(StoreTest, WhatWasAcknowledgedIsThereAfterAReopen) {
  take(batch_of({{.lane = notes_lane, .rows = {sent(1, stream_row())}},
                 {.rows = {sent(1, WindowSketch{}), sent(2, WindowSketch{.channel = "b"})}}}));
  open();
  EXPECT_EQ(windows().records.size(), 2U);
  EXPECT_EQ(counted(Counter::rows), 3);
  const auto answer = take(batch_of({{.rows = {sent(2, WindowSketch{.channel = "b"}), sent(3, WindowSketch{.channel = "c"})}}}));
  EXPECT_EQ(answer.lanes.at(windows_lane).durable_through, 3U);
  EXPECT_EQ(counted(Counter::rows_duplicate), 1);
  EXPECT_EQ(integer("SELECT count(*) FROM streams"), 3);
}

TEST_F(StoreTest, ANewerVersionIsRefusedByName) {
  ASSERT_TRUE(store->database().execute("PRAGMA user_version = 9"));
  const auto opened = Store::open(folder.file("store.db"), sqlite::Access::read_write, some_time);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::unsupported);
  EXPECT_THAT(opened.error().text(), HasSubstr("its version is 9, this program reads 5"));
}

TEST_F(StoreTest, OneOfTheVersionBeforeIsBroughtUpToDate) {
  take(batch_of({{.lane = alarms_lane, .rows = {sent(1, AlarmSketch{})}}}));
  // As version 3 left it.
  ASSERT_TRUE(store->database().execute(
      "ALTER TABLE gaps DROP COLUMN clock_untrusted; ALTER TABLE events DROP COLUMN clock_untrusted; "
      "ALTER TABLE silences DROP COLUMN clock_untrusted; DROP INDEX alarms_by_end; DROP INDEX windows_parts; "
      "ALTER TABLE hours DROP COLUMN part_of_ns; ALTER TABLE hours DROP COLUMN parts_until_ns; "
      "ALTER TABLE days DROP COLUMN part_of_ns; ALTER TABLE days DROP COLUMN parts_until_ns; "
      "ALTER TABLE silences DROP COLUMN spool; ALTER TABLE silences DROP COLUMN number; "
      "ALTER TABLE windows DROP COLUMN part_of_ns; ALTER TABLE windows DROP COLUMN good_of_node; "
      "ALTER TABLE windows DROP COLUMN withdrawn; ALTER TABLE windows DROP COLUMN length_ns; "
      "CREATE INDEX alarms_by_age ON alarms (iif(state = 1, 9223372036854775807, stored_ns)); "
      "PRAGMA user_version = 3"));
  const auto read_only = Store::open(folder.file("store.db"), sqlite::Access::read_only, some_time);
  ASSERT_FALSE(read_only) << "nothing is changed by who only reads";
  EXPECT_THAT(read_only.error().text(), HasSubstr("its version is 3, this program reads 5"));
  open();
  take(batch_of({{.lane = alarms_lane, .rows = {sent(2, AlarmSketch{.revision = 1})}}}));
  EXPECT_EQ(query->alarms({})->records.size(), 1U);
  EXPECT_EQ(query->events({})->records.size(), 0U);
}

TEST_F(StoreTest, AnotherProgramsFileIsLeftAlone) {
  const std::string path = folder.file("foreign.db");
  {
    auto foreign = sqlite::Database::open(path, sqlite::Access::read_write);
    ASSERT_TRUE(foreign);
    ASSERT_TRUE(foreign->execute("CREATE TABLE theirs (x)"));
  }
  const auto opened = Store::open(path, sqlite::Access::read_write, some_time);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::unsupported);
  auto foreign = sqlite::Database::open(path, sqlite::Access::read_write);
  sqlite::Statement tables(*foreign, "SELECT count(*) FROM sqlite_schema");
  ASSERT_TRUE(*tables.step());
  EXPECT_EQ(tables.integer(0), 1);
}

TEST_F(StoreTest, WhatIsNoDatabaseIsNotOpened) {
  const std::string path = folder.file("text.db");
  std::ofstream(path) << std::string(10'000, 'x');
  EXPECT_FALSE(Store::open(path, sqlite::Access::read_write, some_time));
  EXPECT_FALSE(Store::open(folder.file("nothing.db"), sqlite::Access::read_only, some_time));
  EXPECT_FALSE(Store::open("/no/such/folder/store.db", sqlite::Access::read_write, some_time));
}

TEST_F(StoreTest, CanBeReadWhileItIsWritten) {
  take(batch_of({{.rows = {sent(1, WindowSketch{})}}}));
  auto reader = Store::open(folder.file("store.db"), sqlite::Access::read_only, some_time);
  ASSERT_TRUE(reader) << reader.error().text();
  Query other(**reader);
  EXPECT_EQ(other.windows({})->records.size(), 1U);
  take(batch_of({{.rows = {sent(2, WindowSketch{.channel = "b"})}}}));
  EXPECT_EQ(other.windows({})->records.size(), 2U);
  EXPECT_FALSE((*reader)->database().execute("DELETE FROM windows"));
}

}  // namespace
}  // namespace stethos::collector
