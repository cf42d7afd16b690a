// A thin JSON reading: {"device":"pump-1","ts":1700000000000,"seq":7,"temperature":21.5}. `ts` is in ms since 1970, `seq`
// is the device's running number, and each value stands under the name of its channel, so that it reads back as the same
// double.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "firmware_sim/sent_channel.h"

namespace stethos::firmware_sim {

// Each channel has one finite sample; the stamp is that of the first channel.
std::string json_reading(std::string_view device, std::uint64_t sequence, std::span<const SentChannel> channels);

}  // namespace stethos::firmware_sim
