#include "edge/config/edge_rules.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <numeric>
#include <tuple>
#include <utility>

#include "common/loopback.h"
#include "common/time_text.h"
#include "edge/config/parameter_text.h"
#include "edge/config/problems.h"
#include "edge/config/spectrum_config.h"
#include "edge/ingest/time_zone.h"
#include "edge/ingest/topic_filter.h"
#include "gpu_kernels/quantiles.h"
#include "gpu_kernels/statistics.h"
#include "schemas/envelope.h"
#include "schemas/names.h"
#include "uplink/sender/curl_uplink.h"

namespace stethos::edge {
namespace {

constexpr DurationNs slices_max = 1'000;
constexpr DurationNs forget_after_more = 3'600 * ns_per_s;

constexpr std::string_view name_rule =
    "must be 1 to 128 letters, digits and signs of ASCII without spaces, quotes, slashes, '+', '#' and '\\'";
constexpr std::string_view plant_name_rule =
    "must be 1 to 128 bytes of UTF-8 without control characters, and without a space at either end";

// Whether some topic made from `pattern`, in which a level with a brace may become anything, matches the filter.
bool may_match(std::string_view filter, std::string_view pattern) {
  const auto filter_levels = levels_of(filter);
  const auto pattern_levels = levels_of(pattern);
  for (std::size_t i = 0; i < filter_levels.size(); ++i) {
    if (filter_levels[i] == "#") return true;
    if (i == pattern_levels.size()) return false;
    const bool free = filter_levels[i] == "+" || pattern_levels[i].find('{') != std::string_view::npos;
    if (!free && filter_levels[i] != pattern_levels[i]) return false;
  }
  return filter_levels.size() == pattern_levels.size();
}

// Whether two filters let anything pass together.
bool meet(const std::string& a, const std::string& b) { return a.empty() || b.empty() || a == b; }

bool watches(const LimitConfig& limit, const WindowConfig& window) {
  return window.length > 0 && (limit.window == 0 || limit.window == window.length) && meet(limit.quantity, window.quantity) &&
         meet(limit.device, window.device);
}

// Where a subscription says the unit of a channel, it is known now that a limit of it has another. Which devices come
// through a subscription is not known.
void check_units(const LimitConfig& limit, const std::string& key, const EdgeConfig& config, Problems& problems) {
  if (!limit.device.empty()) return;
  for (std::size_t i = 0; i < config.subscriptions.size(); ++i) {
    const SubscriptionConfig& subscription = config.subscriptions[i];
    for (const FieldConfig& field : subscription.all_fields()) {
      const bool is_watched = meet(limit.quantity, field.quantity) &&
                              (limit.channel.empty() || (subscription.channel_level < 0 && limit.channel == field.channel));
      const auto* statistic = parse_statistic_name(limit.statistic).statistic;
      const std::string unit(kernels::unit_of(*statistic, field.unit));
      if (is_watched && unit != limit.unit) {
        problems.add(key + ".unit", "must be \"" + unit + "\", or filters must leave out the field \"" + field.path +
                                        "\" of subscription[" + std::to_string(i) + "]");
      }
    }
  }
}

void check_limits(const EdgeConfig& config, Problems& problems) {
  std::map<std::tuple<std::string, schema::LimitDirection, DurationNs, std::string, std::string, std::string>, std::size_t> seen;
  for (std::size_t i = 0; i < config.limits.size(); ++i) {
    const LimitConfig& limit = config.limits[i];
    const std::string key = "limit[" + std::to_string(i) + "]";
    if (std::ranges::none_of(config.windows, [&](const WindowConfig& window) { return watches(limit, window); })) {
      problems.add(key + ".window",
                   "is that of no [[window]] with a length that takes the same streams: there is nothing to watch");
    }
    check_units(limit, key, config, problems);
    const auto [first, is_new] =
        seen.emplace(std::tuple(limit.statistic, limit.direction, limit.window, limit.quantity, limit.device, limit.channel), i);
    if (!is_new) {
      problems.add(key + ".statistic", "is watched the same way by limit[" + std::to_string(first->second) +
                                           "]: one limit has both alert and danger");
    }
  }
}

// What still speaks now and then is not forgotten between two windows, nor before all of a silence is seen.
void check_forgetting(const EdgeConfig& config, Problems& problems) {
  DurationNs longest = 0;
  for (const WindowConfig& window : config.windows) longest = std::max({longest, window.length, window.gap});
  const DurationNs least =
      config.time_watermark_delay + config.time_lateness + longest + config.time_idle_timeout + forget_after_more;
  if (config.ingest_forget_after == 0 || config.ingest_forget_after >= least) return;
  problems.add("ingest.forget_after", "must be 0s, or at least " + format_duration(least) +
                                          ": the longest window, time.watermark_delay, time.lateness and time.idle_timeout "
                                          "together, and an hour");
}

}  // namespace

std::string objection_to_name(std::string_view text) { return schema::is_name(text) ? std::string() : std::string(name_rule); }

std::string objection_to_plant_name(std::string_view text) {
  return schema::is_plant_name(text) ? std::string() : std::string(plant_name_rule);
}

// Without spaces, for a space parts it from its quantity.
std::string objection_to_unit(std::string_view text) {
  const bool is_unit = schema::is_plant_name(text) && text.find(' ') == std::string_view::npos;
  return is_unit ? std::string() : R"(must be a unit without spaces, as in "m/s2")";
}

std::string objection_to_field_meaning(std::string_view text) {
  const auto space = text.find(' ');
  if (space == std::string_view::npos) return R"(must be a quantity and a unit, as in "temperature degC")";
  const auto quantity = text.substr(0, space);
  const auto unit = text.substr(space + 1);
  if (!schema::is_name(quantity)) return "has a quantity that " + std::string(name_rule);
  if (!objection_to_unit(unit).empty()) return R"(must have one unit behind its quantity, as in "acceleration m/s2")";
  return {};
}

std::string objection_to_time_zone(std::string_view text) {
  if (text.empty() || TimeZone::find(std::string(text))) return {};
  return R"(must be a time zone that this machine knows by its package tzdata, as in "Europe/Berlin")";
}

std::string objection_to_topic_filter(std::string_view text) {
  if (text.starts_with("$share/")) return "must not be shared: a device's messages have to come to one node";
  const auto levels = levels_of(text);
  for (std::size_t i = 0; i < levels.size(); ++i) {
    if (levels[i] == "#" && i + 1 < levels.size()) return "must have '#' at its end only";
    if (levels[i] != "#" && levels[i].find('#') != std::string_view::npos) return "must have '#' as a whole level";
    if (levels[i] != "+" && levels[i].find('+') != std::string_view::npos) return "must have '+' as a whole level";
  }
  return {};
}

std::string objection_to_republish_topic(std::string_view text) {
  if (text.find_first_of("+#") != std::string_view::npos) return "must not have wildcards: it is a topic to publish to";
  if (text.starts_with('$')) return "must not start with '$': such topics are the broker's";
  for (auto rest = text; !rest.empty();) {
    const auto brace = rest.find_first_of("{}");
    if (brace == std::string_view::npos) break;
    rest.remove_prefix(brace);
    const auto placeholder = rest.substr(0, rest.find('}') == std::string_view::npos ? rest.size() : rest.find('}') + 1);
    if (placeholder != "{device}" && placeholder != "{channel}") return "may have {device} and {channel} in braces, nothing else";
    rest.remove_prefix(placeholder.size());
  }
  return {};
}

std::string objection_to_statistic(std::string_view text) {
  if (const auto* statistic = kernels::find_statistic(text)) {
    return statistic->is_former() ? "is no longer computed: \"" + std::string(statistic->replaced_by) + "\" took its place" : "";
  }
  std::string known;
  for (const auto& statistic : kernels::statistics()) {
    if (!statistic.is_former()) known += (known.empty() ? "" : ", ") + std::string(statistic.name);
  }
  return "is none of the statistics: " + known;
}

std::string objection_to_limit_statistic(std::string_view text) {
  const auto* statistic = kernels::find_statistic(text.substr(0, text.find('.')));
  if (statistic == nullptr) return objection_to_statistic(text);
  if (statistic->is_former()) return objection_to_statistic(statistic->name);
  if (parse_statistic_name(text).statistic != nullptr) return {};
  const std::string name(statistic->name);
  if (statistic->parameter == kernels::ParameterRule::quantile) return "must say of what percent, as in \"quantile.p95\"";
  if (!statistic->is_feature()) return "is \"" + name + "\" with a parameter, and that has none";
  const std::string parameter = statistic->parameter == kernels::ParameterRule::none ? "." : ".PARAMETER.";
  const std::string mean = statistic->is_amplitude() ? "rms" : "mean";
  return "is of single blocks: must be \"" + name + parameter + mean + "\", \"" + name + parameter + "max\" or \"" + name +
         parameter + "last\"";
}

std::string objection_to_percentile(std::string_view text) {
  return kernels::parse_percentile(text) ? "" : R"(must be a percentage, as in "p95" or "p99.9")";
}

std::string objection_to_loopback_host(std::string_view text) {
  if (is_loopback(text)) return {};
  return "must be a loopback address, such as 127.0.0.1: the pages are not encrypted";
}

// An IPv6 address has two colons at least.
std::string objection_to_host(std::string_view text) {
  if (text.contains('/') || text.contains('@')) return "must be a name or an address, and no URL";
  if (text.contains('[')) return "must be an address without brackets and port";
  if (std::ranges::any_of(text, [](unsigned char c) { return std::isspace(c) != 0; })) return "must not hold spaces";
  if (std::ranges::count(text, ':') == 1) return "must not hold a port: mqtt.port does";
  return {};
}

std::string objection_to_uplink_url(std::string_view text) {
  if (text.starts_with("https://")) return "must be http:// to a loopback address: TLS is not built yet";
  const auto checked = uplink::check_uplink_url(std::string(text));
  return checked ? std::string() : "is not accepted: " + checked.error().failed;
}

std::vector<settings::Problem> check_window(const WindowConfig& window) {
  Problems problems;
  const int given = (window.length > 0 ? 1 : 0) + (window.gap > 0 ? 1 : 0) + (window.samples > 0 ? 1 : 0);
  if (given != 1) {
    problems.add("length", "must be given, or gap, or samples, and only one of them");
    return problems.take();
  }
  for (const auto& [key, value] :
       {std::pair{"length", window.length}, {"gap", window.gap}, {"hop", window.hop}, {"emit_every", window.emit_every}}) {
    if (value != 0 && value < ns_per_ms) problems.add(key, "must be at least 1ms");
  }
  if (window.length == 0) {
    constexpr std::string_view why = "only windows with a length have one";
    problems.refuse_if(window.hop > 0, "hop", why);
    problems.refuse_if(window.offset > 0, "offset", why);
    return problems.take();
  }
  const DurationNs hop = window.hop == 0 ? window.length : window.hop;
  if (hop > window.length) problems.add("hop", "must not be more than length, " + format_duration(window.length));
  const DurationNs slice = std::gcd(window.length, hop);
  if (window.length / slice > slices_max) {
    problems.add("hop", "cuts a window into more than " + std::to_string(slices_max) + " slices of " + format_duration(slice) +
                            ", what length and hop are multiples of");
  }
  if (window.offset >= hop) problems.add("offset", "must be less than " + format_duration(hop));
  return problems.take();
}

std::vector<settings::Problem> check_limit(const LimitConfig& limit) {
  Problems problems;
  if (std::isnan(limit.alert) && std::isnan(limit.danger)) problems.add("alert", "must be given, or danger");
  const bool is_above = limit.direction == schema::LimitDirection::above;
  if (is_above ? limit.danger <= limit.alert : limit.danger >= limit.alert) {
    problems.add("danger", std::string("must be ") + (is_above ? "above" : "below") + " alert: it is the more severe of the two");
  }
  const auto* statistic = parse_statistic_name(limit.statistic).statistic;
  if (statistic != nullptr && kernels::unit_of(*statistic, limit.unit) != limit.unit) {
    problems.add("unit", "must be \"" + std::string(kernels::unit_of(*statistic, limit.unit)) + "\", which is the unit of " +
                             limit.statistic);
  }
  return problems.take();
}

std::vector<settings::Problem> check_across(const EdgeConfig& config) {
  Problems problems;
  const auto in_order = [&](auto min, auto max, const char* min_key, const std::string& max_key) {
    if (min > max) problems.add(min_key, "must not be more than " + max_key);
  };
  in_order(config.mqtt_reconnect_min, config.mqtt_reconnect_max, "mqtt.reconnect_min", "mqtt.reconnect_max");
  check_forgetting(config, problems);
  in_order(config.uplink_backoff_min, config.uplink_backoff_max, "uplink.backoff_min", "uplink.backoff_max");
  in_order(config.ingest_message_bytes_max, config.ingest_queue_bytes_max, "ingest.message_bytes_max", "ingest.queue_bytes_max");
  in_order(config.spool_batch_bytes_max, config.ingest_queue_bytes_max, "spool.batch_bytes_max", "ingest.queue_bytes_max");
  // MQTT counts both in whole seconds.
  for (const auto& [key, value] :
       {std::pair{"mqtt.keep_alive", config.mqtt_keep_alive}, {"mqtt.session_expiry", config.mqtt_session_expiry}}) {
    if (value % ns_per_s != 0) problems.add(key, "must be whole seconds");
  }
  if (!config.mqtt_password.empty() && config.mqtt_user.empty())
    problems.add("mqtt.user", "must be given beside mqtt.password_file");
  if (config.spool_file.empty()) problems.add("spool.file", "must name a file");
  if (config.points_required && config.points_file.empty()) problems.add("points.required", "needs points.file");

  for (std::size_t i = 0; i < config.subscriptions.size(); ++i) {
    const std::string key = "subscription[" + std::to_string(i) + "].topic";
    const std::string& topic = config.subscriptions[i].topic;
    for (std::size_t j = 0; j < i; ++j) {
      const std::string& other = config.subscriptions[j].topic;
      if (!filters_overlap(topic, other)) continue;
      // A broker sends a message once for each filter that matches.
      problems.add(key, "matches topics that subscription[" + std::to_string(j) + "] matches too (\"" + other +
                            "\"): what is published there would be counted twice");
    }
    if (!config.republish_topic.empty() && may_match(topic, config.republish_topic)) {
      problems.add("republish.topic", "would be received again by " + key);
    }
  }
  std::map<std::tuple<DurationNs, DurationNs, DurationNs, DurationNs, std::int64_t, std::string, std::string>, std::size_t>
      windows;
  for (std::size_t i = 0; i < config.windows.size(); ++i) {
    const WindowConfig& each = config.windows[i];
    const DurationNs hop = each.hop == 0 ? each.length : each.hop;
    const auto [first, is_new] =
        windows.emplace(std::tuple(each.length, hop, each.offset, each.gap, each.samples, each.quantity, each.device), i);
    if (!is_new) {
      problems.add("window[" + std::to_string(i) + "].length",
                   "makes the same window as window[" + std::to_string(first->second) + "]");
    }
  }
  check_spectra(config, problems);
  check_limits(config, problems);
  return problems.take();
}

}  // namespace stethos::edge
