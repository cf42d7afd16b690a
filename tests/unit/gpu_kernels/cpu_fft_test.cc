// The transforms in lanes against KissFFT in float64, with every kind of vectors that this processor has.
#include "gpu_kernels/cpu_fft.h"

#include <gtest/gtest.h>
#include <hwy/aligned_allocator.h>
#include <hwy/targets.h>
#include <kissfft/kissfft.hh>

#include <algorithm>
#include <bit>
#include <complex>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace stethos::kernels {
namespace {

using Spectrum = std::vector<std::complex<double>>;

constexpr std::size_t sizes[] = {1,  2,   3,   4,   5,   6,   8,   9,   10,  12,   15,   16,   25,   30,   32,
                                 60, 100, 125, 128, 240, 243, 480, 625, 960, 1000, 1024, 2560, 3375, 4096, 25600};
// Of the largest bin. Measured: 1.9e-7 to 2.7e-7 at worst, with AVX-512, AVX2, SSE4, SSSE3 and without vectors.
constexpr double tolerance = 1e-6;

std::vector<float> noise(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

class Lanes : public testing::TestWithParam<std::int64_t> {
 protected:
  // A buffer as the transforms want it.
  using Buffer = hwy::AlignedFreeUniquePtr<float[]>;

  void SetUp() override { use(GetParam()); }
  void TearDown() override { use(0); }

  static void use(std::int64_t target) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }

  static Buffer buffer(const std::vector<float>& values) {
    auto out = hwy::AllocateAligned<float>(values.size());
    std::ranges::copy(values, out.get());
    return out;
  }

  // Everything that comes out, of what [size] or [size][2] goes in.
  static std::vector<float> real_fft(const RealFftPlan& plan, const std::vector<float>& in) {
    const std::size_t lanes = cpu_fft_lanes();
    const Buffer samples = buffer(in), bins = hwy::AllocateAligned<float>(2 * plan.places() * lanes);
    cpu_real_fft(plan, samples.get(), bins.get());
    EXPECT_TRUE(std::equal(in.begin(), in.end(), samples.get(), same_bits)) << "input changed";
    return {bins.get(), bins.get() + 2 * plan.bins() * lanes};
  }
  static std::vector<float> complex_fft(const FftPlan& plan, FftDirection direction, const std::vector<float>& in) {
    const Buffer values = buffer(in), out = hwy::AllocateAligned<float>(in.size());
    cpu_fft(plan, direction, values.get(), out.get());
    EXPECT_TRUE(std::equal(in.begin(), in.end(), values.get(), same_bits)) << "input changed";
    return {out.get(), out.get() + in.size()};
  }

  static bool same_bits(float a, float b) { return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b); }

  // Complex values of one lane.
  static Spectrum lane_of(const std::vector<float>& values, std::size_t lane) {
    const std::size_t lanes = cpu_fft_lanes();
    Spectrum out(values.size() / lanes / 2);
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = {static_cast<double>(values[2 * i * lanes + lane]), static_cast<double>(values[(2 * i + 1) * lanes + lane])};
    }
    return out;
  }

  static Spectrum oracle(const Spectrum& values, bool inverse) {
    Spectrum out(values.size());
    kissfft<double>(values.size(), inverse).transform(values.data(), out.data());
    return out;
  }

  // `expected` may go on after the last that is looked at.
  static void expect_near(const Spectrum& found, const Spectrum& expected) {
    double largest = 0, error = 0;
    for (const auto& each : expected) largest = std::max(largest, std::abs(each));
    for (std::size_t i = 0; i < found.size(); ++i) error = std::max(error, std::abs(found[i] - expected[i]));
    EXPECT_LT(error, tolerance * largest);
  }
};

INSTANTIATE_TEST_SUITE_P(All, Lanes, testing::ValuesIn(hwy::SupportedAndGeneratedTargets()),
                         [](const auto& each) { return std::string(hwy::TargetName(each.param)); });

TEST(FftPlans, AreOfTwosThreesAndFives) {
  for (const std::size_t size : {0u, 7u, 11u, 14u, 49u, 2561u}) {
    EXPECT_FALSE(FftPlan::make(size)) << size;
    EXPECT_FALSE(RealFftPlan::make(size)) << size;
    EXPECT_FALSE(RealFftPlan::make(2 * size)) << size;
  }
  for (const std::size_t size : sizes) {
    const auto plan = FftPlan::make(size);
    ASSERT_TRUE(plan) << size;
    EXPECT_EQ(plan->size(), size);
    std::size_t points = 1;
    for (const auto& stage : plan->stages()) points *= stage.radix;
    EXPECT_EQ(points, size);
  }
}

TEST_P(Lanes, RealTransformsAreThoseOfTheOracle) {
  const std::size_t lanes = cpu_fft_lanes();
  for (const std::size_t size : sizes) {
    SCOPED_TRACE(size);
    const auto plan = RealFftPlan::make(size);
    ASSERT_TRUE(plan);
    const auto in = noise(size * lanes, static_cast<unsigned>(size));
    const auto out = real_fft(*plan, in);
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      Spectrum samples(size);
      for (std::size_t i = 0; i < size; ++i) samples[i] = static_cast<double>(in[i * lanes + lane]);
      expect_near(lane_of(out, lane), oracle(samples, false));
    }
  }
}

TEST_P(Lanes, ComplexTransformsAreThoseOfTheOracle) {
  const std::size_t lanes = cpu_fft_lanes();
  for (const std::size_t size : sizes) {
    SCOPED_TRACE(size);
    const auto plan = FftPlan::make(size);
    ASSERT_TRUE(plan);
    const auto in = noise(2 * size * lanes, static_cast<unsigned>(size));
    const auto forward = complex_fft(*plan, FftDirection::forward, in);
    const auto inverse = complex_fft(*plan, FftDirection::inverse, in);
    const auto back = complex_fft(*plan, FftDirection::inverse, forward);
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      Spectrum values = lane_of(in, lane);
      expect_near(lane_of(forward, lane), oracle(values, false));
      expect_near(lane_of(inverse, lane), oracle(values, true));
      for (auto& value : values) value *= static_cast<double>(size);
      expect_near(lane_of(back, lane), values);
    }
  }
}

// The same block in every lane in turn, beside blocks that differ each time, and once beside what is not finite.
TEST_P(Lanes, ALaneDependsOnNoOther) {
  const std::size_t lanes = cpu_fft_lanes();
  for (const std::size_t size : {30u, 243u, 2560u}) {
    SCOPED_TRACE(size);
    const auto real_plan = RealFftPlan::make(size);
    const auto plan = FftPlan::make(size);
    const auto block = noise(2 * size, 1);
    std::vector<float> real_expected, expected;
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      auto in = noise(2 * size * lanes, 2 + static_cast<unsigned>(lane));
      if (lane == 1) std::ranges::fill(in, std::numeric_limits<float>::quiet_NaN());
      for (std::size_t i = 0; i < 2 * size; ++i) in[i * lanes + lane] = block[i];
      const auto check = [&](const std::vector<float>& out, std::vector<float>& first) {
        std::vector<float> own(out.size() / lanes);
        for (std::size_t i = 0; i < own.size(); ++i) own[i] = out[i * lanes + lane];
        if (lane == 0) first = own;
        EXPECT_TRUE(std::ranges::equal(own, first, same_bits)) << lane;
      };
      check(complex_fft(*plan, FftDirection::inverse, in), expected);
      in.resize(size * lanes);
      check(real_fft(*real_plan, in), real_expected);
    }
  }
}

TEST_P(Lanes, BlocksAreLoadedIntoLanes) {
  const std::size_t lanes = cpu_fft_lanes();
  for (const std::size_t size : {1u, 3u, 4u, 30u, 125u, 2560u}) {
    const auto window = noise(size, 1);
    for (std::size_t count = 1; count <= lanes; ++count) {
      SCOPED_TRACE(std::to_string(count) + " blocks of " + std::to_string(size));
      std::vector<std::vector<float>> samples;
      std::vector<FftBlock> blocks;
      for (std::size_t i = 0; i < count; ++i) samples.push_back(noise(size, 2 + static_cast<unsigned>(i)));
      for (std::size_t i = 0; i < count; ++i) {
        const auto number = static_cast<float>(i);
        blocks.push_back({.samples = samples[i].data(), .mean_high = number, .mean_low = number / 100, .scale = 1 + number});
      }
      const auto out = hwy::AllocateAligned<float>(size * lanes);
      cpu_fft_load(blocks, window, out.get());
      for (std::size_t i = 0; i < size; ++i) {
        for (std::size_t lane = 0; lane < lanes; ++lane) {
          const float expected =
              lane < count ? (samples[lane][i] - blocks[lane].mean_high - blocks[lane].mean_low) * blocks[lane].scale * window[i]
                           : 0;
          ASSERT_EQ(out[i * lanes + lane], expected) << "sample " << i << " of lane " << lane;
        }
      }
    }
  }
}

}  // namespace
}  // namespace stethos::kernels
