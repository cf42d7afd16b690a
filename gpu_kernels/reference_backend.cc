#include "gpu_kernels/reference_backend.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <complex>
#include <limits>
#include <new>
#include <numbers>

#include "gpu_kernels/deviations.h"
#include "gpu_kernels/envelope.h"
#include "gpu_kernels/fft.h"
#include "gpu_kernels/shaft_speed.h"
#include "gpu_kernels/spectrum.h"

namespace stethos::kernels {
namespace {

bool is_plausible(double x, const BlockView& block) { return x >= block.plausible_min && x <= block.plausible_max; }

int sign_of(double x) { return (x > 0) - (x < 0); }

std::vector<double> good_samples(const BlockView& block) {
  std::vector<double> good;
  good.reserve(block.count);
  for (std::size_t i = 0; i < block.count; ++i) {
    const double x = sample_of(block, i);
    if (std::isfinite(x) && is_plausible(x, block)) good.push_back(x);
  }
  return good;
}

// s_k of samples whose mean is known.
std::vector<double> mean_square_of(const std::vector<double>& samples, double mean) {
  const std::size_t n = samples.size();
  std::vector<std::complex<double>> windowed(n);
  double window_square = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double window = 0.5 - 0.5 * std::cos(2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(n));
    window_square += window * window;
    windowed[i] = (samples[i] - mean) * window;
  }
  windowed = transform(windowed);
  std::vector<double> mean_square(n / 2 + 1);
  for (std::size_t k = 0; k < mean_square.size(); ++k) {
    const double sides = k == 0 || 2 * k == n ? 1 : 2;
    const double magnitude = std::abs(windowed[k]);
    mean_square[k] = sides * magnitude * magnitude / (static_cast<double>(n) * window_square);
  }
  return mean_square;
}

// The magnitude of the analytic signal of what the block has in the band.
std::vector<double> envelope_of(const std::vector<double>& samples, double mean, Bins band) {
  const std::size_t n = samples.size();
  std::vector<std::complex<double>> signal(n);
  for (std::size_t i = 0; i < n; ++i) signal[i] = samples[i] - mean;
  signal = transform(signal);
  for (std::size_t k = 0; k < n; ++k) signal[k] *= k >= band.begin && k < band.end ? 2 : 0;
  signal = transform(signal, true);
  std::vector<double> envelope(n);
  for (std::size_t i = 0; i < n; ++i) envelope[i] = std::abs(signal[i]) / static_cast<double>(n);
  return envelope;
}

double mean_of(const std::vector<double>& samples) {
  double sum = 0;
  for (const double x : samples) sum += x;
  return sum / static_cast<double>(samples.size());
}

class ReferenceBackend final : public StatisticsBackend {
 public:
  std::string_view name() const override { return "reference"; }

  KernelStatus submit(std::span<const BlockView> blocks) override {
    assert(!submitted_);
    try {
      compute(blocks);
    } catch (const std::bad_alloc&) {
      return KernelStatus::out_of_memory;
    }
    submitted_ = true;
    return KernelStatus::ok;
  }

  KernelStatus collect(std::span<BlockStatistics> out) override {
    assert(submitted_ && out.size() == results_.size());
    std::ranges::copy(results_, out.begin());
    submitted_ = false;
    return KernelStatus::ok;
  }

 private:
  void compute(std::span<const BlockView> blocks) {
    results_.assign(blocks.size(), {});
    buckets_.assign(blocks.size(), {});
    features_.assign(blocks.size(), {});
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      const BlockView& block = blocks[i];
      results_[i].moments = reference_moments(block);
      if (block.plan == nullptr) continue;
      if (block.plan->validity) results_[i].validity = reference_validity(block);
      if (block.plan->buckets) buckets_[i] = reference_buckets(block);
      features_[i].resize(block.plan->features.size());
      results_[i].estimated_hz = reference_features(block, results_[i].moments, features_[i]);
      results_[i].buckets = buckets_[i].view();
      results_[i].features = features_[i];
    }
  }

  std::vector<BlockStatistics> results_;
  std::vector<CountedBuckets> buckets_;
  std::vector<std::vector<double>> features_;
  bool submitted_ = false;
};

}  // namespace

// The first pass counts what is left out and finds the mean and what needs no mean; the second sums powers of the distances
// from it.
Moments reference_moments(const BlockView& block) {
  Moments out;
  double sum = 0;
  for (std::size_t i = 0; i < block.count; ++i) {
    const double x = sample_of(block, i);
    if (!std::isfinite(x)) {
      ++out.not_finite;
    } else if (!is_plausible(x, block)) {
      ++out.out_of_range;
    } else {
      ++out.count;
      sum += x;
      out.min = std::min(out.min, x);
      out.max = std::max(out.max, x);
      out.sum_abs += std::abs(x);
      out.sum_sqrt_abs += std::sqrt(std::abs(x));
    }
  }
  if (out.count == 0) return out;
  if (out.min == out.max) {  // a constant has no spread at all, however its mean would be rounded
    out.mean = out.min;
    return out;
  }
  const double rough_mean = sum / static_cast<double>(out.count);
  double s1 = 0, s2 = 0, s3 = 0, s4 = 0;
  for (std::size_t i = 0; i < block.count; ++i) {
    const double x = sample_of(block, i);
    if (!std::isfinite(x) || !is_plausible(x, block)) continue;
    const double d = x - rough_mean;
    const double d2 = d * d;
    s1 += d;
    s2 += d2;
    s3 += d2 * d;
    s4 += d2 * d2;
  }
  set_central(out, rough_mean, s1, s2, s3, s4);
  return out;
}

Validity reference_validity(const BlockView& block) {
  Validity out;
  out.blocks = 1;
  out.blocks_of_full_scale = block.full_scale > 0 ? 1 : 0;
  std::vector<double> finite;
  std::uint64_t repeat = 0, same_sign = 0;
  double previous = std::numeric_limits<double>::quiet_NaN();
  for (std::size_t i = 0; i < block.count; ++i) {
    const double x = sample_of(block, i);
    if (std::isfinite(x)) finite.push_back(x);
    if (block.full_scale > 0 && std::abs(x) >= block.full_scale) ++out.clipped;
    repeat = !std::isfinite(x) ? 0 : x == previous ? repeat + 1 : 1;
    same_sign = !std::isfinite(x) || x == 0 ? 0 : sign_of(x) == sign_of(previous) ? same_sign + 1 : 1;
    out.longest_repeat = std::max(out.longest_repeat, repeat);
    out.longest_same_sign = std::max(out.longest_same_sign, same_sign);
    previous = x;
  }
  std::ranges::sort(finite);
  const auto repeated = std::ranges::unique(finite);
  if (!finite.empty()) {
    out.distinct_share = static_cast<double>(finite.size() - repeated.size()) / static_cast<double>(finite.size());
  }
  return out;
}

CountedBuckets reference_buckets(const BlockView& block) {
  std::vector<std::uint16_t> indices;
  for (const double x : good_samples(block)) indices.push_back(bucket_of(x));
  std::ranges::sort(indices);
  CountedBuckets out;
  for (const std::uint16_t index : indices) {
    if (out.indices.empty() || out.indices.back() != index) {
      out.indices.push_back(index);
      out.counts.push_back(0);
    }
    ++out.counts.back();
  }
  return out;
}

bool has_spectrum(const BlockView& block, const Moments& moments) {
  return moments.count == block.count && block.count >= spectrum_samples_min && block.count <= spectrum_samples_max &&
         block.sampling_rate_hz > 0;
}

std::vector<double> reference_spectrum(const BlockView& block, const Moments& moments) {
  return mean_square_of(good_samples(block), moments.mean);
}

Envelope reference_envelope(const BlockView& block, const Moments& moments) {
  const auto envelope = envelope_of(good_samples(block), moments.mean, bins_of_envelope(block));
  const double mean = mean_of(envelope);
  return {mean_square_of(envelope, mean), mean};
}

double reference_features(const BlockView& given, const Moments& moments, std::span<double> out) {
  std::ranges::fill(out, std::numeric_limits<double>::quiet_NaN());
  const bool is_whole = has_spectrum(given, moments);
  const double bin_hz = given.sampling_rate_hz / static_cast<double>(given.count);
  std::vector<double> spectrum;
  if (is_whole && is_speed_estimated(given)) spectrum = reference_spectrum(given, moments);
  const BlockSpeed speed = speed_of(given, spectrum);
  BlockView block = given, of_lines = given;
  block.shaft_hz = speed.hz;
  of_lines.shaft_hz = speed.of_lines_hz;
  Envelope envelope;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const Feature& feature = block.plan->features[i];
    if (feature.statistic == number::speed_confidence) {
      out[i] = speed.confidence;
    } else if (is_of_deviations(feature)) {
      out[i] = deviation_feature(feature.statistic, block, moments);
    } else if (!is_whole) {
      continue;
    } else if (is_of_envelope(feature)) {
      if (bins_of_envelope(block).empty()) continue;
      if (envelope.mean_square.empty()) envelope = reference_envelope(block, moments);
      const Bins bins = bins_of_bearing_line(feature, of_lines, bin_hz, envelope.mean_square.size());
      const auto line = bearing_line(envelope.mean_square, 0, bins, of_lines, bin_hz, envelope.mean);
      if (line) out[i] = bearing_feature(feature.statistic, *line);
    } else {
      if (spectrum.empty()) spectrum = reference_spectrum(block, moments);
      out[i] = spectrum_feature(feature, {spectrum, bin_hz}, block);
    }
  }
  return speed.estimated_hz;
}

std::unique_ptr<StatisticsBackend> make_reference_backend() { return std::make_unique<ReferenceBackend>(); }

}  // namespace stethos::kernels
