#include "edge/window/window_row.h"

#include <cmath>
#include <iterator>
#include <limits>

#include "edge/core/limits.h"
#include "gpu_kernels/quantiles.h"
#include "gpu_kernels/statistics.h"
#include "schemas/envelope.h"

namespace stethos::edge {
namespace {

constexpr std::size_t buckets_bytes_max = 32u << 10;

// Beside those of blocks: of samples, and quantiles.
constexpr std::size_t other_values_max = 128;
constexpr std::size_t values_per_feature = std::size(over_blocks) - 1;
static_assert(values_per_feature * features_per_pane_max + other_values_max <= schema::values_per_row_max);

double over(const FeatureSummary& feature, std::string_view which) {
  if (feature.blocks == 0) return std::numeric_limits<double>::quiet_NaN();
  if (which == "mean") return feature.sum / static_cast<double>(feature.blocks);
  if (which == "rms") return std::sqrt(feature.sum_squares / static_cast<double>(feature.blocks));
  return which == "max" ? feature.max : feature.last;
}

kernels::Summary summary_of(const kernels::Moments& moments, const BlockSummary& blocks) {
  return {moments, blocks.validity, blocks.buckets};
}

void put(schema::WindowRowT& row, std::uint16_t statistic, std::uint16_t parameter, double value, std::uint64_t blocks = 0) {
  auto out = std::make_unique<schema::StatisticValueT>();
  out->statistic = statistic;
  out->parameter = parameter;
  out->value = value;
  out->blocks = blocks;
  row.statistics.push_back(std::move(out));
}

void put_statistics(schema::WindowRowT& row, const Pane& whole, const RowContext& context) {
  kernels::Summary summary = summary_of(whole.moments, whole.blocks);
  for (const std::uint16_t number : context.definition->statistics) {
    const auto& statistic = *kernels::find_statistic(number);
    if (statistic.is_feature() || statistic.parameter != kernels::ParameterRule::none) continue;
    if (kernels::is_of_validity(number) && whole.blocks.validity.blocks == 0) continue;  // of readings there is none
    put(row, number, 0, statistic.compute(summary));
  }
  if (context.parameters == nullptr) return;
  const auto& quantile = *kernels::find_statistic("quantile");
  for (const auto& [text, share] : context.definition->quantiles) {
    summary.parameter = share;
    put(row, quantile.number, context.parameters->of(text), quantile.compute(summary));
  }
  for (const FeatureSummary& feature : whole.blocks.features) {
    if (!context.definition->shows(feature.statistic)) continue;
    const Parameters::OverBlocks numbers = context.parameters->of_feature(feature.parameter);
    const auto& statistic = *kernels::find_statistic(feature.statistic);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      if (numbers[i] == 0 || !has_over_blocks(statistic, over_blocks[i])) continue;
      put(row, feature.statistic, numbers[i], over(feature, over_blocks[i]), feature.blocks);
    }
  }
}

}  // namespace

double value_of(const StatisticName& name, const kernels::Moments& moments, const BlockSummary& blocks) {
  if (name.statistic->is_feature()) {
    for (const FeatureSummary& each : blocks.features) {
      if (each.statistic == name.statistic->number && each.parameter == name.parameter) return over(each, name.over_blocks);
    }
    return std::numeric_limits<double>::quiet_NaN();
  }
  kernels::Summary summary = summary_of(moments, blocks);
  if (const auto share = kernels::parse_percentile(name.parameter)) summary.parameter = *share;
  return name.statistic->compute(summary);
}

schema::WindowRowT window_row(const Stream& stream, TimeNs start_ns, const Pane& whole, const RowContext& context) {
  const kernels::Moments& m = whole.moments;
  schema::WindowRowT row;
  row.device = stream.device;
  row.channel = stream.channel;
  row.definition = context.definition->id;
  row.kind = context.definition->kind;
  row.start_ns = start_ns;
  row.length_ns = whole.length_ns;
  row.revision = whole.revision;
  row.state = context.state;
  row.moments = std::make_unique<schema::MomentsT>();
  auto& moments = *row.moments;
  moments.count = m.count;
  moments.mean = m.mean;
  moments.m2 = m.m2;
  moments.m3 = m.m3;
  moments.m4 = m.m4;
  moments.min = m.min;
  moments.max = m.max;
  moments.sum_abs = m.sum_abs;
  moments.sum_sqrt_abs = m.sum_sqrt_abs;
  // Not cleared: that would keep its memory, and a commit may hold many rows.
  if (auto buckets = kernels::encode(whole.blocks.buckets); buckets.size() <= buckets_bytes_max) {
    buckets.shrink_to_fit();
    moments.buckets = std::move(buckets);
  }
  row.counts = std::make_unique<schema::CountsT>();
  auto& counts = *row.counts;
  counts.expected = context.expected;
  counts.good = m.count;
  counts.not_finite = m.not_finite;
  counts.out_of_range = m.out_of_range;
  counts.duplicate = whole.duplicate;
  counts.late = whole.late;
  counts.rejected = whole.rejected;
  counts.recovered = whole.recovered;
  counts.received = m.count + m.not_finite + m.out_of_range + whole.duplicate + whole.late + whole.rejected - whole.recovered;
  put_statistics(row, whole, context);
  if (whole.blocks.speed.source != schema::SpeedSource::none) {
    row.speed = std::make_unique<schema::SpeedT>();
    row.speed->shaft_hz = whole.blocks.speed.hz;
    row.speed->source = whole.blocks.speed.source;
    row.speed->age_ns = whole.blocks.speed.age_ns;
  }
  row.stream_version = context.stream_version;
  row.provenance = context.provenance;
  row.first_epoch = whole.first.epoch;
  row.first_sequence = whole.first.sequence;
  row.last_epoch = whole.last.epoch;
  row.last_sequence = whole.last.sequence;
  row.first_received_ns = whole.first_received_ns;
  row.last_received_ns = whole.last_received_ns;
  row.closed_ns = context.closed_ns;
  row.clock_untrusted = context.clock_untrusted || whole.clock_untrusted;
  row.incomplete = context.incomplete;
  return row;
}

}  // namespace stethos::edge
