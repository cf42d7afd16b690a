// The transforms of cpu_fft.h for one kind of vectors: included by .cc files that Highway compiles once for each.
//
// Decimation in time, depth first: each stage transforms its parts one after the other, every one down to single points, and then
// joins them where they lie. So a part that fits into the cache stays there while it is worked on; the first stage, reading with
// a stride, puts everything into its order, and no pass is needed for that.
#if defined(STETHOS_GPU_KERNELS_CPU_FFT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STETHOS_GPU_KERNELS_CPU_FFT_INL_H_
#undef STETHOS_GPU_KERNELS_CPU_FFT_INL_H_
#else
#define STETHOS_GPU_KERNELS_CPU_FFT_INL_H_
#endif

#include <hwy/highway.h>

#include <cmath>
#include <cstddef>
#include <span>
#include <type_traits>

#include "gpu_kernels/cpu_fft.h"

HWY_BEFORE_NAMESPACE();
namespace stethos::kernels::HWY_NAMESPACE::fft {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
inline constexpr std::size_t lanes = hn::MaxLanes(D());

struct Complex {
  V re, im;
};

HWY_INLINE Complex operator+(const Complex& a, const Complex& b) { return {hn::Add(a.re, b.re), hn::Add(a.im, b.im)}; }
HWY_INLINE Complex operator-(const Complex& a, const Complex& b) { return {hn::Sub(a.re, b.re), hn::Sub(a.im, b.im)}; }
// a + i b, a - i b
HWY_INLINE Complex add_turned(const Complex& a, const Complex& b) { return {hn::Sub(a.re, b.im), hn::Add(a.im, b.re)}; }
HWY_INLINE Complex subtract_turned(const Complex& a, const Complex& b) { return {hn::Add(a.re, b.im), hn::Sub(a.im, b.re)}; }
// a + factor * b, a - factor * b, with a real factor
HWY_INLINE Complex add_multiple(const Complex& a, V factor, const Complex& b) {
  return {hn::MulAdd(factor, b.re, a.re), hn::MulAdd(factor, b.im, a.im)};
}
HWY_INLINE Complex subtract_multiple(const Complex& a, V factor, const Complex& b) {
  return {hn::NegMulAdd(factor, b.re, a.re), hn::NegMulAdd(factor, b.im, a.im)};
}
HWY_INLINE Complex multiply(const Complex& a, const float* twiddle) {
  const V re = hn::Set(D(), twiddle[0]), im = hn::Set(D(), twiddle[1]);
  return {hn::NegMulAdd(a.im, im, hn::Mul(a.re, re)), hn::MulAdd(a.im, re, hn::Mul(a.re, im))};
}

// Complex values of all lanes, [size][2][lanes]. The inverse transform is the forward one of values whose parts have changed
// places, and so do those of its result.
template <class Float>
class ComplexLanes {
 public:
  explicit ComplexLanes(Float* data, FftDirection direction = FftDirection::forward)
      : re_(direction == FftDirection::forward ? data : data + lanes),
        im_(direction == FftDirection::forward ? data + lanes : data) {}
  HWY_INLINE Complex load(std::size_t i) const {
    return {hn::Load(D(), re_ + 2 * lanes * i), hn::Load(D(), im_ + 2 * lanes * i)};
  }
  HWY_INLINE void store(std::size_t i, const Complex& x) const {
    hn::Store(x.re, D(), re_ + 2 * lanes * i);
    hn::Store(x.im, D(), im_ + 2 * lanes * i);
  }
  ComplexLanes from(std::size_t i) const { return {re_ + 2 * lanes * i, im_ + 2 * lanes * i}; }

 private:
  ComplexLanes(Float* re, Float* im) : re_(re), im_(im) {}

  Float* re_;
  Float* im_;
};
using Out = ComplexLanes<float>;

// Real values of all lanes, [size][lanes].
class RealLanes {
 public:
  explicit RealLanes(const float* data) : data_(data) {}
  HWY_INLINE Complex load(std::size_t i) const { return {hn::Load(D(), data_ + lanes * i), hn::Zero(D())}; }
  RealLanes from(std::size_t i) const { return RealLanes(data_ + lanes * i); }

 private:
  const float* data_;
};

// Transforms of as many points as there are, in place.
HWY_INLINE void butterfly(Complex (&)[1]) {}

HWY_INLINE void butterfly(Complex (&x)[2]) {
  const Complex sum = x[0] + x[1];
  x[1] = x[0] - x[1];
  x[0] = sum;
}

HWY_INLINE void butterfly(Complex (&x)[3]) {
  const V half = hn::Set(D(), 0.5f), sine = hn::Set(D(), 0.866025404f);
  const Complex sum = x[1] + x[2], difference = x[1] - x[2];
  const Complex middle = subtract_multiple(x[0], half, sum);
  x[0] = x[0] + sum;
  x[1] = {hn::MulAdd(sine, difference.im, middle.re), hn::NegMulAdd(sine, difference.re, middle.im)};
  x[2] = {hn::NegMulAdd(sine, difference.im, middle.re), hn::MulAdd(sine, difference.re, middle.im)};
}

HWY_INLINE void butterfly(Complex& x0, Complex& x1, Complex& x2, Complex& x3) {
  const Complex even_sum = x0 + x2, even_difference = x0 - x2;
  const Complex odd_sum = x1 + x3, odd_difference = x1 - x3;
  x0 = even_sum + odd_sum;
  x1 = subtract_turned(even_difference, odd_difference);
  x2 = even_sum - odd_sum;
  x3 = add_turned(even_difference, odd_difference);
}

HWY_INLINE void butterfly(Complex (&x)[4]) { butterfly(x[0], x[1], x[2], x[3]); }

HWY_INLINE void butterfly(Complex (&x)[5]) {
  // Of a fifth and of two fifths of a turn.
  const V cosine1 = hn::Set(D(), 0.309016994f), cosine2 = hn::Set(D(), -0.809016994f);
  const V sine1 = hn::Set(D(), 0.951056516f), sine2 = hn::Set(D(), 0.587785252f);
  const Complex sum1 = x[1] + x[4], sum2 = x[2] + x[3], difference1 = x[1] - x[4], difference2 = x[2] - x[3];
  const Complex along1 = add_multiple(add_multiple(x[0], cosine1, sum1), cosine2, sum2);
  const Complex along2 = add_multiple(add_multiple(x[0], cosine2, sum1), cosine1, sum2);
  const Complex across1 = add_multiple({hn::Mul(sine1, difference1.re), hn::Mul(sine1, difference1.im)}, sine2, difference2);
  const Complex across2 = subtract_multiple({hn::Mul(sine2, difference1.re), hn::Mul(sine2, difference1.im)}, sine1, difference2);
  x[0] = x[0] + sum1 + sum2;
  x[1] = subtract_turned(along1, across1);
  x[2] = subtract_turned(along2, across2);
  x[3] = add_turned(along2, across2);
  x[4] = add_turned(along1, across1);
}

HWY_INLINE void butterfly(Complex (&x)[8]) {
  const V sine = hn::Set(D(), 0.707106781f);
  butterfly(x[0], x[2], x[4], x[6]);
  butterfly(x[1], x[3], x[5], x[7]);
  const Complex even[4] = {x[0], x[2], x[4], x[6]};
  // Turned by an eighth and by three, and longer by what the sine takes away.
  const Complex odd1{hn::Add(x[3].re, x[3].im), hn::Sub(x[3].im, x[3].re)};
  const Complex odd3{hn::Sub(x[7].im, x[7].re), hn::Add(x[7].im, x[7].re)};
  const Complex odd0 = x[1], odd2 = x[5];
  x[0] = even[0] + odd0;
  x[1] = add_multiple(even[1], sine, odd1);
  x[2] = subtract_turned(even[2], odd2);
  x[3] = {hn::MulAdd(sine, odd3.re, even[3].re), hn::NegMulAdd(sine, odd3.im, even[3].im)};
  x[4] = even[0] - odd0;
  x[5] = subtract_multiple(even[1], sine, odd1);
  x[6] = add_turned(even[2], odd2);
  x[7] = {hn::NegMulAdd(sine, odd3.re, even[3].re), hn::MulAdd(sine, odd3.im, even[3].im)};
}

// `count` transforms of single points: the first begins at the start of `in`, the next `stride` after it, and each goes on with
// every (stride * count)-th value.
template <std::size_t radix, class In>
HWY_NOINLINE void transform_points(In in, std::size_t stride, std::size_t count, Out out) {
  for (std::size_t i = 0; i < count; ++i) {
    Complex x[radix];
    HWY_UNROLL(8)
    for (std::size_t q = 0; q < radix; ++q) x[q] = in.load((i + q * count) * stride);
    butterfly(x);
    HWY_UNROLL(8)
    for (std::size_t q = 0; q < radix; ++q) out.store(i * radix + q, x[q]);
  }
}

// Point k of each part becomes points k, k + joined, k + 2 * joined, ... of the whole.
template <std::size_t radix>
HWY_INLINE void join(Out data, const FftPlan::Stage& stage, std::size_t k, Complex (&x)[radix]) {
  const float* twiddles = stage.twiddles.data() + 2 * (radix - 1) * k;
  x[0] = data.load(k);
  HWY_UNROLL(8)
  for (std::size_t q = 1; q < radix; ++q) x[q] = multiply(data.load(k + q * stage.joined), twiddles + 2 * (q - 1));
  butterfly(x);
}

template <std::size_t radix>
HWY_INLINE void store(Out data, const FftPlan::Stage& stage, std::size_t k, const Complex (&x)[radix]) {
  HWY_UNROLL(8)
  for (std::size_t q = 0; q < radix; ++q) data.store(k + q * stage.joined, x[q]);
}

template <std::size_t radix>
HWY_NOINLINE void join_all(Out data, const FftPlan::Stage& stage) {
  for (std::size_t k = 0; k < stage.joined; ++k) {
    Complex x[radix];
    join(data, stage, k, x);
    store(data, stage, k, x);
  }
}

// Points k and size / 2 - k of the transform of pairs become bins k and size / 2 - k of the real transform.
HWY_INLINE void take_apart(Complex& a, Complex& b, const float* half_twiddle) {
  const V half = hn::Set(D(), 0.5f);
  // Twice the transforms of the even and of the odd samples.
  const Complex even{hn::Add(a.re, b.re), hn::Sub(a.im, b.im)};
  const Complex odd{hn::Add(a.im, b.im), hn::Sub(b.re, a.re)};
  const Complex turned = multiply(odd, half_twiddle);
  a = {hn::MulAdd(half, even.re, turned.re), hn::MulAdd(half, even.im, turned.im)};
  b = {hn::MulSub(half, even.re, turned.re), hn::NegMulAdd(half, even.im, turned.im)};
}

// The last stage of a real transform. What joins points k and what joins points joined - k yields the pairs that are to be taken
// apart, while they are in registers: a pass less over a buffer that does not fit into the nearest cache.
template <std::size_t radix>
HWY_NOINLINE void join_and_take_apart(Out data, const FftPlan::Stage& stage, const float* half_twiddles) {
  const std::size_t joined = stage.joined;
  Complex x[radix];
  join(data, stage, 0, x);
  HWY_UNROLL(8)
  for (std::size_t q = 1; 2 * q <= radix; ++q) take_apart(x[q], x[radix - q], half_twiddles + 2 * q);
  data.store(radix * joined, {hn::Sub(x[0].re, x[0].im), hn::Zero(D())});
  x[0] = {hn::Add(x[0].re, x[0].im), hn::Zero(D())};
  store(data, stage, 0, x);

  std::size_t k = 1;
  for (; 2 * k < joined; ++k) {
    Complex y[radix];
    join(data, stage, k, x);
    join(data, stage, joined - k, y);
    HWY_UNROLL(8)
    for (std::size_t q = 0; q < radix; ++q) take_apart(x[q], y[radix - 1 - q], half_twiddles + 2 * (k * radix + q));
    store(data, stage, k, x);
    store(data, stage, joined - k, y);
  }
  if (2 * k == joined) {
    join(data, stage, k, x);
    HWY_UNROLL(8)
    for (std::size_t q = 0; 2 * q < radix; ++q) take_apart(x[q], x[radix - 1 - q], half_twiddles + 2 * (k * radix + q));
    store(data, stage, k, x);
  }
}

template <class Action>
HWY_INLINE void with_radix(std::size_t radix, const Action& action) {
  switch (radix) {
    case 1:
      return action(std::integral_constant<std::size_t, 1>());
    case 2:
      return action(std::integral_constant<std::size_t, 2>());
    case 3:
      return action(std::integral_constant<std::size_t, 3>());
    case 4:
      return action(std::integral_constant<std::size_t, 4>());
    case 5:
      return action(std::integral_constant<std::size_t, 5>());
    case 8:
      return action(std::integral_constant<std::size_t, 8>());
    default:
      HWY_ABORT("no butterfly of radix %zu", radix);
  }
}

// `count` transforms by these stages, which lie in `in` as for transform_points.
template <class In>
void transform(std::span<const FftPlan::Stage> stages, In in, std::size_t stride, std::size_t count, Out out) {
  const FftPlan::Stage& stage = stages.front();
  if (stages.size() == 1) {
    with_radix(stage.radix, [&](auto radix) HWY_ATTR { transform_points<radix.value>(in, stride, count, out); });
    return;
  }
  for (std::size_t i = 0; i < count; ++i) {
    const Out whole = out.from(i * stage.radix * stage.joined);
    transform(stages.subspan(1), in.from(i * stride), stride * count, stage.radix, whole);
    with_radix(stage.radix, [&](auto radix) HWY_ATTR { join_all<radix.value>(whole, stage); });
  }
}

// In `out`, another buffer than `in`, which stays as it is.
HWY_INLINE void complex_fft(const FftPlan& plan, FftDirection direction, const float* in, float* out) {
  transform(plan.stages(), ComplexLanes<const float>(in, direction), 1, 1, Out(out, direction));
}

// The same; `out` has plan.places().
HWY_INLINE void real_fft(const RealFftPlan& plan, const float* in, float* out) {
  const auto stages = plan.complex_plan().stages();
  if (plan.size() % 2 != 0) {
    transform(stages, RealLanes(in), 1, 1, Out(out));
    return;
  }
  const FftPlan::Stage& last = stages.front();
  transform(stages.subspan(1), ComplexLanes<const float>(in), 1, last.radix, Out(out));
  with_radix(last.radix,
             [&](auto radix) HWY_ATTR { join_and_take_apart<radix.value>(Out(out), last, plan.half_twiddles().data()); });
}

// What becomes of samples on the way into the lanes.
struct Conditioning {
  V mean_high, mean_low, scale;
  const float* window;

  HWY_INLINE V apply(V samples, std::size_t i) const {
    const V centred = hn::Sub(hn::Sub(samples, mean_high), mean_low);
    return hn::Mul(hn::Mul(centred, scale), hn::Set(D(), window[i]));
  }
};

#if HWY_TARGET != HWY_SCALAR
// Four samples of every fourth row, each row's in a block of 128 bits of its own.
template <class Tag>
HWY_INLINE hn::Vec<Tag> load_fours(Tag d, const float* const* rows, std::size_t i) {
  if constexpr (hn::MaxLanes(Tag()) == 4) {
    return hn::LoadU(d, rows[0] + i);
  } else {
    const hn::Half<Tag> half;
    return hn::Combine(d, load_fours(half, rows + hn::MaxLanes(half), i), load_fours(half, rows, i));
  }
}

// Rows become columns in each block of 128 bits.
template <class Tag>
HWY_INLINE void transpose_fours(Tag d, hn::Vec<Tag> (&x)[4]) {
  const hn::Repartition<double, Tag> pairs;
  const auto lower01 = hn::BitCast(pairs, hn::InterleaveLower(d, x[0], x[1]));
  const auto lower23 = hn::BitCast(pairs, hn::InterleaveLower(d, x[2], x[3]));
  const auto upper01 = hn::BitCast(pairs, hn::InterleaveUpper(d, x[0], x[1]));
  const auto upper23 = hn::BitCast(pairs, hn::InterleaveUpper(d, x[2], x[3]));
  x[0] = hn::BitCast(d, hn::InterleaveLower(pairs, lower01, lower23));
  x[1] = hn::BitCast(d, hn::InterleaveUpper(pairs, lower01, lower23));
  x[2] = hn::BitCast(d, hn::InterleaveLower(pairs, upper01, upper23));
  x[3] = hn::BitCast(d, hn::InterleaveUpper(pairs, upper01, upper23));
}
#endif

// Loading fours leaves eight shuffles for four vectors of whatever width: no slower, and shorter, than loading whole vectors and
// transposing those. Not inlined: else the compiler keeps the rows' addresses in vectors, for want of other registers, and what
// it need not load again costs more than loading.
inline HWY_NOINLINE void load_rows(const float* const* rows, const Conditioning& caller, std::size_t size, float* out) {
  const D d;
  const Conditioning conditioning = caller;  // in registers: `out` might be where the caller's is
  std::size_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  for (; i + 4 <= size; i += 4) {
    V x[4];
    HWY_UNROLL(4)
    for (std::size_t r = 0; r < 4; ++r) x[r] = load_fours(d, rows + r, i);
    transpose_fours(d, x);
    HWY_UNROLL(4)
    for (std::size_t r = 0; r < 4; ++r) hn::Store(conditioning.apply(x[r], i + r), d, out + lanes * (i + r));
  }
#endif
  for (; i < size; ++i) {
    HWY_ALIGN float samples[lanes];
    for (std::size_t lane = 0; lane < lanes; ++lane) samples[lane] = rows[lane][i];
    hn::Store(conditioning.apply(hn::Load(d, samples), i), d, out + lanes * i);
  }
}

// [window.size()][lanes] of no more blocks than there are lanes. Lanes without a block read the window, which is as long as a
// block, and scale it to nothing.
HWY_INLINE void load(std::span<const FftBlock> blocks, std::span<const float> window, float* out) {
  const float* rows[lanes];
  HWY_ALIGN float mean_high[lanes], mean_low[lanes], scale[lanes];
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    const FftBlock block = lane < blocks.size() ? blocks[lane] : FftBlock{.samples = window.data(), .scale = 0};
    rows[lane] = block.samples;
    mean_high[lane] = block.mean_high;
    mean_low[lane] = block.mean_low;
    scale[lane] = block.scale;
  }
  const D d;
  load_rows(rows, {hn::Load(d, mean_high), hn::Load(d, mean_low), hn::Load(d, scale), window.data()}, window.size(), out);
}

}  // namespace stethos::kernels::HWY_NAMESPACE::fft
HWY_AFTER_NAMESPACE();
#endif
