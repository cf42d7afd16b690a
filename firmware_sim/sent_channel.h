// What a message says of one channel, as whoever decodes it rightly reads it: after rounding to f32 or i16, and with the
// stamps it bears. From it come both the payload and the ledger.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/clock.h"
#include "firmware_sim/random.h"
#include "recordings/recording.h"
#include "schemas/envelope.h"

namespace stethos::firmware_sim {

enum class Encoding : std::uint8_t { f32, i16 };

struct SentChannel {
  std::string channel;
  std::string quantity;
  std::string unit;
  TimeNs start_ns = 0;
  double interval_ns = 0;
  std::vector<TimeNs> times_ns;
  std::vector<double> values;  // NaN where NaN is sent
};

// A channel moved in time by `shift_ns`, as it goes into a batch; fills `sent` with what it says then. A share `nan` of the
// samples becomes NaN with f32; i16 has none.
schema::ChannelT encode_channel(const recordings::ChannelData& data, DurationNs shift_ns, Encoding encoding, double nan,
                                Random& random, SentChannel& sent);

// The same for a JSON reading, whose stamp is a whole millisecond and whose values are doubles.
SentChannel reading_channel(const recordings::ChannelData& data, DurationNs shift_ns);

}  // namespace stethos::firmware_sim
