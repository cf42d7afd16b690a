#include "recordings/cwru.h"

#include <cstring>

#include "tests/unit/recordings/scratch_folder.h"

namespace stethos::recordings {
namespace {

constexpr std::string_view description_text =
    R"({"source": "test", "sample_rate_hz": 12000, "unit": "g", "samples": 7, "rpm": 1797.0,
  "fault": "none", "bearing": {"model": "6205", "elements": 9, "element_diameter_in": 0.3126, "pitch_diameter_in": 1.537,
  "contact_angle_deg": 0}})";

std::string samples_text(std::size_t count) {
  std::string bytes(count * sizeof(float), '\0');
  for (std::size_t i = 0; i < count; ++i) {
    const float value = static_cast<float>(i) + 0.25f;
    std::memcpy(bytes.data() + i * sizeof value, &value, sizeof value);
  }
  return bytes;
}

TEST(Cwru, CutsIntoBlocksTheLastOfWhichIsShort) {
  const ScratchFolder folder;
  folder.write("a.json", description_text);
  const auto recording = open_cwru(folder.write("a.f32", samples_text(7)), {.start_ns = 1'000, .block_samples = 3});
  ASSERT_TRUE(recording) << recording.error().text();
  EXPECT_EQ((*recording)->description().rpm, 1797.0);
  EXPECT_EQ((*recording)->description().bearing_elements, 9);
  const ReadOut out = read_out(**recording);
  EXPECT_EQ(out.error, "");
  ASSERT_EQ(out.records.size(), 3u);
  const ChannelData& second = out.records[1].channels.at(0);
  EXPECT_EQ(second.start_ns, 1'000 + 250'000);
  EXPECT_EQ(second.unit, "g");
  EXPECT_EQ(second.samples, (std::vector<double>{3.25, 4.25, 5.25}));
  const ChannelData& last = out.records[2].channels.at(0);
  EXPECT_EQ(last.start_ns, 1'000 + 500'000);
  EXPECT_EQ(last.samples, (std::vector<double>{6.25}));
  EXPECT_DOUBLE_EQ(last.interval_ns, 1e9 / 12'000);
}

TEST(Cwru, ANewReaderBeginsAgain) {
  const ScratchFolder folder;
  folder.write("a.json", description_text);
  const std::string path = folder.write("a.f32", samples_text(7));
  const auto span = read_time_span(**open_cwru(path, {}));
  ASSERT_TRUE(span);
  EXPECT_EQ(span->first_ns, 0);
  EXPECT_EQ(span->last_ns, 500'000);
  EXPECT_EQ(read_out(**open_cwru(path, {})).records.size(), 1u);
}

TEST(Cwru, RefusesFilesThatDisagree) {
  const ScratchFolder folder;
  folder.write("a.json", description_text);
  for (const std::size_t count : {6u, 8u, 0u}) {
    const auto recording = open_cwru(folder.write("a.f32", samples_text(count)), {});
    ASSERT_FALSE(recording);
    EXPECT_EQ(recording.error().code, Code::corrupt);
  }
  EXPECT_FALSE(open_cwru(folder.write("a.f32", samples_text(7) + "x"), {}));
}

TEST(Cwru, RefusesABadDescription) {
  const ScratchFolder folder;
  const std::string path = folder.write("a.f32", samples_text(7));
  EXPECT_EQ(open_cwru(path, {}).error().code, Code::not_found);
  for (std::string_view bad : {"", "{", "[]", "{}", R"({"sample_rate_hz": "12000"})"}) {
    folder.write("a.json", bad);
    const auto recording = open_cwru(path, {});
    ASSERT_FALSE(recording) << bad;
    EXPECT_EQ(recording.error().code, Code::corrupt) << bad;
  }
  EXPECT_TRUE(open_cwru(path, {}).error().failed.starts_with("sample_rate_hz: "));
  std::string no_rate(description_text);
  no_rate.replace(no_rate.find("12000"), 5, "0");
  folder.write("a.json", no_rate);
  EXPECT_FALSE(open_cwru(path, {}));
}

}  // namespace
}  // namespace stethos::recordings
