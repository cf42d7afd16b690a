// The clocks and the parts of a stream as blobs of the spool. 64-bit little-endian numbers; a text is its length and its bytes.
//
//   clocks  per definition: its id, watermark, highest watermark, settled until, highest, jump from, to, what became of it, back
//           from, to, late run, time of its last, how many stretches were cut short and from, to of each, away from, to, and what
//           no row shows yet: duplicate, late, rejected samples
//   parts   per part: from, newest, version, interval, block length, plausible from, to, quantity, unit
//
// Pure functions; any thread. Bytes that make no sense are Code::corrupt.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "common/result.h"
#include "edge/core/state.h"

namespace stethos::edge {

std::vector<std::uint8_t> encode(const std::map<std::uint64_t, StreamClock>& clocks);
std::vector<std::uint8_t> encode(const Parts& parts);

Result<std::map<std::uint64_t, StreamClock>> decode_clocks(std::span<const std::uint8_t> bytes);
Result<Parts> decode_parts(std::span<const std::uint8_t> bytes);

}  // namespace stethos::edge
