#include "firmware_sim/signal_model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <numbers>

#include "firmware_sim/random.h"

namespace stethos::firmware_sim {
namespace {

constexpr double rate_hz = 25'600;
constexpr Bearing bearing_6205{9, 7.94, 39.04, 0};

VibrationOptions quiet_options(FaultKind kind, double severity) {
  VibrationOptions options;
  options.sampling_rate_hz = rate_hz;
  options.rated_rpm = 1500;
  options.resonance_hz = 3500;
  options.ring_time_s = 0.001;
  options.bearing = bearing_6205;
  options.fault = {kind, -1e9, 1, severity};  // fully grown since long
  return options;
}

std::vector<double> vibration(const VibrationModel& model, double start_s, std::size_t count, std::uint64_t block = 0) {
  std::vector<double> out(count);
  model.fill(start_s, block, out);
  return out;
}

double rms(const std::vector<double>& samples) {
  double sum = 0;
  for (const double x : samples) sum += x * x;
  return std::sqrt(sum / static_cast<double>(samples.size()));
}

// The amplitude of one spectral line, computed directly. Exact where the samples hold whole turns of all lines.
double line(const std::vector<double>& samples, double hz) {
  std::complex<double> sum = 0;
  for (std::size_t n = 0; n < samples.size(); ++n) {
    sum += samples[n] * std::polar(1.0, -2 * std::numbers::pi * hz * static_cast<double>(n) / rate_hz);
  }
  return 2 * std::abs(sum) / static_cast<double>(samples.size());
}

// The height of one spectral line, computed directly. Of the magnitude of the samples: of their envelope, roughly.
double envelope_line(const std::vector<double>& samples, double hz) {
  double mean = 0;
  for (const double x : samples) mean += std::abs(x);
  mean /= static_cast<double>(samples.size());
  std::complex<double> sum = 0;
  for (std::size_t n = 0; n < samples.size(); ++n) {
    sum += (std::abs(samples[n]) - mean) * std::polar(1.0, -2 * std::numbers::pi * hz * static_cast<double>(n) / rate_hz);
  }
  return std::abs(sum) / static_cast<double>(samples.size());
}

TEST(SpeedSchedule, GoesStraightBetweenPointsAndTurnsAsItsIntegralSays) {
  const SpeedSchedule speed({{10, 0}, {20, 1200}, {30, 1200}, {40, 600}});
  EXPECT_EQ(speed.rpm(0), 0);
  EXPECT_EQ(speed.rpm(15), 600);
  EXPECT_EQ(speed.rpm(20), 1200);
  EXPECT_EQ(speed.rpm(35), 900);
  EXPECT_EQ(speed.rpm(1000), 600);
  EXPECT_DOUBLE_EQ(speed.revolutions(10), 0);
  EXPECT_DOUBLE_EQ(speed.revolutions(20), 100);
  EXPECT_DOUBLE_EQ(speed.revolutions(30), 300);
  EXPECT_DOUBLE_EQ(speed.revolutions(40), 450);
  EXPECT_DOUBLE_EQ(speed.revolutions(46), 510);
}

TEST(SpeedSchedule, IsTheDerivativeOfItsRevolutions) {
  const SpeedSchedule speed({{0, 900}, {5, 1500}, {9, 300}});
  for (double t = 0.5; t < 12; t += 0.37) {
    const double h = 1e-4;
    EXPECT_NEAR((speed.revolutions(t + h) - speed.revolutions(t - h)) / (2 * h) * 60, speed.rpm(t), 1e-2) << t;
  }
}

TEST(Bearing, RaceOrdersAreThoseOfThe6205) {
  EXPECT_NEAR(bearing_6205.outer_race_order(), 3.585, 1e-3);
  EXPECT_NEAR(bearing_6205.inner_race_order(), 5.415, 1e-3);
}

TEST(Bearing, SlipSlowsTheCage) {
  Bearing slipping = bearing_6205;
  slipping.slip = 0.02;
  EXPECT_DOUBLE_EQ(slipping.outer_race_order(), 0.98 * bearing_6205.outer_race_order());
  EXPECT_DOUBLE_EQ(slipping.inner_race_order() + slipping.outer_race_order(), 9);
}

TEST(VibrationModel, OuterRaceFaultRingsAtItsFrequency) {
  VibrationOptions options = quiet_options(FaultKind::outer_race, 2);
  options.noise_g = 0.1;
  const VibrationModel model(options, SpeedSchedule({{0, 1800}}), 3);
  const auto samples = vibration(model, 12.5, 25'600);
  const double line_hz = bearing_6205.outer_race_order() * 30;
  const double line = envelope_line(samples, line_hz);
  for (const double away_hz : {-20.0, -10.0, -5.0, 5.0, 10.0, 20.0})
    EXPECT_GT(line, 8 * envelope_line(samples, line_hz + away_hz)) << away_hz;
  EXPECT_GT(line, 8 * envelope_line(samples, bearing_6205.inner_race_order() * 30));
}

TEST(VibrationModel, InnerRaceFaultIsModulatedByTheShaft) {
  const VibrationModel model(quiet_options(FaultKind::inner_race, 2), SpeedSchedule({{0, 1800}}), 3);
  const auto samples = vibration(model, 12.5, 25'600);
  const double line_hz = bearing_6205.inner_race_order() * 30;
  const double line = envelope_line(samples, line_hz);
  EXPECT_GT(line, 8 * envelope_line(samples, line_hz + 11));
  for (const double side_hz : {line_hz - 30, line_hz + 30}) {
    EXPECT_GT(envelope_line(samples, side_hz), 0.2 * line) << "a sideband at the shaft's speed";
    EXPECT_LT(envelope_line(samples, side_hz), line);
  }
}

TEST(VibrationModel, ImpulsesSlipAndTheirSpacingsAreIndependent) {
  VibrationOptions options = quiet_options(FaultKind::outer_race, 2);
  options.sampling_rate_hz = 100'000;
  options.ring_time_s = 0.0003;
  options.bearing.slip = 0.02;
  options.bearing.jitter = 0.03;
  const VibrationModel model(options, SpeedSchedule({{0, 1500}}), 3);
  const double period_s = 1 / (0.98 * bearing_6205.outer_race_order() * 25);
  // Around the impulse at which the walk is back at 0: nothing may be seen of it.
  const double start_s = 65'536 * period_s - 10;
  const auto samples = vibration(model, start_s, 2'000'000);
  std::vector<double> times_s;
  double loud_s = start_s;
  for (std::size_t n = 0; n < samples.size(); ++n) {
    const double time_s = start_s + static_cast<double>(n) / options.sampling_rate_hz;
    if (std::abs(samples[n]) < 1e-3) continue;
    if (time_s - loud_s > 0.003) times_s.push_back(time_s);
    loud_s = time_s;
  }
  ASSERT_GT(times_s.size(), 1700u);
  EXPECT_NEAR((times_s.back() - times_s.front()) / static_cast<double>(times_s.size() - 1), period_s, 0.002 * period_s);
  const auto deviation = [&](std::size_t steps) {
    std::vector<double> differences;
    for (std::size_t i = steps; i < times_s.size(); ++i) {
      differences.push_back(times_s[i] - times_s[i - steps] - static_cast<double>(steps) * period_s);
    }
    return rms(differences);
  };
  EXPECT_NEAR(deviation(1), 0.03 * period_s, 0.002 * period_s);
  EXPECT_NEAR(deviation(16), 4 * deviation(1), 0.8 * deviation(1)) << "differences add up";
}

TEST(VibrationModel, LoadZoneGoesOverTheInnerRaceOnceATurn) {
  const auto block = [](FaultKind kind, double depth) {
    VibrationOptions options = quiet_options(kind, 2);
    options.ring_time_s = 0.0003;
    options.bearing.load_zone_depth = depth;
    return vibration(VibrationModel(options, SpeedSchedule({{0, 1500}}), 3), 40, 256'000);
  };
  // Of the samples between two places in the turn, which is 1024 samples long.
  const auto heard = [](const std::vector<double>& samples, std::size_t from, std::size_t until) {
    std::vector<double> part;
    for (std::size_t n = 0; n < samples.size(); ++n) {
      if (n % 1024 >= from && n % 1024 < until) part.push_back(samples[n]);
    }
    return rms(part);
  };
  const auto even = block(FaultKind::inner_race, 0);
  const auto half = block(FaultKind::inner_race, 0.5);
  const auto zone = block(FaultKind::inner_race, 2);
  const double loaded = heard(even, 0, 64);
  EXPECT_NEAR(heard(even, 512, 576), loaded, 0.1 * loaded);
  EXPECT_NEAR(heard(half, 0, 64), loaded, 0.1 * loaded);
  EXPECT_NEAR(heard(half, 480, 544), 0.5 * heard(even, 480, 544), 0.01 * loaded);
  EXPECT_NEAR(heard(half, 224, 288), 0.75 * heard(even, 224, 288), 0.02 * loaded);
  EXPECT_LT(heard(zone, 256 + 96, 768), 1e-4 * loaded) << "what rang at the end of the load zone has died away";
  EXPECT_GT(heard(zone, 256 - 64, 256), 0.1 * loaded);
  EXPECT_EQ(block(FaultKind::outer_race, 0), block(FaultKind::outer_race, 2)) << "it stays where it is";
}

TEST(VibrationModel, FaultsFollowTheSpeed) {
  const VibrationModel model(quiet_options(FaultKind::outer_race, 2), SpeedSchedule({{0, 1800}, {10, 1800}, {11, 900}}), 3);
  const auto slow = vibration(model, 20, 25'600);
  const double order = bearing_6205.outer_race_order();
  EXPECT_GT(envelope_line(slow, order * 15), 8 * envelope_line(slow, order * 15 + 7));
  EXPECT_GT(rms(vibration(model, 2, 25'600)), 2 * rms(slow));
}

TEST(VibrationModel, IsSilentWhereTheShaftStands) {
  VibrationOptions options = quiet_options(FaultKind::outer_race, 2);
  options.harmonics_g = {1, 0.5};
  const VibrationModel model(options, SpeedSchedule({{0, 1500}, {10, 1500}, {12, 0}}), 3);
  EXPECT_EQ(rms(vibration(model, 20, 2560)), 0);
  EXPECT_GT(rms(vibration(model, 5, 2560)), 0.5);
}

TEST(VibrationModel, BlocksJoinWithoutAStep) {
  for (const FaultKind kind : {FaultKind::outer_race, FaultKind::inner_race, FaultKind::imbalance}) {
    VibrationOptions options = quiet_options(kind, 1);
    options.harmonics_g = {0.2, 0.1, 0.05};
    options.bearing.slip = 0.01;
    options.bearing.jitter = 0.05;
    options.gear = {.teeth = 17, .mesh_1_g = 0.1, .mesh_2_g = 0.05, .modulation = 0.5};
    const VibrationModel model(options, SpeedSchedule({{0, 0}, {0.5, 3000}, {0.9, 1200}}), 5);
    const auto whole = vibration(model, 0.3, 5120);
    const auto second = vibration(model, 0.3 + 2560 / rate_hz, 2560, 1);
    const auto first = vibration(model, 0.3, 2560, 0);
    for (std::size_t n = 0; n < 2560; ++n) {
      ASSERT_NEAR(whole[n], first[n], 1e-9) << n;
      ASSERT_NEAR(whole[2560 + n], second[n], 2e-5) << n;
    }
  }
}

TEST(VibrationModel, ImpulsesFarFromTheirBeatAreTheSameInEveryBlock) {
  VibrationOptions options = quiet_options(FaultKind::outer_race, 1);
  options.bearing.jitter = 0.1;
  const double start_s = 32'768 / (bearing_6205.outer_race_order() * 50);  // where they may be farthest from it
  for (const std::uint64_t seed : {1, 2, 3, 4, 5, 6}) {                    // early ones and late ones
    const VibrationModel model(options, SpeedSchedule({{0, 3000}}), seed);
    const auto whole = vibration(model, start_s, std::size_t{10} * 2560);
    EXPECT_GT(rms(whole), 0.1);
    for (std::size_t block = 10; block-- > 0;) {
      const auto part = vibration(model, start_s + static_cast<double>(block * 2560) / rate_hz, 2560, block);
      for (std::size_t n = 0; n < part.size(); ++n) ASSERT_NEAR(whole[block * 2560 + n], part[n], 2e-5) << block << " " << n;
    }
  }
}

TEST(VibrationModel, HarmonicsHaveTheirAmplitude) {
  VibrationOptions options = quiet_options(FaultKind::none, 0);
  options.harmonics_g = {0.3};
  const VibrationModel model(options, SpeedSchedule({{0, 1500}}), 5);
  EXPECT_NEAR(rms(vibration(model, 1, 25'600)), 0.3 / std::numbers::sqrt2, 1e-6);
}

TEST(VibrationModel, GearMeshHasItsAmplitudeAndSidebands) {
  VibrationOptions options = quiet_options(FaultKind::none, 0);
  options.gear = {.teeth = 23, .mesh_1_g = 0.4, .mesh_2_g = 0.1, .modulation = 0.3};
  const auto samples = vibration(VibrationModel(options, SpeedSchedule({{0, 1500}}), 5), 1, 25'600);
  for (const auto& [mesh_hz, amplitude_g] : {std::pair{23 * 25.0, 0.4}, std::pair{2 * 23 * 25.0, 0.1}}) {
    EXPECT_NEAR(line(samples, mesh_hz), amplitude_g, 1e-6);
    for (const double side_hz : {-25.0, 25.0}) EXPECT_NEAR(line(samples, mesh_hz + side_hz), 0.3 / 2 * amplitude_g, 1e-6);
    for (const double away_hz : {-50.0, -13.0, 7.0, 50.0}) EXPECT_LT(line(samples, mesh_hz + away_hz), 1e-6) << away_hz;
  }
  const auto slow = vibration(VibrationModel(options, SpeedSchedule({{0, 750}}), 5), 1, 51'200);
  EXPECT_NEAR(line(slow, 23 * 12.5), 0.4 / 4, 1e-6) << "goes with the square of the speed";
}

TEST(VibrationModel, NoiseHasItsDeviationAndDiffersFromBlockToBlock) {
  VibrationOptions options = quiet_options(FaultKind::none, 0);
  options.noise_g = 0.5;
  const VibrationModel model(options, SpeedSchedule({{0, 1500}}), 5);
  EXPECT_NEAR(rms(vibration(model, 1, 100'000, 1)), 0.5, 0.01);
  EXPECT_EQ(vibration(model, 1, 10, 1), vibration(model, 1, 10, 1));
  EXPECT_NE(vibration(model, 1, 10, 1), vibration(model, 1, 10, 2));
  EXPECT_NE(vibration(model, 1, 10, 1), vibration(VibrationModel(options, SpeedSchedule({{0, 1500}}), 6), 1, 10, 1));
}

TEST(VibrationModel, FaultsGrow) {
  for (const FaultKind kind : {FaultKind::outer_race, FaultKind::inner_race, FaultKind::imbalance}) {
    VibrationOptions options = quiet_options(kind, 3);
    options.fault.start_s = 100;
    options.fault.growth_per_hour = 36;  // 0.01 a second
    options.noise_g = 0.01;
    const VibrationModel model(options, SpeedSchedule({{0, 1500}}), 5);
    const double before = rms(vibration(model, 90, 25'600));
    const double early = rms(vibration(model, 200, 25'600));
    const double late = rms(vibration(model, 300, 25'600));
    EXPECT_NEAR(before, 0.01, 0.001);
    EXPECT_GT(early, 5 * before);
    EXPECT_NEAR(late / early, 2, 0.1);
    EXPECT_NEAR(rms(vibration(model, 1000, 25'600)), rms(vibration(model, 2000, 25'600)), 0.05) << "it stops growing";
  }
}

TEST(VibrationModel, StuckSensorRepeatsOneValueThenGoesOn) {
  VibrationOptions options = quiet_options(FaultKind::outer_race, 1);
  options.harmonics_g = {0.3};
  options.noise_g = 0.1;
  const auto sound = vibration(VibrationModel(options, SpeedSchedule({{0, 1500}}), 5), 10, 25'600, 3);
  options.sensor = {.kind = SensorFaultKind::stuck, .start_s = 10.25, .duration_s = 0.5};
  const VibrationModel model(options, SpeedSchedule({{0, 1500}}), 5);
  const auto stuck = vibration(model, 10, 25'600, 3);
  const double value = stuck[6400];
  for (std::size_t n = 0; n < stuck.size(); ++n) {
    ASSERT_EQ(stuck[n], n >= 6400 && n < 19'200 ? value : sound[n]) << n;
  }
  EXPECT_EQ(vibration(model, 10.5, 100, 4), std::vector<double>(100, value)) << "in every block";
  options.sensor.duration_s = 0;
  EXPECT_EQ(vibration(VibrationModel(options, SpeedSchedule({{0, 1500}}), 5), 1e6, 100, 4), std::vector<double>(100, value));
  options.noise_g = 0;
  const double quiet_value = vibration(VibrationModel(options, SpeedSchedule({{0, 1500}}), 5), 11, 1)[0];
  options.sensor = {};
  EXPECT_NEAR(quiet_value, vibration(VibrationModel(options, SpeedSchedule({{0, 1500}}), 5), 10, 6401)[6400], 2e-5)
      << "of its start";
}

TEST(VibrationModel, ClippedSensorReachesItsFullScaleAndNoMore) {
  VibrationOptions options = quiet_options(FaultKind::outer_race, 2);
  options.noise_g = 0.1;
  const auto sound = vibration(VibrationModel(options, SpeedSchedule({{0, 1500}}), 5), 10, 25'600);
  options.sensor = {.kind = SensorFaultKind::clipped, .start_s = 10.25, .duration_s = 0.5, .full_scale_g = 0.7};
  const auto clipped = vibration(VibrationModel(options, SpeedSchedule({{0, 1500}}), 5), 10, 25'600);
  std::size_t highest = 0, lowest = 0;
  for (std::size_t n = 0; n < clipped.size(); ++n) {
    if (n < 6400 || n >= 19'200 || std::abs(sound[n]) < 0.7) {
      ASSERT_EQ(clipped[n], sound[n]) << n;
    } else {
      ASSERT_EQ(clipped[n], std::copysign(0.7, sound[n])) << n;
      ++(sound[n] > 0 ? highest : lowest);
    }
  }
  EXPECT_GT(highest, 50u);
  EXPECT_GT(lowest, 50u);
}

TEST(VibrationModel, DriftingSensorHasASkiSlope) {
  VibrationOptions options = quiet_options(FaultKind::none, 0);
  options.sensor = {.kind = SensorFaultKind::drifting, .start_s = 1, .drift_g = 3};
  const VibrationModel model(options, SpeedSchedule({{0, 0}}), 5);
  EXPECT_EQ(rms(vibration(model, 0, 25'600)), 0);
  // Stretches between places where it is back at 0. Power over frequency: half the frequency has four times as much.
  constexpr std::size_t stretch = 65'536;
  double square = 0, power_low = 0, power_high = 0;
  for (int i = 1; i <= 8; ++i) {
    const auto drift = vibration(model, i * (stretch / rate_hz), stretch);
    square += rms(drift) * rms(drift) / 8;
    for (int bin = 16; bin < 32; bin += 2) {
      power_low += std::pow(line(drift, bin * rate_hz / stretch), 2);
      power_high += std::pow(line(drift, 4 * bin * rate_hz / stretch), 2);
    }
  }
  EXPECT_NEAR(std::sqrt(square), 3, 1);
  EXPECT_NEAR(power_low / power_high, 16, 4);
  const auto whole = vibration(model, 2, 5120);
  const auto second = vibration(model, 2.1, 2560, 1);
  for (std::size_t n = 0; n < second.size(); ++n) ASSERT_EQ(whole[2560 + n], second[n]) << n;
}

TEST(TemperatureModel, ApproachesWithItsTimeConstant) {
  TemperatureOptions options{
      .ambient_degc = 20, .load_heat_k = 30, .rated_rpm = 1500, .time_constant_s = 100, .noise_k = 0, .fault = {}};
  TemperatureModel model(options, SpeedSchedule({{0, 0}, {50, 0}, {50.001, 1500}}), 1);
  EXPECT_EQ(model.at(0, 0), 20);
  EXPECT_NEAR(model.at(50, 1), 20, 1e-9);
  EXPECT_NEAR(model.at(150, 2), 20 + 30 * (1 - std::exp(-1)), 0.05);
  EXPECT_NEAR(model.at(350, 3), 20 + 30 * (1 - std::exp(-3)), 0.05);
  EXPECT_NEAR(model.at(5000, 4), 50, 1e-6);
}

TEST(TemperatureModel, OverheatingAdds) {
  TemperatureOptions options{
      .ambient_degc = 20, .load_heat_k = 30, .rated_rpm = 1500, .time_constant_s = 10, .noise_k = 0, .fault = {}};
  options.fault = {FaultKind::overheating, 100, 3600, 25};
  TemperatureModel model(options, SpeedSchedule({{0, 1500}}), 1);
  EXPECT_NEAR(model.at(100, 0), 50, 1e-9);
  EXPECT_NEAR(model.at(1000, 1), 75, 1e-6);
}

TEST(Random, RepeatsAndIsUniformAndNormal) {
  Random a(7), b(7), c(8);
  EXPECT_EQ(a.bits(), b.bits());
  EXPECT_NE(a.bits(), c.bits());
  double mean = 0, square = 0;
  constexpr int count = 200'000;
  for (int i = 0; i < count; ++i) {
    const double u = a.uniform();
    ASSERT_TRUE(u >= 0 && u < 1);
    const double x = b.normal();
    mean += x;
    square += x * x;
  }
  EXPECT_NEAR(mean / count, 0, 0.01);
  EXPECT_NEAR(square / count, 1, 0.02);
}

}  // namespace
}  // namespace stethos::firmware_sim
