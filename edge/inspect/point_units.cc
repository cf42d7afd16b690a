#include "edge/inspect/point_units.h"

#include <algorithm>
#include <optional>

#include "edge/ingest/topic_filter.h"

namespace stethos::edge {
namespace {

// Whether a level of a filter may be this name.
bool may_be(std::string_view filter, int level, std::string_view name) {
  const auto levels = levels_of(filter);
  const auto at = static_cast<std::size_t>(level);
  if (at >= levels.size()) return levels.back() == "#";
  return levels[at] == "+" || levels[at] == "#" || levels[at] == name;
}

// What the subscription says of the channel, if the channel of this device may come by it.
std::optional<FieldConfig> field_of(const SubscriptionConfig& subscription, const PointEntry& entry) {
  if (subscription.device_level >= 0 && !may_be(subscription.topic, subscription.device_level, entry.device)) return std::nullopt;
  const auto fields = subscription.all_fields();
  if (subscription.channel_level >= 0) {
    if (!may_be(subscription.topic, subscription.channel_level, entry.channel) || fields.empty()) return std::nullopt;
    return fields.front();
  }
  const auto found = std::ranges::find(fields, entry.channel, &FieldConfig::channel);
  return found == fields.end() ? std::nullopt : std::optional(*found);
}

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
    const auto field = field_of(subscription, entry);
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
