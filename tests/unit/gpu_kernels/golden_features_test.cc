// Every backend on real bearing recordings, against statistics that SciPy computed from the same files. They are
// not part of the repository: the test skips where they are absent, and fails instead when STETHOS_DATA_REQUIRED=1.
#include <gtest/gtest.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <tuple>
#include <vector>

#include "gpu_kernels/backend.h"
#include "gpu_kernels/envelope.h"
#include "gpu_kernels/reference_backend.h"
#include "gpu_kernels/time.h"
#include "tests/folders.h"
#include "tests/unit/gpu_kernels/closeness.h"

namespace stethos::kernels {
namespace {

namespace fs = std::filesystem;

constexpr double digits_kept = 5e-12;  // relative: twelve digits

std::vector<float> read_samples(const fs::path& file) {
  std::vector<float> samples(fs::file_size(file) / sizeof(float));
  std::ifstream(file, std::ios::binary)
      .read(reinterpret_cast<char*>(samples.data()), static_cast<std::streamsize>(samples.size() * 4));
  return samples;
}

// Of the CWRU rig.
struct Recording {
  std::vector<float> samples;
  double rate_hz = 0;
  double shaft_hz = 0;

  explicit Recording(const std::string& name)
      : samples(read_samples(stethos::test::recorded_data_folder() / "cwru" / (name + ".f32"))) {
    simdjson::dom::parser parser;
    const simdjson::dom::object about = parser.load((stethos::test::recorded_data_folder() / "cwru" / (name + ".json")).string());
    rate_hz = double{about["sample_rate_hz"]};
    shaft_hz = double{about["rpm"]} / 60;
  }

  BlockView view(const BlockPlan& plan) const {
    BlockView out{.samples = samples.data(), .count = samples.size()};
    out.sampling_rate_hz = rate_hz;
    out.shaft_hz = shaft_hz;
    out.plan = &plan;
    return out;
  }
};

// `key`: femto/BEARING/SNAPSHOT/horizontal or vertical.
std::vector<int> femto_thousandths(const std::string& key) {
  const fs::path path(key);
  const fs::path snapshot = path.parent_path(), bearing = snapshot.parent_path();
  const fs::path archive = stethos::test::recorded_data_folder() / (bearing.string() + ".tar.zst");
  const std::string member = (bearing.filename() / snapshot.filename()).string() + ".csv";
  const std::string command = "tar --zstd -xOf '" + archive.string() + "' " + member;
  std::FILE* pipe = popen(command.c_str(), "r");
  std::vector<int> out;
  double horizontal = 0, vertical = 0;
  while (pipe != nullptr && std::fscanf(pipe, "%*f,%*f,%*f,%*f,%lf,%lf", &horizontal, &vertical) == 2) {
    const double value = path.filename() == "horizontal" ? horizontal : vertical;
    out.push_back(static_cast<int>(std::lround(1'000 * value)));
  }
  if (pipe != nullptr) pclose(pipe);
  return out;
}

// As the edge does: blocks of `block_length`, merged in their order.
Moments moments_of_file(std::string_view name, const std::vector<float>& samples, std::size_t block_length) {
  const auto backend = make_backend(name);
  std::vector<BlockView> blocks;
  for (std::size_t start = 0; start < samples.size(); start += block_length) {
    blocks.push_back({.samples = samples.data() + start, .count = std::min(block_length, samples.size() - start)});
  }
  std::vector<BlockStatistics> results(blocks.size());
  EXPECT_EQ(backend->submit(blocks), KernelStatus::ok);
  EXPECT_EQ(backend->collect(results), KernelStatus::ok);
  Moments all;
  for (const BlockStatistics& each : results) all = merge(all, each.moments);
  return all;
}

class GoldenFeatures : public testing::TestWithParam<std::string_view> {
 protected:
  void SetUp() override {
    if (fs::exists(stethos::test::recorded_data_folder() / "golden_features.json")) {
      golden_ = parser_.load((stethos::test::recorded_data_folder() / "golden_features.json").string());
      return;
    }
    const char* required = std::getenv("STETHOS_DATA_REQUIRED");
    if (required != nullptr && std::string(required) == "1")
      FAIL() << "no recordings in " << stethos::test::recorded_data_folder();
    GTEST_SKIP() << "no recordings in " << stethos::test::recorded_data_folder() << "; STETHOS_DATA names their folder";
  }

  void expect_statistics(const Moments& moments, const simdjson::dom::object& features, double relative = digits_kept) const {
    EXPECT_EQ(moments.count, std::uint64_t{features["n"]});
    std::size_t compared = 0;
    for (const StatisticDefinition& each : time_statistics()) {
      const auto found = features[each.name];
      if (found.error() != simdjson::SUCCESS && each.name != "standard_deviation") continue;
      const double expected = each.name == "standard_deviation" ? std::sqrt(double{features["var_pop"]}) : double{found};
      EXPECT_NEAR(each.compute(moments), expected,
                  relative * std::abs(expected) + test::allowed_of_time(GetParam(), each, expected, moments))
          << each.name;
      ++compared;
    }
    EXPECT_EQ(compared, 13u);  // all but the count
  }

  simdjson::dom::parser parser_;
  simdjson::dom::object golden_;
};
INSTANTIATE_TEST_SUITE_P(All, GoldenFeatures, testing::ValuesIn(backend_names()),
                         [](const auto& each) { return std::string(each.param); });

TEST_P(GoldenFeatures, Cwru) {
  int files = 0;
  for (const auto& [key, features] : golden_) {
    if (!key.starts_with("cwru/")) continue;
    ++files;
    const auto samples = read_samples(stethos::test::recorded_data_folder() / (std::string(key) + ".f32"));
    for (const std::size_t block_length : {std::size_t{2560}, samples.size()}) {
      SCOPED_TRACE(std::string(key) + " in blocks of " + std::to_string(block_length));
      expect_statistics(moments_of_file(GetParam(), samples, block_length), features);
    }
  }
  EXPECT_EQ(files, 4);
}

// Statistics of decimals in float64. As whole thousandths they are exact; the two or so that i16 cannot hold are rounded to f32.
TEST_P(GoldenFeatures, Femto) {
  int snapshots = 0, exact = 0;
  for (const auto& [key, features] : golden_) {
    if (!key.starts_with("femto/")) continue;
    ++snapshots;
    SCOPED_TRACE(key);
    const auto samples = femto_thousandths(std::string(key));
    const std::vector<std::int16_t> narrow(samples.begin(), samples.end());
    std::vector<float> floats;
    for (const int sample : samples) floats.push_back(static_cast<float>(sample / 1'000.0));
    BlockView block{.samples = floats.data(), .count = floats.size()};
    const bool fits = std::ranges::equal(narrow, samples);
    if (fits) block = {.encoding = BlockView::Encoding::i16, .samples = narrow.data(), .count = narrow.size(), .scale = 0.001};
    exact += fits ? 1 : 0;
    const auto backend = make_backend(GetParam());
    std::vector<BlockStatistics> results(1);
    ASSERT_EQ(backend->submit({&block, 1}), KernelStatus::ok);
    ASSERT_EQ(backend->collect(results), KernelStatus::ok);
    expect_statistics(results.front().moments, features, fits ? digits_kept : 1e-6);
  }
  EXPECT_EQ(snapshots, 8);
  EXPECT_GE(exact, 6);
}

// The file's own way was a Butterworth band-pass of the fourth order, there and back, 2000 Hz to 5500 Hz, and a symmetric window:
// tests/system/test_scipy.py computes it again. Ours cuts the band sharply, so the same line stands out by about as much.
TEST(GoldenEnvelopes, HaveTheSameLineOnTop) {
  if (!fs::exists(stethos::test::recorded_data_folder() / "golden_features.json"))
    GTEST_SKIP() << "no recordings in " << stethos::test::recorded_data_folder();
  simdjson::dom::parser parser;
  const simdjson::dom::object golden = parser.load((stethos::test::recorded_data_folder() / "golden_features.json").string());
  for (const char* name : {"97_Normal_0", "105_0", "118_0", "130_0"}) {
    SCOPED_TRACE(name);
    const simdjson::dom::object expected = golden["cwru/" + std::string(name)];
    const Recording recording(name);
    BlockPlan plan;
    plan.envelope_low_hz = 2'000;
    plan.envelope_high_hz = 5'500;
    BlockView block = recording.view(plan);
    const auto mean_square = reference_envelope(block, reference_moments(block)).mean_square;
    const double bin_hz = recording.rate_hz / static_cast<double>(block.count);
    const auto at = [&](double hz) { return mean_square.begin() + static_cast<std::ptrdiff_t>(std::ceil(hz / bin_hz)); };
    const auto top = std::max_element(at(20), at(1'000));
    EXPECT_NEAR(static_cast<double>(top - mean_square.begin()) * bin_hz, double{expected["envelope_top_line_hz_20_1000"]}, 1e-8);
    std::vector<double> sorted(at(20), at(1'000));
    std::ranges::sort(sorted);
    const double height = std::sqrt(*top / sorted[sorted.size() / 2]);
    const double golden_height{expected["envelope_top_line_over_median"]};
    EXPECT_NEAR(height, golden_height, 0.1 * golden_height);
  }
}

// The seeded faults stand out at the rates that the geometry and the speed give, and no others, in blocks of any length that
// shows the lines at all, and as deep in each; the healthy bearing shows nothing. The outer ring's line needs 8 turns, the inner
// ring's a little more.
TEST_P(GoldenFeatures, FaultsStandOutAtTheirRatesWhateverTheLengthOfABlock) {
  const BearingRates rates =
      rates_of({.elements = 9, .element_diameter = 0.3126, .pitch_diameter = 1.537, .contact_angle_deg = 0});
  struct Line {
    std::size_t blocks = 0, defined = 0;
    std::size_t significant = 0;  // one such in 1,000 blocks of noise
    double depth_sum = 0;
  };
  const auto lines_of = [&](const char* name, double turns) {
    const Recording recording(name);
    BlockPlan plan;
    for (const double rate : {rates.bpfo, rates.bpfi}) {
      plan.features.push_back({number::bearing_depth, rate});
      plan.features.push_back({number::bearing_significance, rate});
    }
    plan.envelope_low_hz = 2'000;
    plan.envelope_high_hz = 5'500;
    const auto count = 100 * static_cast<std::size_t>(std::lround(turns * recording.rate_hz / recording.shaft_hz / 100));
    std::vector<BlockView> blocks;
    for (std::size_t at = 0; at + count <= recording.samples.size(); at += count) {
      BlockView block = recording.view(plan);
      block.samples = recording.samples.data() + at;
      block.count = count;
      blocks.push_back(block);
    }
    const auto backend = make_backend(GetParam());
    std::vector<BlockStatistics> results(blocks.size());
    EXPECT_EQ(backend->submit(blocks), KernelStatus::ok);
    EXPECT_EQ(backend->collect(results), KernelStatus::ok);
    std::array<Line, 2> out;
    for (const auto& each : results) {
      for (const std::size_t i : {0u, 1u}) {
        ++out[i].blocks;
        if (std::isnan(each.features[2 * i])) continue;
        ++out[i].defined;
        out[i].depth_sum += each.features[2 * i];
        if (each.features[2 * i + 1] > 3) ++out[i].significant;
      }
    }
    return out;
  };
  for (const double turns : {1.0, 2.0, 5.0, 10.0, 30.0}) {
    SCOPED_TRACE(turns);
    for (const auto& [name, faulty] : {std::pair{"97_Normal_0", 2u}, {"130_0", 0u}, {"105_0", 1u}}) {
      SCOPED_TRACE(name);
      const auto lines = lines_of(name, turns);
      for (const std::size_t i : {0u, 1u}) {
        const double blocks = static_cast<double>(lines[i].blocks);
        if (turns < 8) {
          EXPECT_EQ(lines[i].defined, 0u);
          continue;
        }
        EXPECT_EQ(lines[i].defined, lines[i].blocks);
        if (i == faulty) {
          EXPECT_EQ(lines[i].significant, lines[i].blocks);
          EXPECT_NEAR(lines[i].depth_sum / blocks, faulty == 0 ? 1.06 : 0.65, 0.02);
        } else if (faulty == 2) {
          EXPECT_LE(lines[i].significant, 1u);
          EXPECT_LT(lines[i].depth_sum / blocks, 0.03);
        } else {
          // In 10 turns a sideband of the inner ring's line, two turns below it, lies within two bins of the outer ring's.
          EXPECT_LT(lines[i].depth_sum / blocks, 0.3);
        }
      }
    }
  }
}

}  // namespace
}  // namespace stethos::kernels
