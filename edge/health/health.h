// What the edge says about itself: /livez, /readyz and /metrics.
#pragma once

#include <string_view>

#include "common/clock.h"
#include "edge/health/http_listener.h"
#include "edge/ingest/mqtt_port.h"
#include "edge/never_seen.h"
#include "edge/pipeline.h"
#include "edge/replay/message_recorder.h"
#include "edge/spool/sqlite_spool.h"
#include "uplink/sender/sender.h"

namespace stethos::edge {

// Whether the pipeline works, which did its last step so long ago: one waits as long as the commit interval for messages, and
// then for its commit.
bool is_live(DurationNs since_step, DurationNs commit_interval);

// Reads only what may be read from any thread. All must outlive it; the sender may be null: no uplink; and so may the recorder.
// `spool_set_aside`: a damaged one was, at this start.
class Health {
 public:
  Health(const Pipeline& pipeline, const MqttPort& port, const SqliteSpool& spool, bool spool_set_aside,
         const uplink::Sender* sender, const MessageRecorder* recorder, const NeverSeen& never_seen, DurationNs commit_interval,
         const Clock& clock);

  HttpAnswer answer(std::string_view path) const;

 private:
  HttpAnswer live() const;
  HttpAnswer ready() const;
  HttpAnswer metrics() const;

  const Pipeline& pipeline_;
  const MqttPort& port_;
  const SqliteSpool& spool_;
  const bool spool_set_aside_;
  const uplink::Sender* sender_;
  const MessageRecorder* recorder_;
  const NeverSeen& never_seen_;
  const DurationNs commit_interval_;
  const Clock& clock_;
};

}  // namespace stethos::edge
