// One device: what it measures (a recording, real or synthetic), how it says so, the ring of what is not acknowledged, and
// what it does wrong on request. It reads no clock and sends nothing: it is told the time, and hands out what to publish.
// One thread.
//
// Fleet time counts from the device's first sample. A message is ready when its last sample has been taken.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "firmware_sim/ledger.h"
#include "firmware_sim/misbehaviour.h"
#include "firmware_sim/send_ring.h"
#include "firmware_sim/sent_channel.h"
#include "recordings/recording.h"

namespace stethos::firmware_sim {

struct DeviceSpec {
  std::string name;
  std::string machine;
  Format format = Format::stethos;
  std::unique_ptr<recordings::Recording> source;
  TimeNs base_ns = 0;         // fleet time 0, in the source's stamps
  DurationNs length_ns = 0;   // what starts later is left out
  DurationNs shift_ns = 0;    // added to every stamp
  FaultKind fault = FaultKind::none;
  DurationNs fault_start_ns = 0;
};

struct DeviceOptions {
  std::uint64_t epoch = 0;
  std::uint64_t seed = 0;
  Encoding encoding = Encoding::f32;
  std::size_t readings_per_message_max = 1;  // our format: so many records of readings go into one message
  bool complete = true;                      // the last message says that nothing older comes
  DurationNs complete_past_ns = 0;           // and nothing older than so much after its last sample
  std::string json_topic_prefix = "fleet";
  MisbehaviourOptions misbehaviour;
  RingLimits ring;
};

struct Publication {
  std::vector<std::uint8_t> payload;
  bool tracked = false;  // tell the device when the broker has it
};
// What one turn publishes, in order; nothing, when the send is to get lost.
struct Turn {
  std::uint64_t sequence = 0;
  std::vector<Publication> publications;
};
inline constexpr std::size_t publications_per_turn_max = 3;

class Device {
 public:
  Device(DeviceSpec spec, const DeviceOptions& options, Ledger& ledger);

  const std::string& name() const { return spec_.name; }
  const DeviceSpec& spec() const { return spec_; }
  const std::string& topic() const { return topic_; }
  const std::string& acknowledgement_topic() const { return acknowledgement_topic_; }  // empty: the broker's is enough

  // Reads the next message from the source. False at its end; from then on the device only waits for acknowledgements.
  Result<bool> prepare();
  // When the message that was prepared is ready, in fleet time. It never goes back.
  DurationNs ready_ns() const { return ready_ns_; }
  bool has_room() const { return !ring_.full(); }
  // Puts the prepared message into the ring, and into the ledger. A full ring gives up its oldest message.
  void hold();
  // Measures no more.
  void stop();

  std::optional<Turn> take_turn(DurationNs now);
  DurationNs quiet_until() const { return ring_.quiet_until(); }

  void acknowledged(std::span<const std::uint8_t> payload);  // a DeviceAck, or not
  void delivered(std::uint64_t sequence);                    // the broker has it
  void not_delivered(std::uint64_t sequence, DurationNs now);  // nobody knows whether it has
  void not_published(std::uint64_t sequence, DurationNs now);  // it has not
  void connection_lost(DurationNs now) { ring_.connection_lost(now); }

  bool done() const { return source_ended_ && ring_.empty(); }
  DeviceTotals totals() const;

 private:
  struct Prepared {
    recordings::Record record;
    bool last = false;
  };
  // What is drawn for a message and what of it is still to be done goes with it.
  class Message;

  void note_given_up();

  DeviceSpec spec_;
  DeviceOptions options_;
  Ledger* ledger_;
  std::string topic_;
  std::string acknowledgement_topic_;
  SendRing ring_;
  recordings::Record ahead_;  // read, and not yet part of a message
  bool has_ahead_ = false;
  bool source_ended_ = false;
  std::optional<Prepared> prepared_;
  DurationNs ready_ns_ = 0;
  TimeNs latest_ns_ = 0;      // the end of the latest sample, as a right clock stamps it
  DeviceTotals totals_;
};

}  // namespace stethos::firmware_sim
