#include "uplink/protocol/compression.h"

#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <memory>
#include <string>

namespace stethos::uplink {
namespace {

// A frame may ask the reader to keep this much of what it wrote: 2^25 bytes are 32 MiB.
constexpr int window_log_max = 25;
// Memory grows with what has really been decompressed, not with what the frame states.
constexpr std::size_t growth_bytes = 256u << 10;
constexpr const char* doing = "decompressing";

struct FreeCompressor {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};
struct FreeDecompressor {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

bool starts_a_frame(std::span<const std::uint8_t> bytes) {
  return bytes.size() >= 4 && (std::uint32_t{bytes[0]} | std::uint32_t{bytes[1]} << 8 | std::uint32_t{bytes[2]} << 16 |
                               std::uint32_t{bytes[3]} << 24) == ZSTD_MAGICNUMBER;
}

}  // namespace

std::vector<std::uint8_t> compress(std::span<const std::uint8_t> bytes) {
  const std::unique_ptr<ZSTD_CCtx, FreeCompressor> context(ZSTD_createCCtx());
  STETHOS_CHECK(context != nullptr, "out of memory");
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, compression_level);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  std::vector<std::uint8_t> frame(ZSTD_compressBound(bytes.size()));
  const std::size_t size = ZSTD_compress2(context.get(), frame.data(), frame.size(), bytes.data(), bytes.size());
  STETHOS_CHECK(ZSTD_isError(size) == 0, ZSTD_getErrorName(size));
  frame.resize(size);
  return frame;
}

Result<std::vector<std::uint8_t>> decompress(std::span<const std::uint8_t> frame, std::size_t bytes_max) {
  if (!starts_a_frame(frame)) return fail(Code::corrupt, doing, "not a zstd frame");
  const unsigned long long stated = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (stated == ZSTD_CONTENTSIZE_ERROR) return fail(Code::corrupt, doing, "its header is cut short or damaged");
  if (stated == ZSTD_CONTENTSIZE_UNKNOWN) return fail(Code::unsupported, doing, "the frame does not state its size");
  if (stated > bytes_max) {
    return fail(Code::too_large, doing, "it states " + std::to_string(stated) + " bytes, at most " + std::to_string(bytes_max));
  }
  if (ZSTD_getDictID_fromFrame(frame.data(), frame.size()) != 0) return fail(Code::unsupported, doing, "it needs a dictionary");

  const std::unique_ptr<ZSTD_DCtx, FreeDecompressor> context(ZSTD_createDCtx());
  STETHOS_CHECK(context != nullptr, "out of memory");
  ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, window_log_max);

  // One byte more than stated, so that a frame which holds more is seen to.
  const std::size_t room_max = static_cast<std::size_t>(stated) + 1;
  std::vector<std::uint8_t> out;
  ZSTD_inBuffer input{frame.data(), frame.size(), 0};
  std::size_t written = 0;
  for (;;) {
    if (out.size() - written < growth_bytes) out.resize(std::min(room_max, out.size() + std::max(growth_bytes, out.size())));
    ZSTD_outBuffer output{out.data(), out.size(), written};
    const std::size_t before = input.pos;
    const std::size_t left = ZSTD_decompressStream(context.get(), &output, &input);
    if (ZSTD_isError(left) != 0) {
      const bool wide = ZSTD_getErrorCode(left) == ZSTD_error_frameParameter_windowTooLarge;
      return fail(wide ? Code::too_large : Code::corrupt, doing, ZSTD_getErrorName(left));
    }
    const bool moved = input.pos != before || output.pos != written;
    written = output.pos;
    if (written > stated) return fail(Code::too_large, doing, "it holds more than it states");
    if (left == 0) break;
    if (!moved) return fail(Code::corrupt, doing, "cut short");
  }
  if (written != stated) return fail(Code::corrupt, doing, "it holds less than it states");
  if (input.pos != input.size) return fail(Code::corrupt, doing, "something follows the frame");
  out.resize(written);
  return out;
}

}  // namespace stethos::uplink
