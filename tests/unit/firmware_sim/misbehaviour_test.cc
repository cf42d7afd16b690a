#include "firmware_sim/misbehaviour.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <string>

#include "schemas/envelope.h"

namespace stethos::firmware_sim {
namespace {

TEST(Misbehaviour, IsDrawnAsOftenAsAsked) {
  const MisbehaviourOptions options{.duplicate = 0.3,
                                    .reorder = 0.2,
                                    .reorder_window = 4,
                                    .late = 0.05,
                                    .late_by = 1,
                                    .drop = 0.1,
                                    .truncate = 0.1,
                                    .flip = 0.1,
                                    .foreign = 0.02};
  constexpr int count = 50'000;
  int duplicated = 0, reordered = 0, late = 0, dropped = 0, cut = 0, flip = 0, foreign = 0;
  for (int i = 1; i <= count; ++i) {
    const Misbehaviour drawn = draw_misbehaviour(options, 1, "device", static_cast<std::uint64_t>(i));
    duplicated += drawn.duplicated;
    reordered += drawn.reordered_by > 0;
    late += drawn.late;
    dropped += drawn.dropped;
    cut += drawn.truncated;
    flip += drawn.flipped;
    foreign += drawn.foreign;
    EXPECT_LE(drawn.reordered_by, 4u);
    EXPECT_LE(drawn.dropped + drawn.truncated + drawn.flipped, 1);
    EXPECT_FALSE(drawn.late && drawn.reordered_by > 0);
  }
  const auto near = [](int got, double wanted) { return std::abs(got - wanted * count) < 0.01 * count; };
  EXPECT_TRUE(near(duplicated, 0.3)) << duplicated;
  EXPECT_TRUE(near(reordered, 0.2 * 0.95)) << reordered;
  EXPECT_TRUE(near(late, 0.05)) << late;
  EXPECT_TRUE(near(dropped, 0.1)) << dropped;
  EXPECT_TRUE(near(cut, 0.1 * 0.9)) << cut;
  EXPECT_TRUE(near(flip, 0.1 * 0.81)) << flip;
  EXPECT_TRUE(near(foreign, 0.02)) << foreign;
}

TEST(Misbehaviour, DependsOnSeedDeviceAndSequenceAlone) {
  const MisbehaviourOptions options{.duplicate = 0.5};
  MisbehaviourOptions more = options;
  more.flip = 0.5;
  int differs = 0;
  for (std::uint64_t i = 1; i <= 100; ++i) {
    const bool a = draw_misbehaviour(options, 1, "device", i).duplicated;
    EXPECT_EQ(a, draw_misbehaviour(options, 1, "device", i).duplicated);
    EXPECT_EQ(a, draw_misbehaviour(more, 1, "device", i).duplicated) << "asking for another one changes nothing";
    differs += a != draw_misbehaviour(options, 2, "device", i).duplicated;
    differs += a != draw_misbehaviour(options, 1, "other", i).duplicated;
  }
  EXPECT_GT(differs, 50);
}

TEST(Misbehaviour, AsksForNothingByItself) {
  for (std::uint64_t i = 1; i <= 1000; ++i) {
    const Misbehaviour drawn = draw_misbehaviour({}, 1, "device", i);
    EXPECT_FALSE(drawn.duplicated || drawn.foreign || drawn.dropped || drawn.truncated || drawn.flipped || drawn.late ||
                 drawn.reordered_by);
  }
}

TEST(Misbehaviour, TruncatesToAProperPart) {
  const std::vector<std::uint8_t> payload{1, 2, 3, 4, 5};
  Random random(1);
  for (int i = 0; i < 200; ++i) {
    const auto cut = truncated(payload, random);
    ASSERT_GE(cut.size(), 1u);
    ASSERT_LT(cut.size(), payload.size());
    EXPECT_TRUE(std::equal(cut.begin(), cut.end(), payload.begin()));
  }
}

TEST(Misbehaviour, FlipsOneBit) {
  const std::string text = "{\"device\":\"x\"}";
  const std::vector<std::uint8_t> payload(text.begin(), text.end());
  Random random(1);
  for (int i = 0; i < 200; ++i) {
    for (const Format format : {Format::stethos, Format::json}) {
      const auto other = flipped(payload, format, random);
      int bits = 0;
      bool ascii = true;
      for (std::size_t n = 0; n < payload.size(); ++n) {
        bits += std::popcount(static_cast<unsigned>(payload[n] ^ other[n]));
        ascii = ascii && other[n] < 0x80;
      }
      EXPECT_EQ(bits, 1);
      if (format == Format::json) {
        EXPECT_FALSE(ascii) << "a digit may not become another";
      }
    }
  }
}

TEST(Misbehaviour, ForeignPayloadsAreNoBatches) {
  Random random(1);
  for (int i = 0; i < 500; ++i) {
    const auto payload = foreign_payload(random);
    EXPECT_FALSE(payload.empty());
    EXPECT_FALSE(schema::open_device_batch(payload));
  }
}

}  // namespace
}  // namespace stethos::firmware_sim
