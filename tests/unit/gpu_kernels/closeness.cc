#include "tests/unit/gpu_kernels/closeness.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>

#include "gpu_kernels/deviations.h"
#include "gpu_kernels/spectrum.h"
#include "gpu_kernels/time.h"

namespace stethos::kernels::test {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// As shares of what is allowed. Where nothing is, anything but the same is infinitely far.
double share_of(double distance, double allowed) {
  return distance == 0 ? 0 : distance <= allowed ? distance / allowed : infinity;
}

// Whether a maximum stays one when every bin moves by no more than `slack`: on both sides it goes down by twice that before it
// goes up.
bool is_certain(const std::vector<double>& lines, std::size_t k, double slack) {
  const auto goes_down = [&](int step) {
    for (auto i = static_cast<std::ptrdiff_t>(k) + step; i >= 0 && i < std::ssize(lines); i += step) {
      const double line = lines[static_cast<std::size_t>(i)];
      if (line < lines[k] - 2 * slack) return true;
      if (line > lines[k] || (line == lines[k] && step < 0)) return false;
    }
    return false;
  };
  return goes_down(-1) && goes_down(1);
}

double of_rank(const std::vector<double>& lines, std::size_t rank) { return rank <= lines.size() ? lines[rank - 1] : 0; }

double scale_of_time(ToleranceUnit unit, double expected, const Moments& moments) {
  if (unit == ToleranceUnit::mean_magnitude) return moments.sum_abs / static_cast<double>(moments.count);
  if (unit == ToleranceUnit::mean_over_deviation && moments.m2 > 0) {
    const double n = static_cast<double>(moments.count);
    return std::abs(expected) * (1 + moments.sum_abs / n / std::sqrt(moments.m2 / n));
  }
  if (unit == ToleranceUnit::skewness_max) return std::pow(find_statistic("kurtosis")->compute(moments), 0.75);
  return std::abs(expected);
}

}  // namespace

double allowed_of_time(std::string_view backend, const StatisticDefinition& statistic, double expected, const Moments& moments) {
  const Tolerance from_definition = tolerance_of("reference", statistic.number);
  const double from_reference = backend == "reference" ? 0 : tolerance_of(backend, statistic.number).size;
  return (from_definition.size + from_reference) * scale_of_time(from_definition.unit, expected, moments);
}

Closeness::Closeness(const BlockView& block, const BlockStatistics& reference) : block_(block), reference_(reference) {
  if (block.plan == nullptr || !has_spectrum(block, reference.moments)) return;
  bin_hz_ = block.sampling_rate_hz / static_cast<double>(block.count);
  spectrum_ = reference_spectrum(block, reference.moments);
  for (const double mean_square : spectrum_) amplitudes_.push_back(std::sqrt(3 * mean_square));
  if (std::ranges::any_of(block.plan->features, is_of_envelope)) envelope_ = reference_envelope(block, reference.moments);
}

double Closeness::deviation() const { return std::sqrt(reference_.moments.m2 / static_cast<double>(reference_.moments.count)); }

double Closeness::largest_line() const { return highest_amplitude(spectrum_, {1, spectrum_.size()}); }

double Closeness::allowed(std::string_view backend, const Feature& feature, double expected) const {
  const Tolerance tolerance = tolerance_of(backend, feature.statistic);
  const bool needs_spectrum = find_statistic(feature.statistic)->is_feature() && !is_of_deviations(feature);
  if (needs_spectrum && spectrum_.empty()) return 0;  // it is not defined
  switch (tolerance.unit) {
    case ToleranceUnit::none:
      return 0;
    case ToleranceUnit::value:
    case ToleranceUnit::mean_magnitude:
    case ToleranceUnit::skewness_max:
    case ToleranceUnit::mean_over_deviation:
      return tolerance.size * scale_of_time(tolerance.unit, expected, reference_.moments);
    case ToleranceUnit::one:
      return tolerance.size;
    case ToleranceUnit::spectrum_rms:
      return tolerance.size * spectrum_feature({number::band_rms, 0, infinity}, {spectrum_, bin_hz_}, block_);
    case ToleranceUnit::velocity: {
      const Bins band = bins_of_velocity(feature.low, feature.high, block_);
      const double lower_end = 2 * std::numbers::pi * bin_hz_ * static_cast<double>(band.begin);
      return tolerance.size * block_.plan->mm_s2_per_unit / lower_end *
             spectrum_feature({number::band_rms, 0, infinity}, {spectrum_, bin_hz_}, block_);
    }
    case ToleranceUnit::half_rate:
      return tolerance.size * block_.sampling_rate_hz / 2;
    case ToleranceUnit::largest_line:
      return tolerance.size * largest_line();
    case ToleranceUnit::multiple_velocity:
      return tolerance.size * largest_line() * block_.plan->mm_s2_per_unit /
             (2 * std::numbers::pi * feature.low * block_.shaft_hz);
    case ToleranceUnit::bins:
      return tolerance.size * bin_hz_ * largest_line() /
             spectrum_feature({number::line_amplitude, feature.low}, {spectrum_, bin_hz_}, block_);
    case ToleranceUnit::share: {
      const auto [lowest, highest] = rolloffs(feature, tolerance.size);
      return std::max(highest - expected, expected - lowest);
    }
    case ToleranceUnit::deviation:
      return tolerance.size * deviation();
    case ToleranceUnit::envelope_lines: {
      const auto line = line_of(feature);
      if (!line) return 0;
      const auto [lowest, highest] = bearing_values(backend, feature, *line);
      return std::max(highest - expected, expected - lowest);
    }
  }
  return 0;
}

Closeness::Lines Closeness::lines_of(std::string_view backend) const {
  Lines out;
  if (spectrum_.empty()) return out;
  out.largest = largest_line();
  out.slack = tolerance_of(backend, number::line_amplitude).size * out.largest;
  for (std::size_t k = 1; k + 1 < amplitudes_.size(); ++k) {
    if (amplitudes_[k] + 2 * out.slack < std::max(amplitudes_[k - 1], amplitudes_[k + 1])) continue;
    out.bins.push_back(k);
    out.possible.push_back(amplitudes_[k]);
    if (is_certain(amplitudes_, k, out.slack)) out.certain.push_back(amplitudes_[k]);
  }
  std::ranges::sort(out.possible, std::greater{});
  std::ranges::sort(out.certain, std::greater{});
  return out;
}

double Closeness::distance_of_line(std::string_view backend, const Lines& lines, const Feature& feature, double found) const {
  const auto rank = static_cast<std::size_t>(feature.low);
  if (std::isnan(found)) return lines.certain.size() < rank ? 0 : infinity;
  const double lowest = of_rank(lines.certain, rank) - 2 * lines.slack;
  const double highest = of_rank(lines.possible, rank) + 2 * lines.slack;
  const double frequency_size = tolerance_of(backend, number::line_frequency).size;
  double nearest = infinity;
  for (const std::size_t k : lines.bins) {
    const double line = amplitudes_[k];
    if (line < lowest || line > highest) continue;
    for (const int side : {-1, 1}) {
      const double beside = amplitudes_[k + static_cast<std::size_t>(side)];
      if (beside + 2 * lines.slack < amplitudes_[k - static_cast<std::size_t>(side)]) continue;  // not the higher neighbour
      const double ratio = line > 0 ? beside / line : 0;
      const double d = std::max(0.0, (2 * ratio - 1) / (ratio + 1));
      if (feature.statistic == number::line_frequency) {
        const double bins_allowed = line > 0 ? frequency_size * lines.largest / line : infinity;
        nearest = std::min(nearest, share_of(std::abs(found / bin_hz_ - static_cast<double>(k) - side * d), bins_allowed));
      } else {
        const double shape = d == 0 ? 1 : (1 - d * d) * std::numbers::pi * d / std::sin(std::numbers::pi * d);
        nearest = std::min(nearest, share_of(std::abs(found - line * shape), lines.slack));
      }
    }
  }
  return nearest;
}

std::pair<double, double> Closeness::rolloffs(const Feature& feature, double slack) const {
  const auto at = [&](double share) { return spectrum_feature({feature.statistic, share}, {spectrum_, bin_hz_}, block_); };
  return {at(feature.low - slack), at(feature.low + slack)};
}

std::optional<BearingLine> Closeness::line_of(const Feature& feature) const {
  const Bins bins = bins_of_bearing_line(feature, block_, bin_hz_, envelope_.mean_square.size());
  return bearing_line(envelope_.mean_square, 0, bins, block_, bin_hz_, envelope_.mean);
}

std::pair<double, double> Closeness::bearing_values(std::string_view backend, const Feature& feature,
                                                    const BearingLine& line) const {
  const double slack = tolerance_of(backend, feature.statistic).size * deviation();
  const auto moved = [](double mean_square, double by) {
    const double root = std::max(0.0, std::sqrt(mean_square) + by);
    return root * root;
  };
  const auto value = [&](int side) {
    BearingLine out = line;
    const double by = side * slack / std::numbers::sqrt3;
    out.highest = moved(line.highest, by);
    out.around = moved(line.around, std::numbers::sqrt3 * by);  // of three
    out.floor = moved(line.floor * std::numbers::ln2, -by) / std::numbers::ln2;
    out.mean = line.mean - side * slack;
    return bearing_feature(feature.statistic, out);
  };
  return {value(-1), value(1)};
}

double Closeness::distance_of_bearing(std::string_view backend, const Feature& feature, double found, double expected) const {
  const auto line = line_of(feature);
  if (!line) return std::isnan(found) ? 0 : infinity;
  if (found == expected) return 0;
  const auto [lowest, highest] = bearing_values(backend, feature, *line);
  if (std::isnan(lowest) || std::isnan(highest)) return 0;  // rounding hides the line
  return found >= expected ? share_of(found - expected, highest - expected) : share_of(expected - found, expected - lowest);
}

double Closeness::distance_of(std::string_view backend, const Lines& lines, const Feature& feature, double found,
                              double expected) const {
  if (!spectrum_.empty()) {
    if (feature.statistic == number::bearing_depth || feature.statistic == number::bearing_significance) {
      return distance_of_bearing(backend, feature, found, expected);
    }
    if (feature.statistic == number::line_frequency || feature.statistic == number::line_amplitude) {
      return distance_of_line(backend, lines, feature, found);
    }
  }
  if (found == expected || (std::isnan(found) && std::isnan(expected))) return 0;
  if (feature.statistic == number::spectral_rolloff) {
    const auto [lowest, highest] = rolloffs(feature, tolerance_of(backend, feature.statistic).size);
    return found >= lowest && found <= highest ? 1 : infinity;
  }
  return share_of(std::abs(found - expected), allowed(backend, feature, expected));
}

std::vector<std::string> Closeness::objections(std::string_view backend, const BlockStatistics& found, Worst& worst) const {
  std::vector<std::string> out;
  const Moments& a = found.moments;
  const Moments& b = reference_.moments;
  if (a.count != b.count || a.not_finite != b.not_finite || a.out_of_range != b.out_of_range) out.emplace_back("counts");
  if (found.validity != reference_.validity) out.emplace_back("validity");
  if (!std::ranges::equal(found.buckets.indices, reference_.buckets.indices) ||
      !std::ranges::equal(found.buckets.counts, reference_.buckets.counts)) {
    out.emplace_back("buckets");
  }
  if (found.features.size() != reference_.features.size()) out.emplace_back("number of features");
  if (!out.empty()) return out;

  const Lines possible_lines = lines_of(backend);
  const auto check = [&](const Feature& feature, double value, double expected) {
    const auto name = find_statistic(feature.statistic)->name;
    const double share = distance_of(backend, possible_lines, feature, value, expected);
    worst[name] = std::max(worst[name], share);
    if (share <= 1) return;
    out.push_back(std::string(name) + "(" + std::to_string(feature.low) + ", " + std::to_string(feature.high) + ") is " +
                  std::to_string(value) + ", " + std::to_string((value - expected) / expected) + " off " +
                  std::to_string(expected));
  };
  for (const StatisticDefinition& each : time_statistics()) check({each.number}, each.compute(a), each.compute(b));
  const StatisticDefinition& crest = *find_statistic("ac_crest");
  check({crest.number}, crest.compute(a), crest.compute(b));
  std::vector<std::pair<double, double>> lines;  // rank and bin
  for (std::size_t i = 0; i < found.features.size(); ++i) {
    const Feature& feature = block_.plan->features[i];
    check(feature, found.features[i], reference_.features[i]);
    if (feature.statistic == number::line_frequency && !std::isnan(found.features[i])) {
      lines.emplace_back(found.features[i] / bin_hz_, feature.low);
    }
  }
  // Of two ranks there are two lines, which have a bin between them.
  std::ranges::sort(lines);
  for (std::size_t i = 1; i < lines.size(); ++i) {
    if (lines[i].second != lines[i - 1].second && lines[i].first - lines[i - 1].first < 0.99) {
      out.push_back("one line at bin " + std::to_string(lines[i].first) + " has two ranks");
    }
  }
  return out;
}

}  // namespace stethos::kernels::test
