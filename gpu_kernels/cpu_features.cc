// Per kind of vectors: blocks of one length and plan, one a lane, from their samples to the features. Values are brought near one
// by a power of two on the way in and back on the way out, so that no square leaves the range of float32.
#include "gpu_kernels/cpu_features.h"

#include <hwy/aligned_allocator.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numbers>
#include <optional>
#include <vector>

#include "gpu_kernels/cpu_fft.h"
#include "gpu_kernels/deviations.h"
#include "gpu_kernels/envelope.h"
#include "gpu_kernels/reference_backend.h"
#include "gpu_kernels/shaft_speed.h"
#include "gpu_kernels/spectrum.h"

#ifndef STETHOS_GPU_KERNELS_CPU_FEATURES_ONCE
#define STETHOS_GPU_KERNELS_CPU_FEATURES_ONCE
namespace stethos::kernels {
namespace {

constexpr std::size_t lanes_max = 64;

// What is known of a length of blocks.
struct Length {
  RealFftPlan real;
  FftPlan complex;
  std::vector<float> hann;
  std::vector<float> ones;
  std::vector<float> inverse_square;  // 1 / k^2; 0 for the first
  double window_square = 0;  // sum of hann^2
};

// One group of blocks under way.
struct Group {
  const Length* length = nullptr;
  std::span<const FeatureJob> jobs;
  std::array<FftBlock, lanes_max> blocks;
  std::array<double, lanes_max> scales{};  // a power of two for each block
  std::array<BlockSpeed, lanes_max> speeds{};
  double bin_hz = 0;
  // Each has room for a complex value of every lane and sample.
  float* a = nullptr;
  float* b = nullptr;
};

std::size_t bins_of(const Group& group) { return group.length->real.bins(); }

}  // namespace
}  // namespace stethos::kernels
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gpu_kernels/cpu_features.cc"
#include <hwy/foreach_target.h>
// After it.
#include <hwy/contrib/math/math-inl.h>

#include "gpu_kernels/cpu_fft-inl.h"

HWY_BEFORE_NAMESPACE();
namespace stethos::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using fft::D;
using fft::lanes;
using fft::V;

HWY_INLINE V row(const float* power, std::size_t k) { return hn::Load(D(), power + k * lanes); }

// Sums of many float32 go astray by as much as their order lets them: in parts of so many, and then the parts.
constexpr std::size_t part = 64;

template <class Term>
HWY_INLINE V sum_of(Bins bins, Term term) {
  V sum = hn::Zero(D());
  for (std::size_t begin = bins.begin; begin < bins.end; begin += part) {
    V some = hn::Zero(D());
    for (std::size_t k = begin; k < std::min(begin + part, bins.end); ++k) some = hn::Add(some, term(k));
    sum = hn::Add(sum, some);
  }
  return sum;
}

HWY_INLINE V power_sum(const float* power, Bins bins) {
  return sum_of(bins, [power](std::size_t k) HWY_ATTR { return row(power, k); });
}

// Of `values` [n/2 + 1][2][lanes] the squares of the magnitudes [n/2 + 1][lanes], halved where there is one side only. They may
// lie in one place: a row is read before it is written.
void to_power(const Group& group, const float* values, float* power) {
  const D d;
  const std::size_t bins = bins_of(group);
  for (std::size_t k = 0; k < bins; ++k) {
    const V re = hn::Load(d, values + 2 * lanes * k), im = hn::Load(d, values + 2 * lanes * k + lanes);
    hn::Store(hn::MulAdd(re, re, hn::Mul(im, im)), d, power + lanes * k);
  }
  const V half = hn::Set(d, 0.5f);
  hn::Store(hn::Mul(half, row(power, 0)), d, power);
  if (group.length->real.size() % 2 == 0) {
    float* const last = power + lanes * (bins - 1);
    hn::Store(hn::Mul(half, hn::Load(d, last)), d, last);
  }
}

using Lanes = std::array<double, lanes_max>;
HWY_INLINE Lanes lanes_of(V v) {
  HWY_ALIGN float values[lanes];
  hn::Store(v, D(), values);
  Lanes out{};
  std::copy(values, values + lanes, out.begin());
  return out;
}

// What makes s_k of a lane's power.
double unit_of(const Group& group, std::size_t lane) {
  const double n = static_cast<double>(group.length->real.size());
  return 2 / (n * group.length->window_square * group.scales[lane] * group.scales[lane]);
}

std::span<const double> lane_of(const Group& group, const float* power, std::size_t lane, Bins bins, std::vector<double>& out) {
  out.resize(bins.end - bins.begin);
  const double unit = unit_of(group, lane);
  for (std::size_t k = bins.begin; k < bins.end; ++k) out[k - bins.begin] = unit * static_cast<double>(power[k * lanes + lane]);
  return out;
}

double feature_of_lane(const Group& group, const Feature& feature, const float* power, std::size_t lane,
                       std::vector<double>& some) {
  BlockView block = *group.jobs[lane].block;
  block.shaft_hz = group.speeds[lane].hz;
  if (feature.statistic == number::speed_confidence) return group.speeds[lane].confidence;
  if (is_of_deviations(feature)) return deviation_feature(feature.statistic, block, *group.jobs[lane].moments);
  if (feature.statistic == number::multiple_amplitude || feature.statistic == number::multiple_velocity) {
    const Bins line = bins_of_multiple(feature, block, group.bin_hz, bins_of(group));
    const double amplitude = highest_amplitude(lane_of(group, power, lane, line, some), {0, line.end - line.begin});
    return feature.statistic == number::multiple_amplitude ? amplitude : multiple_velocity(feature, block, amplitude);
  }
  return spectrum_feature(feature, {lane_of(group, power, lane, {0, bins_of(group)}, some), group.bin_hz}, block);
}

// All ranks at once: each would look through the whole spectrum.
void put_lines(const Group& group, const float* power) {
  const BlockPlan& plan = *group.jobs.front().block->plan;
  double rank = 0;
  for (const Feature& feature : plan.features) rank = is_of_lines(feature) ? std::max(rank, feature.low) : rank;
  if (rank == 0) return;
  std::vector<double> some;
  for (std::size_t lane = 0; lane < group.jobs.size(); ++lane) {
    const Spectrum spectrum{lane_of(group, power, lane, {0, bins_of(group)}, some), group.bin_hz};
    const auto highest = highest_maxima(spectrum.mean_square, static_cast<std::size_t>(rank));
    for (std::size_t i = 0; i < plan.features.size(); ++i) {
      if (is_of_lines(plan.features[i])) group.jobs[lane].out[i] = line_feature(plan.features[i], spectrum, highest);
    }
  }
}

void put_spectrum_features(const Group& group, const float* power) {
  const D d;
  const BlockPlan& plan = *group.jobs.front().block->plan;
  const Bins all{1, bins_of(group)};
  const V total = power_sum(power, all);
  const Lanes totals = lanes_of(total);
  const V inverse_total = hn::Div(hn::Set(d, 1), total);
  const V centroid_bins = hn::Mul(inverse_total, sum_of(all, [power](std::size_t k) HWY_ATTR {
                                    return hn::Mul(hn::Set(D(), static_cast<float>(k)), row(power, k));
                                  }));
  std::vector<double> some;
  for (std::size_t i = 0; i < plan.features.size(); ++i) {
    const Feature& feature = plan.features[i];
    if (is_of_envelope(feature) || is_of_lines(feature)) continue;
    const auto put = [&](auto value_of) {
      for (std::size_t lane = 0; lane < group.jobs.size(); ++lane) group.jobs[lane].out[i] = value_of(lane);
    };
    // Not of a constant.
    const auto put_ratio = [&](const Lanes& values, double factor) {
      put([&](std::size_t lane) { return totals[lane] > 0 ? factor * values[lane] : std::nan(""); });
    };
    const Bins band = bins_of_band(feature.low, feature.high, *group.jobs.front().block);
    switch (feature.statistic) {
      case number::band_rms: {
        const Lanes sums = lanes_of(power_sum(power, band));
        put([&](std::size_t lane) { return band.empty() ? std::nan("") : std::sqrt(unit_of(group, lane) * sums[lane]); });
        break;
      }
      case number::vibration_velocity: {
        const Bins whole_periods = bins_of_velocity(feature.low, feature.high, *group.jobs.front().block);
        const float* const weight = group.length->inverse_square.data();
        const Lanes sums = lanes_of(
            sum_of(whole_periods, [=](std::size_t k) HWY_ATTR { return hn::Mul(hn::Set(D(), weight[k]), row(power, k)); }));
        const double factor = whole_periods.empty() ? 0 : plan.mm_s2_per_unit / (2 * std::numbers::pi * group.bin_hz);
        put([&](std::size_t lane) { return factor > 0 ? factor * std::sqrt(unit_of(group, lane) * sums[lane]) : std::nan(""); });
        break;
      }
      case number::low_frequency_share:
        put_ratio(lanes_of(hn::Mul(inverse_total, power_sum(power, band))), band.empty() ? std::nan("") : 1);
        break;
      case number::spectral_centroid:
        put_ratio(lanes_of(centroid_bins), group.bin_hz);
        break;
      case number::spectral_spread:
        put_ratio(lanes_of(hn::Sqrt(hn::Mul(inverse_total, sum_of(all,
                                                                  [=](std::size_t k) HWY_ATTR {
                                                                    const V distance = hn::Sub(
                                                                        hn::Set(D(), static_cast<float>(k)), centroid_bins);
                                                                    return hn::Mul(hn::Mul(distance, distance), row(power, k));
                                                                  })))),
                  group.bin_hz);
        break;
      case number::spectral_entropy: {
        // What is too small for a logarithm adds nothing.
        const V least = hn::Set(d, 1e-30f);
        const V sum = sum_of(all, [=](std::size_t k) HWY_ATTR {
          const V share = hn::Mul(row(power, k), inverse_total);
          return hn::Mul(share, hn::Log(D(), hn::Max(share, least)));
        });
        put_ratio(lanes_of(sum), -1 / std::log(static_cast<double>(all.end - all.begin)));
        break;
      }
      case number::spectral_rolloff: {
        const V target = hn::Mul(hn::Set(d, static_cast<float>(feature.low)), total);
        // As in sum_of, which made the total.
        V parts = hn::Zero(d), count = hn::Zero(d);
        for (std::size_t begin = all.begin; begin + 1 < all.end; begin += part) {
          V sum = hn::Zero(d);
          for (std::size_t k = begin; k < std::min(begin + part, all.end - 1); ++k) {
            sum = hn::Add(sum, row(power, k));
            count = hn::Add(count, hn::IfThenElseZero(hn::Lt(hn::Add(parts, sum), target), hn::Set(d, 1)));
          }
          parts = hn::Add(parts, sum);
        }
        put_ratio(lanes_of(hn::Add(count, hn::Set(d, 1))), group.bin_hz);
        break;
      }
      default:
        put([&](std::size_t lane) { return feature_of_lane(group, feature, power, lane, some); });
    }
  }
}

// `means`: of the lanes' envelopes.
void put_envelope_features(const Group& group, const float* power, const Lanes& means) {
  const BlockPlan& plan = *group.jobs.front().block->plan;
  std::vector<double> some;
  for (std::size_t lane = 0; lane < group.jobs.size(); ++lane) {
    const FeatureJob& job = group.jobs[lane];
    BlockView block = *job.block;
    block.shaft_hz = group.speeds[lane].of_lines_hz;
    double low = 0;  // of `line`; several statistics are of one
    std::optional<BearingLine> line;
    for (std::size_t i = 0; i < plan.features.size(); ++i) {
      if (!is_of_envelope(plan.features[i])) continue;
      if (plan.features[i].low != low) {
        low = plan.features[i].low;
        const Bins bins = bins_of_bearing_line(plan.features[i], block, group.bin_hz, bins_of(group));
        const Bins looked_at{bins.begin - std::min(bins.begin, beside_far), std::min(bins.end + beside_far, bins_of(group))};
        line = bearing_line(lane_of(group, power, lane, looked_at, some), looked_at.begin, bins, block, group.bin_hz,
                            means[lane] / group.scales[lane]);
      }
      job.out[i] = line ? bearing_feature(plan.features[i].statistic, *line) : std::nan("");
    }
  }
}

// Of the analytic signal in `values` [n][2][lanes] the magnitude less its mean, under the window, into `out` [n][lanes]. Returns
// the means.
Lanes to_windowed_magnitude(const Group& group, const float* values, float* out) {
  const D d;
  const std::size_t n = group.length->real.size();
  const V sum = sum_of({0, n}, [=](std::size_t i) HWY_ATTR {
    const V re = hn::Load(D(), values + 2 * lanes * i), im = hn::Load(D(), values + 2 * lanes * i + lanes);
    const V magnitude = hn::Sqrt(hn::MulAdd(re, re, hn::Mul(im, im)));
    hn::Store(magnitude, D(), out + lanes * i);
    return magnitude;
  });
  // The inverse transform has not been divided by n.
  const V inverse_n = hn::Set(d, 1 / static_cast<float>(n));
  const V mean = hn::Mul(sum, inverse_n);
  for (std::size_t i = 0; i < n; ++i) {
    const V factor = hn::Mul(inverse_n, hn::Set(d, group.length->hann[i]));
    hn::Store(hn::Mul(hn::Sub(row(out, i), mean), factor), d, out + lanes * i);
  }
  return lanes_of(hn::Mul(mean, inverse_n));
}

// Leaves the band of the real spectrum in `from` as that of the analytic signal in `to`.
void to_analytic(const Group& group, const float* from, float* to) {
  const D d;
  const std::size_t n = group.length->real.size();
  const Bins band = bins_of_envelope(*group.jobs.front().block);
  std::fill(to, to + 2 * lanes * band.begin, 0.0f);
  for (std::size_t at = lanes * 2 * band.begin; at < lanes * 2 * band.end; at += lanes) {
    const V value = hn::Load(d, from + at);
    hn::Store(hn::Add(value, value), d, to + at);
  }
  std::fill(to + 2 * lanes * band.end, to + 2 * lanes * n, 0.0f);
}

// Before anything that needs them.
void estimate_speeds(Group& group, const float* power) {
  std::vector<double> some;
  for (std::size_t lane = 0; lane < group.jobs.size(); ++lane) {
    const BlockView& block = *group.jobs[lane].block;
    if (!is_speed_estimated(block)) continue;
    group.speeds[lane] = speed_of(block, lane_of(group, power, lane, {0, bins_of_speed(block)}, some));
    *group.jobs[lane].estimated_hz = group.speeds[lane].estimated_hz;
  }
}

void compute_group(Group& group) {
  const Length& length = *group.length;
  const std::span blocks = std::span(group.blocks).first(group.jobs.size());
  const auto& features = group.jobs.front().block->plan->features;
  const auto envelopes = std::ranges::count_if(features, is_of_envelope);
  if (envelopes < std::ssize(features) || group.jobs.front().block->plan->speed_range > 0) {
    fft::load(blocks, length.hann, group.a);
    fft::real_fft(length.real, group.a, group.b);
    to_power(group, group.b, group.b);
    estimate_speeds(group, group.b);
    put_spectrum_features(group, group.b);
    put_lines(group, group.b);
  }
  if (envelopes > 0 && bins_of_envelope(*group.jobs.front().block).empty()) {
    for (std::size_t i = 0; i < features.size(); ++i) {
      if (!is_of_envelope(features[i])) continue;
      for (const FeatureJob& job : group.jobs) job.out[i] = std::nan("");
    }
  } else if (envelopes > 0) {
    fft::load(blocks, length.ones, group.a);
    fft::real_fft(length.real, group.a, group.b);
    to_analytic(group, group.b, group.a);
    fft::complex_fft(length.complex, FftDirection::inverse, group.a, group.b);
    const Lanes means = to_windowed_magnitude(group, group.b, group.a);
    fft::real_fft(length.real, group.a, group.b);
    to_power(group, group.b, group.b);
    put_envelope_features(group, group.b, means);
  }
}

}  // namespace stethos::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace stethos::kernels {
namespace {

HWY_EXPORT(compute_group);

constexpr std::size_t samples_max = 65'536;  // of a block; the buffers are as large as all lanes' together
constexpr std::size_t lengths_max = 16;
constexpr int exponent_max = 100;

std::unique_ptr<Length> make_length(std::size_t size) {
  auto real = RealFftPlan::make(size);
  auto complex = FftPlan::make(size);
  if (!real || !complex) return nullptr;
  auto out = std::make_unique<Length>(
      Length{.real = std::move(*real), .complex = std::move(*complex), .hann = {}, .ones = {}, .inverse_square = {}});
  out->ones.assign(size, 1);
  for (std::size_t i = 0; i < size; ++i) {
    const double window = 0.5 - 0.5 * std::cos(2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(size));
    out->hann.push_back(static_cast<float>(window));
    out->window_square += window * window;
  }
  out->inverse_square.push_back(0);
  for (std::size_t k = 1; k < out->real.bins(); ++k) {
    out->inverse_square.push_back(static_cast<float>(1 / (static_cast<double>(k) * static_cast<double>(k))));
  }
  return out;
}

}  // namespace

struct CpuFeatures::State {
  std::map<std::size_t, std::unique_ptr<Length>> lengths;  // null: not for us
  hwy::AlignedFreeUniquePtr<float[]> a, b;
  std::size_t floats = 0;  // in each
  std::vector<std::vector<float>> converted;

  const Length* length_of(std::size_t size) {
    if (size > samples_max) return nullptr;
    if (lengths.size() >= lengths_max && !lengths.contains(size)) lengths.clear();
    auto [found, is_new] = lengths.try_emplace(size);
    if (is_new) found->second = make_length(size);
    return found->second.get();
  }

  void make_room(std::size_t size) {
    const std::size_t needed = 2 * (size + 1) * cpu_fft_lanes();
    if (needed <= floats) return;
    a = hwy::AllocateAligned<float>(needed);
    b = hwy::AllocateAligned<float>(needed);
    floats = a == nullptr || b == nullptr ? 0 : needed;
    if (floats == 0) throw std::bad_alloc();
  }

  // False: its values are too large or too small.
  bool take(const FeatureJob& job, FftBlock& out, double& scale, std::vector<float>& samples) const {
    const BlockView& block = *job.block;
    const Moments& moments = *job.moments;
    const double farthest = std::max(moments.max - moments.mean, moments.mean - moments.min);
    if (!(farthest > 0) || std::abs(std::ilogb(farthest)) > exponent_max) return false;
    if (std::abs(moments.mean) > std::ldexp(1.0, exponent_max)) return false;
    scale = std::ldexp(1.0, -std::ilogb(farthest));
    if (block.encoding == BlockView::Encoding::f32) {
      out.samples = static_cast<const float*>(block.samples);
      out.mean_high = static_cast<float>(moments.mean);
      out.mean_low = static_cast<float>(moments.mean - static_cast<double>(out.mean_high));
      out.scale = static_cast<float>(scale);
      return true;
    }
    samples.resize(block.count);
    for (std::size_t i = 0; i < block.count; ++i) samples[i] = static_cast<float>((sample_of(block, i) - moments.mean) * scale);
    out = {.samples = samples.data()};
    return true;
  }
};

CpuFeatures::CpuFeatures() : state_(std::make_unique<State>()) {}
CpuFeatures::~CpuFeatures() = default;

std::size_t CpuFeatures::lanes() { return cpu_fft_lanes(); }

void CpuFeatures::compute(std::span<const FeatureJob> jobs) {
  if (jobs.empty() || jobs.front().out.empty()) return;
  const BlockView& first = *jobs.front().block;
  const Length* length = state_->length_of(first.count);
  state_->converted.resize(jobs.size());
  Group group;
  std::vector<FeatureJob> taken;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const std::size_t lane = taken.size();
    if (length != nullptr && has_spectrum(*jobs[i].block, *jobs[i].moments) &&
        state_->take(jobs[i], group.blocks[lane], group.scales[lane], state_->converted[i])) {
      group.speeds[lane] = speed_of(*jobs[i].block, {});
      taken.push_back(jobs[i]);
    } else {
      *jobs[i].estimated_hz = reference_features(*jobs[i].block, *jobs[i].moments, jobs[i].out);
    }
  }
  if (taken.empty()) return;
  state_->make_room(first.count);
  group.length = length;
  group.jobs = taken;
  group.bin_hz = first.sampling_rate_hz / static_cast<double>(first.count);
  group.a = state_->a.get();
  group.b = state_->b.get();
  HWY_DYNAMIC_DISPATCH(compute_group)(group);
}

}  // namespace stethos::kernels
#endif
