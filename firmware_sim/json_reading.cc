#include "firmware_sim/json_reading.h"

#include "common/clock.h"
#include "common/result.h"
#include "firmware_sim/json_text.h"

namespace stethos::firmware_sim {

std::string json_reading(std::string_view device, std::uint64_t sequence, std::span<const SentChannel> channels) {
  STETHOS_CHECK(!channels.empty(), "a reading has a value");
  std::string out = "{\"device\":";
  append_json(out, device);
  out += ",\"ts\":";
  append_json(out, static_cast<std::int64_t>(channels.front().start_ns / ns_per_ms));
  out += ",\"seq\":";
  append_json(out, sequence);
  for (const SentChannel& channel : channels) {
    STETHOS_CHECK(channel.values.size() == 1, "a reading has one value a channel");
    out += ',';
    append_json(out, channel.channel);
    out += ':';
    append_json(out, channel.values.front());
  }
  out += '}';
  return out;
}

}  // namespace stethos::firmware_sim
