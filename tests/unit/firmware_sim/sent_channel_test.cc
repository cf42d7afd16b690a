#include "firmware_sim/sent_channel.h"

#include <gtest/gtest.h>

#include <charconv>
#include <cmath>

#include "firmware_sim/json_reading.h"
#include "tests/unit/firmware_sim/test_parts.h"

namespace stethos::firmware_sim {
namespace {

TEST(SentChannel, SaysTheFloatsThatAreSent) {
  const auto data = block(100, {0.1, -2.5, 1e-50}).channels[0];
  SentChannel sent;
  Random random(1);
  const auto channel = encode_channel(data, 7, Encoding::f32, 0, random, sent);
  const auto& floats = channel.samples.AsF32Samples()->values;
  EXPECT_EQ(channel.start_ns, 107);
  EXPECT_EQ(sent.start_ns, 107);
  EXPECT_EQ(channel.interval_ns, 1e6);
  ASSERT_EQ(floats.size(), 3u);
  for (std::size_t i = 0; i < floats.size(); ++i) EXPECT_EQ(sent.values[i], static_cast<double>(floats[i]));
  EXPECT_NE(sent.values[0], 0.1) << "0.1 is not a float";
}

TEST(SentChannel, SaysWhatI16MakesOfThem) {
  const auto data = block(100, {0.1, -2.5, 0, 1.7}).channels[0];
  SentChannel sent;
  Random random(1);
  const auto channel = encode_channel(data, 0, Encoding::i16, 0, random, sent);
  const auto* samples = channel.samples.AsI16Samples();
  ASSERT_EQ(samples->values.size(), 4u);
  EXPECT_EQ(samples->values[1], -32'767);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(sent.values[i], samples->scale * samples->values[i] + samples->offset);
    EXPECT_NEAR(sent.values[i], data.samples[i], samples->scale);
  }
  SentChannel flat;
  encode_channel(block(0, {0, 0}).channels[0], 0, Encoding::i16, 0, random, flat);
  EXPECT_EQ(flat.values, (std::vector<double>{0, 0}));
}

TEST(SentChannel, ReplacesAShareByNaN) {
  const auto data = block(0, std::vector<double>(10'000, 1.0)).channels[0];
  SentChannel sent;
  Random random(1);
  const auto channel = encode_channel(data, 0, Encoding::f32, 0.1, random, sent);
  int lost = 0;
  for (std::size_t i = 0; i < sent.values.size(); ++i) {
    lost += std::isnan(sent.values[i]);
    EXPECT_EQ(std::isnan(sent.values[i]), std::isnan(channel.samples.AsF32Samples()->values[i]));
  }
  EXPECT_NEAR(lost, 1000, 150);
}

TEST(SentChannel, MovesEveryStamp) {
  recordings::ChannelData data{"t", "temperature", "degC", 10, 0, {10, 20}, {1, 2}};
  SentChannel sent;
  Random random(1);
  const auto channel = encode_channel(data, 1000, Encoding::f32, 0, random, sent);
  EXPECT_EQ(channel.times_ns, (std::vector<TimeNs>{1010, 1020}));
  EXPECT_EQ(sent.times_ns, channel.times_ns);
}

TEST(JsonReading, HasTheFieldsInOneForm) {
  const SentChannel temperature = reading_channel(reading(1'700'000'000'123'456'789, 21.5).channels[0], 0);
  const SentChannel speed{"speed", "rotational_speed", "rpm", 0, 0, {0}, {1500}};
  EXPECT_EQ(temperature.start_ns, 1'700'000'000'123'000'000) << "the ledger bears the stamp that was sent";
  EXPECT_EQ(json_reading("pump-1", 7, std::vector{temperature, speed}),
            R"({"device":"pump-1","ts":1700000000123,"seq":7,"temperature":21.5,"speed":1500})");
}

TEST(JsonReading, NumbersReadBackAsTheyWere) {
  for (const double value : {0.1, 1.0 / 3, 73.96732207, 1e-300, 1.7976931348623157e308, -0.0, 5e-324, 123456789012345680.0}) {
    const std::string text = json_reading("d", 1, std::vector{reading_channel(reading(0, value).channels[0], 0)});
    const std::size_t at = text.find("temperature\":") + 13;
    double read = 0;
    std::from_chars(text.data() + at, text.data() + text.size(), read);
    EXPECT_EQ(std::signbit(read), std::signbit(value));
    EXPECT_EQ(read, value) << text;
  }
}

}  // namespace
}  // namespace stethos::firmware_sim
