// The point table: what machine, point, quantity and unit a device's channel stands for. A CSV with a header, versioned by
// valid_from: of the entries of one channel, the latest that is valid at the sample's time counts.
//
//   device,channel,machine,point,axis,quantity,unit[,range_min,range_max,interval,block_length,full_scale,nominal_rpm,
//   speed_ratio,bearing,valid_from,location,owner]
//
// Immutable once read; any thread.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "common/result.h"
#include "gpu_kernels/moments.h"

namespace stethos::edge {

struct PointEntry {
  std::string device;
  std::string channel;
  std::string machine;
  std::string point;
  std::string axis;  // "-": none
  std::string quantity;
  std::string unit;
  double plausible_min = -kernels::magnitude_max;
  double plausible_max = kernels::magnitude_max;
  DurationNs interval_ns = 0;          // expected between blocks, or between readings; 0: not declared
  std::uint64_t block_length = 1;      // expected samples in each
  double full_scale = 0;               // of the sensor, on both sides of zero; 0: not declared
  double nominal_rpm = 0;              // of the point's shaft; 0: not declared
  double speed_ratio = 1;  // turns of the point's shaft for one of the shaft whose speed the machine's channel says
  std::string bearing;  // one of the configuration's; empty: none
  TimeNs valid_from_ns = std::numeric_limits<TimeNs>::min();
  std::string location;
  std::string owner;
  std::uint64_t version = 0;  // hash of everything that describes the stream, for StreamRow.version
};

std::uint64_t version_of(const PointEntry& entry);

// Whether the channel's readings are the speed of its machine's shaft. A machine has one such channel.
bool is_shaft_speed(const PointEntry& entry);
// Turns a second in a unit of speed; 0: it is none.
double hz_per_speed_unit(std::string_view unit);

// What stands for an entry where the table has none: the channel is its own measurement point, and the device its machine.
PointEntry described_by_itself(std::string device, std::string channel, std::string quantity, std::string unit);

// The one of a channel's entries that is valid then; null: none is. `entries`: as entries_of gives them.
const PointEntry* valid_at(const std::vector<PointEntry>* entries, TimeNs at);

class PointTable {
 public:
  // All errors of the file, each with its line.
  static std::expected<PointTable, std::vector<Error>> parse(std::string_view csv, std::string_view name);
  static std::expected<PointTable, std::vector<Error>> load(const std::string& path);

  // Of the channel, descending by valid_from; null: it has none.
  const std::vector<PointEntry>* entries_of(std::string_view device, std::string_view channel) const;
  // Whether it has a channel of this device.
  bool has(std::string_view device) const;
  // Of each channel, the entry that is valid in the end.
  std::vector<const PointEntry*> latest() const;

 private:
  std::map<std::pair<std::string, std::string>, std::vector<PointEntry>, std::less<>> entries_;
};

}  // namespace stethos::edge
