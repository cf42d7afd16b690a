// What the fuzzer of decoders and its replay do with one input. The input's first byte chooses a configuration of
// tests/data/payloads.toml, or our own protocol; the rest is the payload. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace stethos::test {

// As many as the first byte chooses from.
std::size_t decoder_configurations();

// Decodes it twice, by decoders that remember nothing, and ends the process where the two differ or where more comes out than
// what went in can hold.
void read_decoder_input(std::span<const std::uint8_t> input);

}  // namespace stethos::test
