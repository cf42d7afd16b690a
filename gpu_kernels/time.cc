#include "gpu_kernels/time.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace stethos::kernels {
namespace {

constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

double n_of(const Moments& m) { return static_cast<double>(m.count); }

double if_any(const Moments& m, double value) { return m.count == 0 ? undefined : value; }

// Also undefined where the divisor is zero or is itself undefined.
double ratio(double dividend, double divisor) { return divisor > 0 ? dividend / divisor : undefined; }

double count(const Moments& m) { return n_of(m); }
double mean(const Moments& m) { return if_any(m, m.mean); }
double standard_deviation(const Moments& m) { return if_any(m, std::sqrt(m.m2 / n_of(m))); }
// hypot is the root of the sum of squares, without their overflow.
double rms(const Moments& m) { return if_any(m, std::hypot(std::sqrt(m.m2 / n_of(m)), m.mean)); }
double peak(const Moments& m) { return if_any(m, std::max(std::abs(m.min), std::abs(m.max))); }
double peak_to_peak(const Moments& m) { return if_any(m, m.max - m.min); }
double min(const Moments& m) { return if_any(m, m.min); }
double max(const Moments& m) { return if_any(m, m.max); }
double crest(const Moments& m) { return ratio(peak(m), rms(m)); }
double mean_abs(const Moments& m) { return if_any(m, m.sum_abs / n_of(m)); }
double shape(const Moments& m) { return ratio(rms(m), mean_abs(m)); }
double impulse(const Moments& m) { return ratio(peak(m), mean_abs(m)); }
double clearance(const Moments& m) {
  const double mean_sqrt_abs = if_any(m, m.sum_sqrt_abs / n_of(m));
  return ratio(peak(m), mean_sqrt_abs * mean_sqrt_abs);
}
// Divided one step after the other: the squares of m2 have twice the exponent.
double skewness(const Moments& m) { return m.m2 > 0 ? std::sqrt(n_of(m)) * (m.m3 / m.m2) / std::sqrt(m.m2) : undefined; }
double kurtosis(const Moments& m) { return m.m2 > 0 ? n_of(m) * (m.m4 / m.m2) / m.m2 : undefined; }

template <double (*statistic)(const Moments&)>
double of(const Summary& window) {
  return statistic(window.moments);
}

constexpr std::string_view vocabulary = "ISO 2041:2018";
constexpr std::string_view lei =
    "Lei, Intelligent Fault Diagnosis and Remaining Useful Life Prediction of Rotating Machinery (2016), 2";
constexpr std::string_view joanes_deviation = "Joanes and Gill, The Statistician 47 (1998): root of m2";
constexpr std::string_view joanes_skewness = "Joanes and Gill, The Statistician 47 (1998): g1";
constexpr std::string_view joanes_kurtosis = "Joanes and Gill, The Statistician 47 (1998): g2 + 3";
constexpr std::string_view not_without_samples = "not defined without samples";
constexpr std::string_view not_of_zero = "not defined without samples, or where all are zero";
constexpr std::string_view not_of_constant = "not defined without samples, or where all are the same";

constexpr std::array<StatisticDefinition, 14> definitions{{
    {1, "count", UnitRule::count, ParameterRule::none, Trend::grows, "n", "", "0 without samples", of<count>},
    {2, "mean", UnitRule::same, ParameterRule::none, Trend::any, "sum(x) / n", "", not_without_samples, of<mean>},
    {3, "standard_deviation", UnitRule::same, ParameterRule::none, Trend::any, "sqrt(sum((x - mean)^2) / n)", joanes_deviation,
     "of the population, not of a sample: divided by n; 0 for a constant; not defined without samples", of<standard_deviation>},
    {4, "rms", UnitRule::same, ParameterRule::none, Trend::any, "sqrt(sum(x^2) / n) = sqrt(m2 / n + mean^2)", vocabulary,
     "the mean is not removed; not defined without samples", of<rms>},
    {5, "peak", UnitRule::same, ParameterRule::none, Trend::grows, "max(|x|)", vocabulary,
     "the mean is not removed; not defined without samples", of<peak>},
    {6, "peak_to_peak", UnitRule::same, ParameterRule::none, Trend::grows, "max(x) - min(x)", vocabulary, not_without_samples,
     of<peak_to_peak>},
    {7, "min", UnitRule::same, ParameterRule::none, Trend::shrinks, "min(x)", "", not_without_samples, of<min>},
    {8, "max", UnitRule::same, ParameterRule::none, Trend::grows, "max(x)", "", not_without_samples, of<max>},
    {9, "crest", UnitRule::none, ParameterRule::none, Trend::any, "peak / rms", vocabulary, not_of_zero, of<crest>},
    {10, "shape", UnitRule::none, ParameterRule::none, Trend::any, "rms / mean(|x|)", lei, not_of_zero, of<shape>},
    {11, "impulse", UnitRule::none, ParameterRule::none, Trend::any, "peak / mean(|x|)", lei, not_of_zero, of<impulse>},
    {12, "clearance", UnitRule::none, ParameterRule::none, Trend::any, "peak / mean(sqrt(|x|))^2", lei, not_of_zero,
     of<clearance>},
    {13, "skewness", UnitRule::none, ParameterRule::none, Trend::any, "(m3 / n) / (m2 / n)^(3/2)", joanes_skewness,
     not_of_constant, of<skewness>},
    {14, "kurtosis", UnitRule::none, ParameterRule::none, Trend::any, "(m4 / n) / (m2 / n)^2", joanes_kurtosis,
     "Pearson's: 3 for a Gaussian, nothing is subtracted; not defined without samples, or where all are the same", of<kurtosis>},
}};

}  // namespace

std::span<const StatisticDefinition> time_statistics() { return definitions; }

}  // namespace stethos::kernels
