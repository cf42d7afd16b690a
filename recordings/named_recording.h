// Recordings by a text that says what and where they are, as people write it on a command line: csv:FILE, wav:FILE, mat:FILE,
// npy:FILE, f32:FILE, i16:FILE, cwru:FILE.f32, femto:FOLDER, nab:FILE or skab:FILE.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "recordings/recording.h"

namespace stethos::recordings {

// What some of them do not say themselves. "Samples": of wav, mat, npy, f32 and i16.
struct NamedOptions {
  TimeNs start_ns = 0;                // samples, csv, cwru: of the first sample; femto: on the day of the first snapshot
  std::size_t block_samples = 2560;   // samples, csv, cwru
  std::vector<std::string> channels;  // samples, csv, nab; empty: what the recording says, or "value"
  std::string quantity = "value";     // the same
  std::string unit = "1";
  double scale = 1;                   // samples, csv
  double rpm = 0;                     // of the shaft, in blocks; 0: what the recording says
  double rate_hz = 0;                 // samples; 0: what the recording says; csv: as in CsvOptions
  std::vector<std::string> columns;   // csv: as in CsvOptions; mat: the paths of arrays
  std::size_t raw_channels = 1;       // f32, i16: which take turns
  char delimiter = 0;                 // csv, as in CsvOptions, and what follows
  std::string time_column;
  DurationNs time_unit_ns = ns_per_s;
};

struct NamedRecording {
  std::string name;  // after its file or folder, for the device that it is of
  std::unique_ptr<Recording> recording;
};

// Empty: the text is of this form.
std::string objection_to_recording(const std::string& text);

Result<NamedRecording> open_named(const std::string& text, const NamedOptions& options);

}  // namespace stethos::recordings
