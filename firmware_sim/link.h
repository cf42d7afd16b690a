// The seam to the broker: one real implementation (mqtt_link.h) and one in the tests. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/clock.h"

namespace stethos::firmware_sim {

// What was handed in with publish and what is to be told about it.
struct PublicationTag {
  static constexpr std::size_t nobody = static_cast<std::size_t>(-1);

  std::size_t device = nobody;
  std::uint64_t sequence = 0;
};

struct LinkEvent {
  enum class Kind : std::uint8_t {
    connected,
    disconnected,   // what was published and not yet delivered is lost, or is not: nothing more is heard of it
    delivered,      // the broker has it (QoS 1), or it was written (QoS 0)
    not_delivered,
    message,
  };
  Kind kind = Kind::message;
  PublicationTag tag;
  std::string topic;
  std::vector<std::uint8_t> payload;
};

class Link {
 public:
  virtual ~Link() = default;

  // What happened since the last call; connects, and connects again, when it is time to.
  virtual std::vector<LinkEvent> poll(DurationNs now) = 0;

  // How many publications may be handed in now; 0 while there is no connection.
  virtual std::size_t room() const = 0;

  // False: it was not taken. Needs room.
  virtual bool publish(const std::string& topic, const std::vector<std::uint8_t>& payload, const PublicationTag& tag) = 0;

  // Waits until something happened, a stop was requested or `timeout` has passed.
  virtual void wait(DurationNs timeout) = 0;
};

}  // namespace stethos::firmware_sim
