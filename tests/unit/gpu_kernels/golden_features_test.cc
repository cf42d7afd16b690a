// Every backend on real bearing recordings, against statistics that SciPy computed from the same files. They are
// not part of the repository: the test skips where they are absent, and fails instead when STETHOS_DATA_REQUIRED=1.
#include <gtest/gtest.h>
#include <simdjson.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "gpu_kernels/backend.h"
#include "gpu_kernels/statistics.h"

namespace stethos::kernels {
namespace {

namespace fs = std::filesystem;

// Relative: twelve digits were kept; the cpu backend takes roots in float32.
double tolerance_of(std::string_view backend, std::string_view statistic) {
  return backend == "cpu" && statistic == "clearance" ? 1e-7 : 1e-9;
}

fs::path data_folder() {
  const char* named = std::getenv("STETHOS_DATA");
  return named != nullptr ? fs::path(named) : fs::path(STETHOS_SOURCE_DIR) / "../shared/data";
}

std::vector<float> read_samples(const fs::path& file) {
  std::vector<float> samples(fs::file_size(file) / sizeof(float));
  std::ifstream(file, std::ios::binary)
      .read(reinterpret_cast<char*>(samples.data()), static_cast<std::streamsize>(samples.size() * 4));
  return samples;
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

class GoldenFeatures : public testing::TestWithParam<std::string_view> {};
INSTANTIATE_TEST_SUITE_P(All, GoldenFeatures, testing::ValuesIn(backend_names()),
                         [](const auto& each) { return std::string(each.param); });

TEST_P(GoldenFeatures, Cwru) {
  if (!fs::exists(data_folder() / "golden_features.json")) {
    const char* required = std::getenv("STETHOS_DATA_REQUIRED");
    if (required != nullptr && std::string(required) == "1") FAIL() << "no recordings in " << data_folder();
    GTEST_SKIP() << "no recordings in " << data_folder() << "; STETHOS_DATA names their folder";
  }
  simdjson::dom::parser parser;
  std::ifstream file(data_folder() / "golden_features.json");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const simdjson::dom::object golden = parser.parse(text);
  const std::vector<std::string> names{"mean",  "rms",   "peak",    "peak_to_peak", "min",      "max",
                                       "crest", "shape", "impulse", "clearance",    "skewness", "kurtosis"};
  int files = 0;
  for (const auto& [key, value] : golden) {
    if (!key.starts_with("cwru/")) continue;
    ++files;
    const simdjson::dom::object features = value;
    const auto samples = read_samples(data_folder() / (std::string(key) + ".f32"));
    for (const std::size_t block_length : {std::size_t{2560}, samples.size()}) {
      SCOPED_TRACE(std::string(key) + " in blocks of " + std::to_string(block_length));
      const Moments all = moments_of_file(GetParam(), samples, block_length);
      EXPECT_EQ(all.count, std::uint64_t{features["n"]});
      for (const auto& name : names) {
        const double expected{features[name]};
        EXPECT_NEAR(find_statistic(name)->compute(all), expected, tolerance_of(GetParam(), name) * std::abs(expected)) << name;
      }
      const double deviation = std::sqrt(double{features["var_pop"]});
      EXPECT_NEAR(find_statistic("standard_deviation")->compute(all), deviation,
                  tolerance_of(GetParam(), "standard_deviation") * deviation);
    }
  }
  EXPECT_EQ(files, 4);
}

}  // namespace
}  // namespace stethos::kernels
