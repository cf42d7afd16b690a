#include "edge/inspect/spectrum_findings.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <string_view>

#include "common/number_text.h"
#include "edge/core/cutting.h"
#include "edge/core/limits.h"
#include "edge/never_defined.h"
#include "edge/window/block_plans.h"
#include "gpu_kernels/envelope.h"
#include "gpu_kernels/spectrum.h"

namespace stethos::edge {
namespace {

// `device`: empty: any.
bool lacks_velocity(const EdgeConfig& config, std::string_view device, std::string_view quantity, std::string_view unit) {
  const auto takes = [&](const SpectrumConfig& each) {
    return each.quantity == quantity && (each.device.empty() || device.empty() || each.device == device);
  };
  const auto spectrum = std::ranges::find_if(config.spectra, takes);
  return spectrum != config.spectra.end() && (!spectrum->velocity_bands.empty() || !spectrum->velocity_multiples.empty()) &&
         (quantity != "acceleration" || mm_s2_per_unit(unit) == 0);
}

std::string line_of(const std::string& what, const std::string& quantity, const std::string& unit) {
  return what + " is " + quantity + " in " + unit +
         ": no velocity is computed of it (it is of acceleration in g, m/s2, mm/s2 or in/s2)";
}

constexpr double harmonics_strong = 6;  // of a line: those above are weak

// "bpfi.2x and bpfo.3x": of the lines that are looked for, and of the harmonics of each of them up to the sixth.
std::string lines_alike(const BlockPlan& plan) {
  struct Line {
    std::string name;
    double rate = 0;
  };
  std::vector<Line> first;  // of each kind
  std::string pairs;
  for (std::size_t i = 0; i < plan.parameters.size(); ++i) {
    const kernels::Feature& feature = plan.kernel.features[i];
    if (feature.statistic != kernels::number::bearing_depth || !plan.parameters[i].ends_with(".1x")) continue;
    first.push_back({plan.parameters[i].substr(0, plan.parameters[i].size() - 3), feature.low});
  }
  for (std::size_t i = 0; i < plan.parameters.size(); ++i) {
    const kernels::Feature& feature = plan.kernel.features[i];
    if (feature.statistic != kernels::number::bearing_depth) continue;
    for (const Line& other : first) {
      const double harmonic = std::round(feature.low / other.rate);
      const bool is_own = plan.parameters[i].starts_with(other.name + ".");
      const bool is_alike = std::abs(feature.low - harmonic * other.rate) <= plan.kernel.line_tolerance * feature.low;
      if (is_own || harmonic < 1 || harmonic > harmonics_strong || !is_alike) continue;
      pairs += (pairs.empty() ? "" : ", ") + plan.parameters[i] + " and " + other.name + "." + rounded_text(harmonic) + "x";
    }
  }
  return pairs;
}

// Of a channel whose bearing is known. Of its lines the one that needs the fewest turns, and those that need too many.
void find_of_bearing(const PointEntry& entry, const BlockPlan& plan, bool has_speed_channel, std::vector<std::string>& lines) {
  const std::string channel = entry.device + "/" + entry.channel;
  double fewest = std::numeric_limits<double>::infinity();
  std::string hidden;
  for (std::size_t i = 0; i < plan.parameters.size(); ++i) {
    const kernels::Feature& feature = plan.kernel.features[i];
    if (feature.statistic != kernels::number::bearing_depth) continue;
    const double needed = kernels::turns_needed(feature.low);
    fewest = std::min(fewest, needed);
    if (needed <= turns_recorded_max) continue;
    hidden += (hidden.empty() ? "" : ", ") + plan.parameters[i] + " (" + rounded_text(std::round(feature.low)) + "x)";
  }
  if (std::isinf(fewest)) return;  // no line is looked for
  if (!hidden.empty()) {
    lines.push_back(channel +
                    ": these lines of its bearing lie so near a multiple of the shaft's speed that only blocks of more than " +
                    rounded_text(turns_recorded_max) + " turns tell them apart: " + hidden);
  }
  if (entry.nominal_rpm == 0 && !has_speed_channel) {
    lines.push_back(channel + " has a bearing and no speed: no nominal_rpm, and no channel of rotational_speed on " +
                    entry.machine + ". Unless its device says the speed, no line of it is defined");
  }
  if (const std::string pairs = lines_alike(plan); !pairs.empty()) {
    lines.push_back(
        channel +
        ": these lines of its bearing are nearer to one another than line_tolerance, so that a fault of one shows at both: " +
        pairs);
  }
  if (plan.analysis.joins) return;
  const double turns = entry.nominal_rpm / 60 * static_cast<double>(entry.interval_ns) / static_cast<double>(ns_per_s);
  if (turns > 0 && turns < fewest) {
    lines.push_back(channel + ": a block comes every " + rounded_text(turns) + " turns, and the lines of its bearing need " +
                    rounded_text(fewest) + " or more: none is defined");
  }
}

// By the point table; 0: it does not say. Blocks that are joined follow one another.
double sampling_rate_hz(const PointEntry& entry) {
  if (entry.interval_ns == 0 || entry.block_length < 2) return 0;
  return static_cast<double>(entry.block_length) * static_cast<double>(ns_per_s) / static_cast<double>(entry.interval_ns);
}

// What the channel's analysis blocks cannot have, at the speed that the table says.
void find_of_analysis(const PointEntry& entry, const BlockPlan& plan, std::vector<std::string>& lines) {
  const double rate_hz = sampling_rate_hz(entry);
  if (rate_hz == 0) return;
  const std::string channel = entry.device + "/" + entry.channel;
  const double shaft_hz = entry.nominal_rpm / 60;
  const Cutting cutting = cutting_of(plan, rate_hz, shaft_hz);
  if (const std::string bad = objection_to_analysis_samples(cutting.samples); !bad.empty()) {
    lines.push_back(channel + ": " + bad);
    return;
  }
  kernels::BlockView block;
  block.plan = &plan.kernel;
  block.count = cutting.samples;
  block.sampling_rate_hz = rate_hz;
  block.shaft_hz = shaft_hz;
  block.is_speed_nominal = true;
  for (const bool of_speed : {false, true}) {
    if (of_speed && shaft_hz == 0) continue;  // it may come with the blocks
    const std::string lacking = never_defined(plan, block, of_speed);
    if (lacking.empty()) continue;
    std::string& line = lines.emplace_back(channel);
    line.append(": analysis blocks of ").append(std::to_string(cutting.samples)).append(" samples cannot have ").append(lacking);
  }
}

}  // namespace

std::vector<std::string> kept_blocks_notes(const EdgeConfig& config, const PointTable& points) {
  const std::vector<WindowDefinition> definitions = window_definitions(config.windows);
  BlockPlans plans(config, definitions);
  double bytes_a_day = 0;
  std::size_t channels = 0, unknown = 0;
  for (const PointEntry* entry : points.latest()) {
    if (!plans.plan_of(entry->device, entry->quantity, entry->unit, entry)->analysis.joins) continue;
    const double rate_hz = sampling_rate_hz(*entry);
    ++(rate_hz > 0 ? channels : unknown);
    bytes_a_day += rate_hz * sizeof(float) * 86'400;
  }
  if (channels + unknown == 0) return {};
  std::string line = "blocks are joined ([[spectrum]] length): what the next analysis block needs is written to the spool, once";
  if (channels > 0) {
    line += ": up to " + rounded_text(bytes_a_day / (1u << 20)) + " MiB a day for " + std::to_string(channels) +
            " channels, at four bytes a sample (measured with a commit a second; three times as much with one a message, and "
            "more where "
            "messages are short)";
  }
  if (unknown > 0) line += "; of " + std::to_string(unknown) + " channels the point table does not say how much comes";
  return {line};
}

std::vector<std::string> spectrum_findings(const EdgeConfig& config, const PointTable& points) {
  std::vector<std::string> lines;
  const std::vector<WindowDefinition> definitions = window_definitions(config.windows);
  BlockPlans plans(config, definitions);
  std::set<std::string_view> machines_with_speed;
  for (const PointEntry* entry : points.latest()) {
    if (is_shaft_speed(*entry)) machines_with_speed.insert(entry->machine);
  }
  for (const PointEntry* entry : points.latest()) {
    const std::string channel = entry->device + "/" + entry->channel;
    if (lacks_velocity(config, entry->device, entry->quantity, entry->unit)) {
      lines.push_back(line_of(channel, entry->quantity, entry->unit));
    }
    const BlockPlan& plan = *plans.plan_of(entry->device, entry->quantity, entry->unit, entry);
    if (entry->speed_ratio != 1 && !machines_with_speed.contains(entry->machine)) {
      lines.push_back(
          channel + " has a speed_ratio, and " + entry->machine +
          " no channel of rotational_speed: what a device says itself, and nominal_rpm, are of the point's own shaft");
    }
    if (!entry->bearing.empty() && std::ranges::none_of(plan.kernel.features, kernels::is_of_envelope)) {
      lines.push_back(channel +
                      " has a bearing, and the [[spectrum]] that takes it no envelope_band: no line of it is looked for");
    }
    if (plan.kernel.features.empty()) continue;
    find_of_bearing(*entry, plan, machines_with_speed.contains(entry->machine), lines);
    if (plan.analysis.joins) {
      find_of_analysis(*entry, plan, lines);
    } else if (entry->block_length > kernels::spectrum_samples_max) {
      lines.push_back(channel + ": blocks of " + std::to_string(entry->block_length) +
                      " samples have no spectrum: " + std::to_string(kernels::spectrum_samples_max) + " are the most");
    }
  }
  for (std::size_t i = 0; i < config.subscriptions.size(); ++i) {
    for (const FieldConfig& field : config.subscriptions[i].all_fields()) {
      if (!lacks_velocity(config, "", field.quantity, field.unit)) continue;
      lines.push_back(line_of("subscription[" + std::to_string(i) + "]: " + field.channel, field.quantity, field.unit));
    }
  }
  return lines;
}

}  // namespace stethos::edge
