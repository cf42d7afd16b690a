// Files that hold samples and nothing else, little-endian: of f32 or i16, one channel or several in turn. They say neither
// their rate nor what a number stands for: the scale is what the number 1 does. A file that does not end with a whole frame is
// refused.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "recordings/frames.h"

namespace stethos::recordings {

Result<std::unique_ptr<Recording>> open_raw(const std::string& path, NumberType type, std::size_t channels,
                                            const FrameOptions& options);

}  // namespace stethos::recordings
