#include "uplink/protocol/ranges.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <set>

namespace stethos::uplink {
namespace {

using Ranges = std::vector<NumberRange>;
constexpr std::uint64_t highest = std::numeric_limits<std::uint64_t>::max();

TEST(NumberSet, JoinsWhatTouches) {
  NumberSet set;
  EXPECT_TRUE(set.add({5, 5}, 10));
  EXPECT_TRUE(set.add({7, 9}, 10));
  EXPECT_EQ(set.ranges(), (Ranges{{5, 5}, {7, 9}}));
  EXPECT_TRUE(set.add({6, 6}, 10));
  EXPECT_EQ(set.ranges(), (Ranges{{5, 9}}));
  EXPECT_TRUE(set.add({1, 20}, 10));
  EXPECT_EQ(set.ranges(), (Ranges{{1, 20}}));
  EXPECT_TRUE(set.add({3, 4}, 10));
  EXPECT_EQ(set.ranges(), (Ranges{{1, 20}}));
}

TEST(NumberSet, DurableThroughBeginsAtOne) {
  NumberSet set;
  EXPECT_EQ(set.durable_through(), 0U);
  ASSERT_TRUE(set.add({2, 3}, 10));
  EXPECT_EQ(set.durable_through(), 0U);
  EXPECT_EQ(set.beyond().size(), 1U);
  ASSERT_TRUE(set.add({1, 1}, 10));
  EXPECT_EQ(set.durable_through(), 3U);
  EXPECT_TRUE(set.beyond().empty());
}

TEST(NumberSet, RefusesMoreRangesThanItsBoundAndStaysAsItWas) {
  NumberSet set;
  ASSERT_TRUE(set.add({1, 1}, 2));
  ASSERT_TRUE(set.add({5, 5}, 2));
  const NumberSet before = set;
  EXPECT_FALSE(set.add({9, 9}, 2));
  EXPECT_EQ(set, before);
  EXPECT_TRUE(set.add({6, 9}, 2)) << "what only makes a range longer is no new range";
  EXPECT_TRUE(set.add({2, 4}, 2)) << "nor what joins two";
  EXPECT_EQ(set.ranges(), (Ranges{{1, 9}}));
}

TEST(NumberSet, TheHighestNumberIsNoSpecialCase) {
  NumberSet set;
  ASSERT_TRUE(set.add({highest, highest}, 4));
  ASSERT_TRUE(set.add({1, 1}, 4));
  EXPECT_TRUE(set.contains(highest));
  EXPECT_EQ(set.missing({1, highest}), (Ranges{{2, highest - 1}}));
  ASSERT_TRUE(set.add({2, highest - 1}, 4));
  EXPECT_EQ(set.ranges(), (Ranges{{1, highest}}));
  EXPECT_TRUE(set.missing({1, highest}).empty());
}

TEST(NumberSet, RangesFromOutsideMustBeInOrder) {
  EXPECT_TRUE(are_sorted_and_disjoint(Ranges{}));
  EXPECT_TRUE(are_sorted_and_disjoint(Ranges{{1, 2}, {4, 4}}));
  EXPECT_FALSE(are_sorted_and_disjoint(Ranges{{0, 2}}));
  EXPECT_FALSE(are_sorted_and_disjoint(Ranges{{3, 2}}));
  EXPECT_FALSE(are_sorted_and_disjoint(Ranges{{1, 2}, {3, 4}})) << "these two are one";
  EXPECT_FALSE(are_sorted_and_disjoint(Ranges{{4, 4}, {1, 2}}));
  EXPECT_FALSE(are_sorted_and_disjoint(Ranges{{1, highest}, {1, 2}}));
}

// The plainest set of numbers there is, next to ours.
TEST(NumberSet, AgreesWithASetOfNumbers) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 50; ++round) {
    NumberSet set;
    std::set<std::uint64_t> plain;
    for (int i = 0; i < 60; ++i) {
      const std::uint64_t first = 1 + random() % 100;
      const std::uint64_t last = first + random() % 6;
      ASSERT_TRUE(set.add({first, last}, 200));
      for (std::uint64_t number = first; number <= last; ++number) plain.insert(number);
    }
    ASSERT_TRUE(are_sorted_and_disjoint(set.ranges()));
    NumberSet rest;
    for (const NumberRange& range : set.missing({1, 120})) ASSERT_TRUE(rest.add(range, 200));
    for (std::uint64_t number = 1; number <= 120; ++number) {
      ASSERT_EQ(set.contains(number), plain.contains(number)) << number;
      ASSERT_NE(rest.contains(number), plain.contains(number)) << number;
    }
  }
}

}  // namespace
}  // namespace stethos::uplink
