#include "recordings/raw.h"

#include <gmock/gmock.h>

#include "tests/unit/recordings/scratch_folder.h"

namespace stethos::recordings {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

ReadOut read_raw(const std::string& content, NumberType type, std::size_t channels = 1,
                 const FrameOptions& options = {.rate_hz = 4, .channels = {}}) {
  const ScratchFolder folder;
  const auto recording = open_raw(folder.write("a.raw", content), type, channels, options);
  return recording ? read_out(**recording) : ReadOut{{}, recording.error().text()};
}

TEST(Raw, SamplesFollowEachOther) {
  const std::string i16("\x01\x00\xff\xff\x00\x80\x02\x00", 8);
  const ReadOut out =
      read_raw(i16, NumberType::i16, 1, {.rate_hz = 4, .start_ns = 5, .block_samples = 3, .channels = {}, .scale = 0.5});
  ASSERT_EQ(out.error, "");
  ASSERT_EQ(out.records.size(), 2U);
  EXPECT_THAT(out.records[0].channels.at(0).samples, ElementsAre(0.5, -0.5, -16'384));
  EXPECT_EQ(out.records[0].channels[0].channel, "value");
  EXPECT_EQ(out.records[1].channels.at(0).start_ns, 5 + 750'000'000);
  EXPECT_EQ(out.records[1].channels[0].interval_ns, 250'000'000);
  const std::string f32("\x00\x00\x80\x3f\x00\x00\x00\xc0", 8);
  EXPECT_THAT(read_raw(f32, NumberType::f32).records.at(0).channels.at(0).samples, ElementsAre(1, -2));
}

TEST(Raw, ChannelsTakeTurns) {
  const std::string i16("\x01\x00\x02\x00\x03\x00\x04\x00", 8);
  const ReadOut out = read_raw(i16, NumberType::i16, 2);
  ASSERT_EQ(out.error, "");
  EXPECT_EQ(out.records.at(0).channels.at(1).channel, "value-2");
  EXPECT_THAT(out.records[0].channels[0].samples, ElementsAre(1, 3));
  EXPECT_THAT(out.records[0].channels[1].samples, ElementsAre(2, 4));
}

TEST(Raw, WhatIsNoWholeFrameIsRefused) {
  EXPECT_THAT(read_raw("123", NumberType::i16).error,
              HasSubstr("a.raw: its 3 bytes are no whole number of frames, of 2 bytes each"));
  EXPECT_THAT(read_raw("123456", NumberType::i16, 2).error, HasSubstr("of 4 bytes each"));
  EXPECT_THAT(read_raw("", NumberType::f32).error, HasSubstr("it has no samples"));
  EXPECT_THAT(read_raw("12", NumberType::i16, 1, {}).error, HasSubstr("it does not say its sampling rate: --rate does"));
  EXPECT_THAT(read_raw("12", NumberType::i16, 0).error, HasSubstr("1 to 256 channels are read"));
  EXPECT_THAT(read_raw("12", NumberType::i16, 257).error, HasSubstr("1 to 256 channels are read"));
  EXPECT_THAT(read_raw("12", NumberType::i16, 1, {.rate_hz = 1e-300, .channels = {}}).error, HasSubstr("beyond all time"));
  EXPECT_THAT(read_raw("12", NumberType::i16, 1, {.rate_hz = 1e10, .channels = {}}).error, HasSubstr("beyond all time"));
  EXPECT_THAT(read_raw("1234", NumberType::i16, 2, {.rate_hz = 1, .channels = {"x", "x"}}).error,
              HasSubstr("two channels are called x"));
  EXPECT_FALSE(open_raw("/nowhere/a.f32", NumberType::f32, 1, {}));
  EXPECT_FALSE(open_raw("/", NumberType::f32, 1, {}));
}

}  // namespace
}  // namespace stethos::recordings
