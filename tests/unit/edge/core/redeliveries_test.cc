#include "edge/core/redeliveries.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "edge/core/limits.h"

namespace stethos::edge {
namespace {

// What a broker delivers, by payloads of one letter each.
class Line {
 public:
  void deliver(const std::string& payloads) {
    for (const char each : payloads) take(each, false);
  }
  // On a connection of its own. Of each whether it is known to come again: 'y', 'n'.
  std::string deliver_again(const std::string& payloads) {
    ++connection_;
    std::string known;
    for (const char each : payloads) known += take(each, true) ? 'y' : 'n';
    return known;
  }
  void restart(std::size_t on_record) { redeliveries_ = Redeliveries(redeliveries_.latest(on_record)); }

 private:
  bool take(char payload, bool redelivered) {
    Message message;
    message.topic = "t";
    const auto byte = static_cast<std::uint8_t>(payload);
    message.payload = {&byte, 1};
    message.redelivered = redelivered;
    message.connection = connection_;
    return redeliveries_.take(message);
  }

  Redeliveries redeliveries_{{}};
  std::uint64_t connection_ = 1;
};

TEST(Redeliveries, WhatComesAgainIsKnownFromSomeMessageOn) {
  for (const std::string from : {"abcdef", "cdef", "f"}) {
    Line line;
    line.deliver("abcdef");
    EXPECT_EQ(line.deliver_again(from + "gh"), std::string(from.size(), 'y') + "nn");
    EXPECT_EQ(line.deliver_again("efgh"), "yyyy") << "and again on the next connection, with what was new on the last";
  }
}

TEST(Redeliveries, EqualOnesBetweenThemChangeNothingForThoseThatAreAlone) {
  for (const std::string from : {"aXbXcXdX", "XbXcXdX", "bXcXdX", "XcXdX", "dX"}) {
    Line line;
    line.deliver("aXbXcXdX");
    EXPECT_EQ(line.deliver_again(from), std::string(from.size(), 'y')) << from;
  }
}

TEST(Redeliveries, OfSeveralEqualOnesRatherOneIsCountedTooOften) {
  Line line;
  line.deliver("XXX");
  EXPECT_EQ(line.deliver_again("XXX"), "ynn");
  line.restart(100);
  EXPECT_EQ(line.deliver_again("X"), "y");
}

TEST(Redeliveries, WhereEqualOnesLeaveOpenHowFarItHasComeTheNextOneThatIsAloneTells) {
  Line line;
  line.deliver("XXaX");
  EXPECT_EQ(line.deliver_again("XXaX"), "ynyy");
}

TEST(Redeliveries, AfterTheLastOfThemEqualOnesAreNew) {
  Line line;
  line.deliver("abXc");
  EXPECT_EQ(line.deliver_again("XcXab"), "yynnn");
}

TEST(Redeliveries, WhatIsNotRememberedInBetweenHidesNothing) {
  Line line;
  line.deliver("abcdef");
  EXPECT_EQ(line.deliver_again("bcGdef"), "yynyyy");
  Line with_a_like;
  with_a_like.deliver("abcdeXf");
  EXPECT_EQ(with_a_like.deliver_again("bcXdeXf"), "yyyyyyy");
}

TEST(Redeliveries, WhatIsOlderThanAllThatIsOnRecordComesBeforeIt) {
  Line line;
  line.deliver("abcdefgh");
  line.restart(3);
  EXPECT_EQ(line.deliver_again("cdefghij"), "nnnyyynn");
}

TEST(Redeliveries, AreBounded) {
  Redeliveries redeliveries{{}};
  std::vector<std::uint8_t> bytes(8);
  const auto take = [&](std::uint64_t number, std::uint64_t connection, bool redelivered) {
    std::memcpy(bytes.data(), &number, bytes.size());
    Message message;
    message.payload = bytes;
    message.connection = connection;
    message.redelivered = redelivered;
    return redeliveries.take(message);
  };
  constexpr std::uint64_t sent = 3 * redeliveries_remembered_max;
  for (std::uint64_t i = 0; i < sent; ++i) take(i, 1, false);
  EXPECT_LE(redeliveries.latest(sent).size(), 2 * redeliveries_remembered_max);
  for (std::uint64_t i = sent - redeliveries_remembered_max; i < sent; ++i) ASSERT_TRUE(take(i, 2, true)) << i;
  for (std::uint64_t i = sent; i < sent + redeliveries_remembered_max + 10; ++i) ASSERT_FALSE(take(i, 2, true)) << i;
}

}  // namespace
}  // namespace stethos::edge
