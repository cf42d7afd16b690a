// The speeds that machines ran at: readings of the point table's channels of the quantity `rotational_speed` (rpm or Hz), by
// machine, for the lines of the same machine's vibrations. One thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/clock.h"
#include "edge/core/state.h"
#include "edge/ingest/point_table.h"

namespace stethos::edge {

class ShaftSpeeds {
 public:
  // Speeds that are older than `age_max` when a block begins are not the block's.
  explicit ShaftSpeeds(DurationNs age_max_ns) : age_max_ns_(age_max_ns) {}

  // What was remembered before.
  void restore(const std::string& machine, TimeNs time_ns, double hz) { by_machine_[machine][time_ns] = hz; }

  // Does nothing unless it is a channel of a speed and the value one. The last readings of a machine are kept, by their times.
  void note(const PointEntry& entry, TimeNs time_ns, double value, std::vector<SpeedChange>& changes);

  // Of the machine when a block of the channel began: what the device said with the block (0: nothing), else the last reading
  // that is not too old, times the ratio of the channel's shaft, else what the point table says.
  ShaftSpeed at(const PointEntry* entry, TimeNs time_ns, double said_hz) const;

 private:
  const DurationNs age_max_ns_;
  std::map<std::string, std::map<TimeNs, double>, std::less<>> by_machine_;
};

}  // namespace stethos::edge
