// Every backend against the long way, on kind and on hostile data.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <random>
#include <vector>

#include "gpu_kernels/backend.h"
#include "gpu_kernels/time.h"
#include "tests/unit/gpu_kernels/closeness.h"
#include "tests/unit/gpu_kernels/oracle.h"

namespace stethos::kernels {
namespace {

BlockView view_of(const std::vector<float>& samples) {
  return {.encoding = BlockView::Encoding::f32, .samples = samples.data(), .count = samples.size()};
}

BlockView view_of(const std::vector<std::int16_t>& samples, double scale, double offset) {
  return {
      .encoding = BlockView::Encoding::i16, .samples = samples.data(), .count = samples.size(), .scale = scale, .offset = offset};
}

std::vector<double> widened(const std::vector<float>& samples) { return {samples.begin(), samples.end()}; }

std::vector<float> noise(std::size_t count, unsigned seed, double mean = 0, double deviation = 1) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(mean, deviation);
  std::vector<float> samples(count);
  for (float& sample : samples) sample = static_cast<float>(normal(random));
  return samples;
}

class Backend : public testing::TestWithParam<std::string_view> {
 protected:
  std::vector<Moments> run(const std::vector<BlockView>& blocks) {
    const auto backend = make_backend(GetParam());
    std::vector<BlockStatistics> results(blocks.size());
    EXPECT_EQ(backend->submit(blocks), KernelStatus::ok);
    EXPECT_EQ(backend->collect(results), KernelStatus::ok);
    std::vector<Moments> out;
    for (const BlockStatistics& each : results) out.push_back(each.moments);
    return out;
  }

  Moments run_one(const BlockView& block) { return run({block}).front(); }

  // Every statistic of `m` against the oracle of the same samples.
  void expect_statistics(const Moments& m, const std::vector<double>& samples) {
    const stethos::test::Oracle oracle(samples);
    const auto expected = oracle.statistics();
    ASSERT_EQ(m.count, samples.size());
    for (const StatisticDefinition& statistic : time_statistics()) {
      const double value = statistic.compute(m);
      const auto at = expected.find(std::string(statistic.name));
      if (at == expected.end()) {
        EXPECT_TRUE(std::isnan(value)) << statistic.name << " is " << value;
        continue;
      }
      const auto value_expected = static_cast<double>(at->second);
      EXPECT_NEAR(value, value_expected, test::allowed_of_time(GetParam(), statistic, value_expected, m)) << statistic.name;
    }
  }
};

INSTANTIATE_TEST_SUITE_P(All, Backend, testing::ValuesIn(backend_names()),
                         [](const auto& each) { return std::string(each.param); });

TEST(Backends, AreKnownByNameOrNotAtAll) {
  ASSERT_FALSE(backend_names().empty());
  for (const auto name : backend_names()) {
    const auto backend = make_backend(name);
    ASSERT_NE(backend, nullptr) << name;
    EXPECT_EQ(backend->name(), name);
  }
  EXPECT_EQ(make_backend("referenc"), nullptr);
  EXPECT_EQ(make_backend(""), nullptr);
}

TEST_P(Backend, KnownValues) {
  const Moments m = run_one(view_of({2, 4, 4, 4, 5, 5, 7, 9}));
  EXPECT_EQ(m.count, 8u);
  EXPECT_EQ(m.mean, 5);
  EXPECT_EQ(m.m2, 32);
  EXPECT_EQ(m.m3, 42);
  EXPECT_EQ(m.m4, 356);
  EXPECT_EQ(m.min, 2);
  EXPECT_EQ(m.max, 9);
  EXPECT_EQ(m.sum_abs, 40);
}

TEST_P(Backend, EverySize) {
  for (const std::size_t size : {0u, 1u, 2u, 31u, 32u, 33u, 1000u, 2560u}) {
    SCOPED_TRACE(size);
    const auto samples = noise(size, static_cast<unsigned>(size));
    expect_statistics(run_one(view_of(samples)), widened(samples));
  }
}

TEST_P(Backend, NothingIsEmpty) {
  EXPECT_EQ(run_one(BlockView{}), Moments{});
  EXPECT_TRUE(run({}).empty());
}

TEST_P(Backend, HostileFiniteData) {
  struct Case {
    const char* name;
    std::vector<float> samples;
  };
  std::vector<Case> cases{{"offset", noise(2560, 1, 1e6, 1)},
                          {"larger offset", noise(2560, 2, -1e7, 1)},
                          {"spike", noise(2560, 3)},
                          {"spike on an offset", noise(2560, 4, 1e6, 1)},
                          {"denormal", noise(2560, 5, 0, 1e-42)},
                          {"one denormal among zeros", std::vector<float>(2560, 0)},
                          {"huge", noise(2560, 6, 0, 1e37)},
                          {"huge offset", noise(2560, 7, 3e37, 1e36)},
                          {"both ends of float", std::vector<float>(2560)},
                          {"one differs in its last bit", std::vector<float>(2560, 0.1f)},
                          {"alternating", std::vector<float>(2560)}};
  cases[2].samples[1000] = 1e4f;
  cases[3].samples[1000] += 1e4f;
  cases[5].samples[17] = std::numeric_limits<float>::denorm_min();
  for (std::size_t i = 0; i < 2560; ++i) {
    cases[8].samples[i] = (i % 3 == 0 ? -1.0f : 1.0f) * std::numeric_limits<float>::max();
    cases[10].samples[i] = i % 2 == 0 ? 1.0f : -1.0f;
  }
  cases[9].samples[2559] = std::nextafter(0.1f, 1.0f);
  for (const auto& each : cases) {
    SCOPED_TRACE(each.name);
    expect_statistics(run_one(view_of(each.samples)), widened(each.samples));
  }
}

TEST_P(Backend, AConstantHasNoSpread) {
  for (const float value : {0.0f, 0.1f, -3.3f, 1e37f, 1e-44f}) {
    const std::vector<float> samples(1000, value);
    const Moments m = run_one(view_of(samples));
    EXPECT_EQ(m.mean, static_cast<double>(value));
    EXPECT_EQ(m.m2, 0);
    EXPECT_EQ(m.m3, 0);
    EXPECT_EQ(m.m4, 0);
    expect_statistics(m, widened(samples));
  }
}

// Sums of floats are exact in float64 for a while; those of scaled integers are not.
TEST_P(Backend, AConstantOfScaledIntegersHasNoSpread) {
  for (std::int16_t raw = 1; raw < 200; ++raw) {
    const std::vector<std::int16_t> samples(static_cast<std::size_t>(raw) * 13, raw);
    const Moments m = run_one(view_of(samples, 0.1, 0.01));
    EXPECT_EQ(m.mean, m.min) << raw;
    EXPECT_EQ(m.m2, 0) << raw;
    EXPECT_EQ(m.m4, 0) << raw;
    EXPECT_TRUE(std::isnan(find_statistic("kurtosis")->compute(m))) << raw;
  }
}

TEST_P(Backend, WhatIsNotFiniteIsCountedAndLeftOutWhereverItStands) {
  const auto clean = noise(33, 8);
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity()}) {
    for (std::size_t position = 0; position <= clean.size(); ++position) {
      auto dirty = clean;
      dirty.insert(dirty.begin() + static_cast<std::ptrdiff_t>(position), bad);
      SCOPED_TRACE(std::to_string(bad) + " at " + std::to_string(position));
      const Moments m = run_one(view_of(dirty));
      EXPECT_EQ(m.not_finite, 1u);
      expect_statistics(m, widened(clean));
    }
  }
}

TEST_P(Backend, NothingButNotFinite) {
  const std::vector<float> samples(7, std::numeric_limits<float>::quiet_NaN());
  EXPECT_EQ(run_one(view_of(samples)), (Moments{.not_finite = 7}));
}

TEST_P(Backend, WhatIsOutOfRangeIsCountedAndLeftOut) {
  BlockView block = view_of(std::vector<float>{});
  const std::vector<float> samples{
      -5, -4, -1, 0, 1, 4, 5, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()};
  block.samples = samples.data();
  block.count = samples.size();
  block.plausible_min = -4;
  block.plausible_max = 4;
  const Moments m = run_one(block);
  EXPECT_EQ(m.out_of_range, 2u);
  EXPECT_EQ(m.not_finite, 2u);
  expect_statistics(m, {-4, -1, 0, 1, 4});  // both ends belong to the range
}

TEST_P(Backend, ScaledIntegers) {
  std::mt19937 random(9);
  std::uniform_int_distribution<int> raw(-32768, 32767);
  std::vector<std::int16_t> samples(2560);
  for (auto& sample : samples) sample = static_cast<std::int16_t>(raw(random));
  samples[0] = -32768;
  samples[1] = 32767;
  for (const auto& [scale, offset] : {std::pair{1.0, 0.0}, {0.001, 0.0}, {-0.5, 1e6}, {1e30, 0.0}, {0.0, 2.5}}) {
    SCOPED_TRACE(scale);
    std::vector<double> values;
    values.reserve(samples.size());
    for (const auto sample : samples) values.push_back(scale * sample + offset);
    expect_statistics(run_one(view_of(samples, scale, offset)), values);
  }
}

TEST_P(Backend, AScaleThatOverflowsGivesNoNumbersButCounts) {
  const std::vector<std::int16_t> samples{-32768, 0, 32767};
  const Moments m = run_one(view_of(samples, 1e308, 0));
  EXPECT_EQ(m.count, 1u);
  EXPECT_EQ(m.not_finite, 2u);
  EXPECT_EQ(m.mean, 0);
}

TEST_P(Backend, ABlockDoesNotDependOnItsNeighbours) {
  const auto a = noise(2560, 10, 5, 2);
  const auto b = noise(33, 11, -1e6, 1e3);
  const std::vector<float> bad(5, std::numeric_limits<float>::quiet_NaN());
  const Moments alone = run_one(view_of(a));
  const auto together = run({view_of(bad), view_of(b), view_of(a), BlockView{}, view_of(a)});
  EXPECT_EQ(together[2], alone);
  EXPECT_EQ(together[4], alone);
  EXPECT_EQ(together[3], Moments{});
}

TEST_P(Backend, OneBackendTakesBatchAfterBatch) {
  const auto backend = make_backend(GetParam());
  for (unsigned seed = 0; seed < 5; ++seed) {
    const auto samples = noise(100 + seed, seed);
    const std::vector<BlockView> blocks(seed + 1, view_of(samples));
    std::vector<BlockStatistics> out(blocks.size());
    ASSERT_EQ(backend->submit(blocks), KernelStatus::ok);
    ASSERT_EQ(backend->collect(out), KernelStatus::ok);
    for (const BlockStatistics& each : out) EXPECT_EQ(each.moments, run_one(view_of(samples)));
  }
}

TEST_P(Backend, MergedBlocksAreTheirUnion) {
  const auto whole = noise(2560, 12, 100, 3);
  for (const std::size_t cut : {1u, 32u, 1280u, 2559u}) {
    const std::vector<float> first(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(cut));
    const std::vector<float> second(whole.begin() + static_cast<std::ptrdiff_t>(cut), whole.end());
    expect_statistics(merge(run_one(view_of(first)), run_one(view_of(second))), widened(whole));
  }
}

#ifndef STETHOS_SANITIZED  // the shadow of the address sanitizer wants all addresses there are
// In a process of its own: with room for the stacks of a few threads only.
TEST(CpuBackendDeathTest, GoesOnWithTheThreadsThatTheSystemGives) {
  const auto run_with_little_room = [] {
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    const rlim_t room = pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) + (40u << 20);
    const rlimit limit{room, room};
    ::setrlimit(RLIMIT_AS, &limit);
    const auto backend = make_backend("cpu", 256);
    const std::vector<float> samples{1, 2, 3};
    const BlockView block{.samples = samples.data(), .count = samples.size()};
    BlockStatistics result;
    const bool done = backend->submit({&block, 1}) == KernelStatus::ok && backend->collect({&result, 1}) == KernelStatus::ok;
    std::_Exit(done && result.moments.mean == 2 ? 0 : 1);
  };
  EXPECT_EXIT(run_with_little_room(), testing::ExitedWithCode(0), "");
}
#endif

}  // namespace
}  // namespace stethos::kernels
