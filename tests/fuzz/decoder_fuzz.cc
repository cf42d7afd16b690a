// The decoders, given whatever libFuzzer thinks of: `make fuzz`.
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/decoder_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  stethos::test::read_decoder_input({data, size});
  return 0;
}
