#include "edge/inspect/spectrum_findings.h"

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
  return spectrum_findings(config, *points);
}

SpectrumConfig spectrum(std::string device, std::vector<std::string> velocity_bands) {
  SpectrumConfig config;
  config.quantity = "acceleration";
  config.device = std::move(device);
  config.velocity_bands = std::move(velocity_bands);
  return config;
}

TEST(SpectrumFindings, WhatIsInNoUnitOfAccelerationIsSaid) {
  EXPECT_THAT(found({spectrum("", {"10-1000Hz"})}),
              ElementsAre(HasSubstr("d1/y is acceleration in counts"), HasSubstr("subscription[0]: z is acceleration in mg")));
  EXPECT_THAT(found({spectrum("", {})}), IsEmpty()) << "nobody asks for it";
  EXPECT_THAT(found({spectrum("d1", {}), spectrum("", {"10-1000Hz"})}), IsEmpty()) << "the first that takes a stream counts";
  EXPECT_THAT(found({spectrum("d2", {"10-1000Hz"})}), ElementsAre(HasSubstr("subscription[0]")));
}

TEST(SpectrumFindings, AccelerationIsUnderstoodHoweverItIsWritten) {
  for (const char* unit : {"g", "gn"}) EXPECT_EQ(mm_s2_per_unit(unit), 9'806.65) << unit;
  for (const char* unit : {"m/s2", "m/s^2", "m/s²"}) EXPECT_EQ(mm_s2_per_unit(unit), 1'000) << unit;
  for (const char* unit : {"mm/s2", "mm/s^2", "mm/s²"}) EXPECT_EQ(mm_s2_per_unit(unit), 1) << unit;
  for (const char* unit : {"in/s2", "in/s^2", "in/s²"}) EXPECT_EQ(mm_s2_per_unit(unit), 25.4) << unit;
  for (const char* unit : {"", "G", "mg", "mm/s", "m/s3", "degC"}) EXPECT_EQ(mm_s2_per_unit(unit), 0) << unit;
}

std::vector<std::string> found_of_bearings(const std::string& rows, double tolerance = 0, std::string band = "2000-5000Hz") {
  EdgeConfig config;
  SpectrumConfig lines = spectrum("", {});
  lines.envelope_band = std::move(band);
  lines.line_tolerance = tolerance;
  lines.bearing_harmonics = 5;
  config.spectra = {lines};
  config.windows.emplace_back().length = ns_per_s;
  BearingConfig bearing;
  bearing.name = "6205";
  bearing.elements = 9;
  bearing.element_diameter_mm = 7.94;
  bearing.pitch_diameter_mm = 39.04;
  config.bearings = {bearing};
  const auto points = PointTable::parse(
      "device,channel,machine,point,axis,quantity,unit,interval,block_length,nominal_rpm,bearing\n" + rows, "p.csv");
  STETHOS_CHECK(points.has_value(), points.error().front().text());
  return spectrum_findings(config, *points);
}

TEST(SpectrumFindings, OfABearingItIsSaidWhichLinesCannotBeSeen) {
  const auto hidden = HasSubstr(
      "d/x: these lines of its bearing lie so near a multiple of the shaft's speed that only blocks of more than "
      "50 turns tell them apart: ftf.5x (2x)");
  EXPECT_THAT(found_of_bearings("d,x,m,p,h,acceleration,g,,,1797,6205\n"), ElementsAre(hidden));
  EXPECT_THAT(found_of_bearings("d,x,m,p,h,acceleration,g,,,,6205\n"),
              ElementsAre(hidden, HasSubstr("d/x has a bearing and no speed")));
  EXPECT_THAT(found_of_bearings("d,x,m,p,h,acceleration,g,,,,6205\nd,n,m,p,-,rotational_speed,rpm,,,,\n"), ElementsAre(hidden));
  EXPECT_THAT(found_of_bearings("d,x,m,p,h,acceleration,g,100ms,,1797,6205\n"),
              ElementsAre(hidden, HasSubstr("a block comes every 2.995 turns, and the lines of its bearing need")));
  EXPECT_THAT(found_of_bearings("d,x,m,p,h,acceleration,g,,200000,1797,6205\n"),
              ElementsAre(hidden, HasSubstr("blocks of 200000 samples have no spectrum")));
  EXPECT_THAT(found_of_bearings("d,x,m,p,h,acceleration,g,,,1797,\n"), IsEmpty());
  EXPECT_THAT(found_of_bearings("d,x,m,p,h,acceleration,g,,,1797,6205\n", 0.01),
              ElementsAre(hidden, HasSubstr("bpfi.2x and bpfo.3x")));
  EXPECT_THAT(found_of_bearings("d,x,m,p,h,acceleration,g,,,1797,6205\n", 0, ""),
              ElementsAre(HasSubstr("d/x has a bearing, and the [[spectrum]] that takes it no envelope_band")));
}

}  // namespace
}  // namespace stethos::edge
