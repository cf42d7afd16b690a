#include "edge/ingest/local_clock.h"

#include <gtest/gtest.h>

#include "common/time_text.h"
#include "tests/unit/edge/core/core_rig.h"

namespace stethos::edge {
namespace {

constexpr DurationNs minute_ns = 60 * ns_per_s;

// Of a device in Berlin, around 2025-10-26T01:00:00Z, when clocks went back from three to two.
class LocalClockTest : public testing::Test {
 protected:
  // What the clock shows on the 26th, and when the message arrives; the time, or the reason why there is none.
  std::string read(const std::string& shown, const std::string& arrival, bool redelivered = false, const char* channel = "t") {
    Message message;
    message.received_ns = *parse_time("2025-10-" + arrival);
    message.redelivered = redelivered;
    message.clock_untrusted = clock_untrusted_;
    DecodedChannel decoded;
    decoded.channel = channel;
    const auto time = clock_.time_of(*parse_time("2025-10-26T" + shown), "d1", {&decoded, 1}, message);
    return time ? format_time(*time).substr(11, 5) : std::string(name_of(time.error().reason));
  }

  LocalClock clock_{*TimeZone::find("Europe/Berlin")};
  bool clock_untrusted_ = false;
};

TEST_F(LocalClockTest, WhatArrivesAtOnceIsRightInBothHours) {
  EXPECT_EQ(read("01:50", "25T23:50"), "23:50");
  EXPECT_EQ(read("02:10", "26T00:10"), "00:10") << "the second is yet to come";
  EXPECT_EQ(read("02:59", "26T00:59"), "00:59");
  EXPECT_EQ(read("02:00", "26T00:59:58"), "01:00") << "though the device's clock is ahead";
  EXPECT_EQ(read("02:59", "26T01:59"), "01:59");
  EXPECT_EQ(read("03:00", "26T02:00"), "02:00");
}

TEST_F(LocalClockTest, AnHourlyReadingIsRightInBothHours) {
  EXPECT_EQ(read("02:30", "26T00:30"), "00:30");
  EXPECT_EQ(read("02:30", "26T01:30"), "01:30");
}

TEST_F(LocalClockTest, ABacklogIsRightByItsOrder) {
  const std::string arrival = "26T09:00";
  EXPECT_EQ(read("01:50", arrival), "23:50");
  EXPECT_EQ(read("02:10", arrival), "00:10");
  EXPECT_EQ(read("02:30", arrival), "00:30");
  EXPECT_EQ(read("02:50", arrival), "00:50");
  EXPECT_EQ(read("02:10", arrival), "01:10");
  EXPECT_EQ(read("02:10", arrival), "01:10");
  EXPECT_EQ(read("03:10", arrival), "02:10");
}

TEST_F(LocalClockTest, BehindOneThatIsRefusedNothingTellsUntilTheHourIsOver) {
  const std::string arrival = "26T09:00";
  EXPECT_EQ(read("01:50", arrival), "23:50");
  EXPECT_EQ(read("02:10", arrival), "00:10");
  EXPECT_EQ(read("02:10", arrival), "time_ambiguous") << "the same again, or an hour later";
  EXPECT_EQ(read("02:20", arrival), "time_ambiguous");
  EXPECT_EQ(read("03:10", arrival), "02:10");
}

TEST_F(LocalClockTest, BehindAPauseOfABacklogNothingTells) {
  const std::string arrival = "26T09:00";
  EXPECT_EQ(read("01:50", arrival), "23:50");
  EXPECT_EQ(read("02:03", arrival), "00:03");
  for (const char* shown : {"02:45", "02:59", "02:06", "02:34"}) EXPECT_EQ(read(shown, arrival), "time_ambiguous") << shown;
  EXPECT_EQ(read("03:00", arrival), "02:00");
}

TEST_F(LocalClockTest, WhatALiveDeviceSendsAgainIsNotYetOfTheSecondHour) {
  EXPECT_EQ(read("02:30", "26T00:30"), "00:30");
  EXPECT_EQ(read("02:50", "26T00:50"), "00:50");
  EXPECT_EQ(read("02:10", "26T00:51"), "00:10") << "an hour later is 19 minutes ahead";
  EXPECT_EQ(read("02:51", "26T00:51"), "00:51");
}

TEST_F(LocalClockTest, ABacklogOutOfOrderIsRefusedWhereNothingTells) {
  const std::string arrival = "26T09:00";
  // The newest first.
  EXPECT_EQ(read("03:10", arrival), "02:10");
  for (const char* shown : {"02:50", "02:30", "02:10", "02:50", "02:30", "02:10"}) {
    EXPECT_EQ(read(shown, arrival), "time_ambiguous");
  }
  EXPECT_EQ(read("01:50", arrival), "23:50");
  EXPECT_EQ(read("01:55", arrival), "23:55");
  // Sent once more in the middle of the first hour.
  for (const char* shown : {"02:10", "02:20"}) EXPECT_EQ(read(shown, arrival).substr(0, 3), "00:");
  for (const char* shown : {"02:10", "02:20", "02:30"}) EXPECT_EQ(read(shown, arrival), "time_ambiguous");
  // Behind one that is long past both.
  EXPECT_EQ(read("04:00", arrival), "03:00");
  EXPECT_EQ(read("02:05", arrival), "time_ambiguous");
}

TEST_F(LocalClockTest, ABacklogOfReadingsThatAreFarApartIsRefused) {
  const std::string arrival = "26T09:00";
  EXPECT_EQ(read("00:50", arrival), "22:50");
  EXPECT_EQ(read("01:50", arrival), "23:50");
  EXPECT_EQ(read("02:10", arrival), "time_ambiguous") << "the next of one in 80 minutes";
  EXPECT_EQ(read("03:10", arrival), "02:10");
}

TEST_F(LocalClockTest, WhatNothingTellsIsRefused) {
  EXPECT_EQ(read("02:10", "26T01:10"), "time_ambiguous") << "nothing came before";
  EXPECT_EQ(read("01:50", "25T23:50"), "23:50");
  EXPECT_EQ(read("02:10", "26T01:10"), "time_ambiguous")
      << "sent at once by a device that was silent, or late by one that was cut off";
  EXPECT_EQ(read("02:40", "26T00:40"), "00:40");
  EXPECT_EQ(read("02:20", "26T01:20", true), "time_ambiguous") << "delivered again: it may have come before";
  EXPECT_EQ(read("02:20", "26T01:20", false, "another"), "time_ambiguous") << "each channel has an order of its own";
  EXPECT_EQ(read("02:20", "26T01:20"), "01:20");
  clock_untrusted_ = true;
  EXPECT_EQ(read("02:30", "26T00:30"), "time_ambiguous");
}

TEST(TimeZone, KnowsEachYear) {
  EXPECT_FALSE(TimeZone::find("Europe/Atlantis"));
  EXPECT_FALSE(TimeZone::find("/etc/passwd"));
  for (const char* path :
       {"", "localtime", "libc:localtime", "file:/usr/share/zoneinfo/Europe/Berlin", "../zoneinfo/Europe/Berlin"}) {
    EXPECT_FALSE(TimeZone::find(path)) << path;
  }
  const auto zone = TimeZone::find("Europe/Berlin");
  ASSERT_TRUE(zone);
  for (const std::string year : {"1999", "2026", "2037", "2038", "2200"}) {
    EXPECT_EQ(format_time(zone->times_of(*parse_time(year + "-07-01T12:00:00.25")).first_ns), year + "-07-01T10:00:00.250Z");
    EXPECT_EQ(format_time(zone->times_of(*parse_time(year + "-01-01T12:00:00")).first_ns), year + "-01-01T11:00:00.000Z");
  }
  const TimeNs back = *parse_time("2026-10-25T01:00:00Z");
  EXPECT_TRUE(zone->goes_back_within(60 * minute_ns, back - 60 * minute_ns));
  EXPECT_FALSE(zone->goes_back_within(60 * minute_ns, back - 61 * minute_ns));
  EXPECT_FALSE(zone->goes_back_within(60 * minute_ns, *parse_time("2026-03-29T00:59:00Z"))) << "forward";
  const auto howe = TimeZone::find("Australia/Lord_Howe");
  ASSERT_TRUE(howe);
  const TimeZone::Times times = howe->times_of(*parse_time("2026-04-05T01:45:00"));
  EXPECT_EQ(times.shown, TimeZone::Shown::twice);
  EXPECT_EQ(times.second_ns - times.first_ns, 30 * minute_ns);
}

}  // namespace
}  // namespace stethos::edge
