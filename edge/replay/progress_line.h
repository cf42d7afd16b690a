// How far a replay is: to a person who watches by a line that changes, to anybody else by a line now and then. On standard error;
// one thread.
#pragma once

#include "common/clock.h"
#include "edge/replay/recording_port.h"

namespace stethos::edge {

class ProgressLine {
 public:
  explicit ProgressLine(const RecordingPort& port);
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  ~ProgressLine();

  void tell();

  double seconds() const { return static_cast<double>(port_.monotonic() - begun_) / 1e9; }

 private:
  const RecordingPort& port_;
  const bool watched_;
  bool is_open_ = false;
  DurationNs begun_;
  DurationNs told_;
};

}  // namespace stethos::edge
