#include "edge/core/cutting.h"

#include <algorithm>
#include <cmath>

#include "edge/core/limits.h"
#include "gpu_kernels/definedness.h"
#include "gpu_kernels/envelope.h"
#include "gpu_kernels/shaft_speed.h"
#include "gpu_kernels/spectrum.h"

namespace stethos::edge {
namespace {

// A motor under load turns a little slower than its plate says.
constexpr double slowest_share = 0.9;
// Where no speed is declared: long enough for the lines of most machines.
constexpr double seconds_without_speed = 1;

bool is_fast(std::size_t samples) {
  for (const std::size_t factor : {2, 3, 5}) {
    while (samples % factor == 0) samples /= factor;
  }
  return samples == 1;
}

// Even: such a transform takes half the work.
std::size_t fast_at_least(std::size_t samples) {
  samples += samples % 2;
  while (!is_fast(samples)) samples += 2;
  return samples;
}

std::size_t fast_at_most(std::size_t samples) {
  samples -= samples % 2;
  while (samples > 2 && !is_fast(samples)) samples -= 2;
  return samples;
}

bool is_of_a_higher_harmonic(const std::string& parameter) { return !parameter.ends_with(".1x"); }

std::size_t automatic_samples(const BlockPlan& plan, double sampling_rate_hz, double nominal_hz) {
  const double slowest_hz = slowest_share * nominal_hz;
  kernels::BlockView block;
  block.plan = &plan.kernel;
  block.sampling_rate_hz = sampling_rate_hz;
  block.shaft_hz = slowest_hz;
  double needed = nominal_hz > 0 ? 0 : seconds_without_speed * sampling_rate_hz;
  for (std::size_t i = 0; i < plan.kernel.features.size(); ++i) {
    const kernels::Feature& feature = plan.kernel.features[i];
    if (!kernels::is_of_envelope(feature)) {
      needed = std::max(needed, static_cast<double>(kernels::samples_needed(feature, block)));
      continue;
    }
    const double turns = kernels::turns_needed(feature.low);
    if (!(nominal_hz > 0) || is_of_a_higher_harmonic(plan.parameters[i]) || turns > turns_recorded_max) continue;
    needed = std::max(needed, turns / slowest_hz * sampling_rate_hz);
  }
  if (nominal_hz > 0 && plan.kernel.speed_range > 0) {
    needed = std::max(needed, kernels::speed_turns_usual / nominal_hz * sampling_rate_hz);
  }
  const double longest =
      std::min(static_cast<double>(kernels::spectrum_samples_max),
               static_cast<double>(plan.analysis.length_ns_max) / static_cast<double>(ns_per_s) * sampling_rate_hz);
  const auto samples =
      fast_at_least(static_cast<std::size_t>(std::ceil(std::min(std::max(needed, double{analysis_samples_min}), longest))));
  return static_cast<double>(samples) <= longest ? samples : fast_at_most(static_cast<std::size_t>(longest));
}

}  // namespace

Cutting cutting_of(const BlockPlan& plan, double sampling_rate_hz, double nominal_hz) {
  const AnalysisRule& rule = plan.analysis;
  Cutting out;
  out.gap_ns_max = rule.gap_ns_max;
  out.samples = rule.length_ns == 0 ? automatic_samples(plan, sampling_rate_hz, nominal_hz)
                                    : static_cast<std::size_t>(std::llround(static_cast<double>(rule.length_ns) /
                                                                            static_cast<double>(ns_per_s) * sampling_rate_hz));
  const auto hop = std::llround(static_cast<double>(out.samples) * (1 - rule.overlap));
  out.hop = std::max<std::size_t>(1, static_cast<std::size_t>(hop));
  return out;
}

std::string objection_to_analysis_samples(std::size_t samples) {
  if (samples >= analysis_samples_min && samples <= kernels::spectrum_samples_max) return {};
  return "analysis blocks of " + std::to_string(samples) + " samples are none: they have " +
         std::to_string(analysis_samples_min) + " to " + std::to_string(kernels::spectrum_samples_max);
}

}  // namespace stethos::edge
