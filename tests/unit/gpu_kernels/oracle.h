// What the statistics of a set of samples are, computed the long way in long double, straight from their definitions and
// sharing nothing with the backends.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace stethos::test {

struct Oracle {
  std::size_t n = 0;
  long double mean = 0, m2 = 0, m3 = 0, m4 = 0;
  long double m3_abs = 0;  // sum of |x - mean|^3: the scale of m3's error
  long double sum_abs = 0, sum_sqrt_abs = 0, sum_square = 0;
  long double min = 0, max = 0;

  explicit Oracle(const std::vector<double>& samples) : n(samples.size()) {
    if (n == 0) return;
    const auto count = static_cast<long double>(n);
    min = max = samples.front();
    // Distances are taken from the first sample and then from their own mean, which a large offset cannot round.
    const long double origin = samples.front();
    long double mean_distance = 0;
    for (const long double x : samples) {
      mean_distance += (x - origin) / count;
      sum_abs += std::fabs(x);
      sum_sqrt_abs += std::sqrt(std::fabs(x));
      sum_square += x * x;
      min = std::min(min, x);
      max = std::max(max, x);
    }
    mean = origin + mean_distance;
    for (const long double x : samples) {
      const long double d = (x - origin) - mean_distance;
      m2 += d * d;
      m3 += d * d * d;
      m3_abs += std::fabs(d * d * d);
      m4 += d * d * d * d;
    }
  }

  // By the names of the registry; without those that are not defined.
  std::map<std::string, long double> statistics() const {
    std::map<std::string, long double> out{{"count", static_cast<long double>(n)}};
    if (n == 0) return out;
    const auto count = static_cast<long double>(n);
    const long double rms = std::sqrt(sum_square / count);
    const long double peak = std::max(std::fabs(min), std::fabs(max));
    out["mean"] = mean;
    out["standard_deviation"] = std::sqrt(m2 / count);
    out["rms"] = rms;
    out["peak"] = peak;
    out["peak_to_peak"] = max - min;
    out["min"] = min;
    out["max"] = max;
    if (peak > 0) {
      out["crest"] = peak / rms;
      out["shape"] = rms / (sum_abs / count);
      out["impulse"] = peak / (sum_abs / count);
      out["clearance"] = peak / std::pow(sum_sqrt_abs / count, 2.0L);
    }
    if (min != max) {
      out["skewness"] = (m3 / count) / std::pow(m2 / count, 1.5L);
      out["kurtosis"] = (m4 / count) / std::pow(m2 / count, 2.0L);
    }
    return out;
  }
};

}  // namespace stethos::test
