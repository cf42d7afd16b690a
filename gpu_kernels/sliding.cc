// A window is `slices` slices of a hop and a piece of the next. In each lane, slices come one after the other, in groups of as
// many as a window has (van Herk 1992, Gil and Werman 1993): of the group before, the merges of all its last slices are kept, of
// this one that of the first slices; the two make a window. Once a group is whole, its own last slices are merged, from the end.
#include "gpu_kernels/sliding.h"

#include <hwy/aligned_allocator.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <new>

#include "gpu_kernels/cpu_moments.h"
#include "gpu_kernels/reference_backend.h"

#ifndef STETHOS_GPU_KERNELS_SLIDING_ONCE
#define STETHOS_GPU_KERNELS_SLIDING_ONCE
namespace stethos::kernels {
namespace {

constexpr std::size_t lanes_max = 32;
constexpr std::size_t piece_samples_max = 256;  // what of all lanes is put in order at a time, to stay in the nearest cache

// Of a row of lanes.
enum Field : std::uint8_t { count, mean, m2, m3, m4, min, max, sum_abs, sum_sqrt_abs, not_finite, fields };

}  // namespace
}  // namespace stethos::kernels
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gpu_kernels/sliding.cc"
#include <hwy/foreach_target.h>
// After it.
#include "gpu_kernels/cpu_fft-inl.h"

HWY_BEFORE_NAMESPACE();
namespace stethos::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<double>;
using V = hn::Vec<D>;
using Narrow = hn::Rebind<float, D>;
inline constexpr std::size_t lanes = hn::MaxLanes(D());
inline constexpr std::size_t row_doubles = fields * lanes;

// The moments of something in each lane.
struct LaneMoments {
  V count, mean, m2, m3, m4, min, max, sum_abs, sum_sqrt_abs, not_finite;

  LaneMoments() = default;
  HWY_INLINE explicit LaneMoments(const double* row) {
    const auto take = [&](Field field, V& value) HWY_ATTR { value = hn::Load(D(), row + field * lanes); };
    take(Field::count, count);
    take(Field::mean, mean);
    take(Field::m2, m2);
    take(Field::m3, m3);
    take(Field::m4, m4);
    take(Field::min, min);
    take(Field::max, max);
    take(Field::sum_abs, sum_abs);
    take(Field::sum_sqrt_abs, sum_sqrt_abs);
    take(Field::not_finite, not_finite);
  }
  HWY_INLINE void store(double* row) const {
    const auto put = [&](Field field, V value) HWY_ATTR { hn::Store(value, D(), row + field * lanes); };
    put(Field::count, count);
    put(Field::mean, mean);
    put(Field::m2, m2);
    put(Field::m3, m3);
    put(Field::m4, m4);
    put(Field::min, min);
    put(Field::max, max);
    put(Field::sum_abs, sum_abs);
    put(Field::sum_sqrt_abs, sum_sqrt_abs);
    put(Field::not_finite, not_finite);
  }
};

// As merge of moments.h, without a branch for nothing: its mean is zero, and so is its share.
HWY_NOINLINE LaneMoments merge(const LaneMoments& a, const LaneMoments& b) {
  const D d;
  LaneMoments both;
  const V n_a = a.count;
  const V n = hn::Add(n_a, b.count);
  const V part_b = hn::Div(b.count, hn::Max(n, hn::Set(d, 1)));
  const V part_a = hn::Sub(hn::Set(d, 1), part_b);
  const V delta = hn::Sub(b.mean, a.mean);
  const V delta2 = hn::Mul(delta, delta);
  const V spread = hn::Mul(delta2, hn::Mul(n_a, part_b));
  const V part_ab = hn::Mul(part_a, part_b);
  both.count = n;
  both.mean = hn::MulAdd(delta, part_b, a.mean);
  both.m2 = hn::Add(hn::Add(a.m2, b.m2), spread);
  const V tilt = hn::Sub(hn::Mul(part_a, b.m2), hn::Mul(part_b, a.m2));
  both.m3 = hn::Add(hn::Add(a.m3, b.m3),
                    hn::Mul(delta, hn::MulAdd(hn::Mul(delta, hn::Mul(n_a, part_b)), hn::Mul(delta, hn::Sub(part_a, part_b)),
                                              hn::Mul(hn::Set(d, 3), tilt))));
  const V squares = hn::MulAdd(part_a, part_a, hn::Mul(part_b, part_b));
  const V crossed = hn::MulAdd(hn::Mul(part_a, part_a), b.m2, hn::Mul(hn::Mul(part_b, part_b), a.m2));
  const V skewed = hn::Sub(hn::Mul(part_a, b.m3), hn::Mul(part_b, a.m3));
  both.m4 = hn::Add(hn::Add(a.m4, b.m4),
                    hn::MulAdd(delta2, hn::MulAdd(spread, hn::Sub(squares, part_ab), hn::Mul(hn::Set(d, 6), crossed)),
                               hn::Mul(hn::Mul(hn::Set(d, 4), delta), skewed)));
  both.min = hn::Min(a.min, b.min);
  both.max = hn::Max(a.max, b.max);
  both.sum_abs = hn::Add(a.sum_abs, b.sum_abs);
  both.sum_sqrt_abs = hn::Add(a.sum_sqrt_abs, b.sum_sqrt_abs);
  both.not_finite = hn::Add(a.not_finite, b.not_finite);
  return both;
}

// `size` samples of each lane's row into [size][lanes].
template <class Tag>
HWY_INLINE void put_in_lanes([[maybe_unused]] Tag d, const float* const* rows, std::size_t size, float* out) {
  std::size_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  if constexpr (hn::MaxLanes(Tag()) >= 4) {
    for (; i + 4 <= size; i += 4) {
      hn::Vec<Tag> x[4];
      HWY_UNROLL(4)
      for (std::size_t r = 0; r < 4; ++r) x[r] = fft::load_fours(d, rows + r, i);
      fft::transpose_fours(d, x);
      HWY_UNROLL(4)
      for (std::size_t r = 0; r < 4; ++r) hn::Store(x[r], d, out + lanes * (i + r));
    }
  }
#endif
  for (; i < size; ++i) {
    for (std::size_t lane = 0; lane < lanes; ++lane) out[i * lanes + lane] = rows[lane][i];
  }
}

// Of `size` samples from each lane's row, by way of [size][lanes] floats of scratch. Two passes, as in cpu_moments.cc.
HWY_INLINE LaneMoments piece_of(const float* const* rows, std::size_t size, float* scratch) {
  const D d;
  const Narrow narrow;
  put_in_lanes(narrow, rows, size, scratch);
  const auto row = [=](std::size_t at) HWY_ATTR { return hn::Load(Narrow(), scratch + at * lanes); };

  // Two of each, so that an addition need not wait for the one before.
  const auto origin = row(0);
  auto sum = hn::Zero(narrow), sum_odd = sum, low = origin, low_odd = origin, high = origin, high_odd = origin;
  for (std::size_t i = 0; i + 1 < size; i += 2) {
    const auto x = row(i), y = row(i + 1);
    sum = hn::Add(sum, hn::Sub(x, origin));
    sum_odd = hn::Add(sum_odd, hn::Sub(y, origin));
    low = hn::Min(low, x);
    low_odd = hn::Min(low_odd, y);
    high = hn::Max(high, x);
    high_odd = hn::Max(high_odd, y);
  }
  const auto last = row(size - 1);  // is there once or twice
  low = hn::Min(hn::Min(low, low_odd), last);
  high = hn::Max(hn::Max(high, high_odd), last);
  sum = hn::Add(sum, sum_odd);
  if (size % 2 != 0) sum = hn::Add(sum, hn::Sub(last, origin));
  const V n = hn::Set(d, static_cast<double>(size));
  const V rough_mean = hn::Add(hn::PromoteTo(d, origin), hn::Div(hn::PromoteTo(d, sum), n));
  V s1 = hn::Zero(d), s2 = s1, s3 = s1, s4 = s1, absolute = s1, roots = s1;
  const auto take = [&](hn::Vec<Narrow> raw) HWY_ATTR {
    const V x = hn::PromoteTo(D(), raw);
    const V distance = hn::Sub(x, rough_mean);
    const V squared = hn::Mul(distance, distance);
    s1 = hn::Add(s1, distance);
    s2 = hn::MulAdd(distance, distance, s2);
    s3 = hn::MulAdd(squared, distance, s3);
    s4 = hn::MulAdd(squared, squared, s4);
    absolute = hn::Add(absolute, hn::Abs(x));
    return hn::Sqrt(hn::Abs(raw));
  };
  for (std::size_t i = 0; i + 1 < size; i += 2) {
    const auto root = take(row(i)), root_odd = take(row(i + 1));
    roots = hn::Add(roots, hn::PromoteTo(d, hn::Add(root, root_odd)));
  }
  if (size % 2 != 0) roots = hn::Add(roots, hn::PromoteTo(d, take(last)));
  // As set_central; a constant has no spread at all.
  LaneMoments out;
  const V rest = hn::Div(s1, n);
  const V rest2 = hn::Mul(rest, rest);
  const V few = hn::Mul(n, rest2);
  const auto is_constant = hn::Eq(hn::PromoteTo(d, low), hn::PromoteTo(d, high));
  const auto unless_constant = [=](V value) HWY_ATTR { return hn::IfThenZeroElse(is_constant, value); };
  out.count = n;
  out.mean = hn::IfThenElse(is_constant, hn::PromoteTo(d, low), hn::Add(rough_mean, rest));
  out.m2 = unless_constant(hn::Sub(s2, few));
  out.m3 = unless_constant(hn::MulAdd(hn::Mul(hn::Set(d, 2), few), rest, hn::NegMulAdd(hn::Mul(hn::Set(d, 3), rest), s2, s3)));
  out.m4 = unless_constant(
      hn::NegMulAdd(hn::Mul(hn::Set(d, 3), few), rest2,
                    hn::MulAdd(hn::Mul(hn::Set(d, 6), rest2), s2, hn::NegMulAdd(hn::Mul(hn::Set(d, 4), rest), s3, s4))));
  out.min = hn::PromoteTo(d, low);
  out.max = hn::PromoteTo(d, high);
  out.sum_abs = absolute;
  out.sum_sqrt_abs = roots;
  out.not_finite = hn::Zero(d);

  // Where the distances have no finite sum, a sample is not finite, or they are too large for float32: the reference's business.
  HWY_ALIGN float sums[lanes];
  hn::Store(sum, narrow, sums);
  if (!hn::AllTrue(d, hn::IsFinite(hn::PromoteTo(d, sum)))) {
    HWY_ALIGN double values[row_doubles];
    out.store(values);
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      if (std::isfinite(sums[lane])) continue;
      const Moments m = reference_moments({.samples = rows[lane], .count = size});
      const double corrected[] = {
          static_cast<double>(m.count),     m.mean, m.m2, m.m3, m.m4, m.min, m.max, m.sum_abs, m.sum_sqrt_abs,
          static_cast<double>(m.not_finite)};
      for (std::size_t f = 0; f < fields; ++f) values[f * lanes + lane] = corrected[f];
    }
    out = LaneMoments(values);
  }
  return out;
}

// Moves the rows on.
HWY_NOINLINE LaneMoments slice_of(const float** rows, std::size_t size, float* scratch) {
  const auto next_piece = [&]() HWY_ATTR {
    const std::size_t part = std::min(size, piece_samples_max);
    const LaneMoments piece = piece_of(rows, part, scratch);
    for (std::size_t lane = 0; lane < lanes; ++lane) rows[lane] += part;
    size -= part;
    return piece;
  };
  LaneMoments all = next_piece();
  while (size > 0) all = merge(all, next_piece());
  return all;
}

// By way of a signed number, for which processors have an instruction.
std::uint64_t count_of(double value) { return static_cast<std::uint64_t>(static_cast<std::int64_t>(value)); }

void put(const LaneMoments& window, Moments* const* out, std::size_t at) {
  HWY_ALIGN double values[row_doubles];
  window.store(values);
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    const auto value = [&](Field field) { return values[field * lanes + lane]; };
    Moments& m = out[lane][at];
    m = {.count = count_of(value(Field::count)),
         .mean = value(Field::mean),
         .m2 = value(Field::m2),
         .m3 = value(Field::m3),
         .m4 = value(Field::m4),
         .min = value(Field::min),
         .max = value(Field::max),
         .sum_abs = value(Field::sum_abs),
         .sum_sqrt_abs = value(Field::sum_sqrt_abs),
         .not_finite = count_of(value(Field::not_finite))};
  }
}

std::size_t lanes_of_sliding() { return lanes; }

// Windows begin in each lane at `rows`, and there are `windows` in each. `groups` has room for a row for every slice of a window.
void slide(const float** rows, std::size_t windows, std::size_t length, std::size_t hop, double* groups, Moments* const* out) {
  HWY_ALIGN float scratch[piece_samples_max * lanes];
  const std::size_t slices = length / hop, rest = length % hop;
  const auto row = [=](std::size_t i) { return groups + i * row_doubles; };
  LaneMoments first, whole;
  for (std::size_t at = 0;; ++at) {
    // A window's last piece begins the next slice.
    LaneMoments slice;
    if (rest > 0) slice = slice_of(rows, rest, scratch);
    if (at >= slices) put(rest > 0 ? merge(whole, slice) : whole, out, at - slices);
    if (at == windows + slices - 1) return;
    const LaneMoments other = slice_of(rows, hop - rest, scratch);
    slice = rest > 0 ? merge(slice, other) : other;
    const std::size_t i = at % slices;
    first = i == 0 ? slice : merge(first, slice);
    slice.store(row(i));
    if (i + 1 < slices) {
      if (at >= slices) whole = merge(LaneMoments(row(i + 1)), first);
    } else {
      whole = first;
      LaneMoments last = slice;
      for (std::size_t k = slices - 1; k-- > 1;) {
        last = merge(LaneMoments(row(k)), last);
        last.store(row(k));
      }
    }
  }
}

}  // namespace stethos::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace stethos::kernels {
namespace {

HWY_EXPORT(lanes_of_sliding);
HWY_EXPORT(slide);

}  // namespace

std::size_t sliding_count(std::size_t samples, std::size_t length, std::size_t hop) {
  return samples < length ? 0 : (samples - length) / hop + 1;
}

void sliding_moments(std::span<const float> samples, std::size_t length, std::size_t hop, std::span<Moments> out) {
  const std::size_t windows = sliding_count(samples.size(), length, hop);
  if (windows == 0) return;
  if (hop >= length) {  // none overlap
    for (std::size_t i = 0; i < windows; ++i) out[i] = cpu_moments({.samples = samples.data() + i * hop, .count = length});
    return;
  }
  const std::size_t lanes = HWY_DYNAMIC_DISPATCH(lanes_of_sliding)();
  const std::size_t slices = length / hop;
  const auto groups = hwy::AllocateAligned<double>(slices * fields * lanes);
  if (groups == nullptr) throw std::bad_alloc();
  // The last lanes begin earlier than they need to, if there are not as many windows for all.
  const std::size_t each = (windows + lanes - 1) / lanes;
  std::array<const float*, lanes_max> rows{};
  std::array<Moments*, lanes_max> outs{};
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    const std::size_t first = std::min(lane * each, windows - each);
    rows[lane] = samples.data() + first * hop;
    outs[lane] = out.data() + first;
  }
  HWY_DYNAMIC_DISPATCH(slide)(rows.data(), each, length, hop, groups.get(), outs.data());
}

}  // namespace stethos::kernels
#endif
