#include "uplink/collector/intake_checks.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "common/utf8.h"
#include "schemas/names.h"
#include "uplink/collector/store.h"
#include "uplink/protocol/ranges.h"

namespace stethos::collector {
namespace {

constexpr DurationNs window_length_max = 366 * day_ns;  // as the configuration of an edge has it
constexpr std::uint64_t good_max = 1ull << 53;  // so that sums of them stay numbers
constexpr std::uint64_t number_max = std::numeric_limits<std::int64_t>::max();

bool is_spool_identity(std::string_view text) {
  return text.size() == 32 && std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_key(const flatbuffers::String* text) { return schema::is_plant_name(view(text)); }
bool is_label(const flatbuffers::String* text) { return is_plain_text(view(text), 4 * schema::name_bytes_max); }

Status refuse(Code code, std::string why) { return fail(code, "reading a batch", std::move(why)); }

// Each within the numbers, and beyond the one before.
Status check_rows(const flatbuffers::Vector<flatbuffers::Offset<schema::Row>>* rows, std::uint64_t next, std::uint64_t end,
                  const std::string& name) {
  if (rows == nullptr) return {};
  for (const auto* row : *rows) {
    if (row->number() < next || row->number() >= end) {
      return refuse(Code::invalid, name + "row " + std::to_string(row->number()) + " is out of place");
    }
    next = row->number() + 1;
  }
  return {};
}

Status check_again(const schema::Again& again, std::uint64_t next_number, const std::string& name) {
  if (again.first() == 0 || again.through() < again.first() || again.through() > number_max ||
      again.not_kept() > again.through() - again.first() + 1) {
    return refuse(Code::invalid, name + "what it sends again contradicts itself");
  }
  return check_rows(again.rows(), again.first(), std::min(again.through() + 1, next_number), name);
}

Status check_lane(const schema::LaneBatch& lane) {
  const std::string name = "lane " + std::to_string(lane.lane()) + ": ";
  if (lane.first_number() == 0 || lane.lowest_kept() < lane.first_number() || lane.lowest_kept() > lane.next_number() ||
      lane.next_number() > number_max) {
    return refuse(Code::invalid, name + "its numbers contradict each other");
  }
  std::uint64_t next = lane.first_number();
  if (lane.given_up() != nullptr) {
    for (const auto* range : *lane.given_up()) {
      if (range->first() < next || range->last() < range->first() || range->last() >= lane.next_number()) {
        return refuse(Code::invalid, name + "what it gave up is not in order");
      }
      next = range->last() + 1;
    }
  }
  if (auto checked = check_rows(lane.rows(), lane.lowest_kept(), lane.next_number(), name); !checked) return checked;
  return lane.again() == nullptr ? Status{} : check_again(*lane.again(), lane.next_number(), name);
}

}  // namespace

Status check_batch(const schema::UplinkBatch& batch) {
  if (!schema::is_name(view(batch.node()))) return refuse(Code::invalid, "its node is not a name");
  if (view(batch.replaces()) == view(batch.node())) return refuse(Code::invalid, "a node cannot replace its own windows");
  if (!is_spool_identity(view(batch.spool()))) return refuse(Code::invalid, "its spool is not 32 hex digits");
  if (batch.lanes() == nullptr) return {};
  if (batch.lanes()->size() > lanes_per_batch_max) return refuse(Code::too_large, "it has too many lanes");
  std::array<bool, 256> seen{};
  std::size_t rows = 0;
  std::size_t bytes = 0;
  const auto add = [&](const flatbuffers::Vector<flatbuffers::Offset<schema::Row>>* more) {
    if (more == nullptr) return;
    rows += more->size();
    for (const auto* row : *more) bytes += row->body()->size();
  };
  for (const auto* lane : *batch.lanes()) {
    if (std::exchange(seen[lane->lane()], true))
      return refuse(Code::invalid, "lane " + std::to_string(lane->lane()) + " is in it twice");
    if (auto checked = check_lane(*lane); !checked) return checked;
    add(lane->rows());
    if (lane->again() != nullptr) add(lane->again()->rows());
  }
  if (rows > schema::rows_per_batch_max) return refuse(Code::too_large, "it has too many rows");
  // Within the buffer one body may be that of many rows.
  if (bytes > schema::uplink_batch_bytes_max) return refuse(Code::too_large, "its rows are too large together");
  return {};
}

std::string_view objection(const schema::WindowRow& row) {
  if (!is_key(row.device()) || !is_key(row.channel())) return "its device or channel is not a name";
  if (row.length_ns() < 0 || row.length_ns() > plausible_time_max) return "its length is implausible";
  if (row.start_ns() < -plausible_time_max || row.start_ns() > plausible_time_max - row.length_ns())
    return "its start is implausible";
  if (row.counts()->good() > good_max) return "it has more good samples than there can be";
  if (const auto* whole = row.whole()) {
    if (row.kind() != schema::WindowKind::tumbling && row.kind() != schema::WindowKind::hopping) return "it can be no part";
    const bool holds = whole->length_ns() > 0 && whole->length_ns() <= window_length_max &&
                       whole->start_ns() >= -plausible_time_max && whole->start_ns() <= row.start_ns() &&
                       row.start_ns() + row.length_ns() <= whole->start_ns() + whole->length_ns();
    if (!holds) return "it is a part of a window that does not hold it";
  }
  return {};
}

std::string_view objection_to_live(const schema::WindowRow& row) {
  return row.generation() == 0 ? std::string_view() : "it is no replay's and not of the live generation";
}

std::string_view objection_to_replayed(const schema::WindowRow& row, TimeNs offered_until) {
  if (row.generation() == 0) return "it is a replay's and of the live generation";
  if (row.state() != schema::WindowState::final) return "it is a replay's and not final";
  const auto* whole = row.whole();
  const TimeNs end = whole == nullptr ? row.start_ns() + row.length_ns() : whole->start_ns() + whole->length_ns();
  if (end > offered_until) return "it is a replay's, and the node that it replaces has not come so far";
  return {};
}

std::string_view objection(const schema::StreamRow& row) {
  if (!is_key(row.device()) || !is_key(row.channel())) return "its device or channel is not a name";
  const bool labels = is_label(row.machine()) && is_label(row.point()) && is_label(row.axis()) && is_label(row.quantity()) &&
                      is_label(row.unit()) && is_label(row.location()) && is_label(row.owner());
  return labels ? std::string_view{} : "one of its labels is not a text";
}

std::string_view objection(const schema::ProvenanceRow& row) {
  if (!is_label(row.program()) || !is_label(row.backend()) || !is_label(row.source())) return "one of its labels is not a text";
  if (row.parameters() == nullptr) return {};
  if (row.parameters()->size() > parameters_per_provenance_max) return "it has too many parameters";
  const bool texts = std::ranges::all_of(
      *row.parameters(), [](const auto* text) { return is_plain_text(text->string_view(), schema::name_bytes_max); });
  return texts ? std::string_view{} : "one of its parameters is not a text";
}

std::string_view objection(const schema::GapRow& row) {
  if (!is_key(row.device())) return "its device is not a name";
  return row.first_sequence() > row.last_sequence() ? std::string_view("its range is empty") : std::string_view{};
}

std::string_view objection(const schema::EventRow& row) {
  const bool labels = is_label(row.device()) && is_label(row.channel()) && is_plain_text(view(row.detail()), 1'024);
  return labels ? std::string_view{} : "one of its labels is not a text";
}

std::string_view objection(const schema::SilenceRow& row) {
  if (!is_key(row.device()) || !is_key(row.channel())) return "its device or channel is not a name";
  for (const TimeNs time : {row.first_start_ns(), row.noticed_ns()}) {
    if (time < -plausible_time_max || time > plausible_time_max) return "one of its times is implausible";
  }
  const bool is_grid = row.hop_ns() > 0 && row.hop_ns() <= row.length_ns() && row.length_ns() <= plausible_time_max;
  if (!is_grid) return "its windows lie on no grid";
  const TimeNs behind_first = plausible_time_max - row.length_ns() - std::max<TimeNs>(row.first_start_ns(), 0);
  const bool has_end = behind_first >= 0 && row.windows() <= static_cast<std::uint64_t>(behind_first / row.hop_ns()) + 1;
  if (!has_end || row.state() > schema::WindowState::MAX) return "its state or end is implausible";
  if (row.windows() == 0 && row.state() == schema::WindowState::final) return "nothing is missing";
  return {};
}

std::string_view objection(const schema::AlarmRow& row) {
  if (!is_key(row.device()) || !is_key(row.channel())) return "its device or channel is not a name";
  if (!is_label(row.unit()) || !is_label(row.parameter())) return "its unit or its parameter is not a text";
  for (const TimeNs time : {row.activated_ns(), row.changed_ns()}) {
    if (time < -plausible_time_max || time > plausible_time_max) return "one of its times is implausible";
  }
  if (row.on_delay_ns() < 0 || row.on_delay_ns() > plausible_time_max || row.length_ns() < 0 ||
      row.length_ns() > plausible_time_max) {
    return "one of its durations is implausible";
  }
  return {};
}

}  // namespace stethos::collector
