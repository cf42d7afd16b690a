#include "recordings/raw.h"

namespace stethos::recordings {

Result<std::unique_ptr<Recording>> open_raw(const std::string& path, NumberType type, std::size_t channels,
                                            const FrameOptions& options) {
  const std::string doing = "reading " + path;
  if (channels == 0 || channels > frame_channels_max) {
    return fail(Code::invalid, doing, "1 to " + std::to_string(frame_channels_max) + " channels are read");
  }
  auto bytes = open_binary_file(path);
  if (!bytes) return std::unexpected(bytes.error());
  const NumberFormat format{.type = type};
  const std::uint64_t size = (*bytes)->size(), frame_bytes = channels * format.bytes();
  if (size % frame_bytes != 0) {
    return fail(Code::corrupt, doing,
                "its " + std::to_string(size) + " bytes are no whole number of frames, of " + std::to_string(frame_bytes) +
                    " bytes each");
  }
  const SampleTable table{.bytes = *bytes, .frames = size / frame_bytes, .channels = channels, .format = format};
  return open_frames({.path = path, .tables = {table}, .names = {}}, options);
}

}  // namespace stethos::recordings
