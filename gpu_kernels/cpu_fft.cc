#include "gpu_kernels/cpu_fft.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gpu_kernels/cpu_fft.cc"
#include <hwy/foreach_target.h>
// After it.
#include <hwy/highway.h>

#include "gpu_kernels/cpu_fft-inl.h"

HWY_BEFORE_NAMESPACE();
namespace stethos::kernels::HWY_NAMESPACE {

std::size_t lanes_of_fft() { return fft::lanes; }
void load_for_fft(std::span<const FftBlock> blocks, std::span<const float> window, float* out) { fft::load(blocks, window, out); }
void complex_fft(const FftPlan& plan, FftDirection direction, const float* in, float* out) {
  fft::complex_fft(plan, direction, in, out);
}
void real_fft(const RealFftPlan& plan, const float* in, float* out) { fft::real_fft(plan, in, out); }

}  // namespace stethos::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace stethos::kernels {
namespace {

// The order of the stages: large radices where single points are joined, since no twiddles are needed there and a part of a few
// large ones fits into the nearest cache; small ones where the strides are long. 2560 real points (4, 5, 8, 8) take 0.78 us on
// Zen 4, in the opposite order 0.92. Empty for a size with another prime factor.
std::vector<std::size_t> radices_of(std::size_t size) {
  std::vector<std::size_t> radices;
  const auto take = [&](std::size_t radix) {
    while (size % radix == 0) {
      radices.push_back(radix);
      size /= radix;
    }
  };
  if (size == 0) return {};
  for (const std::size_t radix : {8u, 4u, 2u, 3u, 5u}) take(radix);
  if (size != 1) return {};
  std::ranges::sort(radices);
  // 2 and 8 are better done as 4 and 4.
  if (radices.size() > 1 && radices.front() == 2 && radices.back() == 8) radices.front() = radices.back() = 4;
  std::ranges::sort(radices);
  // So that a real transform always has a last stage that is not also the first.
  while (radices.size() < 2) radices.push_back(1);
  return radices;
}

void append_turn(std::vector<float>& twiddles, std::size_t part, std::size_t whole, double length) {
  const double angle = -2 * std::numbers::pi * static_cast<double>(part) / static_cast<double>(whole);
  twiddles.push_back(static_cast<float>(length * std::cos(angle)));
  twiddles.push_back(static_cast<float>(length * std::sin(angle)));
}

}  // namespace

std::optional<FftPlan> FftPlan::make(std::size_t size) {
  const auto radices = radices_of(size);
  if (radices.empty()) return std::nullopt;
  FftPlan plan;
  plan.size_ = size;
  for (const std::size_t radix : radices) {
    Stage stage{.radix = radix, .joined = size / radix, .twiddles = {}};
    for (std::size_t k = 0; k < stage.joined; ++k)
      for (std::size_t q = 1; q < radix; ++q) append_turn(stage.twiddles, k * q, size, 1);
    size = stage.joined;
    plan.stages_.push_back(std::move(stage));
  }
  return plan;
}

std::optional<RealFftPlan> RealFftPlan::make(std::size_t size) {
  auto complex_plan = FftPlan::make(size % 2 == 0 ? size / 2 : size);
  if (!complex_plan) return std::nullopt;
  return RealFftPlan(size, std::move(*complex_plan));
}

RealFftPlan::RealFftPlan(std::size_t size, FftPlan complex_plan) : size_(size), complex_plan_(std::move(complex_plan)) {
  if (size % 2 != 0) return;
  const FftPlan::Stage& last = complex_plan_.stages().front();
  for (std::size_t k = 0; 2 * k <= last.joined; ++k)
    for (std::size_t q = 0; q < last.radix; ++q) append_turn(half_twiddles_, k + q * last.joined, size, 0.5);
}

HWY_EXPORT(lanes_of_fft);
HWY_EXPORT(load_for_fft);
HWY_EXPORT(complex_fft);
HWY_EXPORT(real_fft);

std::size_t cpu_fft_lanes() { return HWY_DYNAMIC_DISPATCH(lanes_of_fft)(); }
void cpu_fft_load(std::span<const FftBlock> blocks, std::span<const float> window, float* out) {
  HWY_DYNAMIC_DISPATCH(load_for_fft)(blocks, window, out);
}
void cpu_fft(const FftPlan& plan, FftDirection direction, const float* in, float* out) {
  HWY_DYNAMIC_DISPATCH(complex_fft)(plan, direction, in, out);
}
void cpu_real_fft(const RealFftPlan& plan, const float* in, float* out) { HWY_DYNAMIC_DISPATCH(real_fft)(plan, in, out); }

}  // namespace stethos::kernels
#endif
