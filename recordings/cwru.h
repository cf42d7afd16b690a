// Bearing records of Case Western Reserve University: NAME.f32, little-endian float32 samples of one accelerometer, and
// beside it NAME.json, which says how they were taken. The samples come as blocks of one channel; the last may be short.
// The files bear no date, so the caller says when the first sample was taken. One block is in memory at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "recordings/recording.h"

namespace stethos::recordings {

struct CwruOptions {
  TimeNs start_ns = 0;
  std::size_t block_samples = 2560;
  std::string channel = "DE";  // drive end, where these sensors sat
};

struct CwruDescription {
  double sample_rate_hz = 0;
  std::uint64_t samples = 0;
  std::string unit;
  double rpm = 0;
  std::string fault;
  std::string bearing_model;
  int bearing_elements = 0;
  double element_diameter_in = 0;
  double pitch_diameter_in = 0;
  double contact_angle_deg = 0;
};

class CwruRecording : public Recording {
 public:
  virtual const CwruDescription& description() const = 0;
};

// `path` is that of NAME.f32. Both files must agree on the number of samples.
Result<std::unique_ptr<CwruRecording>> open_cwru(const std::string& path, const CwruOptions& options);

}  // namespace stethos::recordings
