#include "edge/inspect/velocity_units.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "edge/window/block_plans.h"

namespace stethos::edge {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> found(const std::vector<SpectrumConfig>& spectra) {
  EdgeConfig config;
  config.spectra = spectra;
  SubscriptionConfig json;
  json.topic = "a/+";
  json.format = PayloadFormat::json;
  json.fields = {{"z", "acceleration mg"}, {"t", "temperature degC"}};
  config.subscriptions = {json};
  const auto points = PointTable::parse(
      "device,channel,machine,point,axis,quantity,unit\n"
      "d1,x,m,p,h,acceleration,m/s²\n"
      "d1,y,m,p,v,acceleration,counts\n",
      "p.csv");
  STETHOS_CHECK(points.has_value(), points.error().front().text());
  return without_velocity(config, *points);
}

SpectrumConfig spectrum(std::string device, std::vector<std::string> velocity_bands) {
  SpectrumConfig config;
  config.quantity = "acceleration";
  config.device = std::move(device);
  config.velocity_bands = std::move(velocity_bands);
  return config;
}

TEST(VelocityUnits, WhatIsInNoUnitOfAccelerationIsSaid) {
  EXPECT_THAT(found({spectrum("", {"10-1000Hz"})}),
              ElementsAre(HasSubstr("d1/y is acceleration in counts"), HasSubstr("subscription[0]: z is acceleration in mg")));
  EXPECT_THAT(found({spectrum("", {})}), IsEmpty()) << "nobody asks for it";
  EXPECT_THAT(found({spectrum("d1", {}), spectrum("", {"10-1000Hz"})}), IsEmpty()) << "the first that takes a stream counts";
  EXPECT_THAT(found({spectrum("d2", {"10-1000Hz"})}), ElementsAre(HasSubstr("subscription[0]")));
}

TEST(VelocityUnits, AccelerationIsUnderstoodHoweverItIsWritten) {
  for (const char* unit : {"g", "gn"}) EXPECT_EQ(mm_s2_per_unit(unit), 9'806.65) << unit;
  for (const char* unit : {"m/s2", "m/s^2", "m/s²"}) EXPECT_EQ(mm_s2_per_unit(unit), 1'000) << unit;
  for (const char* unit : {"mm/s2", "mm/s^2", "mm/s²"}) EXPECT_EQ(mm_s2_per_unit(unit), 1) << unit;
  for (const char* unit : {"in/s2", "in/s^2", "in/s²"}) EXPECT_EQ(mm_s2_per_unit(unit), 25.4) << unit;
  for (const char* unit : {"", "G", "mg", "mm/s", "m/s3", "degC"}) EXPECT_EQ(mm_s2_per_unit(unit), 0) << unit;
}

}  // namespace
}  // namespace stethos::edge
