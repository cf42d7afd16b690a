// What a replay found as one page of HTML, for people: it needs no network, no script and no other file, and can be printed.
//
// All texts may hold any bytes: they are escaped, and cut where they are long. Whatever has no finite value is a dash, or a gap
// in a line. Plots of many values show the lowest and the highest of each pixel. A channel's part is at most about 300 KB.
// Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"

namespace stethos::edge {

inline constexpr std::size_t channels_drawn_max = 32;  // beyond it a channel is in the table of latest values, and has no plots
inline constexpr std::size_t channels_listed_max = 500;  // beyond it a channel is counted
inline constexpr std::size_t trends_drawn_max = 24;  // of a channel; beyond it a trend is in the table of latest values
inline constexpr std::size_t trends_listed_max = 64;  // of all names together; beyond it they are counted
inline constexpr std::size_t lines_listed_max = 100;  // of a spectrum; beyond it a line is counted
inline constexpr std::size_t notes_listed_max = 32;  // of a channel, and warnings; beyond it they are counted

// A statistic of windows. Of `times_ns` and `values` the longer one's rest is not looked at; times need no order. A line
// between two windows is left out where they are more than three times farther apart than most are.
struct ReportSeries {
  std::string name;
  std::string unit;  // empty: a ratio
  std::vector<TimeNs> times_ns;
  std::vector<double> values;  // NaN: not defined
};

// A line of a bearing ("bpfo 1x") or a multiple of the shaft's speed ("2x"). What stands before the last space or point of a
// name is its family, and has one colour.
struct ReportLine {
  std::string name;
  double hz = 0;  // not finite, or not above 0: not known
  std::optional<double> depth;
  std::optional<double> significance;  // from 3 on the line is drawn bold
};

struct ReportSpectrum {
  double bin_hz = 0;  // the first bin is at 0 Hz
  std::vector<double> amplitude;  // in the channel's unit; of any number of bins
  std::vector<ReportLine> lines;
  double low_hz = 0, high_hz = 0;  // what of it is shown; 0 and 0: all, and once more what is near the lines
};

struct ReportChannel {
  std::string device, channel, machine, quantity, unit;
  std::optional<double> shaft_hz;
  std::string speed_source;
  std::string bearing;
  double sampling_rate_hz = 0;  // 0: not known
  TimeNs last_block_ns = 0;  // where it begins
  std::vector<ReportSeries> trends;
  std::vector<float> waveform;  // of the last block
  std::optional<ReportSpectrum> spectrum;  // of the last block
  std::optional<ReportSpectrum> envelope;  // of its envelope
  // What is not defined and why: "ftf: no speed is known". A dash shows the numbers of the notes that say the name of its trend
  // or line, or whose text before the colon is a part of that name; where there are none, those of the first notes.
  std::vector<std::string> notes;
};

struct Report {
  std::string title;
  std::string recording;
  std::string program;
  std::string configuration;
  TimeNs first_ns = 0, last_ns = 0;
  std::uint64_t messages = 0, samples = 0, windows = 0;
  std::vector<std::string> warnings;
  std::vector<ReportChannel> channels;
};

// What each such page begins with: by this it is told from other files.
inline constexpr std::string_view report_beginning =
    "<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\" class=\"stethos-replay\">\n";

// HTML that is well-formed XML too.
std::string report_page(const Report& report);

}  // namespace stethos::edge
