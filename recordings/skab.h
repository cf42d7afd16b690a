// A series of the Skoltech Anomaly Benchmark: CSV with ';', a heading, a time and eight sensors of a pump test bed, and in
// most files the labels `anomaly` and `changepoint`, which are checked and left out. A record is one line: one reading of
// each of the eight channels, named as in the heading with '_' for a space.
#pragma once

#include <memory>
#include <string>

#include "recordings/recording.h"

namespace stethos::recordings {

Result<std::unique_ptr<Recording>> open_skab(const std::string& path);

}  // namespace stethos::recordings
