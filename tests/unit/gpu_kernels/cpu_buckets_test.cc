// The vectors' buckets are the reference's, of samples on one or both sides of zero, near to it and far.
#include "gpu_kernels/cpu_buckets.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "gpu_kernels/cpu_moments.h"
#include "gpu_kernels/reference_backend.h"

namespace stethos::kernels {
namespace {

TEST(CpuBuckets, AreTheReferences) {
  std::mt19937 random(1);
  BucketScratch scratch;  // one for all: nothing may be left in it from block to block
  CountedBuckets counted;
  for (int round = 0; round < 3'000; ++round) {
    std::normal_distribution<float> exponent(std::normal_distribution<float>(0, 20)(random), static_cast<float>(round % 7));
    const auto negative = random() % 5, zeros = random() % 3;  // of four, of ten
    std::vector<float> samples(1 + (round % 10 == 0 ? 2'559 : random() % 80));
    for (float& x : samples) {
      x = std::ldexp(1 + static_cast<float>(random() % 1'000) / 1'000, static_cast<int>(exponent(random)));
      if (random() % 4 < negative) x = -x;
      if (random() % 10 < zeros) x = random() % 2 == 0 ? 0.0F : -0.0F;
    }
    const BlockView block{.samples = samples.data(), .count = samples.size()};
    cpu_buckets(block, cpu_moments(block), scratch, counted);
    const CountedBuckets expected = reference_buckets(block);
    ASSERT_EQ(counted.indices, expected.indices) << round;
    ASSERT_EQ(counted.counts, expected.counts) << round;
  }
}

TEST(CpuBuckets, AreTheReferencesOfBlocksWithMoreSamplesThanThereAreBuckets) {
  std::mt19937 random(2);
  std::normal_distribution<float> normal;
  for (const std::size_t size : {32'767u, 32'768u, 33'000u, 65'535u, 65'536u}) {
    std::vector<float> samples(size);
    for (float& x : samples) x = normal(random);
    const BlockView block{.samples = samples.data(), .count = samples.size()};
    BucketScratch scratch;
    CountedBuckets counted;
    cpu_buckets(block, cpu_moments(block), scratch, counted);
    const CountedBuckets expected = reference_buckets(block);
    EXPECT_EQ(counted.indices, expected.indices) << size;
    EXPECT_EQ(counted.counts, expected.counts) << size;
  }
}

}  // namespace
}  // namespace stethos::kernels
