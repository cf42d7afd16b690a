#include "edge/window/block_plans.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/number_text.h"
#include "common/time_text.h"
#include "edge/config/parameter_text.h"
#include "gpu_kernels/deviations.h"
#include "gpu_kernels/envelope.h"
#include "gpu_kernels/spectrum.h"

namespace stethos::edge {
namespace {

void put(BlockPlan& plan, std::uint16_t statistic, double low, double high, std::string parameter) {
  plan.kernel.features.push_back({statistic, low, high});
  plan.parameters.push_back(std::move(parameter));
}

void put_spectrum(BlockPlan& plan, const SpectrumConfig& config) {
  namespace number = kernels::number;
  if (config.speed_range > 0) put(plan, number::speed_confidence, 0, 0, "");
  for (const std::uint16_t statistic : {number::spectral_centroid, number::spectral_spread, number::spectral_entropy}) {
    put(plan, statistic, 0, 0, "");
  }
  put(plan, number::spectral_rolloff, config.rolloff_share, 0, number_text(config.rolloff_share));
  if (config.low_frequency_hz > 0) {
    put(plan, number::low_frequency_share, 0, config.low_frequency_hz, number_text(config.low_frequency_hz) + "Hz");
  }
  for (const std::string& text : config.bands) {
    const Band band = parse_band(text).value();
    put(plan, number::band_rms, band.low_hz, band.high_hz, text);
  }
  for (const std::string& text : plan.kernel.mm_s2_per_unit > 0 ? config.velocity_bands : std::vector<std::string>{}) {
    const Band band = parse_band(text).value();
    put(plan, number::vibration_velocity, band.low_hz, band.high_hz, text);
  }
  for (int rank = 1; rank <= config.lines; ++rank) {
    put(plan, number::line_frequency, rank, 0, std::to_string(rank));
    put(plan, number::line_amplitude, rank, 0, std::to_string(rank));
  }
  for (const std::string& text : config.multiples) {
    put(plan, number::multiple_amplitude, parse_multiple(text).value(), 0, text);
  }
  for (const std::string& text : plan.kernel.mm_s2_per_unit > 0 ? config.velocity_multiples : std::vector<std::string>{}) {
    put(plan, number::multiple_velocity, parse_multiple(text).value(), 0, text);
  }
  if (!config.ac_factors) return;
  for (const std::uint16_t statistic : {number::ac_shape, number::ac_impulse, number::ac_clearance})
    put(plan, statistic, 0, 0, "");
}

void put_envelope(BlockPlan& plan, const SpectrumConfig& config, const BearingConfig& bearing) {
  const Band band = parse_band(config.envelope_band).value();
  plan.kernel.envelope_low_hz = band.low_hz;
  plan.kernel.envelope_high_hz = band.high_hz;
  const kernels::BearingRates rates = kernels::rates_of({.elements = bearing.elements,
                                                         .element_diameter = bearing.element_diameter_mm,
                                                         .pitch_diameter = bearing.pitch_diameter_mm,
                                                         .contact_angle_deg = bearing.contact_angle_deg});
  for (const auto& [name, rate] :
       {std::pair{"bpfo", rates.bpfo}, {"bpfi", rates.bpfi}, {"2bsf", rates.bsf_2}, {"ftf", rates.ftf}}) {
    for (int harmonic = 1; harmonic <= config.bearing_harmonics; ++harmonic) {
      const std::string text = std::string(name) + "." + std::to_string(harmonic) + "x";
      for (const std::uint16_t statistic :
           {kernels::number::bearing_amplitude, kernels::number::bearing_depth, kernels::number::bearing_significance}) {
        put(plan, statistic, rate * harmonic, 0, text);
      }
    }
  }
}

}  // namespace

double mm_s2_per_unit(std::string_view unit) {
  constexpr double standard_gravity_mm_s2 = 9'806.65;
  if (unit == "g" || unit == "gn") return standard_gravity_mm_s2;
  for (const auto& [length, mm] : {std::pair<std::string_view, double>{"m", 1'000}, {"mm", 1}, {"in", 25.4}}) {
    if (!unit.starts_with(length)) continue;
    const std::string_view per_square_second = unit.substr(length.size());
    if (per_square_second == "/s2" || per_square_second == "/s^2" || per_square_second == "/s²") return mm;
  }
  return 0;
}

BlockPlans::BlockPlans(const EdgeConfig& config, const std::vector<WindowDefinition>& definitions)
    : spectra_(config.spectra),
      bearings_(config.bearings),
      watermark_delay_ns_(config.time_watermark_delay),
      definitions_(definitions) {}

const BlockPlan* BlockPlans::plan_of(std::string_view device, std::string_view quantity, std::string_view unit,
                                     const PointEntry* entry) {
  bool features = false, buckets = false, validity = false;
  for (const WindowDefinition& definition : definitions_) {
    if (!definition.takes(device, quantity)) continue;
    features = features || definition.shows_features;
    buckets = buckets || !definition.quantiles.empty();
    validity = validity || definition.shows_validity;
  }
  const SpectrumConfig* spectrum = nullptr;
  const BearingConfig* bearing = nullptr;
  if (features) {
    const auto taken = std::ranges::find_if(spectra_, [&](const SpectrumConfig& each) {
      return (each.device.empty() || each.device == device) && each.quantity == quantity;
    });
    if (taken != spectra_.end()) spectrum = &*taken;
  }
  if (spectrum != nullptr && entry != nullptr && !spectrum->envelope_band.empty()) {
    const auto named = std::ranges::find(bearings_, entry->bearing, &BearingConfig::name);
    if (named != bearings_.end()) bearing = &*named;
  }
  const double per_unit = spectrum == nullptr || quantity != "acceleration" ? 0 : mm_s2_per_unit(unit);
  auto& plan = plans_[Key{spectrum, bearing, per_unit, buckets, validity}];
  if (plan == nullptr) {
    plan = std::make_unique<BlockPlan>(make(spectrum, bearing, per_unit));
    kernels::BlockPlan& of_each = plan->analysis.joins ? plan->of_samples : plan->kernel;
    of_each.buckets = buckets;
    of_each.validity = validity;
    plan->id = static_cast<PlanId>(by_id_.size());
    by_id_.push_back(plan.get());
  }
  return plan.get();
}

BlockPlan BlockPlans::make(const SpectrumConfig* spectrum, const BearingConfig* bearing, double per_unit) const {
  BlockPlan plan;
  if (spectrum == nullptr) return plan;
  plan.kernel.mm_s2_per_unit = per_unit;
  plan.kernel.line_tolerance = spectrum->line_tolerance;
  plan.kernel.speed_range = spectrum->speed_range;
  put_spectrum(plan, *spectrum);
  if (bearing != nullptr) put_envelope(plan, *spectrum, *bearing);
  plan.analysis.joins = spectrum->length != "message";
  if (plan.analysis.joins && spectrum->length != "auto") plan.analysis.length_ns = parse_duration(spectrum->length).value();
  plan.analysis.length_ns_max = watermark_delay_ns_;
  plan.analysis.overlap = spectrum->overlap;
  plan.analysis.gap_ns_max = spectrum->gap_max;
  return plan;
}

std::vector<std::pair<std::uint16_t, std::string>> BlockPlans::features() const {
  std::vector<std::pair<std::uint16_t, std::string>> out;
  for (const SpectrumConfig& spectrum : spectra_) {
    const BearingConfig* bearing = bearings_.empty() || spectrum.envelope_band.empty() ? nullptr : &bearings_.front();
    const BlockPlan plan = make(&spectrum, bearing, 1);
    for (std::size_t i = 0; i < plan.parameters.size(); ++i) {
      const std::pair feature{plan.kernel.features[i].statistic, plan.parameters[i]};
      if (std::ranges::find(out, feature) == out.end()) out.push_back(feature);
    }
  }
  return out;
}

}  // namespace stethos::edge
