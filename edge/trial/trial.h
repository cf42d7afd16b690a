// What a message would become at this node, found by letting the edge's own core take it: no rule is written a second time here.
//
// A core that remembers nothing takes the message as a whole, and shows what was decoded of it and which letters it leaves. A
// second one then takes the decoded channels one by one, which changes no row of theirs (where a batch ends never does), so that
// each refusal is known to be that of one channel. No broker, no spool, no file. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "edge/config/edge_config.h"
#include "edge/core/core.h"
#include "edge/ingest/decoder.h"
#include "edge/ingest/point_table.h"

namespace stethos::edge {

struct TriedChannel {
  const DecodedChannel* decoded = nullptr;  // never null
  const PointEntry* entry = nullptr;        // that is valid at its time; null: none is
  std::vector<Rejection> refused;           // empty: it is taken
  std::uint64_t out_of_range = 0;           // of its samples: outside of what is plausible
  std::uint64_t duplicates = 0;             // of its samples, those that count as copies of others in the message
};

struct TriedDevice {
  const DecodedMessage* decoded = nullptr;  // never null
  std::vector<Rejection> refused;           // what is said of no single channel
  std::vector<TriedChannel> channels;
};

struct TriedMessage {
  std::optional<std::size_t> subscription;  // its place in the configuration; nothing: none takes the topic
  bool is_ignored = false;
  bool clock_trusted = true;
  bool waits_for_clock = false;    // it is not, and the message has no time of its own
  std::vector<Rejection> refused;  // as a whole
  std::vector<TriedDevice> devices;

  bool is_taken() const;  // all of it, or it is ignored
};

// A core of this configuration that remembers nothing. Nothing is on record of what it forgets.
Result<std::unique_ptr<Core>> core_without_memory(const EdgeConfig& config, const PointTable& points);

class Trial {
 public:
  // Both must outlive it.
  Trial(const EdgeConfig& config, const PointTable& points) : config_(config), points_(points) {}

  // What it returns points into the message and into this, and is good until the next call. `clock_trusted`: now_ns is known to
  // be right.
  Result<TriedMessage> put(const Message& message, TimeNs now_ns, bool clock_trusted);

 private:
  class Witness final : public Recorder {
   public:
    void take(const DecodedMessage& message, const Message& /*arrived*/) override { seen.push_back(message); }
    std::vector<DecodedMessage> seen;
  };

  Status take_one_by_one(const Message& message, TimeNs now_ns, bool clock_trusted, TriedMessage& tried);

  const EdgeConfig& config_;
  const PointTable& points_;
  Witness witness_;
  std::unique_ptr<Core> core_;  // of the last message, which its decoders' memory belongs to
};

}  // namespace stethos::edge
