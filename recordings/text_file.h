// A text file of lines and fields, read whole (within a bound) into a buffer that the next file reuses, and numbers read
// from it without locale. Errors name the file and, from the first line on, the line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "common/result.h"
#include "recordings/recording.h"

namespace stethos::recordings {

inline constexpr std::size_t text_file_bytes_max = 64u << 20;
inline constexpr std::size_t text_file_padding_bytes = 64;

// Whether a field says that there is no value: it is empty, NaN, NA, N/A, null or -.
bool is_missing(std::string_view field);

class TextFile {
 public:
  // Reads the file and stands before its first line. What an earlier file gave is no longer valid.
  Status load(const std::string& path);

  // The next line without its line feed or carriage return and line feed. False at the end.
  bool next_line(std::string_view& line);

  // What next_line has not given yet, with zeros behind it: text_file_padding_bytes may be read there.
  std::string_view rest() const { return {content_.data() + position_, size_ - position_}; }

  // Instead of next_line, after looking at the rest: its first lines, which have so many bytes with their line feeds, are done
  // with.
  void pass_lines(std::size_t bytes, std::size_t count) {
    position_ += bytes;
    line_number_ += count;
  }

  std::size_t line_number() const { return line_number_; }
  Recording::Progress progress() const { return {position_, size_}; }  // bytes

  // An error at the line last read.
  std::unexpected<Error> refuse(std::string why) const;

  // Cuts `line` at `separator` into exactly fields.size() fields.
  Status split(std::string_view line, char separator, std::span<std::string_view> fields) const;

  // A whole field as a finite number, as one that may be missing (NaN), or as a whole number in a range.
  Result<double> number(std::string_view field, std::string_view what) const;
  Result<double> sample(std::string_view field, std::string_view what) const;
  Result<int> integer(std::string_view field, std::string_view what, int min, int max) const;

 private:
  std::string path_;
  std::string content_ = std::string(text_file_padding_bytes, '\0');  // of the largest file so far
  std::size_t size_ = 0;
  std::size_t position_ = 0;
  std::size_t line_number_ = 0;
};

}  // namespace stethos::recordings
