#include "edge/window/window_row.h"

#include <array>
#include <charconv>
#include <cmath>

#include "gpu_kernels/statistics.h"

namespace stethos::edge {
namespace {

void append_number(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  out.append(text.data(), end);
}

}  // namespace

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
  row.counts = std::make_unique<schema::CountsT>();
  auto& counts = *row.counts;
  counts.expected = context.expected;
  counts.good = m.count;
  counts.not_finite = m.not_finite;
  counts.out_of_range = m.out_of_range;
  counts.duplicate = whole.duplicate;
  counts.late = whole.late;
  counts.rejected = whole.rejected;
  counts.received = m.count + m.not_finite + m.out_of_range + whole.duplicate + whole.late + whole.rejected;
  for (const std::uint16_t number : context.definition->statistics) {
    auto value = std::make_unique<schema::StatisticValueT>();
    value->statistic = number;
    value->value = kernels::find_statistic(number)->compute(m);
    row.statistics.push_back(std::move(value));
  }
  row.stream_version = stream.version;
  row.provenance = context.provenance;
  row.first_epoch = whole.first.epoch;
  row.first_sequence = whole.first.sequence;
  row.last_epoch = whole.last.epoch;
  row.last_sequence = whole.last.sequence;
  row.first_received_ns = whole.first_received_ns;
  row.last_received_ns = whole.last_received_ns;
  row.closed_ns = context.closed_ns;
  return row;
}

std::string window_json(const schema::WindowRowT& row) {
  // Names need no escaping: schema::is_name lets no quote and no backslash pass.
  std::string out = "{\"device\":\"" + row.device + "\",\"channel\":\"" + row.channel +
                    "\",\"start_ns\":" + std::to_string(row.start_ns) + ",\"length_ns\":" + std::to_string(row.length_ns) +
                    ",\"revision\":" + std::to_string(row.revision) + ",\"state\":\"" + schema::EnumNameWindowState(row.state) +
                    "\",\"received\":" + std::to_string(row.counts->received) + ",\"good\":" + std::to_string(row.counts->good);
  for (const auto& value : row.statistics) {
    out += ",\"" + std::string(kernels::find_statistic(value->statistic)->name) + "\":";
    append_number(out, value->value);
  }
  return out + "}";
}

}  // namespace stethos::edge
