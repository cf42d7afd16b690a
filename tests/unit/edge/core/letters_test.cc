#include "edge/core/letters.h"

#include <gtest/gtest.h>

#include "tests/unit/edge/core/core_rig.h"

namespace stethos::edge {
namespace {

class LettersTest : public testing::Test {
 protected:
  LettersTest() { letters_.begin(batch_, effect_); }

  static Stream stream(StreamId id, const std::string& channel) {
    Stream stream;
    stream.id = id;
    stream.device = "d1";
    stream.channel = channel;
    return stream;
  }

  // Of a message that has two samples of each channel.
  void late(const Stream& stream, const std::vector<std::uint64_t>& late_in = {7}) {
    Source source;
    source.samples = 2;
    letters_.write_unplaced(source, {Reason::late, "late"}, 1, stream, late_in);
  }

  std::vector<Message> batch_{json_message("{}")};
  Effect effect_;
  Letters letters_{64};
};

TEST_F(LettersTest, ALateLetterNamesItsChannelOnceAllOfItIsLate) {
  const Stream a = stream(1, "a");
  late(a);
  EXPECT_EQ(effect_.dead_letters.at(0).channel, "");
  late(a);
  EXPECT_EQ(effect_.dead_letters.size(), 1u);
  EXPECT_EQ(effect_.dead_letters.at(0).channel, "a");
  EXPECT_EQ(effect_.dead_letters.at(0).late_in, std::vector<std::uint64_t>{7});
}

TEST_F(LettersTest, ALateLetterNamesNoChannelOfWhichEachDefinitionCountsAnotherPart) {
  const Stream a = stream(1, "a");
  late(a, {7});
  late(a, {7, 8});
  EXPECT_EQ(effect_.dead_letters.size(), 1u);
  EXPECT_EQ(effect_.dead_letters.at(0).channel, "");
}

TEST_F(LettersTest, ALateLetterIsNotNamedAfterAnotherStream) {
  late(stream(1, "a"));
  late(stream(2, "b"));
  late(stream(1, "a"));
  ASSERT_EQ(effect_.dead_letters.size(), 2u);
  EXPECT_EQ(effect_.dead_letters[0].channel, "");
  EXPECT_EQ(effect_.dead_letters[1].channel, "");
}

TEST_F(LettersTest, ALetterOfAnotherUnitNamesItsChannelTooIfItsSamplesAreCountedAsLate) {
  Source source;
  source.samples = 2;
  const Stream a = stream(1, "a"), b = stream(2, "b"), c = stream(3, "c");
  letters_.write_unplaced(source, {Reason::unit_differs, ""}, 2, a, {7});
  letters_.write_unplaced(source, {Reason::unit_differs, ""}, 1, b, {7});
  letters_.write_unplaced(source, {Reason::late, ""}, 1, b, {7});
  letters_.write_unplaced(source, {Reason::unit_differs, ""}, 2, c, {});
  std::vector<std::string> channels;
  for (const DeadLetter& each : effect_.dead_letters) channels.push_back(each.channel);
  EXPECT_EQ(channels, (std::vector<std::string>{"a", "", "", ""}));
}

// As where readings of one message are refused for another unit, some by the point table and some by what the stream had before.
TEST_F(LettersTest, WhatAnotherPartOfItsMessageHasALetterForMakesNone) {
  const Stream a = stream(1, "a"), b = stream(2, "b");
  late(b);
  late(a);
  Effect next;
  letters_.begin(batch_, next);
  letters_.write_once(0, {Reason::late, ""}, a.id, a.device);
  Source source;
  source.samples = 1;
  letters_.write_unplaced(source, {Reason::late, ""}, 1, a, {7});
  ASSERT_EQ(next.dead_letters.size(), 1u);
  EXPECT_EQ(next.dead_letters[0].channel, "");
}

TEST_F(LettersTest, AChannelHasOneLetterForEachReason) {
  for (int i = 0; i < 3; ++i) {
    for (const char* channel : {"a", "b"}) letters_.write_channel(0, {Reason::wrong_type, ""}, "d1", channel);
    letters_.write_channel(0, {Reason::missing_field, ""}, "d1", "a");
  }
  EXPECT_EQ(effect_.dead_letters.size(), 3u);
  EXPECT_EQ(effect_.totals[Reason::wrong_type], 2u);
}

}  // namespace
}  // namespace stethos::edge
