#include "edge/inspect/point_units.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/time_text.h"

namespace stethos::edge {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

SubscriptionConfig json(std::string topic, std::string meaning) {
  SubscriptionConfig subscription;
  subscription.topic = std::move(topic);
  subscription.format = PayloadFormat::json;
  subscription.device_level = 1;
  subscription.fields = {{"temperature", std::move(meaning)}};
  return subscription;
}

SubscriptionConfig own() {
  SubscriptionConfig subscription;
  subscription.topic = "stethos/v1/+/batch";
  return subscription;
}

UnitContradictions found(std::vector<SubscriptionConfig> subscriptions, const std::string& entries,
                         const std::string& now = "2026-03-01") {
  EdgeConfig config;
  config.time_earliest = *parse_time("2000-01-01");
  config.subscriptions = std::move(subscriptions);
  const auto points = PointTable::parse("device,channel,machine,point,axis,quantity,unit,valid_from\n" + entries, "p.csv");
  STETHOS_CHECK(points.has_value(), points.error().front().text());
  return unit_contradictions(config, *points, *parse_time(now));
}

TEST(PointUnits, AChannelThatComesInAnotherUnitIsAContradiction) {
  const auto of = found({json("fleet/+/telemetry", "temperature degC")}, "t1,temperature,m,p,,temperature,degF,\n");
  EXPECT_THAT(of.sure, ElementsAre("t1/temperature is temperature in degF in the table, but subscription[0] says temperature in "
                                   "degC: its samples would be refused (unit_differs)"));
  EXPECT_THAT(found({json("a/+", "temperature degC")}, "t1,temperature,m,p,,heat,degC,\n").sure, testing::SizeIs(1));
  const auto agrees = found({json("a/+", "temperature degC")}, "t1,temperature,m,p,,temperature,degC,\n");
  EXPECT_THAT(agrees.sure, IsEmpty());
  EXPECT_THAT(agrees.possible, IsEmpty());
  EXPECT_THAT(agrees.unheard, IsEmpty());
}

TEST(PointUnits, OneSubscriptionThatAgreesIsEnough) {
  const std::string entry = "t1,temperature,m,p,,temperature,degF,\n";
  EXPECT_THAT(found({json("a/+", "temperature degC"), json("b/+", "temperature degF")}, entry).sure, IsEmpty());
  // But not one for another device.
  EXPECT_THAT(found({json("a/+", "temperature degC"), json("b/t2", "temperature degF")}, entry).sure, testing::SizeIs(1));
  EXPECT_THAT(found({json("a/t2", "temperature degC")}, entry).unheard, ElementsAre("t1/temperature"));
}

TEST(PointUnits, ADeviceOfOurOwnProtocolMayBeMeant) {
  const std::string entry = "t1,temperature,m,p,,temperature,degF,\n";
  const auto of = found({own(), json("a/+", "temperature degC")}, entry);
  EXPECT_THAT(of.sure, IsEmpty());
  EXPECT_THAT(of.possible, ElementsAre(HasSubstr("t1/temperature is temperature in degF")));
  EXPECT_THAT(found({own()}, entry).unheard, IsEmpty());
}

TEST(PointUnits, WhatWasBeforeDoesNotCount) {
  const auto of = found({json("a/+", "temperature degC")},
                        "t1,temperature,m,p,,temperature,degF,2025-01-01\n"
                        "t1,temperature,m,p,,temperature,degC,2026-01-01\n"
                        "t1,temperature,m,p,,temperature,K,2027-01-01\n");
  EXPECT_THAT(of.sure, IsEmpty());
  EXPECT_THAT(of.possible, ElementsAre(HasSubstr("in K in the table"))) << "the subscription may have changed by then";
}

TEST(PointUnits, OfAClockThatWasNotSetTheLatestEntryCounts) {
  const std::string entries =
      "t1,temperature,m,p,,temperature,degF,2025-01-01\n"
      "t1,temperature,m,p,,temperature,degC,2026-01-01\n";
  EXPECT_THAT(found({json("a/+", "temperature degC")}, entries, "1970-01-01").sure, IsEmpty());
}

TEST(PointUnits, AChannelMayBeNamedByTheTopic) {
  SubscriptionConfig raw;
  raw.topic = "raw/+/+";
  raw.format = PayloadFormat::f32;
  raw.device_level = 1;
  raw.channel_level = 2;
  raw.fields = {{"vibration", "acceleration g"}};
  EXPECT_THAT(found({raw}, "t1,x,m,p,,acceleration,m/s2,\n").sure, testing::SizeIs(1));
  raw.topic = "raw/+/y";
  EXPECT_THAT(found({raw}, "t1,x,m,p,,acceleration,m/s2,\n").unheard, ElementsAre("t1/x"));
  raw.topic = "raw/#";
  EXPECT_THAT(found({raw}, "t1,x,m,p,,acceleration,m/s2,\n").sure, testing::SizeIs(1));
}

}  // namespace
}  // namespace stethos::edge
