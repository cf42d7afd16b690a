#include "uplink/collector/rollup.h"

#include <algorithm>
#include <utility>

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
}

}  // namespace

Rollup::Rollup(const schema::WindowRow& stored, const Span& span) : start_(stored.start_ns()), length_(stored.length_ns()) {
  add(stored, span);
}

bool Rollup::add(const schema::WindowRow& row, const Span& span) {
  const bool overlaps =
      row.kind() == schema::WindowKind::hopping && (row.length_ns() == 0 || row.start_ns() % row.length_ns() != 0);
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
  if (is_empty || span.last > span_.last) {
    span_.last = span.last;
    row_.last_epoch = row.last_epoch();
    row_.last_sequence = row.last_sequence();
    row_.stream_version = row.stream_version();
    row_.provenance = row.provenance();
    row_.statistics.clear();
    take_statistics(row);
  }
  span_.windows += span.windows;
  row_.first_received_ns = std::min(row_.first_received_ns, row.first_received_ns());
  row_.last_received_ns = std::max(row_.last_received_ns, row.last_received_ns());
  row_.closed_ns = std::max(row_.closed_ns, row.closed_ns());
  row_.committed_ns = std::max(row_.committed_ns, row.committed_ns());
  add_counts(*row_.counts, *row.counts());
  moments_ = kernels::merge(moments_, moments_of(*row.moments()));
  return true;
}

void Rollup::take_statistics(const schema::WindowRow& row) {
  row_.statistics.clear();
  if (row.statistics() == nullptr) return;
  for (const auto* value : *row.statistics()) {
    const auto* statistic = kernels::find_statistic(value->statistic());
    if (statistic == nullptr || statistic->parameter != kernels::ParameterRule::none) continue;
    if (statistic->is_feature() || kernels::is_of_validity(value->statistic())) continue;
    row_.statistics.push_back(std::make_unique<schema::StatisticValueT>());
    row_.statistics.back()->statistic = value->statistic();
  }
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
  for (auto& value : out.statistics) value->value = kernels::find_statistic(value->statistic)->compute(moments_);
  return out;
}

}  // namespace stethos::collector
