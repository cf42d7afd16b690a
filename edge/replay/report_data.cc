#include "edge/replay/report_data.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <utility>

#include "gpu_kernels/envelope.h"
#include "gpu_kernels/reference_backend.h"
#include "gpu_kernels/shaft_speed.h"
#include "gpu_kernels/spectrum.h"

namespace stethos::edge {
namespace {

namespace number = kernels::number;

constexpr std::size_t channels_max = channels_listed_max;
constexpr std::size_t windows_max = 200'000;  // of all channels together
constexpr std::size_t warnings_max = 2 * notes_listed_max;
constexpr std::string_view of_readings[] = {"mean", "min", "max"};
constexpr std::string_view of_blocks[] = {"rms", "peak", "kurtosis", "ac_crest"};

bool is_among(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

bool is_shown(const kernels::StatisticDefinition& statistic, std::string_view parameter) {
  if (!statistic.is_feature()) {
    return is_among(of_readings, statistic.name) || is_among(of_blocks, statistic.name);
  }
  if (!parameter.ends_with("mean") && !parameter.ends_with("rms")) return false;  // not what is taken otherwise over blocks
  return statistic.number == number::vibration_velocity || statistic.number == number::band_rms ||
         statistic.number == number::bearing_depth || statistic.number == number::speed_confidence;
}

std::vector<double> amplitudes_of(const std::vector<double>& mean_square) {
  std::vector<double> out;
  out.reserve(mean_square.size());
  for (const double each : mean_square) out.push_back(std::sqrt(3 * each));
  return out;
}

// "bpfo.1x": "bpfo 1x".
std::string line_name(std::string parameter) {
  std::ranges::replace(parameter, '.', ' ');
  return parameter;
}

}  // namespace

void ReportData::warn(std::string line) {
  if (warnings_.size() < warnings_max) warnings_.push_back(std::move(line));
}

void ReportData::look(const WatchedBlock& block) {
  next_.look(block);
  const Key key(block.device, block.channel);
  if (channels_.size() >= channels_max && !channels_.contains(key)) return;
  Channel& channel = channels_[key];
  if (!channel.block) {
    if (blocks_ == channels_drawn_max) return;
    ++blocks_;
    channel.block.emplace();
  }
  LastBlock& last = *channel.block;
  const auto* const bytes = static_cast<const std::uint8_t*>(block.samples.samples);
  last.samples.assign(bytes, bytes + block.samples.count * kernels::sample_bytes(block.samples.encoding));
  last.view = block.samples;
  last.plan = block.plan;
  last.start_ns = block.start_ns;
  last.speed = block.speed;
}

std::size_t ReportData::place_of(const std::string& name) {
  const auto place = static_cast<std::size_t>(std::ranges::find(names_, name) - names_.begin());
  if (place == names_.size()) names_.push_back(name);
  return place;
}

void ReportData::take(const Effect& effect, const Parameters& parameters) {
  for (const schema::WindowRowT& row : effect.windows) {
    const auto labels = effect.labels.find(row.stream_version);
    take(row, labels == effect.labels.end() ? nullptr : &labels->second, parameters);
  }
}

void ReportData::take(const schema::WindowRowT& row, const WindowLabels* labels, const Parameters& parameters) {
  const Key key(row.device, row.channel);
  if (channels_.size() >= channels_max && !channels_.contains(key)) {
    ++windows_left_out_;
    return;
  }
  Channel& channel = channels_[key];
  if (labels != nullptr) channel.labels = *labels;
  if (channel.windows.empty()) channel.definition = row.definition;
  if (row.definition != channel.definition) {
    ++windows_of_others_;
    return;
  }
  auto found = channel.windows.find(row.start_ns);
  if (found == channel.windows.end()) {
    if (windows_ == windows_max) {
      ++windows_left_out_;
      return;
    }
    ++windows_;
    found = channel.windows.emplace(row.start_ns, Window{}).first;
  } else if (row.revision < found->second.revision) {
    return;
  }
  found->second = {.revision = row.revision, .is_final = row.state == schema::WindowState::final, .values = {}};
  for (const auto& value : row.statistics) {
    const auto* statistic = kernels::find_statistic(value->statistic);
    if (statistic == nullptr || value->parameter >= parameters.texts().size()) continue;
    const std::string& parameter = parameters.texts()[value->parameter];
    if (!is_shown(*statistic, parameter)) continue;
    const std::string name = std::string(statistic->name) + (parameter.empty() ? "" : "." + parameter);
    found->second.values[place_of(name)] = value->value;
  }
  if (row.start_ns < channel.speed_ns) return;
  channel.speed_ns = row.start_ns;
  channel.speed = {};
  if (row.speed == nullptr) return;
  channel.speed = {.hz = row.speed->shaft_hz, .source = row.speed->source, .age_ns = row.speed->age_ns};
}

// Readings have a mean and extremes, blocks what a vibration is judged by. What is not defined in the window in which the
// recording ends, for want of a whole block, is no gap.
void ReportData::fill_trends(const Channel& from, ReportChannel& to) const {
  // Where no block was looked at it may be either.
  const std::span<const std::string_view> unwanted =
      from.block ? std::span<const std::string_view>(of_readings) : std::span<const std::string_view>();
  for (std::size_t place = 0; place < names_.size(); ++place) {
    if (is_among(unwanted, names_[place])) continue;
    ReportSeries series;
    series.name = names_[place];
    const auto* statistic = kernels::find_statistic(std::string_view(series.name).substr(0, series.name.find('.')));
    const std::string_view unit = kernels::unit_of(*statistic, from.labels.unit);
    series.unit = unit == "1" ? "" : unit;
    for (const auto& [start_ns, window] : from.windows) {
      const auto value = window.values.find(place);
      if (value == window.values.end() || (!window.is_final && std::isnan(value->second))) continue;
      series.times_ns.push_back(start_ns);
      series.values.push_back(value->second);
    }
    // Of a speed that was measured there is none.
    const bool is_none = statistic->number == number::speed_confidence &&
                         std::ranges::all_of(series.values, [](double value) { return std::isnan(value); });
    if (!series.values.empty() && !is_none) to.trends.push_back(std::move(series));
  }
}

void ReportData::fill_block(const LastBlock& block, ReportChannel& to) {
  kernels::BlockView view = block.view;
  view.samples = block.samples.data();
  view.plan = &block.plan.kernel;
  to.sampling_rate_hz = view.sampling_rate_hz;
  to.last_block_ns = block.start_ns;
  for (std::size_t i = 0; i < view.count; ++i) to.waveform.push_back(static_cast<float>(kernels::sample_of(view, i)));
  const kernels::Moments moments = kernels::reference_moments(view);
  if (!kernels::has_spectrum(view, moments)) {
    to.notes.emplace_back("the last block has no spectrum: a sample is missing, or it is too short or too long");
    return;
  }
  const double bin_hz = view.sampling_rate_hz / static_cast<double>(view.count);
  const std::vector<double> mean_square = kernels::reference_spectrum(view, moments);
  const kernels::BlockSpeed speed = kernels::speed_of(view, mean_square);
  to.spectrum = ReportSpectrum{.bin_hz = bin_hz, .amplitude = amplitudes_of(mean_square), .lines = {}};
  const bool has_lines = std::ranges::any_of(block.plan.kernel.features, kernels::is_of_envelope);
  kernels::Envelope envelope;
  if (has_lines && !kernels::bins_of_envelope(view).empty()) {
    envelope = kernels::reference_envelope(view, moments);
    to.envelope = ReportSpectrum{.bin_hz = bin_hz, .amplitude = amplitudes_of(envelope.mean_square), .lines = {}};
  }
  kernels::BlockView of_lines = view;
  of_lines.shaft_hz = speed.of_lines_hz;
  for (std::size_t i = 0; i < block.plan.kernel.features.size(); ++i) {
    const kernels::Feature& feature = block.plan.kernel.features[i];
    const bool is_multiple = feature.statistic == number::multiple_amplitude && speed.hz > 0;
    const bool is_line = feature.statistic == number::bearing_depth && to.envelope && speed.of_lines_hz > 0;
    ReportLine line{.name = line_name(block.plan.parameters[i]), .hz = feature.low * speed.hz, .depth = {}, .significance = {}};
    if (is_multiple) to.spectrum->lines.push_back(line);
    if (!is_line) continue;
    const auto bins = kernels::bins_of_bearing_line(feature, of_lines, bin_hz, envelope.mean_square.size());
    if (const auto found = kernels::bearing_line(envelope.mean_square, 0, bins, of_lines, bin_hz, envelope.mean)) {
      line.depth = kernels::bearing_feature(number::bearing_depth, *found);
      line.significance = kernels::bearing_feature(number::bearing_significance, *found);
    }
    to.envelope->lines.push_back(std::move(line));
  }
  if (has_lines && kernels::is_speed_estimated(view) && !(speed.estimated_hz > 0)) {
    to.notes.emplace_back("bearing: the spectrum does not show the shaft's speed, and the nameplate's is no measured one");
  }
}

Report ReportData::report() const {
  Report out;
  out.first_ns = std::numeric_limits<TimeNs>::max();
  out.last_ns = std::numeric_limits<TimeNs>::min();
  out.warnings = warnings_;
  for (const auto& [key, channel] : channels_) {
    ReportChannel& to = out.channels.emplace_back();
    to.device = key.first;
    to.channel = key.second;
    to.machine = channel.labels.machine;
    to.quantity = channel.labels.quantity;
    to.unit = channel.labels.unit;
    to.bearing = bearing_of_(key.first, key.second);
    if (channel.speed.source != schema::SpeedSource::none) {
      to.shaft_hz = channel.speed.hz;
      to.speed_source = schema::EnumNameSpeedSource(channel.speed.source);
    }
    fill_trends(channel, to);
    if (channel.block) fill_block(*channel.block, to);
    if (channel.windows.empty()) continue;
    out.first_ns = std::min(out.first_ns, channel.windows.begin()->first);
    out.last_ns = std::max(out.last_ns, channel.windows.rbegin()->first);
  }
  if (out.first_ns > out.last_ns) out.first_ns = out.last_ns = 0;
  if (windows_of_others_ > 0) {
    out.warnings.push_back(std::to_string(windows_of_others_) +
                           " rows are not shown: they are of other kinds of window than the first of their channel");
  }
  if (windows_left_out_ > 0) {
    out.warnings.push_back(std::to_string(windows_left_out_) + " windows are not shown: there are too many");
  }
  return out;
}

}  // namespace stethos::edge
