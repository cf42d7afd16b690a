// Analysis blocks from messages to rows.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <numbers>
#include <tuple>

#include "tests/unit/edge/core/core_rig.h"

namespace stethos::edge {
namespace {

constexpr double rate_hz = 10'000;
constexpr std::size_t signal_samples = 60'000;  // six seconds

EdgeConfig analysis_config(const std::string& length = "400ms") {
  EdgeConfig config = core_config();
  config.time_watermark_delay = ns_per_s;
  config.time_lateness = 0;
  SpectrumConfig spectrum;
  spectrum.quantity = "acceleration";
  spectrum.length = length;
  spectrum.gap_max = ns_per_us;
  spectrum.bands = {"10-1000Hz", "1000-4000Hz"};
  spectrum.lines = 2;
  spectrum.rolloff_share = 0.85;
  config.spectra = {spectrum};
  return config;
}

std::vector<float> signal() {
  std::mt19937 random(3);
  std::normal_distribution<float> noise(0, 0.1f);
  std::vector<float> out(signal_samples);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const double t = static_cast<double>(i) / rate_hz;
    out[i] = static_cast<float>(std::sin(2 * std::numbers::pi * 123.4 * t * (1 + t / 20))) + noise(random);
  }
  return out;
}

Message part(const std::vector<float>& samples, std::size_t from, std::size_t count, std::uint64_t sequence) {
  BlockSpec spec;
  spec.sequence = sequence;
  spec.start_ns = epoch_ns + static_cast<TimeNs>(from) * 100'000;
  spec.samples.assign(samples.begin() + static_cast<std::ptrdiff_t>(from),
                      samples.begin() + static_cast<std::ptrdiff_t>(from + count));
  return block_message(spec);
}

// Ends all windows.
Message much_later(std::uint64_t sequence) {
  BlockSpec spec;
  spec.sequence = sequence;
  spec.start_ns = epoch_ns + 20 * ns_per_s;
  return block_message(spec);
}

// Of the statistics of single blocks in final rows: of which window, which, its bits, and of how many blocks.
using Features = std::vector<std::tuple<TimeNs, std::uint16_t, std::uint16_t, std::uint64_t, std::uint64_t>>;

Features features_of(const std::vector<schema::WindowRowT>& rows) {
  Features out;
  for (const schema::WindowRowT& row : rows) {
    if (row.state != schema::WindowState::final) continue;
    for (const auto& value : row.statistics) {
      const auto* statistic = kernels::find_statistic(value->statistic);
      if (!statistic->is_feature()) continue;
      out.emplace_back(row.start_ns, value->statistic, value->parameter, std::bit_cast<std::uint64_t>(value->value),
                       value->blocks);
    }
  }
  return out;
}

// In blocks of so many samples; with `dies`, the process dies after each.
std::vector<schema::WindowRowT> rows_of_blocks(std::size_t samples, const EdgeConfig& config, bool dies = false) {
  CoreRig rig(config);
  const std::vector<float> all = signal();
  std::uint64_t sequence = 0;
  for (std::size_t from = 0; from < all.size(); from += samples) {
    rig.step({part(all, from, std::min(samples, all.size() - from), ++sequence)});
    if (dies) rig.restart();
  }
  rig.step({much_later(sequence + 1)});
  return rig.windows;
}

std::uint64_t blocks_in(const Features& features) {
  std::uint64_t most = 0;
  for (const auto& each : features) most = std::max(most, std::get<4>(each));
  return most;
}

// The windows take what begins in them; with blocks that end where windows do, the same however they are cut.
TEST(AnalysisBlocks, DoNotDependOnHowADeviceCutsItsMessages) {
  EdgeConfig config = analysis_config();
  config.windows[0].length = 2 * ns_per_s;
  const Features whole = features_of(rows_of_blocks(20'000, config));
  ASSERT_FALSE(whole.empty());
  EXPECT_EQ(blocks_in(whole), 5u);
  for (const std::size_t samples : {100, 500, 1'000, 2'500, 4'000}) {
    EXPECT_TRUE(features_of(rows_of_blocks(samples, config)) == whole) << samples;
  }
}

TEST(AnalysisBlocks, AreTheSameAfterAnyDeath) {
  EdgeConfig config = analysis_config("700ms");
  config.spectra[0].overlap = 0.5;
  for (const std::size_t samples : {700, 2'560, 9'000}) {
    const auto rows = rows_of_blocks(samples, config);
    const Features features = features_of(rows);
    ASSERT_GT(blocks_in(features), 1u) << samples;
    EXPECT_TRUE(features_of(rows_of_blocks(samples, config, true)) == features) << samples;
  }
}

// Within the delay of the watermark each window has all of them when it is final, and none is late.
TEST(AnalysisBlocks, AreCompleteWhenTheirWindowIsFinal) {
  EdgeConfig config = analysis_config("1s");
  CoreRig rig(config);
  const std::vector<float> all = signal();
  for (std::size_t i = 0; i < 24; ++i) rig.step({part(all, i * 2'500, 2'500, i + 1)});
  EXPECT_EQ(rig.core().totals()[Counter::analysis_blocks], 6u);
  EXPECT_EQ(rig.core().totals()[Counter::analysis_blocks_late], 0u);
  EXPECT_EQ(rig.core().totals()[Counter::joins_ended], 0u);
  for (const schema::WindowRowT& row : rig.windows) EXPECT_EQ(row.revision, 0u);
  const Features features = features_of(rig.windows);
  ASSERT_FALSE(features.empty());
  for (const auto& each : features) EXPECT_EQ(std::get<4>(each), 1u);
}

// A device that was away sends much at once, and then little each time: windows wait for what begins in the long block.
TEST(AnalysisBlocks, AreCompleteWhereALongBlockIsFollowedByShortOnes) {
  CoreRig rig(analysis_config("1s"));
  const std::vector<float> all = signal();
  std::uint64_t sequence = 0;
  rig.step({part(all, 0, 35'000, ++sequence)});
  for (std::size_t from = 35'000; from + 1'000 <= all.size(); from += 1'000) rig.step({part(all, from, 1'000, ++sequence)});
  rig.step({much_later(++sequence)});
  EXPECT_EQ(rig.core().totals()[Counter::analysis_blocks], 6u);
  EXPECT_EQ(rig.core().totals()[Counter::analysis_blocks_late], 0u);
  for (const schema::WindowRowT& row : rig.windows) EXPECT_EQ(row.revision, 0u);
}

TEST(AnalysisBlocks, CountWindowsTakeThemWithTheBlockThatCompletesThem) {
  EdgeConfig config = analysis_config("400ms");
  WindowConfig count;
  count.samples = 2'500;
  WindowConfig session;
  session.gap = ns_per_s;
  config.windows = {count, session};
  CoreRig rig(config);
  const std::vector<float> all = signal();
  std::uint64_t sequence = 0;
  for (std::size_t i = 0; i < 12; ++i) rig.step({part(all, i * 2'500, 2'500, ++sequence)});
  EXPECT_EQ(rig.core().totals()[Counter::analysis_blocks], 7u);
  EXPECT_EQ(rig.core().totals()[Counter::analysis_blocks_late], 0u);
  std::uint64_t blocks = 0;
  for (const schema::WindowRowT& row : rig.windows) {
    for (const auto& value : row.statistics) {
      if (value->statistic == kernels::find_statistic("spectral_centroid")->number)
        blocks = std::max<std::uint64_t>(blocks, value->blocks);
    }
  }
  EXPECT_EQ(blocks, 1u) << "of each window of 2,500 samples; the session is open";
  rig.step({much_later(++sequence)});
  EXPECT_EQ(blocks_in(features_of(rig.windows)), 7u);
}

// A stream may come to have no time but that of its arrival: what was kept before is waited for by nobody.
TEST(AnalysisBlocks, NothingIsWaitedForThatCannotFollow) {
  CoreRig rig(analysis_config());
  rig.step({part(signal(), 0, 2'500, 1)});
  ASSERT_EQ(rig.spool().load()->joined.size(), 1u);
  const std::vector<float> raw(2'500, 0.5f);
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(raw.data());
  for (int i = 1; i <= 5; ++i) {
    const TimeNs received_ns = epoch_ns + i * 2 * ns_per_s;
    rig.step({message_of("raw/d1/vibration", {bytes, bytes + raw.size() * sizeof(float)}, received_ns)}, received_ns);
  }
  EXPECT_TRUE(rig.spool().load()->joined.empty());
  EXPECT_GE(std::ranges::count(rig.windows, schema::WindowState::final, &schema::WindowRowT::state), 3);
}

TEST(AnalysisBlocks, ADuplicateChangesNothing) {
  CoreRig rig(analysis_config());
  const std::vector<float> all = signal();
  rig.step({part(all, 0, 2'500, 1), part(all, 0, 2'500, 1)});
  rig.step({part(all, 2'500, 2'500, 2), part(all, 0, 2'500, 1)});
  EXPECT_EQ(rig.core().totals()[Counter::analysis_blocks], 1u);
  EXPECT_EQ(rig.core().totals()[Counter::joins_ended], 0u);
}

// A device that declares its time complete ends its windows: what begins there and ends later is late, and is counted.
TEST(AnalysisBlocks, LateOnesAreCounted) {
  CoreRig rig(analysis_config());
  const std::vector<float> all = signal();
  rig.step({part(all, 0, 10'000, 1)});
  BlockSpec complete;
  complete.sequence = 2;
  complete.channel = "other";
  complete.complete_until_ns = epoch_ns + ns_per_s;
  rig.step({block_message(complete)});
  rig.step({part(all, 10'000, 10'000, 3)});
  EXPECT_EQ(rig.core().totals()[Counter::analysis_blocks_late], 1u);
}

class Heard final : public BlockWatcher {
 public:
  void look(const WatchedBlock& /*block*/) override { ++looks; }
  void look_unjoined(std::string_view device, std::string_view channel, const std::string& why) override {
    said.push_back(std::string(device) + "/" + std::string(channel) + ": " + why);
  }
  int looks = 0;
  std::vector<std::string> said;
};

// A null in a row is explained once.
TEST(AnalysisBlocks, BlocksThatAreNeverJoinedAreTold) {
  CoreRig rig(analysis_config());
  Heard heard;
  rig.core().set_watcher(heard);
  const std::vector<float> all = signal();
  for (std::size_t i = 0; i < 10; ++i) {
    rig.step({part(all, i * 3'000, 2'500, i + 1)});
    EXPECT_EQ(heard.said.size(), i < 3 ? 0u : 1u);
  }
  EXPECT_EQ(
      heard.said[0],
      "d1/vibration: its blocks do not follow one another: one begins 50 ms after the end of those before, and 0.001 ms are "
      "tolerated");
  EXPECT_EQ(rig.core().totals()[Counter::joins_ended], 9u);
  EXPECT_EQ(heard.looks, 0);
}

TEST(AnalysisBlocks, ALengthThatIsNoneIsTold) {
  CoreRig rig(analysis_config("20ms"));
  Heard heard;
  rig.core().set_watcher(heard);
  rig.step({part(signal(), 0, 2'500, 1)});
  ASSERT_EQ(heard.said.size(), 1u);
  EXPECT_EQ(heard.said[0], "d1/vibration: analysis blocks of 200 samples are none: they have 256 to 131072");
}

// What is kept is gone from the spool when nothing needs it, and when the configuration joins no more.
TEST(AnalysisBlocks, WhatIsKeptLeavesTheSpool) {
  CoreRig rig(analysis_config());
  const auto kept = [&] {
    const auto saved = rig.spool().load();
    return saved->joined.empty() ? std::size_t{0} : saved->joined.begin()->second.blocks.size();
  };
  const std::vector<float> all = signal();
  rig.step({part(all, 0, 1'000, 1)});
  rig.step({part(all, 1'000, 1'000, 2)});
  EXPECT_EQ(kept(), 2u);
  rig.step({part(all, 2'000, 2'000, 3)});
  EXPECT_EQ(kept(), 0u);
  rig.step({part(all, 4'000, 1'000, 4)});
  EXPECT_EQ(kept(), 1u);
  rig.restart(analysis_config("message"));
  rig.step({part(all, 5'000, 1'000, 5)});
  EXPECT_EQ(kept(), 0u);
}

}  // namespace
}  // namespace stethos::edge
