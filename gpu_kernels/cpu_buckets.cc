// The indices of the samples, then their counts, then the counts that are not zero, once for each kind of vectors. Most of the
// table lies between the smallest samples on both sides of zero, and is not looked at.
#include "gpu_kernels/cpu_buckets.h"

#include <algorithm>

#include "gpu_kernels/reference_backend.h"

// Also those vectors that compress 16 bits in one instruction.
#define HWY_WANT_AVX3_DL
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gpu_kernels/cpu_buckets.cc"
#include <hwy/foreach_target.h>
// After it.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace stethos::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// As bucket_of: the magnitude's upper bits, counted down from the middle where the sample is negative, up from it where not.
// Returns the least of those magnitudes that are not zero: between it and the zeros there is a wide gap.
std::size_t indices_of(const float* samples, std::size_t count, std::uint16_t* out) {
  const hn::ScalableTag<std::int32_t> d;
  const hn::Rebind<float, decltype(d)> as_float;
  const hn::Rebind<std::uint16_t, decltype(d)> narrow;
  const std::size_t lanes = hn::Lanes(d);
  const hn::RebindToUnsigned<decltype(d)> as_unsigned;
  auto least = hn::Set(as_unsigned, bucket_count / 2);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto bits = hn::BitCast(d, hn::LoadU(as_float, samples + i));
    const auto magnitude = hn::And(hn::ShiftRight<17>(bits), hn::Set(d, bucket_count / 2 - 1));
    // Less one, zero is the largest of all.
    least = hn::Min(least, hn::BitCast(as_unsigned, hn::Sub(magnitude, hn::Set(d, 1))));
    const auto turned = hn::IfThenElse(hn::Lt(bits, hn::Zero(d)), hn::Set(d, bucket_count / 2 - 1), hn::Set(d, bucket_count / 2));
    hn::StoreU(hn::DemoteTo(narrow, hn::Xor(magnitude, turned)), narrow, out + i);
  }
  std::size_t least_of_all = hn::GetLane(hn::MinOfLanes(as_unsigned, least)) + std::size_t{1};
  for (; i < count; ++i) {
    out[i] = bucket_of(samples[i]);
    const std::size_t magnitude = out[i] < bucket_count / 2 ? bucket_count / 2 - 1 - out[i] : out[i] - bucket_count / 2;
    if (magnitude > 0) least_of_all = std::min(least_of_all, magnitude);
  }
  return least_of_all;
}

// Those from `first` to `last` that are not zero, which the table is afterwards, to the end of what is there, `count`; there is
// room for a vector more. Returns how many there are then. The vector in which `first` lies is looked at as a whole.
HWY_INLINE std::size_t take_range(std::uint16_t* table, std::size_t first, std::size_t last, std::size_t count,
                                  std::uint16_t* indices, std::uint16_t* counts) {
  const hn::ScalableTag<std::uint16_t> d;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t at = first - first % lanes; at <= last; at += lanes) {
    const auto some = hn::LoadU(d, table + at);
    const auto is_counted = hn::Ne(some, hn::Zero(d));
    if (hn::AllFalse(d, is_counted)) continue;
    hn::StoreU(hn::Compress(hn::Iota(d, static_cast<std::uint16_t>(at)), is_counted), d, indices + count);
    hn::StoreU(hn::Compress(some, is_counted), d, counts + count);
    hn::StoreU(hn::Zero(d), d, table + at);
    count += hn::CountTrue(d, is_counted);
  }
  return count;
}

// Those of a block between whose zeros and other samples no magnitude is below `least`.
std::size_t take_counts(std::uint16_t* table, std::size_t first, std::size_t last, std::size_t least, std::uint16_t* indices,
                        std::uint16_t* counts, std::uint32_t* wide_counts) {
  constexpr std::size_t half = bucket_count / 2;
  std::size_t count = 0;
  if (first < half) count = take_range(table, first, std::min(last, half - 1 - std::min(least, half - 1)), 0, indices, counts);
  count = take_range(table, half - 1, half, count, indices, counts);
  if (last >= half) count = take_range(table, std::max(first, std::min(half + least, last)), last, count, indices, counts);
  const hn::ScalableTag<std::uint32_t> wide;
  const hn::Rebind<std::uint16_t, decltype(wide)> narrow;
  for (std::size_t i = 0; i < count; i += hn::Lanes(wide)) {
    hn::StoreU(hn::PromoteTo(wide, hn::LoadU(narrow, counts + i)), wide, wide_counts + i);
  }
  return count;
}

}  // namespace stethos::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace stethos::kernels {
namespace {

HWY_EXPORT(indices_of);
HWY_EXPORT(take_counts);

constexpr std::size_t counted_max = 65'535;    // samples of a block: what a count holds
constexpr std::size_t vector_bytes_max = 256;  // SVE's

}  // namespace

void cpu_buckets(const BlockView& block, const Moments& moments, BucketScratch& scratch, CountedBuckets& out) {
  if (block.encoding != BlockView::Encoding::f32 || moments.count != block.count || block.count > counted_max ||
      block.count == 0) {
    out = reference_buckets(block);
    return;
  }
  const std::size_t room = block.count + vector_bytes_max / sizeof(std::uint16_t);  // an index a sample, later one a bucket
  scratch.indices.resize(std::max(scratch.indices.size(), room));
  scratch.counts.resize(scratch.indices.size());
  scratch.wide_counts.resize(scratch.indices.size());
  scratch.table.resize(bucket_count);
  std::uint16_t* const indices = scratch.indices.data();
  std::uint16_t* const table = scratch.table.data();
  const std::size_t least = HWY_DYNAMIC_DISPATCH(indices_of)(static_cast<const float*>(block.samples), block.count, indices);
  for (std::size_t i = 0; i < block.count; ++i) ++table[indices[i]];
  // An extreme that is zero may be either zero, which have buckets of their own.
  const std::uint16_t first = bucket_of(moments.min == 0 ? -0.0 : moments.min);
  const std::uint16_t last = bucket_of(moments.max == 0 ? 0.0 : moments.max);
  const auto count = static_cast<std::ptrdiff_t>(
      HWY_DYNAMIC_DISPATCH(take_counts)(table, first, last, least, indices, scratch.counts.data(), scratch.wide_counts.data()));
  out.indices.assign(indices, indices + count);
  out.counts.assign(scratch.wide_counts.begin(), scratch.wide_counts.begin() + count);
}

}  // namespace stethos::kernels
#endif
