// Quantiles from buckets: how many samples have a value within less than one percent of each other. Merging is adding, so the
// result depends on neither order nor grouping: the same samples give the same buckets for ever.
//
// A bucket is what the upper 15 bits of a float32 say: sign, exponent and six bits of the mantissa, 64 buckets an octave. Its
// middle is at most 1/129 (0.8 %) from any value in it; below 1.2e-38, where floats lose their bits, at most 1e-40.
// Plain C++20, no CUDA types. Pure; any thread.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace stethos::kernels {

inline constexpr std::uint16_t bucket_count = 1u << 15;

struct Bucket {
  std::uint16_t index = 0;  // below bucket_count; ascends with the value
  std::uint64_t count = 0;

  bool operator==(const Bucket&) const = default;
};

// Ascending by index, none twice, none empty.
using Buckets = std::vector<Bucket>;

// Of a sample that is finite.
constexpr std::uint16_t bucket_of(float sample) {
  const std::uint32_t upper = std::bit_cast<std::uint32_t>(sample) >> 17u;
  constexpr std::uint32_t half = bucket_count / 2;
  return static_cast<std::uint16_t>(upper < half ? half + upper : bucket_count - 1 - upper);
}
// Values that no float32 holds go to the last bucket on their side.
std::uint16_t bucket_of(double sample);

// The middle of the values in a bucket.
double value_of_bucket(std::uint16_t index);

// Of one block, as a backend counts them: as many counts as indices, which ascend.
struct BlockBuckets {
  std::span<const std::uint16_t> indices;
  std::span<const std::uint32_t> counts;
};

// What holds them.
struct CountedBuckets {
  std::vector<std::uint16_t> indices;
  std::vector<std::uint32_t> counts;

  BlockBuckets view() const { return {indices, counts}; }
};

void add(Buckets& to, std::span<const Bucket> from);
void add(Buckets& to, const BlockBuckets& from);
void add(Buckets& to, std::uint16_t index);  // one sample

// The middle of the bucket that holds the sample of rank ceil(p * n), from 1; p from 0 to 1. NaN without samples.
double quantile(std::span<const Bucket> buckets, double p);

// For files and messages: pairs of LEB128 numbers, the distance from the previous index (the first: from -1, so never 0) and
// the count.
std::vector<std::uint8_t> encode(std::span<const Bucket> buckets);
std::optional<Buckets> decode_buckets(std::span<const std::uint8_t> bytes);  // nothing where they are not such pairs

}  // namespace stethos::kernels
