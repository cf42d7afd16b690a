#include "uplink/collector/rollup.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>
#include <utility>

#include "gpu_kernels/quantiles.h"
#include "gpu_kernels/statistics.h"

namespace stethos::collector {
namespace {

kernels::Moments moments_of(const schema::Moments& from) {
  kernels::Moments out;
  out.count = from.count();
  if (out.count == 0) return out;
  out.mean = from.mean();
  out.m2 = from.m2();
  out.m3 = from.m3();
  out.m4 = from.m4();
  out.min = from.min();
  out.max = from.max();
  out.sum_abs = from.sum_abs();
  out.sum_sqrt_abs = from.sum_sqrt_abs();
  return out;
}

void add_counts(schema::CountsT& to, const schema::Counts& from) {
  to.expected += from.expected();
  to.received += from.received();
  to.good += from.good();
  to.duplicate += from.duplicate();
  to.late += from.late();
  to.out_of_range += from.out_of_range();
  to.not_finite += from.not_finite();
  to.rejected += from.rejected();
  to.recovered += from.recovered();
}

// A row has at most schema::values_per_row_max values in schema::row_bytes_max: with those of moments, and with buckets.
constexpr std::size_t values_max = 900;
constexpr std::size_t buckets_bytes_max = 32u << 10;

// What becomes of the values of several windows.
enum class Merging : std::uint8_t { none, of_moments, of_buckets, sum, min, max, mean, rms, last };

// `parameter`: the text, and so empty where an index stands for none.
Merging merging_of(const kernels::StatisticDefinition& statistic, std::string_view parameter) {
  if (statistic.is_feature()) {
    const std::string_view over_blocks = parameter.substr(parameter.rfind('.') + 1);
    if (over_blocks == "mean") return Merging::mean;
    if (over_blocks == "rms") return Merging::rms;
    if (over_blocks == "max") return Merging::max;
    return over_blocks == "last" ? Merging::last : Merging::none;
  }
  if (statistic.parameter == kernels::ParameterRule::quantile)
    return kernels::parse_percentile(parameter) ? Merging::of_buckets : Merging::none;
  switch (static_cast<schema::Statistic>(statistic.number)) {
    case schema::Statistic::clipped:
      return Merging::sum;
    case schema::Statistic::longest_repeat:
    case schema::Statistic::longest_same_sign:
      return Merging::max;
    case schema::Statistic::distinct_share:
      return Merging::min;
    default:
      return Merging::of_moments;
  }
}

void put(schema::WindowRowT& row, std::uint16_t statistic, std::uint16_t parameter, double value, std::uint64_t blocks = 0) {
  auto& out = row.statistics.emplace_back(std::make_unique<schema::StatisticValueT>());
  out->statistic = statistic;
  out->parameter = parameter;
  out->value = value;
  out->blocks = blocks;
}

}  // namespace

Rollup::Rollup(const schema::WindowRow& stored, const Span& span, Texts texts)
    : start_(stored.start_ns()), length_(stored.length_ns()) {
  add(stored, span, std::move(texts));
}

bool Rollup::add(const schema::WindowRow& row, const Span& span, Texts texts) {
  const TimeNs start = row.whole() == nullptr ? row.start_ns() : row.whole()->start_ns();
  const DurationNs length = row.whole() == nullptr ? row.length_ns() : row.whole()->length_ns();
  const bool overlaps = row.kind() == schema::WindowKind::hopping && (length == 0 || start % length != 0);
  const bool may_move = row.kind() == schema::WindowKind::session;
  if (overlaps || may_move || row.state() == schema::WindowState::withdrawn) return false;

  const bool is_empty = span_.windows == 0;
  if (is_empty) {
    row_.counts = std::make_unique<schema::CountsT>();
    row_.device = row.device()->str();
    row_.channel = row.channel()->str();
    row_.definition = row.definition();
    row_.kind = row.kind();
    row_.state = schema::WindowState::final;
    row_.first_received_ns = row.first_received_ns();
  }
  if (is_empty || span.first < span_.first) {
    span_.first = span.first;
    row_.first_epoch = row.first_epoch();
    row_.first_sequence = row.first_sequence();
  }
  merge_values(row, span.last, *texts);
  if (row.speed() != nullptr && (row_.speed == nullptr || span.last > speed_start_)) {
    row_.speed.reset(row.speed()->UnPack());
    speed_start_ = span.last;
  }
  if (is_empty || span.last > span_.last) {
    span_.last = span.last;
    row_.last_epoch = row.last_epoch();
    row_.last_sequence = row.last_sequence();
    row_.stream_version = row.stream_version();
    row_.provenance = row.provenance();
    texts_ = std::move(texts);
    take_names(row);
  }
  span_.windows += span.windows;
  row_.first_received_ns = std::min(row_.first_received_ns, row.first_received_ns());
  row_.last_received_ns = std::max(row_.last_received_ns, row.last_received_ns());
  row_.closed_ns = std::max(row_.closed_ns, row.closed_ns());
  row_.committed_ns = std::max(row_.committed_ns, row.committed_ns());
  row_.clock_untrusted = row_.clock_untrusted || row.clock_untrusted();
  row_.incomplete = row_.incomplete || row.incomplete();
  row_.generation = std::max(row_.generation, row.generation());
  add_counts(*row_.counts, *row.counts());
  moments_ = kernels::merge(moments_, moments_of(*row.moments()));
  merge_buckets(row);
  return true;
}

void Rollup::take_names(const schema::WindowRow& row) {
  of_moments_.clear();
  if (row.statistics() == nullptr) return;
  for (const auto* value : *row.statistics()) {
    const auto* statistic = kernels::find_statistic(value->statistic());
    if (statistic == nullptr || value->parameter() != 0) continue;
    if (merging_of(*statistic, {}) == Merging::of_moments) of_moments_.insert(value->statistic());
  }
}

void Rollup::merge_buckets(const schema::WindowRow& row) {
  const auto* bytes = row.moments()->buckets();
  if (bytes == nullptr) return;
  if (const auto buckets = kernels::decode_buckets({bytes->data(), bytes->size()})) kernels::add(buckets_, *buckets);
}

void Rollup::merge_values(const schema::WindowRow& row, TimeNs start, const ParameterTexts& texts) {
  if (row.statistics() == nullptr) return;
  const auto samples = static_cast<double>(row.counts()->good());
  for (const auto* from : *row.statistics()) {
    const auto* statistic = kernels::find_statistic(from->statistic());
    const std::string_view text = text_of(texts, from->parameter());
    if (statistic == nullptr || (!has_parameter(*statistic) && from->parameter() != 0)) continue;
    const Merging merging = merging_of(*statistic, text);
    if (merging == Merging::none || merging == Merging::of_moments) continue;

    auto& of_statistic = values_[from->statistic()];
    auto found = of_statistic.find(text);
    if (found == of_statistic.end()) {
      if (value_count_ == values_max) continue;
      ++value_count_;
      found = of_statistic.emplace(text, Value{}).first;
    }
    Value& to = found->second;
    const double value = from->value();
    if (merging == Merging::of_buckets || !std::isfinite(value)) continue;  // not defined there
    const bool is_first = std::isnan(to.value);
    switch (merging) {
      case Merging::sum:
        to.value = is_first ? value : to.value + value;
        break;
      case Merging::min:
        to.value = is_first ? value : std::min(to.value, value);
        break;
      case Merging::max:
        to.value = is_first ? value : std::max(to.value, value);
        break;
      case Merging::mean:
      case Merging::rms: {
        const double averaged = merging == Merging::rms ? value * value : value;
        to.by_blocks.add(averaged, static_cast<double>(from->blocks()));
        to.by_samples.add(averaged, samples);
        const double mean = to.has_blocks && from->blocks() > 0 ? to.by_blocks.value : to.by_samples.value;
        to.value = merging == Merging::rms ? std::sqrt(mean) : mean;
        break;
      }
      case Merging::last:
        if (!is_first && start < to.start) break;
        to.value = value;
        to.start = start;
        break;
      default:
        break;
    }
    to.has_blocks = to.has_blocks && from->blocks() > 0;
    to.blocks += from->blocks();
  }
}

void Rollup::put_values(schema::WindowRowT& out) const {
  for (const std::uint16_t number : of_moments_) put(out, number, 0, kernels::find_statistic(number)->compute(moments_));
  std::map<std::string_view, std::uint16_t> indices{{"", 0}};
  for (std::size_t i = 1; i < texts_->size(); ++i) indices.emplace((*texts_)[i], static_cast<std::uint16_t>(i));
  for (const auto& [number, of_statistic] : values_) {
    const auto* statistic = kernels::find_statistic(number);
    for (const auto& [text, merged] : of_statistic) {
      const auto index = indices.find(text);
      if (index == indices.end()) continue;
      const auto share =
          statistic->parameter == kernels::ParameterRule::quantile ? kernels::parse_percentile(text) : std::nullopt;
      put(out, number, index->second, share ? quantile(*share) : merged.value, merged.has_blocks ? merged.blocks : 0);
    }
  }
}

double Rollup::quantile(double share) const {
  if (!(moments_.min <= moments_.max)) return std::numeric_limits<double>::quiet_NaN();  // nothing lies between them
  const kernels::Validity of_none;
  kernels::Summary summary(moments_, of_none, buckets_);
  summary.parameter = share;
  return kernels::find_statistic("quantile")->compute(summary);
}

schema::WindowRowT Rollup::row() const {
  schema::WindowRowT out = row_;
  out.start_ns = start_;
  out.length_ns = length_;
  out.moments = std::make_unique<schema::MomentsT>();
  out.moments->count = moments_.count;
  out.moments->mean = moments_.mean;
  out.moments->m2 = moments_.m2;
  out.moments->m3 = moments_.m3;
  out.moments->m4 = moments_.m4;
  out.moments->min = moments_.min;
  out.moments->max = moments_.max;
  out.moments->sum_abs = moments_.sum_abs;
  out.moments->sum_sqrt_abs = moments_.sum_sqrt_abs;
  out.moments->buckets = kernels::encode(buckets_);
  if (out.moments->buckets.size() > buckets_bytes_max) out.moments->buckets.clear();
  put_values(out);
  return out;
}

}  // namespace stethos::collector
