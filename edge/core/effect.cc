#include "edge/core/effect.h"

#include "schemas/envelope.h"

namespace stethos::edge {

void pack_rows(Effect& effect, TimeNs committed_ns) {
  for (const schema::SilenceRowT& row : effect.silences) {
    effect.rows.push_back({schema::Lane::notes, schema::RowKind::silence, schema::pack(row)});
  }
  for (schema::WindowRowT& row : effect.windows) {
    row.committed_ns = committed_ns;
    effect.rows.push_back({schema::Lane::windows, schema::RowKind::window, schema::pack(row)});
  }
  for (schema::AlarmRowT& row : effect.alarm_rows) {
    row.committed_ns = committed_ns;
    row.clock_untrusted = !effect.clock_trusted;
    effect.rows.push_back({schema::Lane::alarms, schema::RowKind::alarm, schema::pack(row)});
  }
}

}  // namespace stethos::edge
