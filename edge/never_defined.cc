#include "edge/never_defined.h"

#include <map>
#include <set>

#include "common/number_text.h"
#include "common/printable.h"
#include "gpu_kernels/definedness.h"
#include "gpu_kernels/envelope.h"
#include "gpu_kernels/spectrum.h"

namespace stethos::edge {
namespace {

constexpr std::size_t features_named_max = 6;         // of one need
constexpr std::size_t shown_name_bytes_max = 128;

// "vibration_velocity.10-1000Hz"; of the three statistics of a bearing's line one name.
std::string name_of(const kernels::Feature& feature, const std::string& parameter) {
  const bool is_line = kernels::is_of_envelope(feature);
  const std::string name = is_line ? "bearing_*" : std::string(kernels::find_statistic(feature.statistic)->name);
  return parameter.empty() ? name : name + "." + parameter;
}

// Several statistics of one line of a bearing are one name.
std::string text_of(const std::set<std::string>& names) {
  std::string text;
  std::size_t count = 0;
  for (const std::string& name : names) {
    if (count++ < features_named_max) text += (text.empty() ? "" : ", ") + name;
  }
  return count > features_named_max ? text + " and " + std::to_string(count - features_named_max) + " more" : text;
}

std::string need_of(std::size_t samples, const kernels::BlockView& block, bool of_speed) {
  const double seconds = static_cast<double>(samples) / block.sampling_rate_hz;
  std::string text = std::to_string(samples) + " samples (" + rounded_text(seconds) + " s";
  if (of_speed) text += ", " + rounded_text(seconds * block.shaft_hz) + " turns";
  return text + ")";
}

}  // namespace

std::string never_defined(const BlockPlan& plan, const kernels::BlockView& block, bool of_speed) {
  std::map<std::size_t, std::set<std::string>> by_need;  // samples
  for (std::size_t i = 0; i < plan.kernel.features.size(); ++i) {
    const kernels::Feature& feature = plan.kernel.features[i];
    const bool needs_speed = kernels::find_statistic(feature.statistic)->parameter == kernels::ParameterRule::multiple;
    if (needs_speed != of_speed || kernels::can_be_defined(feature, block)) continue;
    by_need[block.count > kernels::spectrum_samples_max ? 0 : kernels::samples_needed(feature, block)].insert(
        name_of(feature, plan.parameters[i]));
  }
  std::string text;
  for (const auto& [samples, names] : by_need) {
    text += (text.empty() ? "" : "; ") + text_of(names);
    if (of_speed && !(block.shaft_hz > 0)) {
      text += ": no speed of the shaft is known";
    } else if (block.count > kernels::spectrum_samples_max) {
      text += ": more than " + std::to_string(kernels::spectrum_samples_max) + " samples have no spectrum";
    } else {
      text += samples > 0 ? ": needs " + need_of(samples, block, of_speed)
              : of_speed  ? ": no block at this sampling rate and speed, and with this band of the envelope, has it"
                          : ": the band is above half the sampling rate, or narrower than a bin of the longest block";
    }
  }
  return text;
}

void NeverDefined::look_unjoined(std::string_view device, std::string_view channel, const std::string& why) {
  warn_("of " + printable(device, shown_name_bytes_max) + "/" + printable(channel, shown_name_bytes_max) +
        " no analysis block was made: " + why);
}

void NeverDefined::look(const WatchedBlock& watched) {
  constexpr std::uint64_t first = 1, third = 3;
  if (watched.nth != first && watched.nth != third) return;
  const kernels::BlockView& block = watched.samples;
  const bool of_speed = watched.nth == third;
  const std::string lacking = never_defined(watched.plan, block, of_speed);
  if (lacking.empty()) return;
  warn_("of " + printable(watched.device, shown_name_bytes_max) + "/" + printable(watched.channel, shown_name_bytes_max) +
        " some statistics are null: blocks of " + std::to_string(block.count) + " samples at " +
        rounded_text(block.sampling_rate_hz) + " Hz cannot have " + lacking);
}

}  // namespace stethos::edge
