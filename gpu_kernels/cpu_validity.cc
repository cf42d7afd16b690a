// Runs and clipping from words of 64 samples, a bit each, once for each kind of vectors. Different values from a table in which
// each leaves itself: of those that meet in one place the last stays, whoever finds itself there is done with, and the others
// try again in another table.
#include "gpu_kernels/cpu_validity.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <span>

#include "gpu_kernels/reference_backend.h"

#ifndef STETHOS_GPU_KERNELS_CPU_VALIDITY_ONCE
#define STETHOS_GPU_KERNELS_CPU_VALIDITY_ONCE
namespace stethos::kernels {
namespace {

constexpr std::size_t word_samples = 64;
constexpr std::uint32_t nothing = 0xffff'ffff;  // in the table: no key, for it is a NaN
constexpr int place_bits_min = 6, place_bits_max = 16;
constexpr int rounds_max = 6;  // each leaves a seventh of what it is given; sorting, for what is left then, has no bad cases

// Of a stream of bits the longest row of ones.
class LongestRun {
 public:
  void take(std::uint64_t word) {
    if (word == ~std::uint64_t{0}) {
      open_ += word_samples;
      return;
    }
    longest_ = std::max(longest_, open_ + static_cast<std::uint64_t>(std::countr_one(word)));
    while (has_run(word, longest_ + 1)) ++longest_;
    open_ = static_cast<std::uint64_t>(std::countl_one(word));
  }
  std::uint64_t length() const { return std::max(longest_, open_); }

 private:
  static bool has_run(std::uint64_t word, std::uint64_t length) {
    if (length >= word_samples) return false;
    for (std::uint64_t so_far = 1; so_far < length;) {
      const std::uint64_t step = std::min(so_far, length - so_far);
      word &= word >> step;
      so_far += step;
    }
    return word != 0;
  }

  std::uint64_t longest_ = 0;
  std::uint64_t open_ = 0;  // ones at the end of what was taken
};

struct Runs {
  std::uint64_t finite = 0;
  std::uint64_t clipped = 0;
  std::uint64_t longest_repeat = 0;
  std::uint64_t longest_same_sign = 0;
};

}  // namespace
}  // namespace stethos::kernels
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gpu_kernels/cpu_validity.cc"
#include <hwy/foreach_target.h>
// After it.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace stethos::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class D>
HWY_INLINE std::uint64_t bits_of(D d, hn::Mask<D> mask) {
  static_assert(hn::MaxLanes(D()) <= 16);
  std::uint8_t bytes[8] = {};
  hn::StoreMaskBits(d, mask, bytes);
  return bytes[0] | static_cast<unsigned>(bytes[1]) << 8u;
}

template <class Value>
HWY_INLINE Runs find_runs(std::span<const Value> samples, Value full_scale) {
  const hn::ScalableTag<Value> d;
  const std::size_t lanes = hn::Lanes(d);
  const auto zero = hn::Zero(d), largest = hn::Set(d, std::numeric_limits<Value>::max()), limit = hn::Set(d, full_scale);
  Runs out;
  LongestRun repeats, same_signs;
  std::uint64_t last_positive = 0, last_negative = 0, any_sign = 0;
  for (std::size_t i = 0; i < samples.size(); i += word_samples) {
    const Value* word = samples.data() + i;
    Value rest[word_samples + 1];
    if (samples.size() - i <= word_samples) {  // one sample more is looked at
      std::ranges::fill(rest, std::numeric_limits<Value>::quiet_NaN());
      std::ranges::copy(samples.subspan(i), rest);
      word = rest;
    }
    std::uint64_t finite = 0, clipped = 0, above = 0, below = 0, repeated = 0;
    for (std::size_t at = 0; at < word_samples; at += lanes) {
      const auto x = hn::LoadU(d, word + at), size = hn::Abs(x);
      finite |= bits_of(d, hn::Le(size, largest)) << at;
      clipped |= bits_of(d, hn::Ge(size, limit)) << at;
      above |= bits_of(d, hn::Gt(x, zero)) << at;
      below |= bits_of(d, hn::Lt(x, zero)) << at;
      repeated |= bits_of(d, hn::Eq(x, hn::LoadU(d, word + at + 1))) << at;
    }
    const std::uint64_t positive = finite & above, negative = finite & below;
    out.finite += static_cast<std::uint64_t>(std::popcount(finite));
    out.clipped += static_cast<std::uint64_t>(std::popcount(clipped));
    repeats.take(finite & repeated);
    same_signs.take((positive & (positive << 1u | last_positive)) | (negative & (negative << 1u | last_negative)));
    any_sign |= positive | negative;
    last_positive = positive >> (word_samples - 1);
    last_negative = negative >> (word_samples - 1);
  }
  // A sample that begins a run goes on with nothing.
  out.longest_repeat = out.finite > 0 ? repeats.length() + 1 : 0;
  out.longest_same_sign = any_sign != 0 ? same_signs.length() + 1 : 0;
  return out;
}

Runs find_runs_f32(std::span<const float> samples, float full_scale) { return find_runs(samples, full_scale); }
Runs find_runs_f64(std::span<const double> samples, double full_scale) { return find_runs(samples, full_scale); }

// Bits of samples as keys, with one zero, not two.
void keys_of(std::span<const float> samples, std::uint32_t* keys) {
  const hn::ScalableTag<float> d;
  const hn::RebindToUnsigned<decltype(d)> as_key;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= samples.size(); i += lanes) {
    const auto x = hn::Add(hn::LoadU(d, samples.data() + i), hn::Zero(d));
    hn::StoreU(hn::BitCast(as_key, x), as_key, keys + i);
  }
  for (; i < samples.size(); ++i) keys[i] = std::bit_cast<std::uint32_t>(samples[i] + 0.0f);
}

// Spoils the keys. There is room for a word more than there are keys, here and there; the table is nothing but `nothing`, before
// and afterwards.
std::size_t count_distinct(std::uint32_t* keys, std::size_t count, std::uint16_t* places, std::uint32_t* table) {
  const hn::ScalableTag<std::uint32_t> d;
  const hn::Rebind<std::int32_t, decltype(d)> as_index;
  const hn::Rebind<std::uint16_t, decltype(d)> narrow;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t distinct = 0;
  std::uint32_t factor = 0x9e37'79b1;
  for (int round = 0; round < rounds_max && count > 0; ++round, factor *= 0x85eb'ca6b) {
    const int bits = std::clamp(static_cast<int>(std::bit_width(2 * count)), place_bits_min, place_bits_max);
    for (std::size_t i = 0; i < count; i += lanes) {
      const auto key = hn::LoadU(d, keys + i);
      const auto mixed = hn::Mul(hn::Xor(key, hn::ShiftRight<15>(key)), hn::Set(d, factor));
      hn::StoreU(hn::DemoteTo(narrow, hn::BitCast(as_index, hn::ShiftRightSame(mixed, 32 - bits))), narrow, places + i);
    }
    for (std::size_t i = 0; i < count; ++i) table[places[i]] = keys[i];
    std::size_t lost = 0;
    for (std::size_t i = 0; i < count; i += lanes) {
      const auto key = hn::LoadU(d, keys + i);
      const auto last = hn::GatherIndex(d, table, hn::PromoteTo(as_index, hn::LoadU(narrow, places + i)));
      const auto is_lost = hn::And(hn::Ne(last, key), hn::FirstN(d, count - i));
      hn::StoreU(hn::Compress(key, is_lost), d, keys + lost);
      lost += hn::CountTrue(d, is_lost);
    }
    const auto empty = hn::Set(d, nothing);
    for (std::size_t i = 0; i < std::size_t{1} << bits; i += lanes) {
      distinct += hn::CountTrue(d, hn::Ne(hn::LoadU(d, table + i), empty));
      hn::StoreU(empty, d, table + i);
    }
    count = lost;
  }
  std::sort(keys, keys + count);
  return distinct + static_cast<std::size_t>(std::unique(keys, keys + count) - keys);
}

}  // namespace stethos::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace stethos::kernels {
namespace {

HWY_EXPORT(find_runs_f32);
HWY_EXPORT(find_runs_f64);
HWY_EXPORT(keys_of);
HWY_EXPORT(count_distinct);

constexpr std::size_t samples_max = 1u << 17;  // for longer ones no room is kept

// Its samples are other values wherever they are other integers: none is lost in the rounding of its value.
bool keeps_distance(const BlockView& block) {
  return std::isnormal(block.scale) && std::abs(block.scale) > 1e-14 * (65'536 * std::abs(block.scale) + std::abs(block.offset));
}

}  // namespace

Validity cpu_validity(const BlockView& block, ValidityScratch& scratch) {
  const bool is_f32 = block.encoding == BlockView::Encoding::f32;
  if (block.count > samples_max || (!is_f32 && !keeps_distance(block))) return reference_validity(block);
  scratch.keys.resize(std::max(scratch.keys.size(), block.count + word_samples));
  scratch.places.resize(scratch.keys.size());
  scratch.table.resize(std::size_t{1} << place_bits_max, nothing);
  const double full_scale = block.full_scale > 0 ? block.full_scale : std::numeric_limits<double>::infinity();
  Runs runs;
  if (is_f32) {
    auto least = static_cast<float>(full_scale);  // that is not below it
    if (least < full_scale) least = std::nextafter(least, std::numeric_limits<float>::infinity());
    const std::span samples(static_cast<const float*>(block.samples), block.count);
    runs = HWY_DYNAMIC_DISPATCH(find_runs_f32)(samples, least);
    HWY_DYNAMIC_DISPATCH(keys_of)(samples, scratch.keys.data());
  } else {
    const auto* const samples = static_cast<const std::int16_t*>(block.samples);
    scratch.values.resize(block.count);
    for (std::size_t i = 0; i < block.count; ++i) {
      scratch.values[i] = sample_of(block, i);
      scratch.keys[i] = static_cast<std::uint16_t>(samples[i]);
    }
    runs = HWY_DYNAMIC_DISPATCH(find_runs_f64)(scratch.values, full_scale);
  }
  if (runs.finite < block.count) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < block.count; ++i) {
      if (std::isfinite(sample_of(block, i))) scratch.keys[kept++] = scratch.keys[i];
    }
  }
  Validity out;
  out.blocks = 1;
  out.blocks_of_full_scale = block.full_scale > 0 ? 1 : 0;
  out.clipped = block.full_scale > 0 ? runs.clipped : 0;
  out.longest_repeat = runs.longest_repeat;
  out.longest_same_sign = runs.longest_same_sign;
  if (runs.finite > 0) {
    const std::size_t distinct =
        HWY_DYNAMIC_DISPATCH(count_distinct)(scratch.keys.data(), runs.finite, scratch.places.data(), scratch.table.data());
    out.distinct_share = static_cast<double>(distinct) / static_cast<double>(runs.finite);
  }
  return out;
}

}  // namespace stethos::kernels
#endif
