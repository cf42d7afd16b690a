#include "gpu_kernels/shaft_speed.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

namespace stethos::kernels {
namespace {

// A bin that stands out more than this adds no more: one strong line of something else is no comb.
constexpr double standing_out_max = 6;
// Speeds whose scores are less than so much lower are as good. Not a whole number of the most that a bin adds: rounding would
// tell.
constexpr double as_good_less = 1.5 * standing_out_max;
// By how many bins a median is as sure as a mean; see bearing_significance.
constexpr double floor_bins = 8;
// Speeds that differ by less are one: a rival is another. In ten turns the highest harmonics tell half as much apart.
constexpr double same_speed = 0.01;
// So much farther on both sides rivals are looked for: a speed outside the range would pass for the one at its end.
constexpr double beyond_range = 0.01;

struct Comb {
  std::size_t harmonics = 0;
  std::size_t surroundings = 0;  // of so many multiples of the plate's speed
};

Comb comb_of(const BlockView& block) {
  const double bin_hz = block.sampling_rate_hz / static_cast<double>(block.count);
  const double turns = block.shaft_hz / bin_hz;
  const double highest = 1 + block.plan->speed_range + beyond_range;
  const std::size_t all_bins = block.count / 2 + 1;
  const auto bins = static_cast<double>(all_bins);
  if (!(turns >= speed_turns_min) || !(turns <= bins)) return {};
  Comb comb;
  for (std::size_t harmonics = speed_harmonics_min; harmonics <= speed_harmonics_max; ++harmonics) {
    const double surroundings = std::ceil(static_cast<double>(harmonics) * highest);
    if (std::ceil((surroundings + 0.5) * turns) + 1 > bins) break;  // a bin has a neighbour
    comb = {harmonics, static_cast<std::size_t>(surroundings)};
  }
  return comb;
}

std::size_t border(std::size_t multiple, double turns) {
  return static_cast<std::size_t>(std::ceil((static_cast<double>(multiple) + 0.5) * turns));
}

double median_of(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return values.size() % 2 == 1 ? *middle : (*middle + *std::max_element(values.begin(), middle)) / 2;
}

// Of each bin that is a peak: how far it stands out of the half turn around it, as the logarithm of how rarely noise does. Bins
// beside a peak stand out with it, and would have speeds beside its own pass for it.
std::vector<double> standing_out(std::span<const double> mean_square, const Comb& comb, double turns) {
  std::vector<double> out(border(comb.surroundings, turns));
  std::vector<double> some;
  for (std::size_t multiple = 1; multiple <= comb.surroundings; ++multiple) {
    const std::size_t begin = border(multiple - 1, turns), end = border(multiple, turns);
    some.assign(mean_square.begin() + static_cast<std::ptrdiff_t>(begin), mean_square.begin() + static_cast<std::ptrdiff_t>(end));
    const double floor = median_of(some) / std::numbers::ln2;
    if (!(floor > 0)) return {};
    for (std::size_t k = begin; k < end; ++k) {
      if (mean_square[k] < mean_square[k - 1] || mean_square[k] < mean_square[k + 1]) continue;
      out[k] = std::min(standing_out_max, floor_bins * std::log1p(mean_square[k] / floor / floor_bins));
    }
  }
  return out;
}

// The share of noise whose sum over the harmonics is as high: each is spread exponentially, their sum as a gamma distribution.
double share_of_noise(double score, std::size_t harmonics) {
  double term = 1, sum = 1;
  for (std::size_t i = 1; i < harmonics; ++i) sum += term *= score / static_cast<double>(i);
  return sum * std::exp(-score);
}

// How rarely noise has such a score in one of so many places, as a power of ten.
double rarity(double score, std::size_t harmonics, double places) {
  return -std::log10(std::min(1.0, places * share_of_noise(score, harmonics)));
}

}  // namespace

bool is_speed_estimated(const BlockView& block) {
  return block.plan != nullptr && block.plan->speed_range > 0 && block.is_speed_nominal && block.shaft_hz > 0;
}

std::size_t bins_of_speed(const BlockView& block) {
  const Comb comb = comb_of(block);
  if (comb.harmonics == 0) return 0;
  return border(comb.surroundings, block.shaft_hz * static_cast<double>(block.count) / block.sampling_rate_hz) + 1;
}

std::optional<SpeedEstimate> estimate_speed(std::span<const double> mean_square, const BlockView& block) {
  const Comb comb = comb_of(block);
  const double bin_hz = block.sampling_rate_hz / static_cast<double>(block.count);
  const std::vector<double> out_of_noise = standing_out(mean_square, comb, block.shaft_hz / bin_hz);
  if (out_of_noise.empty()) return std::nullopt;

  const double low_hz = block.shaft_hz * (1 - block.plan->speed_range - beyond_range);
  const double width_hz = 2 * block.shaft_hz * (block.plan->speed_range + beyond_range);
  const auto harmonics = static_cast<double>(comb.harmonics);
  const double step_hz = bin_hz / (4 * harmonics);  // the highest harmonic moves by a quarter of a bin
  const auto candidates = static_cast<std::size_t>(width_hz / step_hz) + 1;
  const auto speed_of = [&](double candidate) { return low_hz + candidate * step_hz; };
  std::vector<double> scores(candidates);
  for (std::size_t i = 0; i < candidates; ++i) {
    const double bins = speed_of(static_cast<double>(i)) / bin_hz;
    for (std::size_t harmonic = 1; harmonic <= comb.harmonics; ++harmonic) {
      const auto k = static_cast<std::size_t>(std::floor(static_cast<double>(harmonic) * bins + 0.5));
      scores[i] += out_of_noise[std::min(k, out_of_noise.size() - 1)];
    }
  }

  // The middle of those around the best that have hardly more than a peak less: by one peak noise may prefer any of them.
  const auto best = std::ranges::max_element(scores);
  const auto is_as_good = [&](double score) { return score >= *best - as_good_less; };
  const auto end = std::find_if_not(best, scores.end(), is_as_good);
  const auto before = std::find_if_not(std::make_reverse_iterator(best), scores.rend(), is_as_good).base();
  const double hz = speed_of(static_cast<double>((before - scores.begin()) + (end - scores.begin() - 1)) / 2);
  double rival = 0;
  for (std::size_t i = 0; i < candidates; ++i) {
    if (std::abs(speed_of(static_cast<double>(i)) - hz) > same_speed * hz) rival = std::max(rival, scores[i]);
  }
  if (std::abs(hz - block.shaft_hz) > block.plan->speed_range * block.shaft_hz) return SpeedEstimate{hz, 0};
  const double places = std::max(1.0, width_hz * harmonics / bin_hz);
  double confidence = std::min(rarity(*best, comb.harmonics, places), (*best - rival) / std::numbers::ln10);
  // The comb of a shaft that turns twice or three times as fast has its harmonics among these. It has not the others.
  for (const std::size_t factor : {2, 3}) {
    double score = 0;
    std::size_t others = 0;
    for (std::size_t harmonic = 1; harmonic <= comb.harmonics; ++harmonic) {
      if (harmonic % factor == 0) continue;
      const auto k = static_cast<std::size_t>(std::floor(static_cast<double>(harmonic) * hz / bin_hz + 0.5));
      score += out_of_noise[std::min(k, out_of_noise.size() - 1)];
      ++others;
    }
    confidence = std::min(confidence, rarity(score, others, 1));
  }
  return SpeedEstimate{hz, confidence};
}

BlockSpeed speed_of(const BlockView& block, std::span<const double> mean_square) {
  BlockSpeed out{.hz = block.shaft_hz, .of_lines_hz = block.shaft_hz};
  if (!is_speed_estimated(block)) return out;
  out.of_lines_hz = 0;
  const std::size_t bins = bins_of_speed(block);
  if (bins == 0 || mean_square.size() < bins) return out;
  const auto estimate = estimate_speed(mean_square, block);
  if (!estimate) return out;
  out.confidence = estimate->confidence;
  if (estimate->confidence < speed_confidence_min) return out;
  out.hz = out.of_lines_hz = out.estimated_hz = estimate->hz;
  return out;
}

}  // namespace stethos::kernels
