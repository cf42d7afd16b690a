// A client that passes by: it looks at the broker or hears what it delivers, beside a node that may be running. It has a random
// id of its own, which begins as the node's so that rules for that apply to it, begins anew, acknowledges nothing for anybody,
// and leaves nothing at the broker.
//
// `heard` is called by a thread of Paho's, one message at a time; everything else belongs to the thread that made it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/result.h"
#include "edge/config/edge_config.h"
#include "edge/ingest/message.h"

namespace stethos::edge {

// What a broker says of itself when it accepts a client; what it does not say is what MQTT 5 has for that.
struct BrokerSays {
  std::optional<std::uint32_t> packet_bytes_max = std::nullopt;  // nothing: any
  int qos_max = 2;
  std::uint16_t receive_max = 65'535;  // messages of QoS 1 on their way to it
  bool has_retained = true;
  bool has_wildcards = true;
  bool has_identifiers = true;  // of subscriptions
  std::optional<std::uint32_t> session_expiry_s = std::nullopt;  // instead of what was asked for
};

class PassingClient {
 public:
  using Heard = std::function<void(Message message)>;

  // `purpose` stands in its id. It asks for a session that is kept for so many seconds; when it leaves it ends it.
  // Code::unavailable: there is no answer; Code::invalid: the broker refuses it.
  static Result<std::unique_ptr<PassingClient>> connect(const EdgeConfig& config, std::string_view purpose,
                                                        std::uint32_t session_expiry_s, Heard heard);

  // Leaves. `heard` must return meanwhile, and is not called afterwards.
  ~PassingClient();

  const BrokerSays& broker() const;

  // The quality of service that is granted. Retained messages are not asked for, as the node does not.
  Result<int> subscribe(const std::string& filter, int qos);

  bool is_connected() const;

 private:
  class Link;
  explicit PassingClient(std::unique_ptr<Link> link);
  std::unique_ptr<Link> link_;
};

}  // namespace stethos::edge
