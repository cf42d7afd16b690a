#include "edge/replay/feed.h"

#include <gtest/gtest.h>

#include <fstream>

#include "edge/replay/recording_port.h"
#include "tests/unit/edge/core/core_rig.h"

namespace stethos::edge {
namespace {

class FeedTest : public testing::Test {
 protected:
  FeedTest() {
    std::ofstream(file_.path()) << "timestamp,value\n2026-01-01 00:00:00,1\n2026-01-01 00:05:00,2\n2026-01-01 00:10:00,3\n";
  }

  Result<std::unique_ptr<Feed>> open(const std::string& position) const {
    FeedOptions options;
    options.recording = "nab:" + file_.path();
    options.device = "d1";
    options.position = position;
    return open_feed(options);
  }

  ScratchFile file_;
};

TEST_F(FeedTest, AtTheEndNothingMoreIsWaitedForAlsoWhereItIsGoneOnWith) {
  const TimeNs last_ns = epoch_ns + 600 * ns_per_s;
  std::string position;
  for (const bool is_first : {true, false}) {
    auto feed = open(position);
    ASSERT_TRUE(feed) << feed.error().text();
    std::vector<FedMessage> fed;
    if (is_first) {
      ASSERT_TRUE((*feed)->next(fed).value());
      ASSERT_EQ(fed.size(), 3u);
      EXPECT_EQ(fed[2].received_ns, last_ns);
      position = (*feed)->position();
    }
    ASSERT_TRUE((*feed)->next(fed).value());
    ASSERT_EQ(fed.size(), 1u);
    EXPECT_EQ(fed[0].decoded.complete_until_ns, last_ns + 1);
    EXPECT_FALSE((*feed)->next(fed).value());
  }
}

TEST_F(FeedTest, APortStandsBeforeWhatItCouldNotRead) {
  std::ofstream(file_.path(), std::ios::app) << "2026-01-01 00:15:00,none\n";
  RecordingPort port(open("").value(), "it");
  std::vector<Message> batch;
  port.poll(0, batch);
  EXPECT_TRUE(batch.empty());
  EXPECT_FALSE(port.status());
  EXPECT_EQ(port.position(), "it\n0");
}

TEST_F(FeedTest, WhatIsNoPositionInItIsAnError) {
  for (const char* position : {"4", "x", "1x", "-1"}) EXPECT_FALSE(open(position)) << position;
}

}  // namespace
}  // namespace stethos::edge
