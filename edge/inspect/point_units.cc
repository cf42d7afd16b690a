#include "edge/inspect/point_units.h"

#include "edge/ingest/declared.h"
#include "edge/ingest/topic_filter.h"

namespace stethos::edge {
namespace {

void judge(const EdgeConfig& config, const PointEntry& entry, bool is_valid_now, UnitContradictions& out) {
  const std::string name = entry.device + "/" + entry.channel;
  bool may_be_own = false;
  std::string others;
  for (std::size_t i = 0; i < config.subscriptions.size(); ++i) {
    const SubscriptionConfig& subscription = config.subscriptions[i];
    if (subscription.format == PayloadFormat::stethos) {
      may_be_own = may_be_own || topic_matches(subscription.topic, "stethos/v1/" + entry.device + "/batch");
      continue;
    }
    const auto field = declared_by(subscription, entry.device, entry.channel);
    if (!field) continue;
    if (field->quantity == entry.quantity && field->unit == entry.unit) return;
    others +=
        (others.empty() ? "" : ", ") + ("subscription[" + std::to_string(i) + "] says ") + field->quantity + " in " + field->unit;
  }
  if (others.empty() && may_be_own) return;
  if (others.empty()) {
    if (out.unheard.empty() || out.unheard.back() != name) out.unheard.push_back(name);
    return;
  }
  (may_be_own || !is_valid_now ? out.possible : out.sure)
      .push_back(name + " is " + entry.quantity + " in " + entry.unit + " in the table, but " + others +
                 ": its samples would be refused (unit_differs)");
}

}  // namespace

UnitContradictions unit_contradictions(const EdgeConfig& config, const PointTable& points, TimeNs now_ns) {
  UnitContradictions found;
  if (config.subscriptions.empty()) return found;
  for (const PointEntry* latest : points.latest()) {
    if (now_ns < config.time_earliest) {
      judge(config, *latest, true, found);
      continue;
    }
    const auto* entries = points.entries_of(latest->device, latest->channel);
    const PointEntry* now = valid_at(entries, now_ns);
    for (const PointEntry& entry : *entries) {
      if (entry.valid_from_ns > now_ns || &entry == now) judge(config, entry, &entry == now, found);
    }
  }
  return found;
}

}  // namespace stethos::edge
