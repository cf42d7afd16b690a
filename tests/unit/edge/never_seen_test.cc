#include "edge/never_seen.h"

#include <gtest/gtest.h>

#include "edge/core/core.h"
#include "tests/unit/edge/core/core_rig.h"

namespace stethos::edge {
namespace {

constexpr DurationNs minute_ns = 60 * ns_per_s;

class MinuteClock final : public Clock {
 public:
  TimeNs now() const override { return epoch_ns + at_ns; }
  DurationNs monotonic() const override { return at_ns; }
  DurationNs at_ns = 0;
};

EdgeConfig config_with(bool ignores_others) {
  EdgeConfig config = core_config();
  config.subscriptions[1].ignores_other_documents = ignores_others;
  return config;
}

class NeverSeenTest : public testing::TestWithParam<bool> {
 protected:
  // The same payload once a minute, this often.
  void publish(int count, const std::string& fields) {
    for (int i = 0; i < count; ++i) {
      const std::string payload = R"({"device":"t1","ts":)" + std::to_string((epoch_ns + clock_.at_ns) / ns_per_ms) +
                                  R"(,"seq":)" + std::to_string(++sequence_) + fields + "}";
      const Message message = json_message(payload);
      const auto effect = core_.process({&message, 1}, epoch_ns + clock_.at_ns);
      ASSERT_TRUE(effect) << effect.error().text();
      clock_.at_ns += minute_ns;
    }
  }
  std::size_t fields_missed() const { return never_seen_.counts().fields.at(0).second; }

  const EdgeConfig config_ = config_with(GetParam());
  const PointTable points_ = *PointTable::parse(
      "device,channel,machine,point,axis,quantity,unit,interval,valid_from\n"
      "t1,temperature,m,p,-,temperature,degC,,\n"
      "t1,vibrations,m,p,-,acceleration,g,,\n"
      "t2,slow,m,p,-,temperature,degC,1h,\n"
      "t3,later,m,p,-,temperature,degC,,2027-01-01\n",
      "points.csv");
  MinuteClock clock_;
  std::vector<std::string> lines_;
  NeverSeen never_seen_{config_, points_, clock_, [this](std::string line) { lines_.push_back(std::move(line)); }};
  NothingForgotten nothing_forgotten_;
  Core core_{config_, 7, points_, kernels::make_backend("reference"), {}, nothing_forgotten_, "live"};
  int sequence_ = 0;

  void SetUp() override {
    core_.set_watcher(never_seen_);
    ASSERT_EQ(never_seen_.counts().fields.size(), 1u) << "of what is JSON";
  }
};

TEST_P(NeverSeenTest, AFieldIsMissedOnceItsSubscriptionHasHadMessagesForTenMinutes) {
  publish(10, R"(,"temperature":1)");
  EXPECT_EQ(fields_missed(), 0u);
  EXPECT_TRUE(lines_.empty());
  publish(1, R"(,"temperature":1)");
  EXPECT_EQ(fields_missed(), 1u);
  ASSERT_FALSE(lines_.empty());
  EXPECT_EQ(lines_[0], R"(declared and never come since the start, in 11 messages: "vibration" of the subscription )"
                       R"("fleet/+/telemetry". Cure: compare their paths with a payload, letter by letter, or leave them out of )"
                       "the configuration");
  const std::size_t said = lines_.size();
  publish(3, R"(,"temperature":1)");
  EXPECT_EQ(lines_.size(), said) << "it is said once";
  publish(1, R"(,"vibration":"no number")");
  EXPECT_EQ(fields_missed(), 0u) << "it came, and its letter says the rest";
}

TEST_P(NeverSeenTest, FieldsOfMessagesThatAreRefusedOrIgnoredAreMissedToo) {
  publish(11, R"(,"temp":1)");
  EXPECT_EQ(fields_missed(), 2u);
}

TEST_P(NeverSeenTest, AFewMessagesSayNothing) {
  publish(1, R"(,"temperature":1)");
  clock_.at_ns += 60 * minute_ns;
  publish(1, R"(,"temperature":1)");
  EXPECT_EQ(fields_missed(), 0u);
}

TEST_P(NeverSeenTest, AChannelOfThePointTableIsMissedAfterTenMinutesOrThreeIntervals) {
  publish(10, R"(,"temperature":1,"vibration":1)");
  EXPECT_EQ(never_seen_.counts().channels, 0u);
  publish(2, R"(,"temperature":1,"vibration":1)");
  EXPECT_EQ(never_seen_.counts().channels, 1u);
  ASSERT_EQ(lines_.size(), 1u);
  EXPECT_TRUE(lines_[0].starts_with("in the point table and never come since the start: \"t1/vibrations\". Cure: ")) << lines_[0];
  clock_.at_ns = 181 * minute_ns;
  publish(1, R"(,"temperature":1,"vibration":1)");
  EXPECT_EQ(never_seen_.counts().channels, 2u) << "what is valid from a later day on is not missed";
}

INSTANTIATE_TEST_SUITE_P(OtherDocuments, NeverSeenTest, testing::Values(false, true),
                         [](const auto& is) { return is.param ? "Ignored" : "Refused"; });

}  // namespace
}  // namespace stethos::edge
