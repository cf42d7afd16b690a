// Windows of a replay stand instead of a live node's, where the collector permits it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/uplink/collector_fixture.h"

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

  static schema::UplinkBatchT replayed(std::vector<SentRow> rows, const std::string& replaces = "gateway-1") {
    auto batch = batch_of({{.rows = std::move(rows)}}, spool_of_replay, "lab");
    batch.replaces = replaces;
    return batch;
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
  take(replayed({sent(1, WindowSketch{.start = earlier, .generation = 1})}, "gateway-2"));
  EXPECT_EQ(counted(Counter::rows_refused), 1);
  EXPECT_EQ(windows().records.size(), 1U);
}

}  // namespace
}  // namespace stethos::collector
