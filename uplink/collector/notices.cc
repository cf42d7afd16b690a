#include "uplink/collector/notices.h"

#include "common/log.h"
#include "common/time_text.h"

namespace stethos::collector {

Notices::Notices(sqlite::Database& database, Tally& tally)
    : tally_(tally),
      database_(database),
      select_other_(
          database,
          "SELECT other.identity, this.id IS NULL FROM spools other LEFT JOIN spools this ON this.node = other.node AND "
          "this.identity = ?2 WHERE other.node = ?1 AND other.identity <> ?2 AND "
          "(this.id IS NULL OR other.last_seen_ns > this.last_seen_ns) ORDER BY other.last_seen_ns DESC LIMIT 1"),
      select_identity_(database, "SELECT identity FROM spools WHERE id = ?"),
      add_to_last_(
          database,
          "UPDATE events SET value = value + ?3 WHERE id = (SELECT max(id) FROM events WHERE node = ?1 AND kind = ?2 AND "
          "at_ns > ?4 - ?5 AND at_ns <= ?4)"),
      insert_(database,
              "INSERT INTO events (node, kind, at_ns, device, channel, value, detail, stored_ns) "
              "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?3) ON CONFLICT DO NOTHING") {}

Status Notices::look_at_spool(std::int64_t node, std::string_view node_name, std::string_view spool, TimeNs now) {
  const auto found = select_other_.bind(1, node).bind(2, spool).step();
  if (!found) return std::unexpected(found.error());
  const std::string other(*found ? select_other_.text(0) : std::string_view());
  const bool is_new = *found && select_other_.integer(1) != 0;
  select_other_.reset();
  if (other.empty()) return {};
  Event event;
  event.kind = is_new ? "spool_changed" : "spools_in_turn";
  event.detail = std::string(spool) + " after " + other;
  if (is_new) return tell(node, node_name, event, now);
  event.value = 1;
  const auto added = add_to_last(node, event, now);
  if (!added) return std::unexpected(added.error());
  return *added ? Status() : tell(node, node_name, event, now);
}

void Notices::begin_batch() {
  conflicts_ = 0;
  first_.reset();
}

void Notices::note(const WindowConflict& conflict) {
  tally_.count(Counter::windows_conflicting);
  if (++conflicts_ == 1) first_ = conflict;
}

Status Notices::tell_conflicts(std::int64_t node, std::string_view node_name, std::string_view spool, TimeNs now) {
  if (!first_) return {};
  Event event{.kind = "windows_conflicting",
              .device = std::string(first_->device),
              .channel = std::string(first_->channel),
              .value = conflicts_,
              .detail = {}};
  const auto added = add_to_last(node, event, now);
  if (!added || *added) return added ? Status() : std::unexpected(added.error());
  const auto before = identity_of(first_->spool_before);
  if (!before) return std::unexpected(before.error());
  const std::string of_before = std::to_string(first_->good_before) + " samples of the spool " + *before;
  const std::string of_this = std::to_string(first_->good) + " of the spool " + std::string(spool);
  event.detail = "the first is that of " + format_time(first_->start) + ": of " + of_before + " and " + of_this + " those of " +
                 (first_->is_replaced ? std::string(spool) : *before) + " are shown";
  return tell(node, node_name, event, now);
}

Result<std::string> Notices::identity_of(std::int64_t spool) {
  const auto found = select_identity_.bind(1, spool).step();
  if (!found) return std::unexpected(found.error());
  std::string identity(*found ? select_identity_.text(0) : std::string_view());
  select_identity_.reset();
  return identity;
}

// Whether there is one, in the last hour, that the value could be added to.
Result<bool> Notices::add_to_last(std::int64_t node, const Event& event, TimeNs now) {
  const Status added =
      add_to_last_.bind(1, node).bind(2, event.kind).bind(3, event.value).bind(4, now).bind(5, notice_interval).run();
  if (!added) return std::unexpected(added.error());
  return database_.changes() > 0;
}

Status Notices::tell(std::int64_t node, std::string_view node_name, const Event& event, TimeNs now) {
  spdlog::warn("node {}: {}: {}", node_name, event.kind, event.detail);
  const Status inserted = insert_.bind(1, node)
                              .bind(2, event.kind)
                              .bind(3, now)
                              .bind(4, std::string_view(event.device))
                              .bind(5, std::string_view(event.channel))
                              .bind(6, event.value)
                              .bind(7, std::string_view(event.detail))
                              .run();
  if (!inserted) return inserted;
  const std::size_t bytes = event.kind.size() + event.device.size() + event.channel.size() + event.detail.size();
  const std::int64_t rows = database_.changes();
  tally_.count(Counter::events, rows);
  tally_.count(Counter::events_held, rows);
  tally_.count(Counter::events_bytes, rows * (static_cast<std::int64_t>(bytes) + row_overhead_bytes));
  return {};
}

}  // namespace stethos::collector
