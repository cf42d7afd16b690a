#include "edge/core/rows_expected.h"

#include <gtest/gtest.h>

#include "edge/core/limits.h"
#include "edge/core/part.h"

namespace stethos::edge {
namespace {

constexpr TimeNs start_ns = 1'767'225'600 * ns_per_s;

WindowDefinition windows_of(DurationNs length_ns, DurationNs hop_ns) {
  WindowConfig window;
  window.length = length_ns;
  window.hop = hop_ns;
  return window_definitions({window}).front();
}

// So many readings of one channel, each as the record of a document is.
DecodedMessage records(std::size_t count, DurationNs apart_ns, std::string_view device = "d") {
  DecodedMessage message;
  message.device = device;
  for (std::size_t i = 0; i < count; ++i) {
    DecodedChannel& channel = message.channels.emplace_back();
    channel.channel = "temperature";
    channel.start_ns = start_ns + static_cast<TimeNs>(i) * apart_ns;
    channel.reading = 20;
  }
  return message;
}

std::uint64_t reckoned(const DecodedMessage& message, const WindowDefinition& definition) {
  return rows_expected({&message, 1}, {definition});
}

TEST(RowsExpected, ADayOfReadingsASecondIsNotTooMuch) {
  const std::uint64_t day = 86'400;
  const std::vector<WindowDefinition> definitions{windows_of(ns_per_s, 0), windows_of(60 * ns_per_s, 0)};
  const DecodedMessage message = records(day, ns_per_s);
  const std::uint64_t rows = rows_expected({&message, 1}, definitions);
  EXPECT_GE(rows, day + day / 60);
  EXPECT_LE(rows, rows_per_batch_max);
}

TEST(RowsExpected, AFewReadingsMayLieInManyWindows) {
  const WindowDefinition hour = windows_of(3'600 * ns_per_s, ns_per_s);
  EXPECT_GE(reckoned(records(100, 3'600 * ns_per_s), hour), 360'000u);
  EXPECT_LE(reckoned(records(100, ns_per_s), hour), 4'000u) << "most of them are the same windows";
  EXPECT_GE(reckoned(records(3, 3'600 * ns_per_s), hour), 10'800u);
}

TEST(RowsExpected, WhatIsRefusedLiesInNoWindow) {
  DecodedMessage message = records(10'000, ns_per_s);
  for (DecodedChannel& channel : message.channels) channel.rejected = Rejection{Reason::wrong_type, "no time"};
  message.channels.back().rejected.reset();
  EXPECT_LE(reckoned(message, windows_of(ns_per_s, ns_per_ms)), 1'000u + 2'000u);
}

TEST(RowsExpected, DevicesAddUp) {
  const std::vector<DecodedMessage> messages{records(20, ns_per_s, "a"), records(20, ns_per_s, "b"), records(1, 0, "c")};
  EXPECT_GE(rows_expected(messages, {windows_of(ns_per_s, 0)}), 41u);
}

// A gateway's document, each of its values in sixty windows.
TEST(RowsExpected, ManyDevicesWithTwoReadingsEachAreNotTooMuch) {
  std::vector<DecodedMessage> messages;
  for (std::size_t i = 0; i < devices_per_message_max; ++i) messages.push_back(records(2, ns_per_s));
  EXPECT_LE(rows_expected(messages, {windows_of(3'600 * ns_per_s, 60 * ns_per_s)}), rows_per_message_max);
}

TEST(RowsExpected, WhatIsSentUnfinishedAddsUp) {
  WindowDefinition hour = windows_of(3'600 * ns_per_s, 60 * ns_per_s);
  hour.emit_every_ns = ns_per_s;
  EXPECT_GE(reckoned(records(100, ns_per_s), hour), 100 * 60u);
  EXPECT_LE(reckoned(records(1'000, 1), hour), 1'000u) << "they lie in one second";
}

TEST(RowsExpected, AChannelOfTwoQuantitiesIsReckonedByBoth) {
  WindowDefinition hour = windows_of(3'600 * ns_per_s, ns_per_s);
  hour.quantity = "temperature";
  DecodedMessage message = records(100, 3'600 * ns_per_s);
  for (DecodedChannel& channel : message.channels) channel.quantity = "temperature";
  message.channels.push_back(message.channels.back());
  message.channels.back().quantity = "another";
  EXPECT_GE(reckoned(message, hour), 360'000u);
}

TEST(RowsExpected, TimesAsFarApartAsNumbersGo) {
  DecodedMessage message = records(2, 0);
  message.channels[0].start_ns = time_min + 1;
  message.channels[1].start_ns = time_max - 1;
  EXPECT_EQ(reckoned(message, windows_of(ns_per_s, 0)), 3u);
  message.channels.resize(1);
  const std::vector<TimeNs> times{time_max - 1, time_min + 1};
  message.channels[0].reading.reset();
  message.channels[0].times_ns = times;
  message.channels[0].samples.count = 2;
  EXPECT_EQ(reckoned(message, windows_of(ns_per_s, 0)), 3u);
}

TEST(RowsExpected, OfWhatNoDefinitionTakesAsWell) {
  const DecodedMessage message = records(1'600, ns_per_s);
  EXPECT_EQ(rows_expected({&message, 1}, {}), 1 + 1'600 / readings_a_row);
}

}  // namespace
}  // namespace stethos::edge
