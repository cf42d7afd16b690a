// Moments of one block, once for each kind of vectors. Two passes over a block that lies in the cache, as the reference does:
// the first for the mean and what needs none, the second for powers of the distances from it, in float64 lanes.
#include <algorithm>
#include <cmath>

#include "gpu_kernels/cpu_moments.h"
#include "gpu_kernels/reference_backend.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gpu_kernels/cpu_moments.cc"
#include <hwy/foreach_target.h>
// After it.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace stethos::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<double>;
using V = hn::Vec<D>;

// How samples become lanes of float64, and one of them a float64.
class F32Samples {
 public:
  explicit F32Samples(const BlockView& block) : samples_(static_cast<const float*>(block.samples)) {}
  HWY_INLINE void load(std::size_t i, V& value, V& sqrt_abs) const {
    const hn::Rebind<float, D> narrow;
    const auto raw = hn::LoadU(narrow, samples_ + i);
    value = hn::PromoteTo(D(), raw);
    // The root in float32: its error, 6e-8, is that of a single sample, and the mean's is smaller.
    sqrt_abs = hn::PromoteTo(D(), hn::Sqrt(hn::Abs(raw)));
  }
  HWY_INLINE V load(std::size_t i) const { return hn::PromoteTo(D(), hn::LoadU(hn::Rebind<float, D>(), samples_ + i)); }
  double at(std::size_t i) const { return static_cast<double>(samples_[i]); }
  double sqrt_abs_at(std::size_t i) const { return static_cast<double>(std::sqrt(std::abs(samples_[i]))); }

 private:
  const float* samples_;
};

class I16Samples {
 public:
  explicit I16Samples(const BlockView& block)
      : samples_(static_cast<const std::int16_t*>(block.samples)), scale_(block.scale), offset_(block.offset) {}
  HWY_INLINE void load(std::size_t i, V& value, V& sqrt_abs) const {
    value = load(i);
    sqrt_abs = hn::Sqrt(hn::Abs(value));
  }
  // Two roundings, as in the reference: with one the spread of samples far from zero would be another.
  HWY_INLINE V load(std::size_t i) const {
    const D d;
    const auto raw = hn::PromoteTo(hn::Rebind<std::int32_t, D>(), hn::LoadU(hn::Rebind<std::int16_t, D>(), samples_ + i));
    return hn::Add(hn::Mul(hn::Set(d, scale_), hn::PromoteTo(d, raw)), hn::Set(d, offset_));
  }
  double at(std::size_t i) const { return scale_ * samples_[i] + offset_; }
  double sqrt_abs_at(std::size_t i) const { return std::sqrt(std::abs(at(i))); }

 private:
  const std::int16_t* samples_;
  double scale_, offset_;
};

// Two of each sum, so that an addition need not wait for the one before.
struct FirstPass {
  V sum, sum_abs, sum_sqrt_abs, min, max;

  HWY_INLINE FirstPass() {
    sum = sum_abs = sum_sqrt_abs = hn::Zero(D());
    min = hn::Set(D(), std::numeric_limits<double>::infinity());
    max = hn::Set(D(), -std::numeric_limits<double>::infinity());
  }
  template <class Samples>
  HWY_INLINE void take(const Samples& samples, std::size_t i) {
    V x, root;
    samples.load(i, x, root);
    sum = hn::Add(sum, x);
    sum_abs = hn::Add(sum_abs, hn::Abs(x));
    sum_sqrt_abs = hn::Add(sum_sqrt_abs, root);
    min = hn::Min(min, x);
    max = hn::Max(max, x);
  }
  HWY_INLINE void take(const FirstPass& other) {
    sum = hn::Add(sum, other.sum);
    sum_abs = hn::Add(sum_abs, other.sum_abs);
    sum_sqrt_abs = hn::Add(sum_sqrt_abs, other.sum_sqrt_abs);
    min = hn::Min(min, other.min);
    max = hn::Max(max, other.max);
  }
};

struct SecondPass {
  V s1, s2, s3, s4;

  HWY_INLINE SecondPass() { s1 = s2 = s3 = s4 = hn::Zero(D()); }
  template <class Samples>
  HWY_INLINE void take(const Samples& samples, std::size_t i, V mean) {
    const V d = hn::Sub(samples.load(i), mean);
    const V d2 = hn::Mul(d, d);
    s1 = hn::Add(s1, d);
    s2 = hn::Add(s2, d2);
    s3 = hn::MulAdd(d2, d, s3);
    s4 = hn::MulAdd(d2, d2, s4);
  }
  HWY_INLINE void take(const SecondPass& other) {
    s1 = hn::Add(s1, other.s1);
    s2 = hn::Add(s2, other.s2);
    s3 = hn::Add(s3, other.s3);
    s4 = hn::Add(s4, other.s4);
  }
};

HWY_INLINE double sum_of(V v) { return hn::GetLane(hn::SumOfLanes(D(), v)); }

template <class Samples>
bool fast_moments(const BlockView& block, Moments& out) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t n = block.count;
  const std::size_t whole = n - n % (2 * lanes);
  const Samples samples(block);

  FirstPass first, first_odd;
  for (std::size_t i = 0; i < whole; i += 2 * lanes) {
    first.take(samples, i);
    first_odd.take(samples, i + lanes);
  }
  first.take(first_odd);
  double sum = sum_of(first.sum), sum_abs = sum_of(first.sum_abs), sum_sqrt_abs = sum_of(first.sum_sqrt_abs);
  double min = hn::GetLane(hn::MinOfLanes(d, first.min)), max = hn::GetLane(hn::MaxOfLanes(d, first.max));
  for (std::size_t i = whole; i < n; ++i) {
    const double x = samples.at(i);
    sum += x;
    sum_abs += std::abs(x);
    sum_sqrt_abs += samples.sqrt_abs_at(i);
    min = std::min(min, x);
    max = std::max(max, x);
  }
  // Vectors' minimum and maximum pass over NaN; no sum does.
  if (!std::isfinite(sum) || min < block.plausible_min || max > block.plausible_max) return false;

  out = Moments{};
  out.count = n;
  out.min = min;
  out.max = max;
  out.sum_abs = sum_abs;
  out.sum_sqrt_abs = sum_sqrt_abs;
  if (min == max) {
    out.mean = min;
    return true;
  }
  const auto size = static_cast<double>(n);
  const double rough_mean = sum / size;
  const V mean = hn::Set(d, rough_mean);
  SecondPass second, second_odd;
  for (std::size_t i = 0; i < whole; i += 2 * lanes) {
    second.take(samples, i, mean);
    second_odd.take(samples, i + lanes, mean);
  }
  second.take(second_odd);
  double s1 = sum_of(second.s1), s2 = sum_of(second.s2), s3 = sum_of(second.s3), s4 = sum_of(second.s4);
  for (std::size_t i = whole; i < n; ++i) {
    const double distance = samples.at(i) - rough_mean;
    const double squared = distance * distance;
    s1 += distance;
    s2 += squared;
    s3 += squared * distance;
    s4 += squared * squared;
  }
  set_central(out, rough_mean, s1, s2, s3, s4);
  return true;
}

bool fast_moments_f32(const BlockView& block, Moments& out) { return fast_moments<F32Samples>(block, out); }
bool fast_moments_i16(const BlockView& block, Moments& out) { return fast_moments<I16Samples>(block, out); }
const char* name_of_vectors() { return hwy::TargetName(HWY_TARGET); }

}  // namespace stethos::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace stethos::kernels {

HWY_EXPORT(fast_moments_f32);
HWY_EXPORT(fast_moments_i16);
HWY_EXPORT(name_of_vectors);

Moments cpu_moments(const BlockView& block) {
  Moments out;
  if (block.count == 0) return out;
  const bool done = block.encoding == BlockView::Encoding::f32 ? HWY_DYNAMIC_DISPATCH(fast_moments_f32)(block, out)
                                                               : HWY_DYNAMIC_DISPATCH(fast_moments_i16)(block, out);
  return done ? out : reference_moments(block);
}

std::string_view cpu_vectors() { return HWY_DYNAMIC_DISPATCH(name_of_vectors)(); }

}  // namespace stethos::kernels
#endif
