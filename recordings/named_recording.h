// Recordings by a text that says what and where they are, as people write it on a command line: csv:FILE, wav:FILE,
// cwru:FILE.f32, femto:FOLDER, nab:FILE or skab:FILE.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "recordings/recording.h"

namespace stethos::recordings {

// What some of them do not say themselves.
struct NamedOptions {
  TimeNs start_ns = 0;               // cwru, wav, csv: of the first sample; femto: on the day of the first snapshot
  std::size_t block_samples = 2560;  // cwru, wav, csv
  std::vector<std::string> channels; // wav, csv, nab; empty: "value", or what the heading says
  std::string quantity = "value";    // the same
  std::string unit = "1";
  double scale = 1;                  // wav, csv
  double rpm = 0;                    // of the shaft, in blocks; 0: what the recording says
  double rate_hz = 0;                // csv, as in CsvOptions, and what follows
  char delimiter = 0;
  std::string time_column;
  DurationNs time_unit_ns = ns_per_s;
  std::vector<std::string> columns;
};

struct NamedRecording {
  std::string name;  // after its file or folder, for the device that it is of
  std::unique_ptr<Recording> recording;
};

// Empty: the text is of this form.
std::string objection_to_recording(const std::string& text);

Result<NamedRecording> open_named(const std::string& text, const NamedOptions& options);

}  // namespace stethos::recordings
