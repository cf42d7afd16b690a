// Quantiles within one percent, whatever the order and grouping of the samples.
#include "gpu_kernels/buckets.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace stethos::kernels {
namespace {

Buckets counted(const std::vector<float>& samples) {
  Buckets out;
  for (const float sample : samples) add(out, bucket_of(sample));
  return out;
}

std::vector<float> spread_samples(std::size_t count, unsigned seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> exponent(0, 8);
  std::bernoulli_distribution negative(0.4);
  std::vector<float> out(count);
  for (float& each : out) each = static_cast<float>(std::exp(exponent(random)) * (negative(random) ? -1 : 1));
  return out;
}

TEST(Buckets, AscendWithTheValue) {
  const float inf = std::numeric_limits<float>::infinity();
  std::uint16_t previous = bucket_of(std::nextafter(-inf, 0.0F));
  EXPECT_LT(previous, bucket_count / 2);
  for (float x = -3e38F; x < 3e38F; x = std::nextafter(x < 0 ? x * 0.999F : x * 1.001F + 1e-40F, inf)) {
    EXPECT_GE(bucket_of(x), previous) << x;
    previous = bucket_of(x);
  }
}

TEST(Buckets, HoldValuesWithinOnePercent) {
  for (std::uint32_t bits = 0x0080'0000; bits < 0x7f80'0000; bits += 12'345) {  // all exponents of normal numbers
    const auto x = std::bit_cast<float>(bits);
    EXPECT_NEAR(value_of_bucket(bucket_of(x)), x, 0.0079 * x);
    EXPECT_EQ(value_of_bucket(bucket_of(-x)), -value_of_bucket(bucket_of(x)));
  }
  EXPECT_NEAR(value_of_bucket(bucket_of(0.0F)), 0, 1e-40);
  EXPECT_NEAR(value_of_bucket(bucket_of(-0.0F)), 0, 1e-40);
}

TEST(Buckets, DoublesBeyondFloatsGoToTheLast) {
  EXPECT_EQ(bucket_of(1e300), bucket_of(std::numeric_limits<float>::max()));
  EXPECT_EQ(bucket_of(-1e300), bucket_of(-std::numeric_limits<float>::max()));
}

TEST(Buckets, QuantilesAreWithinOnePercentOfTheSampleOfThatRank) {
  for (const std::size_t count : {1u, 2u, 3u, 100u, 2560u}) {
    auto samples = spread_samples(count, static_cast<unsigned>(count));
    const Buckets buckets = counted(samples);
    std::ranges::sort(samples);
    for (const double p : {0.0, 0.01, 0.05, 0.5, 0.95, 0.99, 1.0}) {
      const auto rank = std::max<std::size_t>(1, static_cast<std::size_t>(std::ceil(p * static_cast<double>(count))));
      const double exact = samples[rank - 1];
      EXPECT_NEAR(quantile(buckets, p), exact, 0.0079 * std::abs(exact)) << count << " samples, " << p;
    }
  }
  EXPECT_TRUE(std::isnan(quantile({}, 0.5)));
}

TEST(Buckets, DependOnNeitherOrderNorGrouping) {
  auto samples = spread_samples(5'000, 7);
  const Buckets all = counted(samples);
  std::mt19937 random(1);
  for (int round = 0; round < 20; ++round) {
    std::ranges::shuffle(samples, random);
    Buckets merged;
    for (std::size_t at = 0; at < samples.size();) {
      const std::size_t part = std::min<std::size_t>(1 + random() % 700, samples.size() - at);
      add(merged,
          counted({samples.begin() + static_cast<std::ptrdiff_t>(at), samples.begin() + static_cast<std::ptrdiff_t>(at + part)}));
      at += part;
    }
    EXPECT_EQ(merged, all);
  }
}

Buckets sum(Buckets a, const Buckets& b) {
  add(a, b);
  return a;
}

TEST(Buckets, MergeInAnyOrderAndGrouping) {
  for (unsigned seed = 0; seed < 50; ++seed) {
    const Buckets a = counted(spread_samples(seed * 7 % 300, seed));
    const Buckets b = counted(spread_samples(1 + seed * 31 % 500, seed + 100));
    const Buckets c = counted(spread_samples(1 + seed * 17 % 40, seed + 200));
    EXPECT_EQ(sum(a, b), sum(b, a));
    EXPECT_EQ(sum(sum(a, b), c), sum(a, sum(b, c)));
    EXPECT_EQ(sum(a, {}), a);
    EXPECT_EQ(sum({}, a), a);
  }
}

TEST(Buckets, AreWrittenAndReadAgain) {
  Buckets buckets = counted(spread_samples(3'000, 9));
  EXPECT_EQ(decode_buckets(encode(buckets)), buckets);
  EXPECT_EQ(decode_buckets({}), Buckets{});
  const Buckets ends{{0, 1}, {bucket_count - 1, std::numeric_limits<std::uint64_t>::max()}};
  EXPECT_EQ(decode_buckets(encode(ends)), ends);
}

TEST(Buckets, ARankIsThatOfTheNumberWrittenNotOfItsRounding) {
  for (const auto& [percent, below] : {std::pair{7, 7U}, {55, 55U}, {29, 29U}, {58, 58U}}) {
    const Buckets buckets{{bucket_of(1.0), below}, {bucket_of(1000.0), 100 - below}};
    EXPECT_NEAR(quantile(buckets, percent / 100.0), 1, 0.01) << percent;
    EXPECT_NEAR(quantile(buckets, (percent + 0.001) / 100.0), 1000, 10) << percent;
  }
}

TEST(Buckets, WhatIsNoneIsRefused) {
  using Bytes = std::vector<std::uint8_t>;
  for (const Bytes& bytes : {Bytes{0, 1},
                             {1},
                             {1, 0},
                             {0x80},
                             {1, 0x80},
                             {0xff, 0xff, 0xff, 1, 1},
                             {1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2}}) {
    EXPECT_FALSE(decode_buckets(bytes));
  }
  const Buckets last{{bucket_count - 1, 1}};
  Bytes beyond = encode(last);
  EXPECT_EQ(decode_buckets(beyond), last);
  beyond.insert(beyond.end(), {1, 1});
  EXPECT_FALSE(decode_buckets(beyond));
}

}  // namespace
}  // namespace stethos::kernels
