#include "edge/spool/event_time.h"

namespace stethos::edge {
namespace {

template <class Row>
std::optional<TimeNs> time_in(const Result<const Row*>& row, TimeNs (Row::*time)() const) {
  return row ? std::optional((*row->*time)()) : std::nullopt;
}

// By the node's clock.
template <class Row>
std::optional<TimeNs> node_time_in(const Result<const Row*>& row, TimeNs (Row::*time)() const) {
  return row && !(*row)->clock_untrusted() ? time_in(row, time) : std::nullopt;
}

}  // namespace

std::optional<TimeNs> event_time_of(schema::RowKind kind, schema::Bytes body) {
  switch (kind) {
    case schema::RowKind::window:
      return time_in(schema::open_window_row(body), &schema::WindowRow::start_ns);
    case schema::RowKind::alarm:
      return time_in(schema::open_alarm_row(body), &schema::AlarmRow::activated_ns);
    case schema::RowKind::gap:
      return node_time_in(schema::open_gap_row(body), &schema::GapRow::noticed_ns);
    case schema::RowKind::event:
      return node_time_in(schema::open_event_row(body), &schema::EventRow::at_ns);
    case schema::RowKind::silence:
      return time_in(schema::open_silence_row(body), &schema::SilenceRow::first_start_ns);
    case schema::RowKind::none:
    case schema::RowKind::stream:
    case schema::RowKind::provenance:
      break;
  }
  return std::nullopt;
}

}  // namespace stethos::edge
