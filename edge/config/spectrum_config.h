// [[spectrum]] and [[bearing]] of the configuration: what is computed of blocks. Plain data, its tables of settings, and what is
// wrong with values together. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "common/clock.h"
#include "common/settings.h"
#include "edge/config/problems.h"

namespace stethos::edge {

struct EdgeConfig;

// [[spectrum]]: what is computed of each block of some streams.
struct SpectrumConfig {
  std::string quantity;
  std::string device;         // only streams of this device; empty: all
  std::string length = "message";  // or "auto", or a duration
  double overlap = 0;              // a share of it
  DurationNs gap_max = 0;          // of blocks that are joined
  std::vector<std::string> bands;           // "10-1000Hz", of band_rms
  std::vector<std::string> velocity_bands;  // the same, of vibration_velocity
  double low_frequency_hz = 0;              // of low_frequency_share; 0: none
  double rolloff_share = 0;
  int lines = 0;                            // so many of the highest
  std::vector<std::string> multiples;       // "1x", of the shaft's speed
  std::vector<std::string> velocity_multiples;
  bool ac_factors = false;
  double speed_range = 0;                   // a share of nominal_rpm; 0: it is believed
  std::string envelope_band;                // empty: no envelope
  int bearing_harmonics = 0;
  double line_tolerance = 0;                // a share of the line's frequency
};

// [[bearing]]: one kind of bearing, named in the point table.
struct BearingConfig {
  std::string name;
  int elements = 0;
  double element_diameter_mm = 0;
  double pitch_diameter_mm = 0;
  double contact_angle_deg = 0;
};

settings::Table<SpectrumConfig> spectrum_table();
settings::Table<BearingConfig> bearing_table();

// Keys are those of the section: "elements".
std::vector<settings::Problem> check_bearing(const BearingConfig& bearing);

// Between the entries, and with other sections. Keys are those of the file: "spectrum[1].length".
void check_spectra(const EdgeConfig& config, Problems& problems);

}  // namespace stethos::edge
