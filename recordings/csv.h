// CSV files however they were written: a comma, semicolon, tabulator or space between fields, a point or a comma in numbers, with
// or without a heading, comments (#) and a byte order mark; of any length, a line at a time. With a rate rows are samples that
// follow each other, as blocks; without, each row is a reading with a time. A field that is empty, NaN, NA, N/A, null or - is a
// sample that is missing: a NaN.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "recordings/recording.h"

namespace stethos::recordings {

struct CsvOptions {
  double rate_hz = 0;  // 0: rows have times
  TimeNs start_ns = 0;  // with a rate, of the first row; else what numbers in the column of times count from
  std::size_t block_samples = 2560;  // with a rate
  char delimiter = 0;  // 0: what the first line shows: a tabulator, a semicolon, a comma, a space
  std::string time_column;  // its name in the heading, or its number from 1; empty: the first, where there is no rate
  DurationNs time_unit_ns = ns_per_s;  // of times that are numbers
  std::vector<std::string> columns;  // of values, as above; empty: all but that of the times
  std::vector<std::string> channels;  // what they are called; empty: as in the heading, or column-N
  std::string quantity = "value";
  std::string unit = "1";
  double scale = 1;  // of every value
};

// Errors name the line.
Result<std::unique_ptr<Recording>> open_csv(const std::string& path, const CsvOptions& options);

}  // namespace stethos::recordings
