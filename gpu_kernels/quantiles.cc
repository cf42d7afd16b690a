#include "gpu_kernels/quantiles.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace stethos::kernels {
namespace {

double quantile_of(const Summary& window) {
  std::uint64_t in_buckets = 0;
  for (const Bucket& each : window.buckets) in_buckets += each.count;
  // Where samples are in no bucket, for none were asked for when they came, nothing is known of where they lie.
  if (in_buckets == 0 || in_buckets != window.moments.count) return std::numeric_limits<double>::quiet_NaN();
  return std::clamp(quantile(window.buckets, window.parameter), window.moments.min, window.moments.max);
}

constexpr std::array<StatisticDefinition, 1> definitions{{
    {15, "quantile", UnitRule::same, ParameterRule::quantile, Trend::any, "the ceil(p n)-th smallest x",
     "Hyndman and Fan, The American Statistician 50 (1996), definition 1; buckets of 1/64 octave",
     "within 1 % for values of 1.2e-38 to 3.4e38 and their negatives, else only between min and max; not defined without "
     "samples, or where some are in no bucket",
     quantile_of},
}};

}  // namespace

std::span<const StatisticDefinition> quantile_statistics() { return definitions; }

std::optional<double> parse_percentile(std::string_view text) {
  if (!text.starts_with('p')) return std::nullopt;
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [read_to, error] = std::from_chars(text.data() + 1, end, value, std::chars_format::fixed);
  const bool is_percent = error == std::errc{} && read_to == end && value >= 0 && value <= 100;
  if (!is_percent) return std::nullopt;
  return value / 100;
}

}  // namespace stethos::kernels
