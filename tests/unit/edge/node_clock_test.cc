#include "edge/node_clock.h"

#include <gtest/gtest.h>

#include "edge/core/limits.h"

namespace stethos::edge {
namespace {

constexpr TimeNs today = 1'795'000'000 * ns_per_s;

// Of a machine that has just been switched on, without a battery for its clock.
class BootClock final : public Clock {
 public:
  TimeNs now() const override { return time + passed; }
  DurationNs monotonic() const override { return passed; }
  bool synchronised() const override { return in_step; }
  std::uint64_t identity() const override { return which; }

  TimeNs time = 5 * ns_per_s;
  DurationNs passed = 100 * ns_per_s;
  bool in_step = false;
  std::uint64_t which = 1;
};

class NodeClockTest : public testing::Test {
 protected:
  // The collector's clock is right.
  uplink::CollectorTime answer(std::uint64_t which = 2) const {
    return {.time_ns = today + machine_.passed,
            .clock = which,
            .asked_monotonic = machine_.passed - ns_per_s,
            .answered_monotonic = machine_.passed + ns_per_s};
  }

  BootClock machine_;
  NodeClock clock_{machine_, false};
};

TEST_F(NodeClockTest, UntilItIsTrustedItCountsFromTheStartAndFollowsNoJump) {
  EXPECT_FALSE(clock_.is_trusted());
  EXPECT_EQ(clock_.now(), 105 * ns_per_s);
  machine_.time = today;
  machine_.passed += 7 * ns_per_s;
  EXPECT_FALSE(clock_.look());
  EXPECT_EQ(clock_.now(), 112 * ns_per_s);
  EXPECT_EQ(clock_.at(101 * ns_per_s), 106 * ns_per_s);
}

TEST_F(NodeClockTest, OnceTheSystemIsInStepTheCorrectionIsTakenUpInOneMoment) {
  machine_.time = today;
  machine_.passed += 7 * ns_per_s;
  machine_.in_step = true;
  const auto correction = clock_.look();
  ASSERT_TRUE(correction);
  EXPECT_EQ(correction->by_ns, today - 5 * ns_per_s);
  EXPECT_EQ(correction->witness, ClockWitness::system);
  EXPECT_EQ(clock_.now(), today + 107 * ns_per_s);
  EXPECT_EQ(clock_.at(101 * ns_per_s), today + 101 * ns_per_s) << "what came before the jump came at its true time";
  EXPECT_FALSE(clock_.look()) << "it is said once";
  machine_.in_step = false;
  machine_.time += 3'600 * ns_per_s;
  EXPECT_TRUE(clock_.is_trusted()) << "for the life of the process";
  EXPECT_EQ(clock_.now(), machine_.now());
}

TEST_F(NodeClockTest, ACollectorThatShowsAnotherTimeIsNoWitnessUntilTheClockIsSet) {
  clock_.hear(answer());
  EXPECT_FALSE(clock_.look());
  machine_.time = today + clock_difference_max + ns_per_s + 1;  // an answer may be as old as its question
  EXPECT_FALSE(clock_.look());
  machine_.time -= 1;
  const auto correction = clock_.look();
  ASSERT_TRUE(correction);
  EXPECT_EQ(correction->witness, ClockWitness::collector);
}

TEST_F(NodeClockTest, WhatIsSaidByTheSameClockOrAnUnknownOneProvesNothing) {
  machine_.time = today;
  for (const std::uint64_t which : {std::uint64_t{0}, machine_.which}) {
    clock_.hear(answer(which));
    EXPECT_FALSE(clock_.look());
  }
  auto silent = answer();
  silent.time_ns = 0;
  clock_.hear(silent);
  EXPECT_FALSE(clock_.look());
  machine_.which = 0;
  clock_.hear(answer());
  EXPECT_FALSE(clock_.look());
}

// As that of a replay: its time of day stands still between two messages, while time passes.
TEST_F(NodeClockTest, ATrustedClockIsShownToTheNanosecond) {
  class ReplayClock final : public Clock {
   public:
    TimeNs now() const override { return today; }
    DurationNs monotonic() const override { return ++passed_; }

   private:
    mutable DurationNs passed_ = 0;
  };
  const ReplayClock replay;
  const NodeClock clock(replay, true);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(clock.now(), today);
}

TEST_F(NodeClockTest, WhereItIsTrustedFromTheStartItIsFollowed) {
  NodeClock configured(machine_, true);
  EXPECT_TRUE(configured.is_trusted());
  EXPECT_FALSE(configured.look());
  machine_.time = today;
  EXPECT_EQ(configured.now(), machine_.now());
  machine_.in_step = true;
  EXPECT_TRUE(NodeClock(machine_, false).is_trusted());
}

}  // namespace
}  // namespace stethos::edge
