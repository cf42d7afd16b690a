#include "edge/core/block_summary.h"

#include <algorithm>
#include <cmath>

#include "edge/core/limits.h"
#include "schemas/envelope.h"

namespace stethos::edge {
namespace {

FeatureSummary& find_or_add(std::vector<FeatureSummary>& features, std::size_t expected_at, std::uint16_t statistic,
                            const std::string& parameter) {
  const auto is_it = [&](const FeatureSummary& each) { return each.statistic == statistic && each.parameter == parameter; };
  if (expected_at < features.size() && is_it(features[expected_at])) return features[expected_at];
  const auto found = std::ranges::find_if(features, is_it);
  if (found != features.end()) return *found;
  FeatureSummary& added = features.emplace_back();
  added.statistic = statistic;
  added.parameter = parameter;
  return added;
}

void add(FeatureSummary& to, const FeatureSummary& from) {
  if (from.blocks == 0) return;
  const bool is_first = to.blocks == 0;
  to.max = is_first ? from.max : std::max(to.max, from.max);
  to.sum = is_first ? from.sum : to.sum + from.sum;
  to.sum_squares = is_first ? from.sum_squares : to.sum_squares + from.sum_squares;
  to.blocks += from.blocks;
  if (from.last_ns < to.last_ns) return;
  to.last = from.last;
  to.last_ns = from.last_ns;
}

void forget_oldest(std::vector<FeatureSummary>& features) {
  while (features.size() > features_per_pane_max)
    features.erase(std::ranges::min_element(features, {}, &FeatureSummary::last_ns));
}

}  // namespace

void add_block(BlockSummary& to, const BlockPlan& plan, const kernels::BlockStatistics& block, TimeNs block_ns,
               const ShaftSpeed& speed) {
  STETHOS_CHECK(block.features.empty() || block.features.size() == plan.parameters.size(), "a block of another plan");
  to.validity = kernels::merge(to.validity, block.validity);
  if (!block.buckets.indices.empty()) kernels::add(to.buckets, block.buckets);
  for (std::size_t i = 0; i < block.features.size(); ++i) {
    FeatureSummary& feature = find_or_add(to.features, i, plan.kernel.features[i].statistic, plan.parameters[i]);
    const double value = block.features[i];
    if (std::isnan(value)) continue;
    add(feature, {.statistic = feature.statistic,
                  .parameter = {},
                  .blocks = 1,
                  .sum = value,
                  .sum_squares = value * value,
                  .max = value,
                  .last = value,
                  .last_ns = block_ns});
  }
  forget_oldest(to.features);
  if (speed.source == schema::SpeedSource::none || block_ns < to.speed_ns) return;
  to.speed = speed;
  to.speed_ns = block_ns;
}

BlockSummary joined(const BlockSummary& a, const BlockSummary& b) {
  BlockSummary both = a;
  both.validity = kernels::merge(a.validity, b.validity);
  if (!b.buckets.empty()) kernels::add(both.buckets, b.buckets);
  for (std::size_t i = 0; i < b.features.size(); ++i) {
    const FeatureSummary& from = b.features[i];
    add(find_or_add(both.features, i, from.statistic, from.parameter), from);
  }
  forget_oldest(both.features);
  if (b.speed.source != schema::SpeedSource::none && b.speed_ns >= a.speed_ns) {
    both.speed = b.speed;
    both.speed_ns = b.speed_ns;
  }
  return both;
}

std::vector<std::uint8_t> encode(const BlockSummary& summary) {
  if (summary == BlockSummary{}) return {};
  schema::PaneMoreT out;
  out.buckets = kernels::encode(summary.buckets);
  out.blocks = summary.validity.blocks;
  out.blocks_of_full_scale = summary.validity.blocks_of_full_scale;
  out.clipped = summary.validity.clipped;
  out.longest_repeat = summary.validity.longest_repeat;
  out.longest_same_sign = summary.validity.longest_same_sign;
  out.distinct_share = summary.validity.distinct_share;
  for (const FeatureSummary& each : summary.features) {
    auto feature = std::make_unique<schema::PaneFeatureT>();
    feature->statistic = each.statistic;
    feature->parameter = each.parameter;
    feature->blocks = each.blocks;
    feature->sum = each.sum;
    if (!std::isnan(each.sum_squares)) feature->sum_squares = each.sum_squares;
    feature->max = each.max;
    feature->last = each.last;
    feature->last_ns = each.last_ns;
    out.features.push_back(std::move(feature));
  }
  if (summary.speed.source != schema::SpeedSource::none) {
    out.speed = std::make_unique<schema::SpeedT>();
    out.speed->shaft_hz = summary.speed.hz;
    out.speed->source = summary.speed.source;
    out.speed->age_ns = summary.speed.age_ns;
    out.speed_ns = summary.speed_ns;
  }
  return schema::pack(out);
}

Result<BlockSummary> decode_block_summary(std::span<const std::uint8_t> bytes) {
  BlockSummary out;
  if (bytes.empty()) return out;
  const auto opened = schema::open_pane_more(bytes);
  if (!opened) return std::unexpected(opened.error());
  schema::PaneMoreT in;
  (*opened)->UnPackTo(&in);
  auto buckets = kernels::decode_buckets(in.buckets);
  if (!buckets) return fail(Code::corrupt, "reading what a pane knows of its blocks", "its buckets are none");
  out.buckets = std::move(*buckets);
  out.validity = {.blocks = in.blocks,
                  .blocks_of_full_scale = in.blocks_of_full_scale,
                  .clipped = in.clipped,
                  .longest_repeat = in.longest_repeat,
                  .longest_same_sign = in.longest_same_sign,
                  .distinct_share = in.distinct_share};
  for (const auto& each : in.features) {
    out.features.push_back({.statistic = each->statistic,
                            .parameter = each->parameter,
                            .blocks = each->blocks,
                            .sum = each->sum,
                            .sum_squares = each->sum_squares.value_or(std::numeric_limits<double>::quiet_NaN()),
                            .max = each->max,
                            .last = each->last,
                            .last_ns = each->last_ns});
  }
  if (in.speed != nullptr) {
    out.speed = {.hz = in.speed->shaft_hz, .source = in.speed->source, .age_ns = in.speed->age_ns};
    out.speed_ns = in.speed_ns;
  }
  return out;
}

}  // namespace stethos::edge
