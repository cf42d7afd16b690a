// WAV files, of one channel or several, as data loggers and sound cards write them: RIFF and RF64 (beyond 4 GiB), whole numbers
// of 16, 24 or 32 bits and floating point of 32 or 64. Whole numbers become -1 to 1 times the scale. The samples come as blocks;
// the last may be short. One block is in memory at a time. Microsoft, Multiple Channel Audio Data and WAVE Files (2007); EBU Tech
// 3306.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "recordings/recording.h"

namespace stethos::recordings {

struct WavOptions {
  TimeNs start_ns = 0;
  std::size_t block_samples = 2560;
  std::vector<std::string> channels;  // their names, as many as the file has; or one, to which a number is added: x-1, x-2
  std::string quantity = "value";
  std::string unit = "1";
  double scale = 1;  // of full scale
};

Result<std::unique_ptr<Recording>> open_wav(const std::string& path, const WavOptions& options);

}  // namespace stethos::recordings
