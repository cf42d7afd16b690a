// Moments of one block, once for each kind of vectors. Two passes over a block that lies in the cache: the first, in the samples'
// own precision, for a rough mean, the minimum and the maximum; the second, in float64 lanes, for the powers of the distances
// from that mean and for all other sums.
#include <algorithm>
#include <cmath>

#include "gpu_kernels/cpu_moments.h"
#include "gpu_kernels/reference_backend.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gpu_kernels/cpu_moments.cc"
#include <hwy/foreach_target.h>
// After it.
#include <hwy/cache_control.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace stethos::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<double>;
using V = hn::Vec<D>;

// How samples become vectors, and one of them a number. `Rough` is in what the first pass computes.
class F32Samples {
 public:
  using Sample = float;
  using Rough = hn::ScalableTag<float>;

  explicit F32Samples(const BlockView& block) : samples_(static_cast<const float*>(block.samples)) {}
  HWY_INLINE hn::Vec<Rough> rough(std::size_t i) const { return hn::LoadU(Rough(), samples_ + i); }
  // Two vectors from i on, and the sums of their roots. The root in float32, and the sum of two of them: an error of 1e-7 at the
  // very most, of a single sample, and the mean's is smaller.
  HWY_INLINE void load(std::size_t i, V& first, V& second, V& roots) const {
    const D d;
    const hn::Rebind<float, D> narrow;
    const auto a = hn::LoadU(narrow, samples_ + i), b = hn::LoadU(narrow, samples_ + i + hn::Lanes(d));
    first = hn::PromoteTo(d, a);
    second = hn::PromoteTo(d, b);
    roots = hn::PromoteTo(d, hn::Add(hn::Sqrt(hn::Abs(a)), hn::Sqrt(hn::Abs(b))));
  }
  float at(std::size_t i) const { return samples_[i]; }

 private:
  const float* samples_;
};

class I16Samples {
 public:
  using Sample = std::int16_t;
  using Rough = D;

  explicit I16Samples(const BlockView& block)
      : samples_(static_cast<const std::int16_t*>(block.samples)), scale_(block.scale), offset_(block.offset) {}
  // Two roundings, as in the reference: with one the spread of samples far from zero would be another.
  HWY_INLINE V rough(std::size_t i) const {
    const D d;
    const auto raw = hn::PromoteTo(hn::Rebind<std::int32_t, D>(), hn::LoadU(hn::Rebind<std::int16_t, D>(), samples_ + i));
    return hn::Add(hn::Mul(hn::Set(d, scale_), hn::PromoteTo(d, raw)), hn::Set(d, offset_));
  }
  HWY_INLINE void load(std::size_t i, V& first, V& second, V& roots) const {
    first = rough(i);
    second = rough(i + hn::Lanes(D()));
    roots = hn::Add(hn::Sqrt(hn::Abs(first)), hn::Sqrt(hn::Abs(second)));
  }
  double at(std::size_t i) const { return scale_ * samples_[i] + offset_; }

 private:
  const std::int16_t* samples_;
  double scale_, offset_;
};

// Two of each sum in either pass, so that an addition need not wait for the one before.
template <class Tag>
struct FirstPass {
  hn::Vec<Tag> sum, min, max;

  HWY_INLINE explicit FirstPass(hn::Vec<Tag> origin) : sum(hn::Zero(Tag())), min(origin), max(origin) {}
  HWY_INLINE void take(hn::Vec<Tag> x, hn::Vec<Tag> origin) {
    sum = hn::Add(sum, hn::Sub(x, origin));
    min = hn::Min(min, x);
    max = hn::Max(max, x);
  }
  HWY_INLINE void take(const FirstPass& other) {
    sum = hn::Add(sum, other.sum);
    min = hn::Min(min, other.min);
    max = hn::Max(max, other.max);
  }
};

struct SecondPass {
  V s1, s2, s3, s4, sum_abs;

  HWY_INLINE SecondPass() { s1 = s2 = s3 = s4 = sum_abs = hn::Zero(D()); }
  HWY_INLINE void take(V x, V mean) {
    const V d = hn::Sub(x, mean);
    const V d2 = hn::Mul(d, d);
    s1 = hn::Add(s1, d);
    s2 = hn::MulAdd(d, d, s2);
    s3 = hn::MulAdd(d2, d, s3);
    s4 = hn::MulAdd(d2, d2, s4);
    sum_abs = hn::Add(sum_abs, hn::Abs(x));
  }
  HWY_INLINE void take(const SecondPass& other) {
    s1 = hn::Add(s1, other.s1);
    s2 = hn::Add(s2, other.s2);
    s3 = hn::Add(s3, other.s3);
    s4 = hn::Add(s4, other.s4);
    sum_abs = hn::Add(sum_abs, other.sum_abs);
  }
};

HWY_INLINE double sum_of(V v) { return hn::GetLane(hn::SumOfLanes(D(), v)); }

// The first pass finds a rough mean, in the samples' own precision: the sum of the distances from the first sample, of which
// none is farther from the mean than sqrt(n) standard deviations, so that the error is 1e-4 standard deviations at most. What is
// left of it the second pass sums up, and set_central takes it away.
template <class Samples>
bool fast_moments(const BlockView& block, const void* next_samples, Moments& out) {
  const D d;
  const typename Samples::Rough rough;
  const std::size_t lanes = hn::Lanes(d), rough_lanes = hn::Lanes(rough);
  const std::size_t n = block.count;
  const Samples samples(block);
  const auto* const next = static_cast<const typename Samples::Sample*>(next_samples);

  auto rough_origin = samples.at(0);
  const auto origin = hn::Set(rough, rough_origin);
  FirstPass<typename Samples::Rough> first(origin), first_odd(origin);
  std::size_t whole = n - n % (2 * rough_lanes);
  for (std::size_t i = 0; i < whole; i += 2 * rough_lanes) {
    first.take(samples.rough(i), origin);
    first_odd.take(samples.rough(i + rough_lanes), origin);
  }
  first.take(first_odd);
  auto sum = hn::GetLane(hn::SumOfLanes(rough, first.sum));
  auto min = hn::GetLane(hn::MinOfLanes(rough, first.min)), max = hn::GetLane(hn::MaxOfLanes(rough, first.max));
  for (std::size_t i = whole; i < n; ++i) {
    const auto x = samples.at(i);
    sum += x - rough_origin;
    min = std::min(min, x);
    max = std::max(max, x);
  }
  // Vectors' minimum and maximum pass over NaN; no sum does.
  if (!std::isfinite(sum) || min < block.plausible_min || max > block.plausible_max) return false;

  const auto size = static_cast<double>(n);
  out = Moments{};
  out.count = n;
  out.min = min;
  out.max = max;
  if (min == max) {
    out.mean = min;
    out.sum_abs = size * std::abs(out.mean);
    out.sum_sqrt_abs = size * std::sqrt(std::abs(out.mean));
    return true;
  }
  const double rough_mean = static_cast<double>(rough_origin) + static_cast<double>(sum) / size;
  const V mean = hn::Set(d, rough_mean);
  SecondPass second, second_odd;
  V roots = hn::Zero(d);
  whole = n - n % (2 * lanes);
  for (std::size_t i = 0; i < whole; i += 2 * lanes) {
    V even, odd, both_roots;
    samples.load(i, even, odd, both_roots);
    second.take(even, mean);
    second_odd.take(odd, mean);
    roots = hn::Add(roots, both_roots);
    if (next != nullptr) hwy::Prefetch(next + i);
  }
  second.take(second_odd);
  double s1 = sum_of(second.s1), s2 = sum_of(second.s2), s3 = sum_of(second.s3), s4 = sum_of(second.s4);
  out.sum_abs = sum_of(second.sum_abs);
  out.sum_sqrt_abs = sum_of(roots);
  for (std::size_t i = whole; i < n; ++i) {
    const double x = samples.at(i);
    const double distance = x - rough_mean;
    const double squared = distance * distance;
    s1 += distance;
    s2 += squared;
    s3 += squared * distance;
    s4 += squared * squared;
    out.sum_abs += std::abs(x);
    out.sum_sqrt_abs += std::sqrt(std::abs(x));
  }
  set_central(out, rough_mean, s1, s2, s3, s4);
  return true;
}

bool fast_moments_f32(const BlockView& block, const void* next, Moments& out) {
  return fast_moments<F32Samples>(block, next, out);
}
bool fast_moments_i16(const BlockView& block, const void* next, Moments& out) {
  return fast_moments<I16Samples>(block, next, out);
}
const char* name_of_vectors() { return hwy::TargetName(HWY_TARGET); }

}  // namespace stethos::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace stethos::kernels {

HWY_EXPORT(fast_moments_f32);
HWY_EXPORT(fast_moments_i16);
HWY_EXPORT(name_of_vectors);

Moments cpu_moments(const BlockView& block, const void* next) {
  Moments out;
  if (block.count == 0) return out;
  const bool done = block.encoding == BlockView::Encoding::f32 ? HWY_DYNAMIC_DISPATCH(fast_moments_f32)(block, next, out)
                                                               : HWY_DYNAMIC_DISPATCH(fast_moments_i16)(block, next, out);
  return done ? out : reference_moments(block);
}

std::string_view cpu_vectors() { return HWY_DYNAMIC_DISPATCH(name_of_vectors)(); }

}  // namespace stethos::kernels
#endif
