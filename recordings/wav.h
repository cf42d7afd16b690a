// WAV files, of one channel or several, as data loggers and sound cards write them: RIFF and RF64 (beyond 4 GiB), whole numbers
// of 16, 24 or 32 bits and floating point of 32 or 64. Whole numbers become -1 to 1 times the scale. Microsoft, Multiple
// Channel Audio Data and WAVE Files (2007); EBU Tech 3306.
#pragma once

#include <memory>
#include <string>

#include "recordings/frames.h"

namespace stethos::recordings {

Result<std::unique_ptr<Recording>> open_wav(const std::string& path, const FrameOptions& options);

}  // namespace stethos::recordings
