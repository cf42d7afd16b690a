#include "common/time_text.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>

namespace stethos {
namespace {

constexpr DurationNs ns_per_day = 86'400 * ns_per_s;

TEST(TimeText, ReadsWhatPeopleWrite) {
  const TimeNs ten = 1'795'255'200 * ns_per_s;  // 2026-11-21T10:00:00Z
  const std::pair<const char*, TimeNs> cases[] = {{"1970-01-01", 0},
                                                  {"1970-01-01T00:00:00Z", 0},
                                                  {"2026-11-21T10:00:00Z", ten},
                                                  {"2026-11-21 10:00:00", ten},
                                                  {"2026-11-21T10:00Z", ten},
                                                  {"2026-11-21T10:00:00.5Z", ten + ns_per_s / 2},
                                                  {"2026-11-21T10:00:00,25Z", ten + ns_per_s / 4},
                                                  {"2026-11-21T10:00:00.123456789Z", ten + 123'456'789},
                                                  {"2026-11-21T11:30:00+01:30", ten},
                                                  {"2026-11-21T09:30:00-0030", ten},
                                                  {"2026-11-21t11:00:00+01", ten},
                                                  {"2026-11-21t10:00:00z", ten},
                                                  {"2024-02-29", 19'782 * ns_per_day},
                                                  {"1969-12-31T23:59:59.999999999Z", -1},
                                                  {"1678-01-01", -106'650 * ns_per_day},
                                                  {"2261-12-31T23:59:59Z", 106'651 * ns_per_day - ns_per_s}};
  for (const auto& [text, expected] : cases) {
    const auto time = parse_time(text);
    ASSERT_TRUE(time) << text << ": " << time.error().text();
    EXPECT_EQ(*time, expected) << text;
  }
}

TEST(TimeText, RefusesWhatIsNoTime) {
  for (const char* text : {"",
                           "now",
                           "2026",
                           "2026-11",
                           "2026-11-21T",
                           "2026-11-21T10",
                           "2026-11-21T10:",
                           "2026-11-21T10:0",
                           "2026-11-21T10:00:0",
                           "2026-11-21T10:00:00.",
                           "2026-11-21T10:00:00.1234567890Z",
                           "2026-11-21T10:00:00X",
                           "2026-11-21T10:00:00Zx",
                           "2026-11-21T10:00:00+1",
                           "2026-11-21T10:00:00+01:",
                           "2026-11-21T10:00:00+011",
                           "2026-11-21T10:00:00+01:60",
                           "2026-11-21T10:00:00+16:00",
                           "2026-13-01",
                           "2026-00-01",
                           "2026-02-29",
                           "2026-11-31",
                           "2026-11-00",
                           "2026-11-21T24:00:00",
                           "2026-11-21T10:60:00",
                           "2026-11-21T10:00:60",
                           "1677-12-31",
                           "2262-01-01",
                           "-026-11-21",
                           "2026--1-21",
                           "2026-11-21T-1:00:00",
                           " 2026-11-21",
                           "2026-11-21 ",
                           "2026/11/21",
                           "20261121",
                           "1795255200",
                           "2026-11-21T10:00:00\xc2\xa0Z"}) {
    const auto time = parse_time(text);
    ASSERT_FALSE(time) << text;
    EXPECT_EQ(time.error().code, Code::invalid);
  }
}

TEST(TimeText, WritesMillisecondsOrNineDigits) {
  EXPECT_EQ(format_time(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_time(1'795'255'200 * ns_per_s + 500 * ns_per_ms), "2026-11-21T10:00:00.500Z");
  EXPECT_EQ(format_time(1), "1970-01-01T00:00:00.000000001Z");
  EXPECT_EQ(format_time(-1), "1969-12-31T23:59:59.999999999Z");
  EXPECT_EQ(format_time(-ns_per_ms), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(format_time(std::numeric_limits<TimeNs>::min()), "1677-09-21T00:12:43.145224192Z");
  EXPECT_EQ(format_time(std::numeric_limits<TimeNs>::max()), "2262-04-11T23:47:16.854775807Z");
}

TEST(TimeText, ReadsBackEveryTimeItWrites) {
  std::mt19937_64 random(1);
  std::uniform_int_distribution<TimeNs> any(-106'650 * ns_per_day, 106'651 * ns_per_day - 1);
  for (int i = 0; i < 10'000; ++i) {
    const TimeNs time = any(random);
    const auto back = parse_time(format_time(time));
    ASSERT_TRUE(back) << format_time(time);
    ASSERT_EQ(*back, time);
  }
}

TEST(DurationText, ReadsEveryUnit) {
  const std::pair<const char*, DurationNs> cases[] = {{"5ns", 5},
                                                      {"40us", 40 * ns_per_us},
                                                      {"250ms", 250 * ns_per_ms},
                                                      {"1.5s", 1'500 * ns_per_ms},
                                                      {"10m", 600 * ns_per_s},
                                                      {"2h", 7'200 * ns_per_s},
                                                      {"7d", 7 * ns_per_day},
                                                      {"0", 0},
                                                      {"0s", 0},
                                                      {"-1s", -ns_per_s},
                                                      {"+1s", ns_per_s},
                                                      {"0.5us", 500},
                                                      {"100000d", 100'000 * ns_per_day}};
  for (const auto& [text, expected] : cases) {
    const auto duration = parse_duration(text);
    ASSERT_TRUE(duration) << text << ": " << duration.error().text();
    EXPECT_EQ(*duration, expected) << text;
  }
}

TEST(DurationText, RefusesWhatIsNoDuration) {
  for (const char* text : {"",     "s",     "5",     "5 s",  "5sec", "5S",   "5s ",   " 5s",     "+-5s", "--5s",
                           "++5s", "1h30m", "nan s", "nans", "infs", "0x5s", "1e30s", "200000d", "5µs",  "."}) {
    const auto duration = parse_duration(text);
    ASSERT_FALSE(duration) << text;
    EXPECT_EQ(duration.error().code, Code::invalid);
  }
}

TEST(DurationText, WritesTheShortestExactForm) {
  EXPECT_EQ(format_duration(0), "0s");
  EXPECT_EQ(format_duration(250 * ns_per_ms), "250ms");
  EXPECT_EQ(format_duration(60 * ns_per_s), "1m");
  EXPECT_EQ(format_duration(90 * ns_per_s), "90s");
  EXPECT_EQ(format_duration(7 * ns_per_day), "7d");
  EXPECT_EQ(format_duration(-1'500 * ns_per_ms), "-1500ms");
  EXPECT_EQ(format_duration(1'000'001), "1000001ns");
}

TEST(DurationText, ReadsBackEveryDurationItWrites) {
  std::mt19937_64 random(2);
  // Beyond 2^53 ns, 104 days, a count of single nanoseconds is no longer exact.
  std::uniform_int_distribution<DurationNs> any(-(1ll << 53), 1ll << 53);
  for (int i = 0; i < 10'000; ++i) {
    DurationNs duration = any(random);
    if (i % 2 == 0) duration -= duration % ns_per_ms;
    const auto back = parse_duration(format_duration(duration));
    ASSERT_TRUE(back) << format_duration(duration);
    ASSERT_EQ(*back, duration);
  }
}

TEST(TimeText, ADurationIsSpokenInItsTwoLargestUnits) {
  EXPECT_EQ(format_roughly(0), "less than 1 ms");
  EXPECT_EQ(format_roughly(850 * ns_per_ms), "850 ms");
  EXPECT_EQ(format_roughly(60 * ns_per_s - 1), "59 s 999 ms");
  EXPECT_EQ(format_roughly(3'600 * ns_per_s - 48 * ns_per_s), "59 min 12 s");
  EXPECT_EQ(format_roughly(3'600 * ns_per_s), "1 h");
  EXPECT_EQ(format_roughly(DurationNs{51} * 3'600 * ns_per_s), "2 d 3 h");
  EXPECT_EQ(format_roughly(std::numeric_limits<DurationNs>::max()), "292 years 171 d");
}

}  // namespace
}  // namespace stethos
