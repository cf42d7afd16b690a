#include "edge/inspect/broker_findings.h"

#include <algorithm>
#include <utility>

#include "common/printable.h"
#include "common/settings.h"
#include "common/time_text.h"
#include "edge/ingest/broker.h"
#include "edge/ingest/endpoint.h"

namespace stethos::edge {
namespace {

constexpr DurationNs answer_timeout = 3 * ns_per_s;

Finding good(std::string what) { return {Severity::ok, "broker", std::move(what), {}}; }
Finding warning(std::string what, std::string cure) { return {Severity::warning, "broker", std::move(what), std::move(cure)}; }
Finding problem(std::string what, std::string cure) { return {Severity::problem, "broker", std::move(what), std::move(cure)}; }

bool has_wildcard(const SubscriptionConfig& each) { return each.topic.find_first_of("+#") != std::string::npos; }

Finding packets(const BrokerSays& says, const EdgeConfig& config) {
  if (!says.packet_bytes_max) return good("it names no largest packet");
  const std::string largest = "its largest packet has " + std::to_string(*says.packet_bytes_max) + " bytes";
  if (std::cmp_greater_equal(*says.packet_bytes_max, config.ingest_message_bytes_max)) return good(largest);
  return warning(largest + ", and ingest.message_bytes_max is " + std::to_string(config.ingest_message_bytes_max) +
                     ": what is larger never comes here, and the broker ends the connection of the device that publishes it",
                 "raise it at the broker (mosquitto: max_packet_size), or lower ingest.message_bytes_max");
}

void look_at_filters(const EdgeConfig& config, PassingClient& client, Findings& findings) {
  for (const SubscriptionConfig& each : config.subscriptions) {
    const auto granted = client.subscribe(each.topic, each.qos);
    const std::string filter = "the filter \"" + printable(each.topic) + "\"";
    if (!granted) {
      findings.push_back(problem(filter + ": " + granted.error().failed, "let the broker's access rules allow it"));
    } else if (*granted < each.qos) {
      findings.push_back(warning(filter + " is given QoS " + std::to_string(*granted) + ", where " + std::to_string(each.qos) +
                                     " is asked for: messages may be lost without notice",
                                 "let the broker give it, or set qos = 0 to say that this is meant"));
    } else {
      findings.push_back(good(filter + " is granted with QoS " + std::to_string(*granted)));
    }
  }
}

}  // namespace

Findings findings_of(const BrokerSays& says, const EdgeConfig& config) {
  Findings findings{packets(says, config)};
  const bool wants_qos_1 = std::ranges::any_of(config.subscriptions, [](const auto& each) { return each.qos > 0; });
  if (wants_qos_1 && says.qos_max == 0) {
    findings.push_back(problem("it has QoS 0 only: what it cannot deliver at once is lost without notice",
                               "use a broker with QoS 1, or set qos = 0 to say that this is meant"));
  } else {
    findings.push_back(good("its highest QoS is " + std::to_string(says.qos_max)));
  }
  if (!says.has_wildcards && std::ranges::any_of(config.subscriptions, has_wildcard)) {
    findings.push_back(problem("it has no wildcards in subscriptions", "name every topic, each in a [[subscription]]"));
  }
  if (!says.has_identifiers) {
    findings.push_back(
        warning("it has no subscription identifiers: when a filter of the configuration takes the place of another, "
                "a message that both match may be counted twice",
                "change filters while nothing waits at the broker"));
  }
  const DurationNs asked_s = config.mqtt_session_expiry / ns_per_s;
  if (says.session_expiry_s && std::cmp_less(*says.session_expiry_s, asked_s)) {
    findings.push_back(warning("it keeps a session for " + std::to_string(*says.session_expiry_s) + " s, where " +
                                   std::to_string(asked_s) +
                                   " s are asked for (mqtt.session_expiry): after a longer absence "
                                   "what was queued is lost",
                               "raise it at the broker, or lower mqtt.session_expiry"));
  } else {
    findings.push_back(good("it keeps a session for " + format_duration(config.mqtt_session_expiry) + ", as asked for"));
  }
  findings.push_back(good("it takes " + std::to_string(says.receive_max) + " messages of QoS 1 at once; retained messages: " +
                          (says.has_retained ? "yes" : "no") + ", and the node needs none"));
  return findings;
}

Findings look_at_broker(const EdgeConfig& config) {
  if (config.subscriptions.empty()) return {good("there is no [[subscription]]: none is needed")};
  if (!accepts_connections(config.mqtt_host, config.mqtt_port, answer_timeout)) {
    return {problem("nobody listens at " + printable(broker_of(config)),
                    "start the broker; compare mqtt.host and mqtt.port; look for a firewall")};
  }
  Findings findings;
  // With the session that the node will ask for, which has no subscription, and so nothing that could be queued.
  {
    const auto client =
        PassingClient::connect(config, "check", static_cast<std::uint32_t>(config.mqtt_session_expiry / ns_per_s), nullptr);
    if (!client) return {problem(client.error().text(), "the log of the broker says more")};
    findings.push_back(good(printable(broker_of(config)) + " accepts a client " +
                            (config.mqtt_user.empty() ? "without a user name" : "of the user " + printable(config.mqtt_user)) +
                            "; whether a session is kept for \"" + client_id_of(config) +
                            "\" is not asked: that would take it from a node that runs"));
    std::ranges::move(findings_of((*client)->broker(), config), std::back_inserter(findings));
  }
  const auto client = PassingClient::connect(config, "check", 0, nullptr);
  if (!client) {
    findings.push_back(problem(client.error().text(), "the log of the broker says more"));
  } else {
    look_at_filters(config, **client, findings);
  }
  return findings;
}

}  // namespace stethos::edge
