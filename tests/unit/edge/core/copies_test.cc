#include "edge/core/copies.h"

#include <gtest/gtest.h>

#include "edge/core/limits.h"
#include "tests/unit/edge/core/core_rig.h"

namespace stethos::edge {
namespace {

Message by(std::uint32_t filter, std::vector<std::uint32_t> others, std::uint8_t payload, const char* topic = "a/b") {
  Message message = message_of(topic, {payload}, epoch_ns);
  message.filter = filter;
  message.other_filters = std::move(others);
  return message;
}

TEST(Copies, TheSecondCopyIsOneWhicheverFilterItComesBy) {
  ExpectedCopies expected;
  EXPECT_FALSE(take_copy(expected, by(1, {2}, 7)));
  EXPECT_TRUE(take_copy(expected, by(2, {1}, 7)));
  EXPECT_FALSE(take_copy(expected, by(2, {1}, 8)));
  EXPECT_TRUE(take_copy(expected, by(1, {2}, 8)));
  EXPECT_TRUE(expected.empty());
}

TEST(Copies, EqualMessagesOfOneFilterAreTwo) {
  ExpectedCopies expected;
  EXPECT_FALSE(take_copy(expected, by(1, {2}, 7)));
  EXPECT_FALSE(take_copy(expected, by(1, {2}, 7)));
  EXPECT_TRUE(take_copy(expected, by(2, {1}, 7)));
  EXPECT_TRUE(expected.empty()) << "the first of the two was published before the second filter was there";
  EXPECT_FALSE(take_copy(expected, by(2, {1}, 7))) << "and a later message is no copy of it";
}

TEST(Copies, OfThreeFiltersThereAreTwoCopies) {
  ExpectedCopies expected;
  EXPECT_FALSE(take_copy(expected, by(1, {2, 3}, 7)));
  EXPECT_TRUE(take_copy(expected, by(3, {1, 2}, 7)));
  EXPECT_TRUE(take_copy(expected, by(2, {1, 3}, 7)));
  EXPECT_TRUE(expected.empty());
}

TEST(Copies, AnotherTopicOrOtherBytesAreNone) {
  ExpectedCopies expected;
  EXPECT_FALSE(take_copy(expected, by(1, {2}, 7)));
  EXPECT_FALSE(take_copy(expected, by(2, {1}, 7, "a/c")));
  EXPECT_FALSE(take_copy(expected, by(2, {1}, 8)));
}

TEST(Copies, AreBounded) {
  ExpectedCopies expected;
  for (std::size_t i = 0; i < 3 * copies_expected_max; ++i) {
    take_copy(expected, by(1, {2}, 7, ("a/" + std::to_string(i)).c_str()));
  }
  EXPECT_EQ(expected.size(), copies_expected_max);
  const std::string last = "a/" + std::to_string(3 * copies_expected_max - 1);
  EXPECT_TRUE(take_copy(expected, by(2, {1}, 7, last.c_str())));
}

}  // namespace
}  // namespace stethos::edge
