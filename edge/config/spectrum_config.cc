#include "edge/config/spectrum_config.h"

#include <algorithm>
#include <map>
#include <numbers>
#include <optional>
#include <string_view>

#include "common/time_text.h"
#include "edge/config/edge_config.h"
#include "edge/config/edge_rules.h"
#include "edge/config/parameter_text.h"

namespace stethos::edge {
namespace {

using settings::required;
using settings::TextLimits;

std::string objection_to_band(std::string_view text) {
  return parse_band(text) ? "" : R"(must be a band of frequencies, as in "10-1000Hz")";
}

std::string objection_to_velocity_band(std::string_view text) {
  if (auto bad = objection_to_band(text); !bad.empty()) return bad;
  return parse_band(text)->low_hz > 0 ? "" : "must begin above 0 Hz: a velocity is of blocks of four periods of the low edge";
}

std::string objection_to_optional_band(std::string_view text) { return text.empty() ? "" : objection_to_band(text); }

std::string objection_to_multiple(std::string_view text) {
  return parse_multiple(text) ? "" : R"(must be a multiple of the shaft's speed, as in "2x")";
}

std::string objection_to_analysis_length(std::string_view text) {
  if (text == "message" || text == "auto") return "";
  const auto duration = parse_duration(text);
  return duration && *duration >= ns_per_ms && *duration <= 3'600 * ns_per_s
             ? ""
             : R"(must be "message", "auto" or a duration from "1ms" to "1h")";
}

std::vector<settings::Problem> check_spectrum(const SpectrumConfig& spectrum) {
  Problems problems;
  problems.refuse_if(spectrum.length == "message" && spectrum.overlap > 0, "overlap", "needs a length: messages do not overlap");
  return problems.take();
}

}  // namespace

std::vector<settings::Problem> check_bearing(const BearingConfig& bearing) {
  Problems problems;
  if (bearing.element_diameter_mm >= bearing.pitch_diameter_mm) {
    problems.add("element_diameter_mm", "must be less than pitch_diameter_mm");
  } else if (bearing.elements * bearing.element_diameter_mm > std::numbers::pi * bearing.pitch_diameter_mm) {
    problems.add("elements", "must be fewer: that many do not fit on the pitch circle");
  }
  return problems.take();
}

settings::Table<SpectrumConfig> spectrum_table() {
  using Config = SpectrumConfig;
  constexpr std::size_t bands_max = 16;
  settings::Table<Config> table("spectrum", "What is computed of blocks of some streams.");
  table.text("quantity", &Config::quantity, "acceleration", TextLimits{.bytes_min = 1, .check = objection_to_name},
             "Only streams of this quantity.");
  table.text("device", &Config::device, "", TextLimits{.check = objection_to_plant_name},
             "Only streams of this device; empty: of any. The first entry that takes a stream is the one that counts.");
  table.text(
      "length", &Config::length, "message", TextLimits{.bytes_min = 1, .check = objection_to_analysis_length},
      "Of which blocks statistics are computed: `message`: of each as it comes. A duration, as in `1s`, or `auto`: blocks that "
      "follow one another are joined, across messages, and cut to this length, so that what a spectrum resolves does not depend "
      "on how a device cuts its messages ([statistics](../statistics.md#analysis-blocks)). `auto` is the length that shows all "
      "bands, multiples and first lines of the bearing, also at a tenth less than `nominal_rpm`. At most "
      "`time.watermark_delay`.");
  table.number("overlap", &Config::overlap, 0, {0, 0.75},
               "The share of an analysis block that the next one has as well; 0: none, and each sample is in one.");
  table.duration("gap_max", &Config::gap_max, "2ms", {"0s", "1s"},
                 "How far the stamp of a block may be from the end of those that are joined for it to be joined too: as much as "
                 "the stamps of a "
                 "device are rounded, or late. Never more than half of a block.");
  table.texts("bands", &Config::bands, std::vector<std::string>{}, {.count_max = bands_max, .check = objection_to_band},
              "Bands of frequency of `band_rms`, as in `1000-5000Hz`.");
  table.texts(
      "velocity_bands", &Config::velocity_bands, std::vector<std::string>{"10-1000Hz"},
      {.count_max = bands_max, .check = objection_to_velocity_band},
      "Bands of `vibration_velocity`, of acceleration in g, m/s2, mm/s2 or in/s2. Blocks must last four periods of the low "
      "edge; for machines below 600 rpm ISO 20816 has `2-1000Hz`.");
  table.number(
      "low_frequency_hz", &Config::low_frequency_hz, 5, {0, 1e6, "Hz"},
      "Up to where `low_frequency_share` looks for a sensor that drifts; not defined of blocks that do not last longer than a "
      "period of it; 0: it is not computed.");
  table.number("rolloff_share", &Config::rolloff_share, 0.85, {0.01, 1}, "The share of `spectral_rolloff`.");
  table.integer("lines", &Config::lines, 0, {0, 10}, "So many of the highest lines are named, each by frequency and amplitude.");
  table.texts(
      "multiples", &Config::multiples, std::vector<std::string>{"1x", "2x", "3x"},
      {.count_max = bands_max, .check = objection_to_multiple},
      "Multiples of the shaft's speed whose amplitude is `multiple_amplitude`. The speed is what the device says with the "
      "block, else the last reading of a channel of the same machine of the quantity `rotational_speed` (rpm or Hz), else "
      "the point table's `nominal_rpm`.");
  table.texts("velocity_multiples", &Config::velocity_multiples, std::vector<std::string>{},
              {.count_max = bands_max, .check = objection_to_multiple},
              "Multiples of the shaft's speed whose rms of velocity is `multiple_velocity`, of acceleration as above.");
  table.number(
      "speed_range", &Config::speed_range, 0.05, {0, 0.2},
      "Where only `nominal_rpm` says the speed: how far from that it is looked for in the spectrum, as a share of it. "
      "Where it is found, `speed_confidence` is 3 or more, and rows say that it is an estimate; where it is not, no line of "
      "a bearing is defined, and multiples are those of `nominal_rpm`. 0: `nominal_rpm` is believed, as of a motor that is "
      "locked to the mains.");
  table.boolean("ac_factors", &Config::ac_factors, false,
                "Whether `ac_shape`, `ac_impulse` and `ac_clearance` are computed: factors of shape without the mean.");
  table.text(
      "envelope_band", &Config::envelope_band, "", TextLimits{.check = objection_to_optional_band},
      "The band in which a damaged bearing rings, as in `2000-10000Hz`: the lines of the bearing that the point table names "
      "are looked for in its envelope; empty: they are not.");
  table.integer("bearing_harmonics", &Config::bearing_harmonics, 2, {1, 5}, "How many multiples of each line.");
  table.number("line_tolerance", &Config::line_tolerance, 0.02, {0, 0.2},
               "How far from its computed frequency a line is looked for, as a share of it: bearings slip.");
  table.check(check_spectrum);
  return table;
}

settings::Table<BearingConfig> bearing_table() {
  using Config = BearingConfig;
  settings::Table<Config> table("bearing", "The geometry of one kind of bearing.");
  table.text("name", &Config::name, required, TextLimits{.check = objection_to_name},
             "What the point table's column `bearing` calls it.");
  table.integer("elements", &Config::elements, std::nullopt, {3, 1000}, "The number of rolling elements.");
  table.number("element_diameter_mm", &Config::element_diameter_mm, std::nullopt, {0.01, 10'000, "mm"},
               "The diameter of a rolling element.");
  table.number("pitch_diameter_mm", &Config::pitch_diameter_mm, std::nullopt, {0.01, 10'000, "mm"},
               "The diameter of the circle through the elements' centres.");
  table.number("contact_angle_deg", &Config::contact_angle_deg, 0, {0, 89, "degrees"}, "The angle of contact.");
  table.check(check_bearing);
  return table;
}

void check_spectra(const EdgeConfig& config, Problems& problems) {
  for (std::size_t i = 0; i < config.spectra.size(); ++i) {
    const SpectrumConfig& each = config.spectra[i];
    const auto takes_all = [&](const SpectrumConfig& other) {
      return other.quantity == each.quantity && (other.device.empty() || other.device == each.device);
    };
    const auto first = std::find_if(config.spectra.begin(), config.spectra.begin() + static_cast<std::ptrdiff_t>(i), takes_all);
    if (first != config.spectra.begin() + static_cast<std::ptrdiff_t>(i)) {
      problems.add("spectrum[" + std::to_string(i) + "].quantity",
                   "is never used: spectrum[" + std::to_string(first - config.spectra.begin()) + "] takes the same streams");
    }
    // An analysis block that began in a window comes when the window has not ended yet: so its row is complete when it is sent.
    if (each.length == "message") continue;
    const DurationNs needed = each.length == "auto" ? ns_per_s : parse_duration(each.length).value();
    if (needed <= config.time_watermark_delay) continue;
    problems.add("spectrum[" + std::to_string(i) + "].length",
                 "needs a time.watermark_delay of at least " + format_duration(needed) + ", and it is " +
                     format_duration(config.time_watermark_delay) + ": windows would end before their last blocks are complete");
  }
  std::map<std::string, std::size_t> bearings;
  for (std::size_t i = 0; i < config.bearings.size(); ++i) {
    const auto [first, is_new] = bearings.emplace(config.bearings[i].name, i);
    if (!is_new) {
      problems.add("bearing[" + std::to_string(i) + "].name",
                   "is that of bearing[" + std::to_string(first->second) + "] as well");
    }
  }
}

}  // namespace stethos::edge
