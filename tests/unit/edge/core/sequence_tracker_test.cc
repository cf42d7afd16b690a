#include "edge/core/sequence_tracker.h"
#include "edge/core/limits.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <set>

namespace stethos::edge {
namespace {

using Verdict = SequenceTracker::Verdict;

TEST(SequenceTracker, StartsAtTheLowestHeldSequenceWithoutAGap) {
  SequenceTracker tracker;
  std::vector<SequenceGap> gaps;
  EXPECT_EQ(tracker.observe(5, 103, 101, gaps), Verdict::fresh);
  EXPECT_TRUE(gaps.empty());
  EXPECT_EQ(tracker.find(5)->base, 100u);
  EXPECT_EQ(tracker.observe(5, 101, 101, gaps), Verdict::fresh);
  EXPECT_EQ(tracker.observe(5, 102, 101, gaps), Verdict::fresh);
  EXPECT_EQ(tracker.find(5)->base, 103u);
  EXPECT_TRUE(tracker.find(5)->ranges.empty());
}

TEST(SequenceTracker, WhatWasSkippedAtTheBeginningIsTakenOnce) {
  SequenceTracker tracker;
  std::vector<SequenceGap> gaps;
  EXPECT_FALSE(tracker.take_skipped(5, 1)) << "nothing is known of the epoch";
  tracker.observe(5, 11, 10, gaps);
  for (const std::uint64_t sequence : {4u, 1u, 9u, 2u, 3u}) {
    EXPECT_TRUE(tracker.take_skipped(5, sequence));
    EXPECT_FALSE(tracker.take_skipped(5, sequence));
    EXPECT_EQ(tracker.observe(5, sequence, 10, gaps), Verdict::duplicate);
  }
  EXPECT_EQ(tracker.find(5)->skipped, (std::vector<SequenceRange>{{5, 8}}));
  for (const std::uint64_t sequence : {0u, 10u, 11u, 12u}) EXPECT_FALSE(tracker.take_skipped(5, sequence));
  // What is given up later is a gap, and may have been kept all the same.
  tracker.observe(5, 20, 20, gaps);
  EXPECT_EQ(tracker.find(5)->skipped, (std::vector<SequenceRange>{{5, 8}, {10, 10}, {12, 19}}));
  EXPECT_TRUE(tracker.take_skipped(5, 15));
  EXPECT_FALSE(tracker.take_skipped(5, 15));
}

TEST(SequenceTracker, WhatIsSkippedIsBounded) {
  SequenceTracker tracker;
  std::vector<SequenceGap> gaps;
  tracker.observe(1, 10'000, 10'000, gaps);
  for (std::uint64_t i = 1; i < ranges_per_epoch_max; ++i) ASSERT_TRUE(tracker.take_skipped(1, 10 * i));
  EXPECT_EQ(tracker.find(1)->skipped.size(), ranges_per_epoch_max);
  EXPECT_FALSE(tracker.take_skipped(1, 5'000));
  EXPECT_TRUE(tracker.take_skipped(1, 1));
  // Of what is given up since, the latest is known.
  for (std::uint64_t i = 1; i < 1'000; ++i) tracker.observe(1, 10'000 + 2 * i, 10'000 + 2 * i, gaps);
  EXPECT_EQ(tracker.find(1)->skipped.size(), ranges_per_epoch_max);
  EXPECT_TRUE(tracker.take_skipped(1, 11'997));
  EXPECT_FALSE(tracker.take_skipped(1, 2));
}

TEST(SequenceTracker, WhatTheDeviceNoLongerHoldsIsAGap) {
  SequenceTracker tracker;
  std::vector<SequenceGap> gaps;
  tracker.observe(1, 1, 1, gaps);
  tracker.observe(1, 4, 1, gaps);
  EXPECT_EQ(tracker.observe(1, 9, 8, gaps), Verdict::fresh);
  ASSERT_EQ(gaps.size(), 2u);
  EXPECT_EQ(gaps[0].missing, (SequenceRange{2, 3}));
  EXPECT_EQ(gaps[1].missing, (SequenceRange{5, 7}));
  EXPECT_EQ(gaps[0].cause, schema::GapCause::device_gave_up);
  // What was declared lost is not counted when it comes after all.
  EXPECT_EQ(tracker.observe(1, 5, 5, gaps), Verdict::duplicate);
  EXPECT_EQ(gaps.size(), 2u);
}

TEST(SequenceTracker, RangesAreBounded) {
  SequenceTracker tracker;
  std::vector<SequenceGap> gaps;
  for (std::uint64_t i = 0; i < ranges_per_epoch_max; ++i) ASSERT_EQ(tracker.observe(1, 2 + 2 * i, 1, gaps), Verdict::fresh);
  const auto before = tracker.epochs();
  EXPECT_EQ(tracker.observe(1, 100'000, 1, gaps), Verdict::no_room);
  EXPECT_EQ(tracker.epochs(), before);
  EXPECT_EQ(tracker.observe(1, 1, 1, gaps), Verdict::fresh);  // joins the base to the first range
  EXPECT_EQ(tracker.observe(1, 100'000, 1, gaps), Verdict::fresh);
}

TEST(SequenceTracker, TheOldestEpochIsForgottenWithItsHoles) {
  SequenceTracker tracker;
  std::vector<SequenceGap> gaps;
  tracker.observe(1, 1, 1, gaps);
  tracker.observe(1, 3, 1, gaps);
  for (std::uint64_t epoch = 2; epoch <= epochs_per_device_max; ++epoch) tracker.observe(epoch, 1, 1, gaps);
  EXPECT_TRUE(gaps.empty());
  EXPECT_EQ(tracker.observe(100, 1, 1, gaps), Verdict::fresh);
  ASSERT_EQ(gaps.size(), 1u);
  EXPECT_EQ(gaps[0].epoch, 1u);
  EXPECT_EQ(gaps[0].missing, (SequenceRange{2, 2}));
  EXPECT_EQ(gaps[0].cause, schema::GapCause::device_restarted);
  EXPECT_EQ(tracker.observe(1, 2, 1, gaps), Verdict::epoch_too_old);
  EXPECT_EQ(tracker.epochs().size(), epochs_per_device_max);
  // An epoch between those that are remembered is remembered in its place.
  EXPECT_EQ(tracker.observe(50, 1, 1, gaps), Verdict::fresh);
  EXPECT_EQ(tracker.epochs()[epochs_per_device_max - 2].epoch, 50u);
}

// What a spool of an earlier release may hold.
TEST(SequenceTracker, ASequenceThatHasNoNextOneLeavesNoGap) {
  SequenceTracker tracker(
      {{1, std::numeric_limits<std::uint64_t>::max(), {}, {}}, {2, 1, {}, {}}, {3, 1, {}, {}}, {4, 1, {}, {}}});
  std::vector<SequenceGap> gaps;
  EXPECT_EQ(tracker.observe(5, 1, 1, gaps), Verdict::fresh);
  EXPECT_TRUE(gaps.empty());
}

TEST(SequenceTracker, AgreesWithASetInAnyOrder) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    SequenceTracker tracker;
    std::set<std::uint64_t> handled;
    std::vector<SequenceGap> gaps;
    for (int i = 0; i < 300; ++i) {
      const std::uint64_t sequence = 1 + random() % 120;
      const Verdict verdict = tracker.observe(1, sequence, 1, gaps);
      ASSERT_EQ(verdict, handled.insert(sequence).second ? Verdict::fresh : Verdict::duplicate);
    }
    const EpochSequences& known = *tracker.find(1);
    std::set<std::uint64_t> claimed;
    for (std::uint64_t s = 1; s <= known.base; ++s) claimed.insert(s);
    std::uint64_t last = known.base;
    for (const SequenceRange& range : known.ranges) {
      ASSERT_GT(range.first, last + 1);  // else it would belong to what is before it
      ASSERT_LE(range.first, range.last);
      for (std::uint64_t s = range.first; s <= range.last; ++s) claimed.insert(s);
      last = range.last;
    }
    EXPECT_EQ(claimed, handled);
    EXPECT_TRUE(gaps.empty());
  }
}

}  // namespace
}  // namespace stethos::edge
