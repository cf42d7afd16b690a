#include "edge/trial/listen_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "edge/core/cures.h"
#include "tests/unit/edge/trial/trial_rig.h"

namespace stethos::edge {
namespace {

using testing::HasSubstr;
using testing::Not;

class ListenReportTest : public testing::Test {
 protected:
  void take(const std::string& topic, const std::string& payload) {
    const Message message = message_of(topic, {payload.begin(), payload.end()}, hour_later_ns);
    const Status taken = report_->take(message, hour_later_ns, true);
    ASSERT_TRUE(taken.has_value()) << taken.error().text();
  }

  void take_reading(const std::string& topic, const std::string& device, int seq, const std::string& value = "1") {
    take(topic,
         R"({"device":")" + device + R"(","ts":1767225600000,"seq":)" + std::to_string(seq) + R"(,"temperature":)" + value + "}");
  }

  // What has been written since the last call.
  std::string written() { return std::exchange(out_, std::ostringstream()).str(); }
  std::string table() {
    written();
    report_->write_table();
    return written();
  }

  const EdgeConfig config_ = trial_config();
  const PointTable points_;
  std::ostringstream out_;
  std::unique_ptr<ListenReport> report_ = *ListenReport::begin(config_, points_, out_);
};

TEST_F(ListenReportTest, ShowsTheFirstOfATopicAndCountsTheOthers) {
  take_reading("fleet/a/telemetry", "t1", 1);
  EXPECT_THAT(written(), HasSubstr("device t1\n"));
  take_reading("fleet/a/telemetry", "t1", 2);
  take_reading("fleet/a/telemetry", "t1", 2);
  take_reading("fleet/a/telemetry", "t1", 3, "\"x\"");
  take_reading("fleet/a/telemetry", "t1", 2, "7");
  EXPECT_EQ(written(), "");
  EXPECT_TRUE(report_->has_refused());
  EXPECT_EQ(table(),
            "\n"
            "  messages     taken   ignored    copies  topic\n"
            "         5         2         0         1  fleet/a/telemetry\n"
            "                                            refused: wrong_type 1\n"
            "                                            refused: identity_conflict 1\n"
            "         5         2         0         1  all\n"
            "                                            refused: wrong_type 1\n"
            "                                            refused: identity_conflict 1\n"
            "cure of wrong_type: " +
                std::string(cure_of(Reason::wrong_type)) +
                "\ncure of identity_conflict: " + std::string(cure_of(Reason::identity_conflict)) + "\n");
}

TEST_F(ListenReportTest, WhatIsRefusedForWhatCameBeforeIsSaid) {
  take_reading("fleet/a/telemetry", "t1", 1);
  written();
  take_reading("fleet/b/telemetry", "t1", 1, "9");
  EXPECT_THAT(written(), HasSubstr("after what came before it is refused: identity_conflict: "));
}

TEST_F(ListenReportTest, HasABoundForTopics) {
  for (std::size_t i = 0; i < topics_counted_max + 10; ++i) {
    take_reading("fleet/" + std::to_string(i) + "/telemetry", "t1", static_cast<int>(i));
  }
  const std::string shown = written();
  EXPECT_THAT(shown, HasSubstr("of further topics messages are counted, and not shown\n"));
  EXPECT_THAT(shown, HasSubstr("fleet/19/telemetry"));
  EXPECT_THAT(shown, Not(HasSubstr("fleet/20/telemetry")));
  EXPECT_THAT(table(), HasSubstr("        10        10         0         0  (further topics)\n"
                                 "       510       510         0         0  all\n"));
}

}  // namespace
}  // namespace stethos::edge
