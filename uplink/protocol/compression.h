// One zstd frame, and never more than the reader allows. The size that a frame states is checked before anything is
// decompressed, and what comes out is held against it while it is.
//
// Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/result.h"

namespace stethos::uplink {

inline constexpr int compression_level = 3;

// A frame that states its size and ends with a checksum.
std::vector<std::uint8_t> compress(std::span<const std::uint8_t> bytes);

// `too_large`: the frame states, or turns out to hold, more than `bytes_max`. `unsupported`: it needs a dictionary or does
// not state its size. `corrupt`: not a frame, cut short, damaged, or something follows it.
Result<std::vector<std::uint8_t>> decompress(std::span<const std::uint8_t> frame, std::size_t bytes_max);

}  // namespace stethos::uplink
