#include "gpu_kernels/spectrum.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

namespace stethos::kernels {
namespace {

constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

constexpr double turns_min = 2;
constexpr std::size_t envelope_bins_min = 8;  // of fewer the envelope hardly moves

constexpr std::string_view harris = "Harris, Proceedings of the IEEE 66 (1978)";
constexpr std::string_view grandke = "Grandke, IEEE Transactions on Instrumentation and Measurement 32 (1983)";
constexpr std::string_view iso = "ISO 20816-1:2016 (10 Hz to 1000 Hz)";
constexpr std::string_view peeters = "Peeters, A large set of audio features (2004), 6";
constexpr std::string_view comb = "[decision 33](decisions/0033-speed-without-a-tachometer.md)";
constexpr std::string_view not_of_constant = "k from 1; not defined of a constant";
constexpr std::string_view not_so_many =
    "of the spectrum's local maxima, rank 1 being the highest; not defined where there are fewer; beside 0 and half the "
    "sampling rate, which have one side, only roughly right";

constexpr std::array<StatisticDefinition, 12> definitions{{
    {number::band_rms, "band_rms", UnitRule::same, ParameterRule::band, Trend::any, "sqrt(sum(s_k, low <= f_k < high))", harris,
     "k from 1: the mean is removed; of what the spectrum has of the band; not defined where it has nothing of it, or begins "
     "more "
     "than half a bin above a low edge that is not 0",
     nullptr},
    {22, "velocity_rms", UnitRule::velocity, ParameterRule::band, Trend::any, "sqrt(sum(s_k / (2 pi f_k)^2, low <= f_k < high))",
     iso, "of acceleration, also in blocks of less than four periods of the low edge; its mean over blocks was that of the roots",
     nullptr, "vibration_velocity"},
    {number::spectral_centroid, "spectral_centroid", UnitRule::hertz, ParameterRule::none, Trend::any,
     "c = sum(f_k s_k) / sum(s_k)", peeters, not_of_constant, nullptr},
    {number::spectral_spread, "spectral_spread", UnitRule::hertz, ParameterRule::none, Trend::any,
     "sqrt(sum((f_k - c)^2 s_k) / sum(s_k))", peeters, not_of_constant, nullptr},
    {number::spectral_entropy, "spectral_entropy", UnitRule::none, ParameterRule::none, Trend::any,
     "-sum(q_k log(q_k)) / log(K), q_k = s_k / sum(s_k)", "Powell and Percival, Journal of Physics A 12 (1979)",
     "0 for a single line, 1 for K bins alike; k from 1; not defined of a constant", nullptr},
    {number::spectral_rolloff, "spectral_rolloff", UnitRule::hertz, ParameterRule::share, Trend::any,
     "the lowest f_k with sum(s_j, j <= k) >= share * sum(s_j)", peeters, not_of_constant, nullptr},
    {number::line_frequency, "line_frequency", UnitRule::hertz, ParameterRule::rank, Trend::any,
     "f_1 (k + d), d = (2 r - 1) / (r + 1), r = sqrt(s_(k+1) / s_k); towards the higher neighbour", grandke, not_so_many,
     nullptr},
    {number::line_amplitude, "line_amplitude", UnitRule::same, ParameterRule::rank, Trend::any,
     "sqrt(3 s_k) (1 - d^2) pi d / sin(pi d)", grandke, not_so_many, nullptr},
    {number::multiple_amplitude, "multiple_amplitude", UnitRule::same, ParameterRule::multiple, Trend::any,
     "max(sqrt(3 s_k)) near multiple * shaft speed", harris,
     "near: the nearest bin (of two the higher), one on both sides, and those whose frequency is off by no more than "
     "`line_tolerance`, a share; between two bins up to 15 % low; not defined where the speed is not known, the block has less "
     "than two turns, or a bin that is near is 0 or above half the rate; in less than four turns neighbouring lines share what "
     "lies between them",
     nullptr},
    {number::vibration_velocity, "vibration_velocity", UnitRule::velocity, ParameterRule::band, Trend::any,
     "sqrt(sum(s_k / (2 pi f_k)^2, low <= f_k < high))", iso,
     "the rms, of acceleration; not defined of anything else, where the block lasts less than four periods (less a thousandth) "
     "of the "
     "low edge, and where band_rms is not",
     nullptr},
    {number::multiple_velocity, "multiple_velocity", UnitRule::velocity, ParameterRule::multiple, Trend::any,
     "multiple_amplitude / sqrt(2) / (2 pi multiple * shaft speed)", iso,
     "the rms of the line, as ISO 20816 counts velocities; of acceleration; not defined of anything else, where the block lasts "
     "less "
     "than four periods (less a thousandth) of the line, and where multiple_amplitude is not",
     nullptr},
    {number::speed_confidence, "speed_confidence", UnitRule::none, ParameterRule::none, Trend::any,
     "the least of -log10(K Q(H, u)), (u - v) / log(10) and two more", comb,
     "how sure the shaft's speed f is that the block's spectrum shows, where only the point table says it: 3 and more are "
     "believed; "
     "see [the shaft's speed](#the-shafts-speed); not defined where the speed was measured, and in blocks of less than 8 turns "
     "or 5 "
     "harmonics",
     nullptr},
}};

double sum_of(std::span<const double> mean_square, Bins bins) {
  double sum = 0;
  for (std::size_t k = bins.begin; k < bins.end; ++k) sum += mean_square[k];
  return sum;
}

double band_rms(const Spectrum& spectrum, Bins bins) {
  return bins.empty() ? undefined : std::sqrt(sum_of(spectrum.mean_square, bins));
}

double omega_of(double bin_hz, std::size_t k) { return 2 * std::numbers::pi * bin_hz * static_cast<double>(k); }

double vibration_velocity(const Spectrum& spectrum, Bins bins, double mm_s2_per_unit) {
  if (mm_s2_per_unit == 0 || bins.empty()) return undefined;
  double sum = 0;
  for (std::size_t k = bins.begin; k < bins.end; ++k) {
    const double omega = omega_of(spectrum.bin_hz, k);
    sum += spectrum.mean_square[k] / (omega * omega);
  }
  return mm_s2_per_unit * std::sqrt(sum);
}

double centroid(const Spectrum& spectrum, Bins all, double total) {
  double sum = 0;
  for (std::size_t k = all.begin; k < all.end; ++k) sum += static_cast<double>(k) * spectrum.mean_square[k];
  return spectrum.bin_hz * sum / total;
}

double spread(const Spectrum& spectrum, Bins all, double total) {
  const double middle = centroid(spectrum, all, total);
  double sum = 0;
  for (std::size_t k = all.begin; k < all.end; ++k) {
    const double distance = spectrum.bin_hz * static_cast<double>(k) - middle;
    sum += distance * distance * spectrum.mean_square[k];
  }
  return std::sqrt(sum / total);
}

double entropy(const Spectrum& spectrum, Bins all, double total) {
  double sum = 0;
  for (std::size_t k = all.begin; k < all.end; ++k) {
    const double share = spectrum.mean_square[k] / total;
    if (share > 0) sum -= share * std::log(share);
  }
  return sum / std::log(static_cast<double>(all.end - all.begin));
}

double rolloff(const Spectrum& spectrum, Bins all, double total, double share) {
  double sum = 0;
  std::size_t k = all.begin;
  for (; k + 1 < all.end; ++k) {
    sum += spectrum.mean_square[k];
    if (sum >= share * total) break;
  }
  return spectrum.bin_hz * static_cast<double>(k);
}

// How far, in bins, the line of a local maximum lies from it.
double distance_of(std::span<const double> mean_square, std::size_t k) {
  const bool is_above = mean_square[k + 1] >= mean_square[k - 1];
  const double ratio = std::sqrt((is_above ? mean_square[k + 1] : mean_square[k - 1]) / mean_square[k]);
  const double distance = std::max(0.0, (2 * ratio - 1) / (ratio + 1));  // below 0: another line beside it
  return is_above ? distance : -distance;
}

}  // namespace

std::vector<std::size_t> highest_maxima(std::span<const double> mean_square, std::size_t count) {
  std::vector<std::size_t> highest;
  const auto is_higher = [&](std::size_t a, std::size_t b) { return mean_square[a] > mean_square[b]; };
  for (std::size_t k = 1; k + 1 < mean_square.size() && count > 0; ++k) {
    const bool is_maximum = mean_square[k] > mean_square[k - 1] && mean_square[k] >= mean_square[k + 1];
    if (!is_maximum) continue;
    if (highest.size() == count && !is_higher(k, highest.back())) continue;  // of two alike the lower bin
    if (highest.size() == count) highest.pop_back();
    highest.insert(std::ranges::upper_bound(highest, k, is_higher), k);
  }
  return highest;
}

double line_feature(const Feature& feature, const Spectrum& spectrum, std::span<const std::size_t> highest) {
  const auto rank = static_cast<std::size_t>(feature.low);
  if (highest.size() < rank) return undefined;
  const std::size_t k = highest[rank - 1];
  const double d = distance_of(spectrum.mean_square, k);
  if (feature.statistic == number::line_frequency) return spectrum.bin_hz * (static_cast<double>(k) + d);
  const double amplitude = std::sqrt(3 * spectrum.mean_square[k]);
  if (d == 0) return amplitude;
  return amplitude * (1 - d * d) * std::numbers::pi * d / std::sin(std::numbers::pi * d);
}

std::span<const StatisticDefinition> spectrum_statistics() { return definitions; }

Bins bins_of_band(double low_hz, double high_hz, const BlockView& block) {
  const auto n = static_cast<double>(block.count);
  const std::size_t bins = block.count / 2 + 1;
  // Not hz / bin_hz: a bin that lies on the edge would be rounded out of the band.
  const auto first_at = [&](double hz) {
    const double k = std::ceil(hz * n / block.sampling_rate_hz);
    return k < static_cast<double>(bins) ? std::max<std::size_t>(static_cast<std::size_t>(k), 1) : bins;
  };
  if (low_hz > 0 && 2 * low_hz * n < block.sampling_rate_hz) return {};
  return {first_at(low_hz), std::max(first_at(low_hz), first_at(high_hz))};
}

Bins bins_of_envelope(const BlockView& block) {
  Bins band = bins_of_band(block.plan->envelope_low_hz, block.plan->envelope_high_hz, block);
  band.end = std::max(band.begin, std::min(band.end, (block.count + 1) / 2));
  return band.end - band.begin < envelope_bins_min ? Bins() : band;
}

Bins bins_of_velocity(double low_hz, double high_hz, const BlockView& block) {
  const double seconds = static_cast<double>(block.count) / block.sampling_rate_hz;
  return low_hz * seconds >= velocity_periods_min ? bins_of_band(low_hz, high_hz, block) : Bins();
}

Reach reach_of(double at, double tolerance) {
  const double nearest = std::round(at);
  return {std::min(nearest - 1, std::ceil(at * (1 - tolerance))), std::max(nearest + 1, std::floor(at * (1 + tolerance)))};
}

Bins bins_of_multiple(const Feature& feature, const BlockView& block, double bin_hz, std::size_t bins) {
  const double turns = block.shaft_hz / bin_hz;
  const Reach reach = reach_of(feature.low * turns, block.plan->line_tolerance);
  const bool is_inside = turns >= turns_min && reach.first >= 1 && reach.last < static_cast<double>(bins);
  return is_inside ? Bins{static_cast<std::size_t>(reach.first), static_cast<std::size_t>(reach.last) + 1} : Bins();
}

double highest_amplitude(std::span<const double> mean_square, Bins bins) {
  const auto looked_at = mean_square.subspan(bins.begin, bins.end - bins.begin);
  return looked_at.empty() ? undefined : std::sqrt(3 * *std::ranges::max_element(looked_at));
}

double multiple_velocity(const Feature& feature, const BlockView& block, double amplitude) {
  const double hz = feature.low * block.shaft_hz;
  const double periods = hz * static_cast<double>(block.count) / block.sampling_rate_hz;
  if (block.plan->mm_s2_per_unit == 0 || !(periods >= velocity_periods_min)) return undefined;
  return block.plan->mm_s2_per_unit * amplitude / (std::numbers::sqrt2 * 2 * std::numbers::pi * hz);
}

double spectrum_feature(const Feature& feature, const Spectrum& spectrum, const BlockView& block) {
  const std::size_t bins = spectrum.mean_square.size();
  const Bins all{1, bins};
  const Bins band = bins_of_band(feature.low, feature.high, block);
  if (feature.statistic == number::band_rms) return band_rms(spectrum, band);
  if (feature.statistic == number::vibration_velocity) {
    return vibration_velocity(spectrum, bins_of_velocity(feature.low, feature.high, block), block.plan->mm_s2_per_unit);
  }
  if (is_of_lines(feature)) {
    return line_feature(feature, spectrum, highest_maxima(spectrum.mean_square, static_cast<std::size_t>(feature.low)));
  }
  if (feature.statistic == number::multiple_amplitude || feature.statistic == number::multiple_velocity) {
    const double amplitude = highest_amplitude(spectrum.mean_square, bins_of_multiple(feature, block, spectrum.bin_hz, bins));
    return feature.statistic == number::multiple_amplitude ? amplitude : multiple_velocity(feature, block, amplitude);
  }
  const double total = sum_of(spectrum.mean_square, all);
  if (!(total > 0)) return undefined;
  switch (feature.statistic) {
    case number::spectral_centroid:
      return centroid(spectrum, all, total);
    case number::spectral_spread:
      return spread(spectrum, all, total);
    case number::spectral_entropy:
      return entropy(spectrum, all, total);
    case number::spectral_rolloff:
      return rolloff(spectrum, all, total, feature.low);
    case number::low_frequency_share:
      return band.empty() ? undefined : sum_of(spectrum.mean_square, band) / total;
    default:
      return undefined;
  }
}

}  // namespace stethos::kernels
