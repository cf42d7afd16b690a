// A series of the Numenta Anomaly Benchmark: CSV with the heading `timestamp,value`, LF or CRLF. A record is one reading.
// Local clocks were set back in some of them: stamps then repeat with other values. The file does not say what it measures;
// the caller does.
#pragma once

#include <memory>
#include <string>

#include "recordings/recording.h"

namespace stethos::recordings {

struct NabOptions {
  std::string channel = "value";
  std::string quantity = "value";
  std::string unit = "1";
};

Result<std::unique_ptr<Recording>> open_nab(const std::string& path, const NabOptions& options);

}  // namespace stethos::recordings
