#include "edge/never_defined.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/edge/core/core_rig.h"

namespace stethos::edge {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class NeverDefinedTest : public testing::Test {
 protected:
  // So many blocks of a device that says no speed itself, as it would be with this entry of the point table.
  std::vector<std::string> said(std::size_t samples, double rate_hz, const std::string& nominal_rpm, int blocks = 5) {
    EdgeConfig config = core_config();
    SpectrumConfig spectrum;
    spectrum.quantity = "acceleration";
    spectrum.bands = {"100-400Hz"};
    spectrum.velocity_bands = {"10-1000Hz"};
    spectrum.rolloff_share = 0.85;
    spectrum.multiples = {"1x"};
    spectrum.envelope_band = "500-2000Hz";
    spectrum.bearing_harmonics = 1;
    BearingConfig bearing;
    bearing.name = "6205";
    bearing.elements = 9;
    bearing.element_diameter_mm = 7.94;
    bearing.pitch_diameter_mm = 39.04;
    config.spectra = {spectrum};
    config.bearings = {bearing};
    const auto points = PointTable::parse(
        "device,channel,machine,point,axis,quantity,unit,nominal_rpm,bearing\n"
        "d,vibration,m,p,h,acceleration,g," +
            nominal_rpm + ",6205\n",
        "p.csv");
    STETHOS_CHECK(points.has_value(), points.error().front().text());
    std::vector<std::string> lines;
    NeverDefined watcher([&](std::string line) { lines.push_back(std::move(line)); });
    CoreRig rig(config, *points);
    rig.core().set_watcher(watcher);
    for (int i = 0; i < blocks; ++i) {
      rig.step({block_message({.device = "d",
                               .sequence = static_cast<std::uint64_t>(i) + 1,
                               .start_ns = epoch_ns + DurationNs{i} * 40 * ns_per_s,
                               .samples = std::vector<float>(samples, 1),
                               .interval_ns = 1e9 / rate_hz})});
    }
    return lines;
  }
};

TEST_F(NeverDefinedTest, WhatIsTooShortIsSaidOnceWithTheLengthThatIsNeeded) {
  EXPECT_THAT(
      said(1'000, 10'000, "1800"),
      ElementsAre(AllOf(HasSubstr("of d/vibration some statistics are null: blocks of 1000 samples at 10000 Hz cannot have "),
                        HasSubstr("vibration_velocity.10-1000Hz: needs 4000 samples (0.4 s)")),
                  AllOf(HasSubstr("bearing_*.bpfo.1x"), HasSubstr(" turns)"))));
  EXPECT_THAT(said(10'000, 10'000, "1800"), IsEmpty());
}

TEST_F(NeverDefinedTest, WithoutASpeedNothingThatNeedsItIsLookedFor) {
  EXPECT_THAT(said(10'000, 10'000, "", 2), IsEmpty()) << "a reading of the speed may come yet";
  EXPECT_THAT(said(10'000, 10'000, ""),
              ElementsAre(AllOf(HasSubstr("multiple_amplitude.1x"), HasSubstr(": no speed of the shaft is known"))));
}

TEST_F(NeverDefinedTest, WhatIsTooLongAndWhatNoBlockHasIsSaid) {
  EXPECT_THAT(said(140'000, 10'000, "1800", 1), ElementsAre(HasSubstr("more than 131072 samples have no spectrum")));
  EXPECT_THAT(said(10'000, 150, "1800", 1),
              ElementsAre(HasSubstr("band_rms.100-400Hz: the band is above half the sampling rate")));
}

}  // namespace
}  // namespace stethos::edge
