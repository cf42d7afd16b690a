#include "firmware_sim/send_ring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stethos::firmware_sim {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Empty final : public Content {
 public:
  std::vector<std::uint8_t> payload(std::uint64_t, std::uint64_t) override { return {}; }
};

constexpr DurationNs s = ns_per_s;

std::uint64_t add(SendRing& ring, HoldBack hold_back = {}, bool alone = false, DurationNs time_ns = 0) {
  return ring.add(std::make_unique<Empty>(), time_ns, hold_back, alone);
}

std::vector<std::uint64_t> all_turns(SendRing& ring, DurationNs now) {
  std::vector<std::uint64_t> sequences;
  while (const auto turn = ring.take_turn(now)) sequences.push_back(turn->sequence);
  return sequences;
}

RingLimits limits(std::size_t count, std::size_t in_flight) {
  return {.count_max = count, .in_flight_max = in_flight, .resend_after = 2 * s, .resend_after_max = 5 * s, .tries_max = 3};
}

TEST(SendRing, SendsInOrderFromOneUpToItsWindow) {
  SendRing ring(limits(8, 3));
  for (int i = 0; i < 5; ++i) add(ring);
  EXPECT_THAT(all_turns(ring, 0), ElementsAre(1, 2, 3));
  EXPECT_EQ(ring.lowest_held(), 1u);
  ring.acknowledge(1, 2);
  EXPECT_EQ(ring.lowest_held(), 3u);
  EXPECT_THAT(all_turns(ring, 0), ElementsAre(4, 5));
  EXPECT_EQ(ring.acknowledged(), 2u);
  ring.acknowledge(1, 5);
  EXPECT_TRUE(ring.empty());
  EXPECT_EQ(ring.lowest_held(), 6u) << "the next one, when nothing is held";
  EXPECT_EQ(ring.acknowledged(), 5u);
}

TEST(SendRing, TakesAcknowledgedRangesOut) {
  SendRing ring(limits(8, 8));
  for (int i = 0; i < 6; ++i) add(ring);
  all_turns(ring, 0);
  ring.acknowledge(2, 3);
  ring.acknowledge(5, 5);
  ring.acknowledge(2, 3);
  EXPECT_EQ(ring.lowest_held(), 1u);
  EXPECT_EQ(ring.acknowledged(), 3u);
  EXPECT_THAT(all_turns(ring, 2 * s), ElementsAre(1, 4, 6));
}

TEST(SendRing, IgnoresAcknowledgementsOfWhatWasNeverSent) {
  SendRing ring(limits(8, 2));
  for (int i = 0; i < 4; ++i) add(ring);
  all_turns(ring, 0);
  ring.acknowledge(1, 1'000'000);
  ring.acknowledge(10, 3);
  EXPECT_EQ(ring.acknowledged(), 2u);
  EXPECT_EQ(ring.lowest_held(), 3u);
}

TEST(SendRing, SendsAgainWithGrowingPausesAndGivesUp) {
  SendRing ring(limits(8, 8));
  add(ring);
  ASSERT_EQ(ring.take_turn(0)->tries, 1u);
  EXPECT_FALSE(ring.take_turn(2 * s - 1));
  EXPECT_EQ(ring.quiet_until(), 2 * s);
  ASSERT_EQ(ring.take_turn(2 * s)->tries, 2u);
  EXPECT_FALSE(ring.take_turn(6 * s - 1)) << "twice the pause";
  ASSERT_EQ(ring.take_turn(6 * s)->tries, 3u);
  EXPECT_EQ(ring.resent(), 2u);
  EXPECT_FALSE(ring.take_turn(11 * s - 1)) << "at most resend_after_max";
  EXPECT_FALSE(ring.empty());
  EXPECT_FALSE(ring.take_turn(11 * s));
  EXPECT_TRUE(ring.empty());
  EXPECT_EQ(ring.given_up(), 1u);
  EXPECT_THAT(ring.take_given_up(), ElementsAre(1));
  EXPECT_THAT(ring.take_given_up(), IsEmpty());
}

TEST(SendRing, GivingUpTheOldestRaisesTheLowestHeld) {
  SendRing ring(limits(3, 1));
  for (int i = 0; i < 3; ++i) add(ring);
  all_turns(ring, 0);
  EXPECT_TRUE(ring.full());
  EXPECT_EQ(ring.give_up_oldest(), 1u);
  EXPECT_EQ(ring.lowest_held(), 2u);
  EXPECT_EQ(ring.given_up(), 1u);
  EXPECT_THAT(all_turns(ring, 0), ElementsAre(2)) << "its place in flight is free";
  EXPECT_EQ(add(ring), 4u);
}

TEST(SendRing, SendsAllInFlightAgainAfterALostConnection) {
  SendRing ring(limits(8, 8));
  for (int i = 0; i < 3; ++i) add(ring);
  all_turns(ring, 0);
  ring.acknowledge(2, 2);
  ring.connection_lost(1);
  EXPECT_THAT(all_turns(ring, 1), ElementsAre(1, 3));
  EXPECT_EQ(ring.resent(), 2u);
}

TEST(SendRing, WithoutATimerWaitsForTheConnectionToBreak) {
  SendRing ring(limits(8, 8));
  add(ring);
  all_turns(ring, 0);
  ring.stop_timer(1);
  EXPECT_THAT(all_turns(ring, 1000 * s), IsEmpty());
  ring.connection_lost(1000 * s);
  EXPECT_THAT(all_turns(ring, 1000 * s), ElementsAre(1));
}

TEST(SendRing, WhatCouldNotBeSentDoesNotCount) {
  SendRing ring(limits(8, 8));
  add(ring);
  for (DurationNs i = 0; i < 20; ++i) {
    const auto turn = ring.take_turn(i * 2 * s);
    ASSERT_TRUE(turn);
    EXPECT_EQ(turn->tries, 1u);
    ring.not_sent(1, i * 2 * s);
  }
  EXPECT_EQ(ring.resent(), 0u);
  EXPECT_EQ(ring.given_up(), 0u);
}

TEST(SendRing, HoldsBackUntilLaterMessagesAreThere) {
  SendRing ring(limits(8, 8));
  add(ring);
  add(ring, {.messages = 2});
  EXPECT_THAT(all_turns(ring, 0), ElementsAre(1));
  add(ring);
  EXPECT_THAT(all_turns(ring, 0), ElementsAre(3));
  add(ring);
  EXPECT_THAT(all_turns(ring, 0), ElementsAre(2, 4));
}

TEST(SendRing, HoldsBackUntilYoungerMessagesAreThere) {
  SendRing ring(limits(8, 8));
  add(ring, {.time_ns = 10 * s}, false, 0);
  add(ring, {}, false, 5 * s);
  EXPECT_THAT(all_turns(ring, 0), ElementsAre(2));
  add(ring, {}, false, 10 * s);
  EXPECT_THAT(all_turns(ring, 0), ElementsAre(1, 3));
}

TEST(SendRing, HoldsNothingBackWhenFullOrFinished) {
  SendRing full(limits(2, 8));
  add(full, {.messages = 100});
  add(full, {.messages = 100});
  EXPECT_THAT(all_turns(full, 0), ElementsAre(1, 2));
  SendRing finished(limits(8, 8));
  add(finished, {.time_ns = 100 * s});
  EXPECT_THAT(all_turns(finished, 0), IsEmpty());
  finished.finish();
  EXPECT_THAT(all_turns(finished, 0), ElementsAre(1));
}

TEST(SendRing, WhatGoesAloneWaitsForAllBefore) {
  SendRing ring(limits(3, 8));
  add(ring);
  add(ring, {.messages = 5});
  add(ring, {}, true);
  ring.finish();
  EXPECT_THAT(all_turns(ring, 0), ElementsAre(1, 2)) << "though the ring is full and finished";
  ring.acknowledge(1, 1);
  EXPECT_THAT(all_turns(ring, 0), IsEmpty());
  ring.acknowledge(2, 2);
  EXPECT_THAT(all_turns(ring, 0), ElementsAre(3));
  ring.acknowledge(3, 3);
  EXPECT_TRUE(ring.empty());
}

}  // namespace
}  // namespace stethos::firmware_sim
