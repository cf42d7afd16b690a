#include "edge/detect/limit.h"

#include <gtest/gtest.h>

namespace stethos::edge {
namespace {

struct Case {
  std::string statistic;
  std::string quantity;
  DurationNs window;
  bool is_computed;
};

TEST(Limits, OfWhatIsComputedForNoWindowAreErrors) {
  EdgeConfig config;
  WindowConfig plain, shown;
  plain.length = ns_per_s;
  plain.statistics = {"rms"};
  shown.length = 60 * ns_per_s;
  shown.quantity = "acceleration";
  shown.quantiles = {"p50"};
  config.windows = {plain, shown};
  config.windows[1].statistics = {"rms", "clipped", "band_rms"};  // of blocks all is kept where one is shown
  SpectrumConfig spectrum;
  spectrum.quantity = "acceleration";
  spectrum.bands = {"10-1000Hz"};
  spectrum.envelope_band = "500-4000Hz";
  spectrum.bearing_harmonics = 2;
  config.spectra = {spectrum};
  BearingConfig bearing;
  bearing.name = "6205";
  bearing.elements = 9;
  bearing.element_diameter_mm = 8;
  bearing.pitch_diameter_mm = 40;
  config.bearings = {bearing};
  const std::vector<Case> cases = {
      {"kurtosis", "", ns_per_s, true},  // not shown, and known all the same
      {"band_rms.10-1000Hz.max", "", 0, true},
      {"band_rms.10-1000Hz.max", "acceleration", 60 * ns_per_s, true},
      {"band_rms.10-1000Hz.max", "", ns_per_s, false},
      {"band_rms.10-1000Hz.max", "temperature", 0, false},
      {"band_rms.10-999Hz.max", "", 0, false},
      {"bearing_depth.bpfo.2x.max", "", 0, true},
      {"bearing_depth.bpfo.3x.max", "", 0, false},
      {"quantile.p95", "", 0, true},  // of the buckets that p50 needs
      {"quantile.p95", "", ns_per_s, false},
      {"clipped", "", 0, true},
      {"clipped", "", ns_per_s, false},
  };
  for (const Case& each : cases) {
    LimitConfig limit;
    limit.statistic = each.statistic;
    limit.quantity = each.quantity;
    limit.window = each.window;
    config.limits = {limit};
    const auto errors = limits_of_nothing(config);
    EXPECT_EQ(errors.empty(), each.is_computed) << each.statistic << " " << each.quantity << " " << each.window;
    for (const Error& error : errors) EXPECT_EQ(error.doing, "limit[0].statistic");
  }
}

TEST(Limits, StayExceededWhereNoSampleCanTakeThemBack) {
  using enum schema::LimitDirection;
  WindowConfig window;
  window.length = ns_per_s;
  const auto definitions = window_definitions({window});
  const auto stays_exceeded = [&](const std::string& statistic, schema::LimitDirection direction) {
    LimitConfig limit;
    limit.statistic = statistic;
    limit.direction = direction;
    return limits_of({limit}, definitions).at(0).stays_exceeded;
  };
  for (const char* grows : {"max", "peak", "clipped", "band_rms.10-1000Hz.max", "spectral_entropy.max"}) {
    EXPECT_TRUE(stays_exceeded(grows, above)) << grows;
    EXPECT_FALSE(stays_exceeded(grows, below)) << grows;
  }
  for (const char* shrinks : {"min", "distinct_share"}) {
    EXPECT_TRUE(stays_exceeded(shrinks, below)) << shrinks;
    EXPECT_FALSE(stays_exceeded(shrinks, above)) << shrinks;
  }
  for (const char* neither : {"rms", "crest", "quantile.p95", "band_rms.10-1000Hz.rms", "band_rms.10-1000Hz.last"}) {
    EXPECT_FALSE(stays_exceeded(neither, above)) << neither;
    EXPECT_FALSE(stays_exceeded(neither, below)) << neither;
  }
}

}  // namespace
}  // namespace stethos::edge
