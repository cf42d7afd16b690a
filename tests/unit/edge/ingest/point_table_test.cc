#include "edge/ingest/point_table.h"

#include <gtest/gtest.h>

#include <cmath>

#include "common/time_text.h"

namespace stethos::edge {
namespace {

constexpr const char* table = R"(# of the plant
device,channel,machine,point,axis,quantity,unit,range_min,range_max,interval,block_length,valid_from,location,owner
d1,vibration,pump-1,DE,h,acceleration,g,-50,50,10s,2560,2026-01-01,"hall 2, by the door",ann
d1,vibration,pump-2,NDE,v,acceleration,g,,,,,2026-06-01,,
d1,temperature,pump-1,DE,,temperature,degC,,,,,,,
)";

TEST(PointTable, GivesTheEntryThatIsValidThen) {
  const auto points = PointTable::parse(table, "points.csv");
  ASSERT_TRUE(points.has_value()) << points.error()[0].text();
  const TimeNs in_march = *parse_time("2026-03-01");
  const PointEntry* entry = valid_at(points->entries_of("d1", "vibration"), in_march);
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->machine, "pump-1");
  EXPECT_EQ(entry->location, "hall 2, by the door");
  EXPECT_EQ(entry->interval_ns, 10 * ns_per_s);
  EXPECT_EQ(entry->block_length, 2560u);
  EXPECT_EQ(entry->plausible_min, -50);
  EXPECT_EQ(valid_at(points->entries_of("d1", "vibration"), *parse_time("2026-07-01"))->machine, "pump-2");
  EXPECT_EQ(valid_at(points->entries_of("d1", "vibration"), *parse_time("2026-07-01"))->plausible_max, kernels::magnitude_max);
  EXPECT_EQ(valid_at(points->entries_of("d1", "vibration"), *parse_time("2025-01-01")), nullptr);
  EXPECT_EQ(valid_at(points->entries_of("d1", "temperature"), *parse_time("2001-01-01"))->axis, "-");
  EXPECT_EQ(valid_at(points->entries_of("d2", "vibration"), in_march), nullptr);
}

TEST(PointTable, SaysEverythingThatIsWrong) {
  const auto points = PointTable::parse(
      "device,channel,machine,point,axis,quantity,unit,range_min,interval,full_scale\n"
      "d 1 ,c,m,p,h,q,u,,,\n"
      "d1,c,m,p,h,q,u,hot,,\n"
      "d1,c,m,p,h,q,u,,10,\n"
      "d1,c,m,p\n"
      "d1,\"c,m,p,h,q,u,,,\n"
      "d1,c,m,p,h,q,,,,\n"
      "d1,c,m,p,h,q,u,,,\n"
      "d1,c,m,p,h,q,u,,,\n"
      "d2,c,m,p,h,q,u,-inf,,-5\n",
      "p.csv");
  ASSERT_FALSE(points.has_value());
  std::string all;
  for (const Error& error : points.error()) all += error.text() + "\n";
  EXPECT_EQ(all,
            "p.csv:2: device: \"d 1 \" is not a name of 1 to 128 bytes without a space at either end\n"
            "p.csv:3: range_min: \"hot\" is not a number of at most 1e70\n"
            "p.csv:4: interval: \"10\" is not a duration above zero, as in 10s\n"
            "p.csv:5: 4 fields, the header has 10\n"
            "p.csv:6: a quote is not closed\n"
            "p.csv:7: unit: \"\" is not a unit\n"
            "p.csv:9: a second entry of the same channel and valid_from\n"
            "p.csv:10: range_min: \"-inf\" is not a number of at most 1e70\n"
            "p.csv:10: full_scale: \"-5\" is not a number above zero\n");
}

TEST(PointTable, RefusesHeadersThatItDoesNotKnow) {
  const auto points = PointTable::parse("device,chanel,device\n", "p.csv");
  ASSERT_FALSE(points.has_value());
  EXPECT_EQ(points.error()[0].text(), "p.csv:1: unknown column \"chanel\"");
  EXPECT_EQ(points.error()[1].text(), "p.csv:1: column \"device\" stands twice");
  EXPECT_FALSE(PointTable::parse("", "p.csv").has_value());
  const auto semicolons = PointTable::parse("device;channel;machine\n", "p.csv");
  ASSERT_FALSE(semicolons.has_value());
  EXPECT_EQ(semicolons.error()[0].text(), "p.csv:1: the columns are separated by semicolons or tabs: commas are expected");
  EXPECT_FALSE(PointTable::load("/no/such/file").has_value());
}

// Excel's "CSV UTF-8".
TEST(PointTable, AByteOrderMarkIsNoPartOfTheHeading) {
  EXPECT_TRUE(PointTable::parse("\xef\xbb\xbf"
                                "device,channel,machine,point,axis,quantity,unit\n",
                                "p.csv")
                  .has_value());
}

TEST(PointTable, AnotherEncodingIsNamedWithItsLine) {
  const auto error_of = [](std::string_view csv) {
    const auto points = PointTable::parse(csv, "p.csv");
    return points ? std::string() : points.error().front().text();
  };
  EXPECT_EQ(error_of("device,channel,machine,point,axis,quantity,unit\n"
                     "d1,c,m,p,,temperature,\xb0"
                     "C\n"),
            "p.csv:2: it is not UTF-8, but perhaps Latin-1 or Windows-1252: save it as UTF-8 (Excel: \"CSV UTF-8\")");
  EXPECT_EQ(error_of(std::string_view("\xff\xfe"
                                      "d\0e\0",
                                      6)),
            "p.csv: it is UTF-16: save it as UTF-8 (Excel: \"CSV UTF-8\")");
}

TEST(PointTable, WhatItTellsIsBoundedAndPrintable) {
  std::string csv = "device,channel,machine,point,axis,quantity,unit\n";
  for (int i = 0; i < 1000; ++i) csv += "\x1b[31m" + std::string(1000, 'x') + ",c,m,p,,q,u\n";
  const auto points = PointTable::parse(csv, "p.csv");
  ASSERT_FALSE(points.has_value());
  ASSERT_EQ(points.error().size(), 101u);
  EXPECT_EQ(points.error().front().text().find('\x1b'), std::string::npos);
  EXPECT_LT(points.error().front().text().size(), 250u);
  EXPECT_EQ(points.error().back().text(), "p.csv: and 900 more mistakes");
}

TEST(PointTable, OfAMachineOneChannelSaysTheSpeed) {
  const auto points = PointTable::parse(
      "device,channel,machine,point,axis,quantity,unit\n"
      "d1,motor,gear-1,in,-,rotational_speed,rpm\n"
      "d1,output,gear-1,out,-,rotational_speed,Hz\n",
      "p.csv");
  ASSERT_FALSE(points.has_value());
  EXPECT_EQ(points.error()[0].text(),
            "p.csv: machine gear-1 has two speeds, d1/motor and d1/output: give each shaft a machine of its own");
}

TEST(PointTable, LabelsAreShort) {
  const auto points = PointTable::parse(
      "device,channel,machine,point,axis,quantity,unit,location\nd1,t,m,p,-,temperature,degC," + std::string(257, 'x') + "\n",
      "p.csv");
  ASSERT_FALSE(points.has_value());
  EXPECT_NE(points.error()[0].text().find("is not a label of at most 256 bytes of UTF-8"), std::string::npos);
}

}  // namespace
}  // namespace stethos::edge
