// Arrivals in, effects out: no message is there.
#include "edge/core/placing.h"

#include <gtest/gtest.h>

#include "tests/unit/edge/core/core_rig.h"

namespace stethos::edge {
namespace {

class PlacingTest : public testing::Test {
 protected:
  PlacingTest() {
    PointEntry entry;
    entry.device = "t1";
    entry.channel = "temperature";
    entry.quantity = "temperature";
    entry.unit = "degC";
    entry.version = 5;
    arrivals_.descriptions.push_back(entry);
    arrivals_.list.emplace_back(StreamDescribed{.stream = 1, .description = 0, .described_in_epoch = {}});
  }

  static ReadingArrived reading(TimeNs time_ns, double value, std::optional<ReadingIdentity> identity = {}) {
    return {.stream = 1,
            .source = {.message = 0, .origin = {0, 1}, .received_ns = epoch_ns},
            .time_ns = time_ns,
            .value = value,
            .identity = identity};
  }

  Status take(std::uint64_t decoded) {
    effect_ = Effect{};
    effect_.now_ns = epoch_ns;
    letters_.begin(message_, effect_);
    return placing_.take(arrivals_, {{1, decoded}}, effect_);
  }

  EdgeConfig config_ = core_config();
  PointTable points_;
  Letters letters_{64};
  Forgetting forgetting_{0};
  Placing placing_{config_, letters_, points_, forgetting_, {}};
  std::vector<Message> message_{json_message("{}")};
  Arrivals arrivals_;
  Effect effect_;
};

TEST_F(PlacingTest, SamplesThatAreNotAccountedForStopTheBatch) {
  arrivals_.list.emplace_back(reading(epoch_ns, 20));
  arrivals_.list.emplace_back(SamplesUnplaced{.stream = 1, .how = Unplaced::rejected, .samples = 3});
  const auto missing = take(5);
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, Code::unbalanced);
  EXPECT_EQ(missing.error().text(), "balancing the books of t1/temperature: 5 samples came and 4 are accounted for");
}

TEST_F(PlacingTest, SamplesThatNobodyDecodedStopTheBatchToo) {
  arrivals_.list.emplace_back(reading(epoch_ns, 20));
  effect_.now_ns = epoch_ns;
  letters_.begin(message_, effect_);
  const auto placed = placing_.take(arrivals_, {}, effect_);
  ASSERT_FALSE(placed.has_value());
  EXPECT_EQ(placed.error().code, Code::unbalanced);
}

TEST_F(PlacingTest, WhatBalancesIsPlaced) {
  arrivals_.list.emplace_back(reading(epoch_ns, 20));
  arrivals_.list.emplace_back(reading(epoch_ns + ns_per_s, 21));
  arrivals_.list.emplace_back(SamplesUnplaced{.stream = 1, .how = Unplaced::duplicate, .samples = 1});
  ASSERT_TRUE(take(3).has_value());
  EXPECT_EQ(placing_.samples(), (SampleCounts{.good = 2, .duplicate = 1}));
  ASSERT_EQ(effect_.windows.size(), 1u);
  EXPECT_EQ(effect_.windows[0].moments->mean, 20);
}

TEST_F(PlacingTest, AnIdentityWithoutATimeIsKnownWheneverItsCopyArrives) {
  const ReadingIdentity seven{.identity = 7, .is_alone = true};
  arrivals_.list.emplace_back(reading(epoch_ns, 20, seven));
  arrivals_.list.emplace_back(reading(epoch_ns + 5 * ns_per_ms, 20, seven));
  arrivals_.list.emplace_back(reading(epoch_ns + 6 * ns_per_ms, 21, seven));
  arrivals_.list.emplace_back(reading(epoch_ns + 7 * ns_per_ms, 20, ReadingIdentity{.identity = 8, .is_alone = true}));
  ASSERT_TRUE(take(4).has_value());
  EXPECT_EQ(placing_.samples(), (SampleCounts{.good = 2, .duplicate = 1, .rejected = 1}));
  ASSERT_EQ(effect_.dead_letters.size(), 1u);
  EXPECT_EQ(effect_.dead_letters[0].rejection.reason, Reason::identity_conflict);
}

TEST_F(PlacingTest, AnIdentityBesideATimeIsAnotherReadingAtAnotherTime) {
  arrivals_.list.emplace_back(reading(epoch_ns, 20, ReadingIdentity{.identity = 7}));
  arrivals_.list.emplace_back(reading(epoch_ns + 5 * ns_per_ms, 21, ReadingIdentity{.identity = 7}));
  ASSERT_TRUE(take(2).has_value());
  EXPECT_EQ(placing_.samples(), (SampleCounts{.good = 2}));
}

}  // namespace
}  // namespace stethos::edge
