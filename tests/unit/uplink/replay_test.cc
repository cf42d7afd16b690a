// Windows of a replay stand instead of a live node's, where the collector permits it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "tests/unit/uplink/collector_fixture.h"
#include "uplink/collector/retention.h"

namespace stethos::collector {
namespace {

constexpr const char* spool_of_replay = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
constexpr TimeNs earlier = some_time - 3'600 * ns_per_s;

class ReplayTest : public CollectorTest {
 protected:
  ReplayTest() {
    intake.emplace(*store, std::vector<std::string>{"gateway-1"});
    take(batch_of({{.rows = {sent(1, WindowSketch{.start = earlier, .rms = 1})}}}));
  }

  static schema::UplinkBatchT replayed(std::vector<SentRow> rows, const std::string& replaces = "gateway-1",
                                       const std::string& spool = spool_of_replay) {
    auto batch = batch_of({{.rows = std::move(rows)}}, spool, "lab");
    batch.replaces = replaces;
    return batch;
  }

  // A part of the window of a second that begins at `earlier`, from one tenth of it to another.
  static schema::WindowRowT part(int from, int to, WindowSketch sketch) {
    constexpr DurationNs tenth = ns_per_s / 10;
    sketch.start = earlier + from * tenth;
    auto row = window_row(sketch);
    row.length_ns = (to - from) * tenth;
    row.whole = std::make_unique<schema::SpanT>(schema::SpanT{{}, earlier, ns_per_s});
    return row;
  }

  // Good samples of all that is shown.
  std::uint64_t good(Tier tier = Tier::windows) {
    std::uint64_t sum = 0;
    const auto page = query->windows({}, tier);
    for (const auto& each : page->records) sum += each.row->counts()->good();
    return sum;
  }

  // Windows become hours at once, and hours days.
  void keep_hours() {
    Budgets budgets;
    budgets.windows.bytes_max = 0;
    keep(budgets);
  }
  void keep_days() {
    Budgets budgets;
    budgets.windows.bytes_max = budgets.hours.bytes_max = 0;
    keep(budgets);
  }
  void keep(const Budgets& budgets) {
    Retention retention(*store, budgets);
    while (*retention.step(some_time)) {
    }
  }
};

TEST_F(ReplayTest, ItsWindowsReplaceThoseOfTheNode) {
  take(replayed({sent(1, WindowSketch{.start = earlier, .generation = 1, .rms = 2})}));
  auto page = windows();
  ASSERT_EQ(page.records.size(), 1U);
  EXPECT_EQ(page.records[0].node, "gateway-1");
  EXPECT_EQ(page.records[0].row->generation(), 1U);
  EXPECT_EQ(rms_of(page.records[0]), 2);
  EXPECT_EQ(page.records[0].spool, spool_of_replay);

  // What the live node still revises does not take its place again; a later replay does.
  take(batch_of({{.rows = {sent(2, WindowSketch{.start = earlier, .revision = 7, .rms = 3})}}}));
  EXPECT_EQ(rms_of(windows().records[0]), 2);
  take(replayed({sent(2, WindowSketch{.start = earlier, .generation = 2, .rms = 4})}));
  EXPECT_EQ(rms_of(windows().records[0]), 4);
  EXPECT_EQ(counted(Counter::windows), 1);
}

// The table was mended: the node had cut the window where the replay does not.
TEST_F(ReplayTest, PartsOfAWindowThatIsWholeNowAreWithdrawn) {
  take(batch_of({{.rows = {sent(2, part(0, 5, {.revision = 1, .good = 2000})), sent(3, part(5, 10, {.good = 3000})),
                           sent(4, WindowSketch{.start = earlier - hour_ns, .good = 1})}}}));
  EXPECT_EQ(good(), 5'001U);
  const auto bytes = counted(Counter::windows_bytes);
  take(replayed({sent(1, WindowSketch{.start = earlier, .generation = 1, .rms = 2, .good = 5000})}));
  EXPECT_EQ(windows().records.size(), 2U);
  EXPECT_EQ(good(), 5'001U);
  EXPECT_EQ(counted(Counter::windows), 3);
  EXPECT_NEAR(static_cast<double>(counted(Counter::windows_bytes)), static_cast<double>(bytes), 64);
  // Sent again it does not come back.
  take(batch_of({{.rows = {sent(5, part(5, 10, {.revision = 5, .good = 3000}))}}}));
  EXPECT_EQ(windows().records.size(), 2U);
  EXPECT_EQ(counted(Counter::windows_conflicting), 0);
  // Of a later replay it does, also without a good sample.
  take(replayed({sent(2, part(0, 5, {.generation = 2, .good = 5000})), sent(3, part(5, 10, {.generation = 2, .good = 0}))}));
  EXPECT_EQ(windows().records.size(), 3U);
  EXPECT_EQ(good(), 5'001U);
  EXPECT_EQ(counted(Counter::windows_conflicting), 0);
}

// The other way round: the entry of the table that begins within the window was not there when the node ran.
TEST_F(ReplayTest, AWindowThatIsCutNowIsReplacedByItsParts) {
  take(replayed({sent(1, part(5, 10, {.generation = 1, .good = 2560}))}));  // nothing came before the cut
  ASSERT_EQ(windows().records.size(), 1U);
  EXPECT_EQ(good(), 2'560U);
  take(replayed({sent(2, part(5, 10, {.generation = 2, .good = 1560})), sent(3, part(0, 5, {.generation = 2, .good = 1000}))}));
  EXPECT_EQ(windows().records.size(), 2U);
  EXPECT_EQ(good(), 2'560U);
  EXPECT_EQ(counted(Counter::windows_conflicting), 0) << "together they have as many";
}

TEST_F(ReplayTest, PartsOfTheNodeThatComeLaterAreNotShownBesideIt) {
  take(replayed({sent(1, WindowSketch{.start = earlier, .generation = 1, .good = 5120})}));
  take(batch_of({{.rows = {sent(2, part(5, 10, {.good = 2560}))}}}));
  EXPECT_EQ(good(), 5'120U);
  EXPECT_EQ(counted(Counter::windows_conflicting), 0);
  take(batch_of({{.rows = {sent(3, part(5, 10, {.revision = 1, .good = 9999}))}}}));
  EXPECT_EQ(good(), 5'120U);
  EXPECT_EQ(counted(Counter::windows_conflicting), 1);
  // Nor those of an earlier replay, and they withdraw nothing.
  take(replayed({sent(2, part(0, 5, {.generation = 2, .good = 2500})), sent(3, part(5, 10, {.generation = 2, .good = 2620}))}));
  take(replayed({sent(1, WindowSketch{.start = earlier, .generation = 1, .good = 100})}, "gateway-1", std::string(32, 'c')));
  EXPECT_EQ(windows().records.size(), 2U);
  EXPECT_EQ(good(), 5'120U);
}

// They should have generations of their own.
TEST_F(ReplayTest, OfTwoReplaysOfOneGenerationThatCutAWindowDifferentlyTheFirstStands) {
  const std::string other(32, 'c');
  take(replayed({sent(1, part(0, 5, {.generation = 1, .good = 2560})), sent(2, part(5, 10, {.generation = 1, .good = 100}))}));
  take(replayed({sent(1, part(0, 5, {.generation = 1, .rms = 3, .good = 2560}))}, "gateway-1", other));
  EXPECT_EQ(counted(Counter::windows_conflicting), 0) << "they have as many";
  take(replayed({sent(2, part(0, 3, {.generation = 1, .good = 1500})), sent(3, part(3, 10, {.generation = 1, .good = 3500}))},
                "gateway-1", other));
  EXPECT_EQ(good(), 2'660U);
  EXPECT_EQ(counted(Counter::windows_conflicting), 2);
  // Where they cut it alike each row is that with more.
  take(replayed({sent(4, part(5, 10, {.generation = 1, .good = 101}))}, "gateway-1", other));
  EXPECT_EQ(good(), 2'661U);
  EXPECT_EQ(counted(Counter::windows_conflicting), 3);
}

// What the node still sends of it would not be shown.
TEST_F(ReplayTest, AWindowThatIsNotOverIsLeftToTheNode) {
  auto batch = batch_of({{.rows = {sent(2, part(0, 7, {.good = 7000}))}}});
  batch.offered_until_ns = earlier + ns_per_s * 8 / 10;
  batch.node = "gateway-2";
  take(batch);
  intake.emplace(*store, std::vector<std::string>{"gateway-1", "gateway-2"});
  take(replayed({sent(1, part(0, 7, {.generation = 1, .good = 7000}))}, "gateway-2"));
  EXPECT_EQ(counted(Counter::rows_refused), 1);
}

TEST_F(ReplayTest, APartOfTheNodeThatTheReplayLacksIsTold) {
  take(batch_of({{.rows = {sent(2, part(0, 5, {.revision = 1, .good = 5120}))}}}));
  take(replayed({sent(1, WindowSketch{.start = earlier, .generation = 1, .good = 5120})}));
  EXPECT_EQ(counted(Counter::windows_conflicting), 0);
  take(batch_of({{.rows = {sent(3, part(5, 10, {.good = 2560}))}}}));
  EXPECT_EQ(good(), 5'120U);
  EXPECT_EQ(counted(Counter::windows_conflicting), 1) << "the node has 7680 together";
}

// Whatever replays came between.
TEST_F(ReplayTest, WhatTheNodeHasIsHeldAgainstTheNewestReplay) {
  take(batch_of({{.rows = {sent(2, part(0, 5, {.revision = 1, .good = 1000})), sent(3, part(5, 10, {.good = 2000}))}}}));
  take(replayed({sent(1, WindowSketch{.start = earlier, .generation = 1, .good = 3000})}));
  take(replayed({sent(2, part(0, 5, {.generation = 2, .good = 1000})), sent(3, part(5, 10, {.generation = 2, .good = 2000}))}));
  EXPECT_EQ(good(), 3'000U);
  take(batch_of({{.rows = {sent(4, part(5, 10, {.good = 2000}))}}}));
  EXPECT_EQ(counted(Counter::windows_conflicting), 0) << "the node has no more";
  take(batch_of({{.rows = {sent(5, part(0, 5, {.revision = 2, .good = 2000}))}}}));
  EXPECT_EQ(counted(Counter::windows_conflicting), 1) << "the node has 4000 together";
}

// Two gateways that run under one name.
TEST_F(ReplayTest, OfTwoSpoolsThatCutAWindowDifferentlyTheFirstStands) {
  take(batch_of({{.rows = {sent(2, part(0, 4, {.revision = 1, .good = 800})), sent(3, part(4, 10, {.good = 1300}))}}}));
  take(batch_of({{.rows = {sent(1, part(2, 10, {.good = 1700}))}}}, spool_of_replay));
  EXPECT_EQ(good(), 2'100U);
  EXPECT_EQ(counted(Counter::windows_conflicting), 1);
}

TEST_F(ReplayTest, WithdrawnRowsAreNotMerged) {
  take(batch_of({{.rows = {sent(2, part(0, 5, {.revision = 1, .good = 1000})), sent(3, part(5, 10, {.good = 500}))}}}));
  take(replayed({sent(1, WindowSketch{.start = earlier, .generation = 1, .good = 1500})}));
  EXPECT_EQ(good(), 1'500U);
  keep_hours();
  EXPECT_EQ(good(Tier::hours), 1'500U);
}

// The other way round: what the node sends later, or again.
TEST_F(ReplayTest, WhatTheNodeSendsOfAWindowOfAReplayThatIsMergedIsNot) {
  take(replayed({sent(1, WindowSketch{.start = earlier, .generation = 1, .good = 5000})}));
  keep_hours();
  EXPECT_EQ(good(Tier::hours), 5'000U);
  take(batch_of({{.rows = {sent(2, part(0, 5, {.good = 2000})), sent(3, part(5, 10, {.good = 3000}))}}}));
  keep_hours();
  EXPECT_EQ(good(Tier::hours), 5'000U);
  // Another window of that hour is.
  take(batch_of({{.rows = {sent(4, WindowSketch{.start = earlier + ns_per_s, .good = 7})}}}));
  keep_hours();
  EXPECT_EQ(good(Tier::hours), 5'007U);
}

TEST_F(ReplayTest, WhatTheNodeSendsWholeOfAWindowOfWhichAReplaysPartIsMergedIsNot) {
  keep_hours();  // what the fixture has sent
  const auto before = good(Tier::hours);
  auto of_replay = part(5, 10, {.generation = 1, .good = 2500});
  of_replay.definition = 0xd3;
  take(replayed({sent(1, of_replay)}));
  keep_hours();
  take(batch_of({{.rows = {sent(2, WindowSketch{.start = earlier, .definition = 0xd3, .good = 5000})}}}));
  keep_hours();
  EXPECT_EQ(good(Tier::hours), before + 2'500);
}

// Its window begins in the hour before.
TEST_F(ReplayTest, APartThatIsMergedInTheNextHourIsNotMergedAgainWithTheWholeWindow) {
  const TimeNs start = at_or_before(earlier, hour_ns) - hour_ns / 2;
  auto of_replay = window_row({.start = start + 3 * (hour_ns / 4), .definition = 0xd3, .generation = 1, .good = 2500});
  of_replay.length_ns = hour_ns / 4;
  of_replay.whole = std::make_unique<schema::SpanT>(schema::SpanT{{}, start, hour_ns});
  auto of_node = window_row({.start = start, .definition = 0xd3, .good = 5000});
  of_node.length_ns = hour_ns;
  keep_hours();  // what the fixture has sent
  const auto before = good(Tier::hours);
  take(replayed({sent(1, of_replay)}));
  keep_hours();
  take(batch_of({{.rows = {sent(2, of_node)}}}));
  keep_hours();
  EXPECT_EQ(good(Tier::hours), before + 2'500);
}

TEST_F(ReplayTest, AnHourThatTheDayHasAlreadyTakesNothingOfAWindowOfAReplay) {
  const TimeNs hour = at_or_before(earlier, hour_ns);
  auto of_replay = window_row({.start = hour + ns_per_s / 2, .definition = 0xd3, .generation = 1, .good = 2500});
  of_replay.length_ns = ns_per_s / 2;
  of_replay.whole = std::make_unique<schema::SpanT>(schema::SpanT{{}, hour, ns_per_s});
  const auto next = window_row({.start = hour + ns_per_s, .definition = 0xd3, .generation = 1, .good = 7});
  keep_days();
  const auto before = good(Tier::days);
  take(replayed({sent(1, of_replay), sent(2, next)}));
  keep_days();
  EXPECT_EQ(good(Tier::days), before + 2'507);
  take(batch_of({{.rows = {sent(2, WindowSketch{.start = hour, .definition = 0xd3, .good = 5000})}}}));
  keep_days();
  EXPECT_EQ(good(Tier::days), before + 2'507);
}

TEST_F(ReplayTest, OfAWindowWithMorePartsThanANodeMakesNoReplayIsTaken) {
  std::vector<SentRow> rows;
  for (int i = 0; i < 600; ++i) {
    auto row = part(0, 1, {.good = 1});
    row.start_ns += 10L * i;
    row.length_ns = 10;
    rows.push_back(sent(static_cast<std::uint64_t>(i) + 2, row));
  }
  take(batch_of({{.rows = std::move(rows)}}));
  take(replayed({sent(1, WindowSketch{.start = earlier, .generation = 1, .good = 5120})}));
  EXPECT_EQ(counted(Counter::windows_conflicting), 1);
  for (const auto& each : windows().records) EXPECT_EQ(each.row->generation(), 0U);
}

// Whatever else is in the hour, and wherever a step ends.
TEST_F(ReplayTest, PartsOfOneWindowAreMergedThoughTheyBeginInDifferentHours) {
  keep_hours();  // what the fixture has sent
  const TimeNs start = at_or_before(earlier, hour_ns) - 8 * hour_ns;
  const auto cut = [&](int from, int to, std::uint32_t generation, TimeNs window) {
    auto row = window_row({.start = window + from * hour_ns / 2, .definition = 0xd4, .generation = generation, .good = 100});
    row.length_ns = (to - from) * hour_ns / 2;
    row.whole = std::make_unique<schema::SpanT>(schema::SpanT{{}, window, 4 * hour_ns});
    return row;
  };
  const auto before = good(Tier::hours);
  take(replayed({sent(1, cut(0, 3, 1, start)), sent(2, cut(3, 4, 1, start)), sent(3, cut(4, 8, 1, start))}));
  keep_hours();
  EXPECT_EQ(good(Tier::hours), before + 300);
  take(batch_of({{.rows = {sent(2, cut(0, 1, 0, start + 4 * hour_ns))}}}));
  keep_days();
  take(batch_of({{.rows = {sent(3, cut(1, 8, 0, start + 4 * hour_ns))}}}));
  keep_hours();
  EXPECT_EQ(good(Tier::hours) + good(Tier::days), before + 500);
  // Of another replay, that cut it elsewhere.
  take(replayed({sent(1, cut(5, 8, 1, start))}, "gateway-1", std::string(32, 'c')));
  keep_hours();
  EXPECT_EQ(good(Tier::hours) + good(Tier::days), before + 500);
}

// The newest rows may come first.
TEST_F(ReplayTest, PartsThatAreMergedInAnyOrderLeaveNothingForAReplay) {
  keep_hours();  // what the fixture has sent
  const auto before = good(Tier::hours);
  const auto of_another = [](schema::WindowRowT row) {
    row.definition = 0xd9;
    return row;
  };
  take(batch_of({{.rows = {sent(3, of_another(part(5, 10, {.good = 500})))}, .next_number = 4}}));
  keep_hours();
  take(batch_of({{.rows = {sent(2, of_another(part(0, 5, {.good = 500})))}, .next_number = 4}}));
  keep_hours();
  EXPECT_EQ(good(Tier::hours), before + 1'000);
  take(replayed({sent(1, of_another(part(0, 6, {.generation = 1, .good = 600}))),
                 sent(2, of_another(part(6, 10, {.generation = 1, .good = 400})))}));
  keep_hours();
  EXPECT_EQ(good(Tier::hours), before + 1'000);
}

// Rows of the node for the same time may have begun elsewhere.
TEST_F(ReplayTest, AWindowThatIsMergedAlreadyIsNotMergedAgain) {
  take(batch_of({{.rows = {sent(2, WindowSketch{.start = earlier, .revision = 1, .good = 3000})}}}));
  keep_hours();
  EXPECT_EQ(good(Tier::hours), 3'000U);
  take(replayed({sent(1, part(0, 5, {.generation = 1, .good = 1000})), sent(2, part(5, 10, {.generation = 1, .good = 2000}))}));
  keep_hours();
  EXPECT_EQ(good(Tier::hours), 3'000U);
  EXPECT_EQ(counted(Counter::windows_unmerged), 2);
}

// Windows that overlap begin within each other.
TEST_F(ReplayTest, OfHoppingWindowsEachIsReplacedAlone) {
  const auto hopping = [](TimeNs start, std::uint32_t generation, DurationNs length, std::optional<TimeNs> whole) {
    auto row = window_row({.start = start, .definition = 0xd2, .generation = generation});
    row.kind = schema::WindowKind::hopping;
    row.length_ns = length;
    if (whole) row.whole = std::make_unique<schema::SpanT>(schema::SpanT{{}, *whole, ns_per_s});
    return row;
  };
  constexpr DurationNs half = ns_per_s / 2;
  // Cut within the second one, for the node.
  take(batch_of(
      {{.rows = {sent(2, hopping(earlier, 0, ns_per_s, {})), sent(3, hopping(earlier + half, 0, ns_per_s / 4, earlier + half)),
                 sent(4, hopping(earlier + 3 * ns_per_s / 4, 0, 3 * ns_per_s / 4, earlier + half)),
                 sent(5, hopping(earlier + ns_per_s, 0, ns_per_s, {}))}}}));
  EXPECT_EQ(windows().records.size(), 5U);
  take(replayed({sent(1, hopping(earlier + half, 1, ns_per_s, {}))}));
  EXPECT_EQ(windows().records.size(), 4U);
  EXPECT_EQ(counted(Counter::windows_conflicting), 1) << "two parts had twice as many";
}

TEST_F(ReplayTest, APartIsHeldByItsWindow) {
  auto row = part(5, 10, {.good = 1});
  row.whole = std::make_unique<schema::SpanT>(schema::SpanT{{}, earlier + ns_per_s / 5 * 3, ns_per_s});
  take(batch_of({{.rows = {sent(2, row)}}}));
  EXPECT_EQ(counted(Counter::rows_refused), 1);
}

TEST_F(ReplayTest, WhereItHasFewerSamplesThanTheNodeIsTold) {
  take(replayed({sent(1, WindowSketch{.start = earlier, .generation = 1, .good = 100})}));
  EXPECT_EQ(counted(Counter::windows_conflicting), 1);
  take(batch_of({{.rows = {sent(2, WindowSketch{.start = earlier, .revision = 7, .good = 90})}}}));
  EXPECT_EQ(counted(Counter::windows_conflicting), 1);
  take(batch_of({{.rows = {sent(3, WindowSketch{.start = earlier, .revision = 8, .good = 110})}}}));
  EXPECT_EQ(counted(Counter::windows_conflicting), 2);
}

TEST_F(ReplayTest, OfOtherNodesIsRefusedAsAWhole) {
  EXPECT_EQ(refusal_of(replayed({sent(1, WindowSketch{.generation = 1})}, "gateway-2")), Code::invalid);
  EXPECT_EQ(counted(Counter::windows), 1);
  auto of_itself = replayed({});
  of_itself.node = "gateway-1";
  EXPECT_EQ(refusal_of(of_itself), Code::invalid);
  intake.emplace(*store);  // that permits none
  EXPECT_EQ(refusal_of(replayed({sent(1, WindowSketch{.generation = 1})})), Code::invalid);
}

TEST_F(ReplayTest, OnlyFinalWindowsOfAHigherGenerationBehindTheNodeAreTaken) {
  const auto answer =
      take(replayed({sent(1, WindowSketch{.start = earlier, .generation = 0, .rms = 2}),
                     sent(2, WindowSketch{.start = earlier, .generation = 1, .rms = 2, .state = schema::WindowState::open}),
                     sent(3, WindowSketch{.start = some_time, .generation = 1, .rms = 2})}));
  EXPECT_EQ(answer.lanes.at(windows_lane).durable_through, 3U) << "they are set aside, and block nothing";
  EXPECT_EQ(counted(Counter::rows_refused), 3);
  ASSERT_EQ(windows().records.size(), 1U);
  EXPECT_EQ(rms_of(windows().records[0]), 1);
}

TEST_F(ReplayTest, OfANodeThatNeverWasLeavesNothing) {
  intake.emplace(*store, std::vector<std::string>{"gateway-2"});
  take(replayed(
      {sent(1, WindowSketch{.start = earlier, .generation = 1}), sent(2, WindowSketch{.start = -10 * ns_per_s, .generation = 1})},
      "gateway-2"));
  EXPECT_EQ(counted(Counter::rows_refused), 2);
  EXPECT_EQ(windows().records.size(), 1U);
}

}  // namespace
}  // namespace stethos::collector
