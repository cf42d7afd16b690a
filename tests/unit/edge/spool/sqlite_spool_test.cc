#include "edge/spool/sqlite_spool.h"
#include "edge/core/limits.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/edge/core/core_rig.h"

namespace stethos::edge {
namespace {

TEST(SqliteSpool, IsOpenOnce) {
  ScratchFile file;
  auto first = *SqliteSpool::open(file.path());
  const auto second = SqliteSpool::open(file.path());
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().failed, "another process has it open");
  first.reset();
  EXPECT_TRUE(SqliteSpool::open(file.path()).has_value());
}

TEST(SqliteSpool, ALinkToTheFileIsTheFileAlsoBeforeThatIsThere) {
  const ScratchFile file;
  const ScratchFile link;
  std::filesystem::create_symlink(std::filesystem::path(file.path()).filename(), link.path());
  for (int life = 0; life < 2; ++life) {
    const auto first = *SqliteSpool::open(life == 0 ? link.path() : file.path());
    const auto second = SqliteSpool::open(life == 0 ? file.path() : link.path());
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().failed, "another process has it open");
  }
  EXPECT_FALSE(std::filesystem::exists(link.path() + ".lock"));
}

TEST(SqliteSpool, RefusesWhatIsNotItsOwn) {
  {
    ScratchFile file;
    std::ofstream(file.path()) << "this is a text, and long enough that SQLite does not take it for an empty file";
    EXPECT_FALSE(SqliteSpool::open(file.path()).has_value());
  }
  {
    ScratchFile file;
    auto other = *sqlite::Database::open(file.path(), sqlite::Access::read_write);
    ASSERT_TRUE(other.execute("CREATE TABLE theirs (x)").has_value());
    const auto opened = SqliteSpool::open(file.path());
    ASSERT_FALSE(opened.has_value());
    EXPECT_NE(opened.error().failed.find("something else"), std::string::npos);
  }
  {
    ScratchFile file;
    {
      auto spool = *SqliteSpool::open(file.path());
    }
    auto newer = *sqlite::Database::open(file.path(), sqlite::Access::read_write);
    ASSERT_TRUE(newer.execute("PRAGMA user_version = 2000").has_value());
    const auto opened = SqliteSpool::open(file.path());
    ASSERT_FALSE(opened.has_value());
    EXPECT_NE(opened.error().failed.find("its format is 2.0"), std::string::npos);
  }
  EXPECT_FALSE(SqliteSpool::open("/no/such/folder/spool.db").has_value());
}

TEST(SqliteSpool, IsOneNodesForGood) {
  ScratchFile file;
  EXPECT_EQ((*SqliteSpool::open(file.path()))->owner(), "");
  ASSERT_TRUE((*SqliteSpool::open(file.path()))->claim("north"));
  {
    const auto spool = *SqliteSpool::open(file.path());
    EXPECT_EQ(spool->owner(), "north");
    const auto other = spool->claim("south");
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, Code::invalid);
    EXPECT_NE(other.error().failed.find("node.id = \"north\""), std::string::npos);
    EXPECT_TRUE(spool->claim("north"));
  }
  EXPECT_EQ((*SqliteSpool::open(file.path()))->owner(), "north");
}

TEST(SqliteSpool, WhatIsLoadedIsWhatWasCommitted) {
  ScratchFile file;
  Stream stream;
  stream.id = 1;
  stream.device = "d";
  stream.channel = "c";
  stream.quantity = "q";
  stream.unit = "u";
  stream.version = 0xffff'ffff'ffff'fff0;
  stream.clock.watermark_ns = -5;
  stream.clock.watermark_ns_max = 25;
  stream.clock.settled_ns = 22;
  stream.clock.settled_ns_max = 23;
  stream.newest_ns = 26;
  stream.clock.jump_from_ns = time_min;
  stream.clock.jump_to_ns = 27;
  stream.clock.late_run = 28;
  stream.clock.late_run_ns = 29;
  stream.last_received_ns = 6;
  StreamClock other = stream.clock;
  other.watermark_ns = 24;
  other.jump = Jump::over;
  other.cut_short.add(7, 8);
  other.cut_short.add(10, 20);
  other.settled_ns = 19;
  other.away.add(12, 13);
  other.silent_from_ns = 9;
  other.silent_to_ns = 10;
  stream.clock.jump = Jump::back;
  stream.clock.back_from_ns = -7;
  stream.clock.back_to_ns = 27;
  stream.clocks = {{0xf000'0000'0000'0000, stream.clock}, {2, other}};
  const Description former{.version = 1, .machine = "", .quantity = "", .unit = "g"};
  const Description last{.version = stream.version,
                         .machine = "m",
                         .quantity = "q",
                         .unit = "u",
                         .interval_ns = 9,
                         .block_length = 10,
                         .plausible_min = -0.1,
                         .plausible_max = 0.1};
  stream.parts = {{.from_ns = time_min, .newest_ns = -4, .description = former},
                  {.from_ns = -3, .newest_ns = 26, .description = last}};
  stream.counts = {1, 2, 3, 4, 5, 6, 7};
  stream.heard_ns = 97;
  Pane pane;
  pane.length_ns = 10;
  pane.moments = {3, 0.1, 0.2, 0.3, 0.4, -1, 1, 0.7, 0.8, 9, 10};
  pane.duplicate = 11;
  pane.late = 12;
  pane.rejected = 13;
  pane.recovered = 2;
  pane.first = {14, 0x8000'0000'0000'0001};
  pane.last = {16, 17};
  pane.first_received_ns = 18;
  pane.last_received_ns = 19;
  pane.changed = 21;
  pane.sent = 0x8000'0000'0000'0022;
  pane.revision = 20;
  pane.is_final = true;
  const Pane empty;  // its extremes are infinite
  stream.panes = {{0xf000'0000'0000'0000, {{100, pane}}}, {2, {{50, empty}}}};
  stream.identities.add({5, 6}, 0.1);
  const Alarm alarm{.alert_since_ns = 30,
                    .danger_since_ns = 31,
                    .changed_ns = 32,
                    .activated_ns = 33,
                    .level = schema::AlarmLevel::alert,
                    .highest_level = schema::AlarmLevel::danger,
                    .provisional = ProvisionalAlarm{36, 37, schema::AlarmLevel::danger, 0.1},
                    .revision = 0xffff'fff0,
                    .row = schema::pack(schema::AlarmRowT{})};
  Alarm waiting;
  waiting.alert_since_ns = 34;
  waiting.changed_ns = 35;
  stream.alarms = {{0xf000'0000'0000'0001, alarm}, {3, waiting}};
  std::vector<WindowDefinition> definitions(2);
  definitions[0].id = 2;
  definitions[0].kind = schema::WindowKind::hopping;
  definitions[0].length_ns = 4;
  definitions[0].hop_ns = 6;
  definitions[0].slice_ns = 2;
  definitions[0].offset_ns = 1;
  definitions[1].id = 0xf000'0000'0000'0000;  // as a signed number before the other
  definitions[1].kind = schema::WindowKind::count;
  definitions[1].samples = 7;
  definitions[1].quantity = "q";
  definitions[1].device = "d";
  SequenceTracker tracker({{7, 8, {{10, 12}, {20, 20}}, {{1, 3}}}, {0x7000'0000'0000'0000, 0x9000'0000'0000'0000, {}, {}}});
  const std::string device = "d";
  Effect effect;
  effect.changed = true;
  effect.definitions = &definitions;
  effect.streams = {&stream};
  effect.panes = {{1, {100, 0xf000'0000'0000'0000}, &pane}, {1, {50, 2}, &empty}};
  effect.identities = {{1, {5, 6}, 0.1}};
  effect.alarms = {{1, 0xf000'0000'0000'0001, waiting},
                   {1, 0xf000'0000'0000'0001, alarm},
                   {1, 3, waiting},
                   {1, 4, waiting},
                   {1, 4, std::nullopt}};
  effect.devices = {{&device, &tracker, 98}};
  effect.totals[Counter::messages] = 77;
  effect.totals[Reason::identity_conflict] = 78;
  effect.may_return = {0xabcd'0000'0000'0001, 9};
  effect.provenance = 0xeeee'0000'0000'0002;
  ASSERT_TRUE((*SqliteSpool::open(file.path()))->commit(effect).has_value());

  const auto state = *(*SqliteSpool::open(file.path()))->load();
  EXPECT_EQ(state.definitions, definitions);
  EXPECT_EQ(state.streams, std::vector{stream});
  ASSERT_EQ(state.devices.size(), 1u);
  EXPECT_EQ(state.devices[0].epochs, tracker.epochs());
  EXPECT_EQ(state.devices[0].heard_ns, 98);
  EXPECT_EQ(state.last_stream, 1);
  EXPECT_EQ(state.totals[Counter::messages], 77u);
  EXPECT_EQ(state.totals[Reason::identity_conflict], 78u);
  EXPECT_EQ(state.may_return, effect.may_return);
  EXPECT_EQ(state.provenance, effect.provenance);
}

TEST(SqliteSpool, SuspectsAreOnRecordBeforeAndWithACommit) {
  ScratchFile file;
  const Suspects noted{{{5, 1}, {6, stops_max}}, 7};
  const Suspects left{{{6, stops_max}}, 0};
  const auto loaded = [&] { return (*SqliteSpool::open(file.path()))->load()->suspects; };
  EXPECT_EQ(loaded(), Suspects{});
  ASSERT_TRUE((*SqliteSpool::open(file.path()))->note(noted));
  EXPECT_EQ(loaded(), noted);
  Effect effect;
  effect.changed = true;
  ASSERT_TRUE((*SqliteSpool::open(file.path()))->commit(effect));
  EXPECT_EQ(loaded(), noted) << "a commit that says nothing of them leaves them";
  effect.suspects = &left;
  ASSERT_TRUE((*SqliteSpool::open(file.path()))->commit(effect));
  EXPECT_EQ(loaded(), left);
}

TEST(SqliteSpool, SessionsAreOnRecordWithWhetherTheirBrokerHasConfirmedThem) {
  ScratchFile file;
  SessionRecord record;
  record.last_id = 7;
  record.sessions = {{"there:1883",
                      "edge",
                      true,
                      true,
                      false,
                      {{3, "a/+", 1, FilterState::left}, {5, "a", 0, FilterState::granted}, {7, "b", 2}}},
                     {"here:1883", "edge", false, false, true, {}}};
  ASSERT_TRUE((*SqliteSpool::open(file.path()))->note(record).has_value());
  EXPECT_EQ((*SqliteSpool::open(file.path()))->load()->sessions, record);
}

TEST(SqliteSpool, ARunThatDidNotComeToItsEndDied) {
  ScratchFile file;
  const auto begin_run = [&](bool end) {
    const auto spool = *SqliteSpool::open(file.path());
    const bool died = spool->begin_run();
    if (end) spool->end_run();
    return died;
  };
  EXPECT_FALSE(begin_run(false)) << "the first";
  EXPECT_TRUE(begin_run(true));
  EXPECT_FALSE(begin_run(true));
}

}  // namespace
}  // namespace stethos::edge
