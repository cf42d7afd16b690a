// A bearing of the FEMTO-ST / PRONOSTIA runs to failure: a folder of acc_NNNNN.csv (hour, minute, second, microsecond,
// horizontal, vertical; 25.6 kHz, one snapshot a file) and, where there are any, temp_NNNNN.csv (hour, minute, second,
// tenth of a second, temperature). Fields are separated by ',' or ';', one of them throughout a file.
//
// A snapshot is a record with the blocks `horizontal` and `vertical`; a temperature file is a record of readings, or
// several where its stamps go back. Files come in the order of their numbers, the two kinds merged by time. The stamps have
// no date: the caller gives that of the first snapshot, and each later stamp gets the date that brings it nearest to the
// latest stamp so far. So a midnight is crossed, and a snapshot stamped hours too early stays where its stamp says.
#pragma once

#include <memory>
#include <string>

#include "recordings/recording.h"

namespace stethos::recordings {

struct FemtoOptions {
  TimeNs date_ns = 0;  // midnight of the day of the first snapshot
};

Result<std::unique_ptr<Recording>> open_femto(const std::string& folder, const FemtoOptions& options);

}  // namespace stethos::recordings
