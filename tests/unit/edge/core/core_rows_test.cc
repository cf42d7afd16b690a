#include "edge/core/core.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "common/time_text.h"
#include "tests/unit/edge/core/core_rig.h"

namespace stethos::edge {
namespace {

TEST(Core, ArraysAndRawFloatsAreBlocks) {
  CoreRig rig;
  rig.step({json_message(R"({"device":"t1","ts":1767225600000,"dt_us":100,"vibration":[1,2,3],"seq":1})")});
  const float samples[] = {1, -1};
  std::vector<std::uint8_t> bytes(sizeof samples);
  std::memcpy(bytes.data(), samples, sizeof samples);
  rig.step({message_of("raw/r1/x", bytes, hour_later_ns)});
  EXPECT_EQ(rig.core().samples().good, 5u);
  EXPECT_EQ(rig.core().stream_count(), 2u);
}

// The tail of a recording is no whole block: it would poison the maximum, the last and the mean.
TEST(Core, AShortBlockHasNoStatisticsOfItsOwn) {
  EdgeConfig config = core_config();
  config.windows[0].length = 10 * ns_per_s;
  SpectrumConfig spectrum;
  spectrum.quantity = "acceleration";
  spectrum.bands = {"1000-4000Hz"};
  config.spectra = {spectrum};
  CoreRig rig(config);
  std::uint64_t sequence = 0;
  const auto put = [&](std::size_t size, float amplitude) {
    std::vector<float> samples(size);
    for (std::size_t i = 0; i < size; ++i) samples[i] = amplitude * static_cast<float>(i / 2 % 2 == 0 ? 1 : -1);
    ++sequence;
    rig.step({block_message(
        {.sequence = sequence, .start_ns = epoch_ns + static_cast<TimeNs>(sequence) * ns_per_s, .samples = samples})});
  };
  put(64, 1);
  put(64, 2);
  rig.restart();
  put(16, 9);  // a tail
  put(32, 3);  // from here on the device sends other blocks
  put(32, 4);
  rig.step({block_message({.sequence = ++sequence, .start_ns = epoch_ns + 100 * ns_per_s})});
  ASSERT_FALSE(rig.windows.empty());
  const schema::WindowRowT& row = rig.windows.front();
  EXPECT_EQ(row.counts->good, 64U + 64 + 16 + 32 + 32);
  std::vector<double> of_band;
  for (const auto& each : row.statistics) {
    if (each->statistic != static_cast<std::uint16_t>(schema::Statistic::band_rms)) continue;
    of_band.push_back(each->value);
    EXPECT_EQ(each->blocks, 4U);
  }
  ASSERT_EQ(of_band.size(), 3U) << "the root of the mean of squares, the maximum, the last";
  EXPECT_NEAR(of_band[1] / of_band[2], 1, 1e-9) << "that of the last block";
  EXPECT_NEAR(of_band[0] / of_band[1], std::sqrt((1 + 4 + 9 + 16) / 4.0) / 4, 0.02);
}

// What must not depend on when a batch happened to end, on a restart, or on where the process was killed.
std::string describe(const schema::WindowRowT& row) {
  std::string text = row.device + "/" + row.channel + " " + schema::EnumNameWindowKind(row.kind) + " " +
                     schema::EnumNameWindowState(row.state) + " " + std::to_string(row.start_ns) + "+" +
                     std::to_string(row.length_ns) + " r" + std::to_string(row.revision) + " " +
                     std::to_string(row.counts->received) + " " + std::to_string(row.counts->good) + " late " +
                     std::to_string(row.counts->late) + " duplicate " + std::to_string(row.counts->duplicate) + " rejected " +
                     std::to_string(row.counts->rejected) + " from " + std::to_string(row.first_sequence) + " to " +
                     std::to_string(row.last_sequence);
  for (const double value : {row.moments->mean, row.moments->m2, row.moments->m3, row.moments->m4, row.moments->sum_sqrt_abs}) {
    char hex[40];
    std::snprintf(hex, sizeof hex, " %a", value);
    text += hex;
  }
  const std::vector<std::uint8_t> bytes = [&] {
    schema::WindowRowT rest;
    rest.moments = std::make_unique<schema::MomentsT>(*row.moments);
    rest.counts = std::make_unique<schema::CountsT>();
    for (const auto& each : row.statistics) rest.statistics.push_back(std::make_unique<schema::StatisticValueT>(*each));
    if (row.speed != nullptr) rest.speed = std::make_unique<schema::SpeedT>(*row.speed);
    return schema::pack(rest);
  }();
  return text + std::string(bytes.begin(), bytes.end());
}

std::string describe(const schema::AlarmRowT& row) {
  const std::vector<std::uint8_t> bytes = schema::pack(row);
  return {bytes.begin(), bytes.end()};
}

TEST(Core, WhereABatchEndsOrAProcessRestartsChangesNoRow) {
  std::mt19937 random(3);
  std::normal_distribution<float> noise;
  std::vector<Message> messages;
  std::uint64_t sequence[3] = {};
  for (int i = 0; i < 400; ++i) {
    const std::size_t device = random() % 3;
    const TimeNs jitter = static_cast<TimeNs>(random() % 4'000) * ns_per_ms;
    BlockSpec spec;
    spec.device = "d" + std::to_string(device);
    spec.sequence = ++sequence[device];
    spec.start_ns = epoch_ns + DurationNs{i} * 50 * ns_per_ms + jitter;
    spec.samples.resize(1 + random() % 40);
    for (float& sample : spec.samples) sample = noise(random);
    if (random() % 5 == 0) {
      spec.channel = "speed";
      spec.quantity = "rotational_speed";
      spec.unit = "rpm";
      spec.interval_ns = 0;
      spec.samples = {static_cast<float>(20'000 + random() % 9'000)};
    }
    if (random() % 20 == 0) spec.unit = "mm";  // is refused
    messages.push_back(block_message(spec));
    if (random() % 10 == 0)
      messages.push_back(messages[messages.size() - 1 - random() % std::min<std::size_t>(messages.size(), 9)]);
  }
  const auto points = PointTable::parse(
      "device,channel,machine,point,axis,quantity,unit,full_scale,nominal_rpm,bearing,valid_from\n"
      "d0,vibration,m0,DE,h,acceleration,g,2,20000,,\nd0,speed,m0,DE,-,rotational_speed,rpm,,,,\n"
      "d0,vibration,m0,DE,h,acceleration,g,2,20000,new,2026-01-01T00:00:10Z\n"  // one batch may hold both
      "d1,vibration,m1,DE,h,acceleration,g,,21000,,\n",
      "points.csv");
  ASSERT_TRUE(points);
  // Every kind of window at once, some of the readings late, some too late.
  EdgeConfig config = core_config();
  config.time_lateness = 2 * ns_per_s;
  config.time_rebase_after = 2;
  WindowConfig hopping, session, count;
  hopping.length = 2 * ns_per_s;
  hopping.hop = 700 * ns_per_ms;
  hopping.emit_every = 900 * ns_per_ms;
  session.gap = 600 * ns_per_ms;
  count.samples = 50;
  count.device = "d2";
  config.windows.insert(config.windows.end(), {hopping, session, count});
  LimitConfig limit;
  limit.statistic = "rms";
  limit.unit = "g";
  limit.alert = 1;
  limit.danger = 1.1;
  limit.deadband = 0.02;
  limit.on_delay = 700 * ns_per_ms;
  config.limits = {limit};
  config.windows[0].quantiles = {"p50", "p99"};
  SpectrumConfig spectrum;
  spectrum.quantity = "acceleration";
  spectrum.bands = {"500-2000Hz"};
  spectrum.velocity_bands = {"100-1000Hz"};
  spectrum.rolloff_share = 0.85;
  spectrum.lines = 1;
  spectrum.multiples = {"1x", "2x"};
  spectrum.line_tolerance = 0.02;
  spectrum.envelope_band = "1000-4000Hz";
  spectrum.bearing_harmonics = 1;
  BearingConfig bearing;
  bearing.name = "new";
  bearing.elements = 9;
  bearing.element_diameter_mm = 8;
  bearing.pitch_diameter_mm = 40;
  config.bearings = {bearing};
  config.spectra = {spectrum};
  config.speed_age_max = 5 * ns_per_s;
  const auto rows_of = [&](bool restarts) {
    CoreRig rig(config, *points);
    for (std::size_t i = 0; i < messages.size();) {
      const std::size_t size = std::min<std::size_t>(1 + random() % 50, messages.size() - i);
      rig.step({messages.begin() + static_cast<std::ptrdiff_t>(i), messages.begin() + static_cast<std::ptrdiff_t>(i + size)});
      i += size;
      if (restarts && random() % 3 == 0) rig.restart();
    }
    std::vector<std::string> rows;
    for (const auto& row : rig.windows) rows.push_back(describe(row));
    for (const auto& row : rig.alarms) rows.push_back(describe(row));
    EXPECT_GT(rig.alarms.size(), 20u);
    return rows;
  };
  const auto expected = rows_of(false);
  EXPECT_GT(expected.size(), 300u);
  for (int round = 0; round < 5; ++round) EXPECT_EQ(rows_of(round % 2 == 1), expected);
}

TEST(Core, AWindowKeepsOfBlocksWhatItsDefinitionShows) {
  EdgeConfig config = core_config();
  WindowConfig all = config.windows[0];
  all.quantiles = {"p50"};
  config.windows[0].statistics = {"rms"};
  all.length = 2 * ns_per_s;
  config.windows.push_back(all);
  SpectrumConfig spectrum;
  spectrum.quantity = "acceleration";
  spectrum.rolloff_share = 0.85;
  config.spectra = {spectrum};
  CoreRig rig(config);
  const std::vector<float> samples(64, 1);
  rig.step({block_message({.samples = samples}),
            block_message({.sequence = 2, .start_ns = epoch_ns + 2 * ns_per_s, .samples = samples})});
  ASSERT_EQ(rig.windows.size(), 2u);
  const bool is_first_short = rig.windows[0].length_ns == ns_per_s;
  const auto& shorter = rig.windows[is_first_short ? 0 : 1];
  const auto& longer = rig.windows[is_first_short ? 1 : 0];
  EXPECT_EQ(shorter.statistics.size(), 1u);
  EXPECT_TRUE(shorter.moments->buckets.empty());
  EXPECT_FALSE(longer.moments->buckets.empty());
  EXPECT_EQ(statistic_of(longer, schema::Statistic::longest_repeat), 64);
}

// They would be those of a part of its samples.
TEST(Core, AWindowWithinWhichQuantilesWereAskedForHasNone) {
  EdgeConfig config = core_config();
  config.windows[0].length = 10 * ns_per_s;
  CoreRig rig(config);
  rig.step({block_message({.samples = {1, 2}})});
  config.windows[0].quantiles = {"p50"};
  rig.restart(config);
  const auto block_at = [](std::uint64_t sequence, int second) {
    return block_message({.sequence = sequence, .start_ns = epoch_ns + second * ns_per_s, .samples = {3, 4}});
  };
  rig.step({block_at(2, 1), block_at(3, 10), block_at(4, 20)});
  ASSERT_EQ(rig.windows.size(), 2u);
  EXPECT_TRUE(std::isnan(statistic_of(rig.windows[0], schema::Statistic::quantile)));
  EXPECT_EQ(statistic_of(rig.windows[0], schema::Statistic::mean), 2.5) << "of all four";
  EXPECT_NEAR(statistic_of(rig.windows[1], schema::Statistic::quantile), 3, 0.03);
}

TEST(Core, TheLastRowOfAWindowThatLeftTheConfigurationSaysAllThatIsKnown) {
  EdgeConfig config = core_config();
  CoreRig rig(config);
  rig.step({block_message({.samples = {3, 4}})});
  config.windows[0].length = 7 * ns_per_s;
  rig.restart(config);
  rig.step({block_message({.sequence = 2, .start_ns = epoch_ns + 2 * ns_per_s})});
  ASSERT_EQ(rig.windows.size(), 1u);
  EXPECT_EQ(rig.windows[0].length_ns, ns_per_s);
  EXPECT_EQ(rig.windows[0].state, schema::WindowState::final);
  EXPECT_DOUBLE_EQ(statistic_of(rig.windows[0], schema::Statistic::mean), 3.5);
  EXPECT_EQ(statistic_of(rig.windows[0], schema::Statistic::longest_same_sign), 2);
}

TEST(Core, AValueWhoseFourthPowerNobodyCanHoldIsOutOfRange) {
  CoreRig rig;
  rig.step({json_message(R"({"device":"t1","ts":1767225600000,"temperature":1e300,"seq":1})"),
            json_message(R"({"device":"t1","ts":1767225600100,"temperature":20.5,"seq":2})"),
            json_message(R"({"device":"t1","ts":1767225602000,"temperature":20.5,"seq":3})")});
  ASSERT_EQ(rig.windows.size(), 1u);
  EXPECT_EQ(rig.windows[0].counts->out_of_range, 1u);
  EXPECT_EQ(rig.windows[0].moments->mean, 20.5);
}

}  // namespace
}  // namespace stethos::edge
