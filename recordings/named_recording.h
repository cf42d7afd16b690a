// Recordings by a text that says what and where they are, as people write it on a command line: cwru:FILE.f32, femto:FOLDER,
// nab:FILE or skab:FILE.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "recordings/recording.h"

namespace stethos::recordings {

// What some of them do not say themselves.
struct NamedOptions {
  TimeNs start_ns = 0;               // cwru: of the first sample; femto: on the day of the first snapshot
  std::size_t block_samples = 2560;  // cwru
  std::string channel = "value";     // nab
  std::string quantity = "value";
  std::string unit = "1";
};

struct NamedRecording {
  std::string name;  // after its file or folder, for the device that it is of
  std::unique_ptr<Recording> recording;
};

// Empty: the text is of this form.
std::string objection_to_recording(const std::string& text);

Result<NamedRecording> open_named(const std::string& text, const NamedOptions& options);

}  // namespace stethos::recordings
