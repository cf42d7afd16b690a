// Rows of a FEMTO snapshot that are alike: they begin as one did that was read with every check, the stamp of each is written
// with the same exponent, its three numbers are short, and it is where the sampling rate puts it. Everything else is left to that
// other way of reading, which is slower and has the messages.
//
// Pure, callable from any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/clock.h"

namespace stethos::recordings {

inline constexpr DurationNs snapshot_two_intervals_ns = 78'125;  // 25.6 kHz
// Stamps have five digits, so they are off by up to 5 us at both ends. A row further away is not of this sampling rate.
inline constexpr DurationNs snapshot_stamp_error_ns_max = ns_per_ms;

// When the sample of this number was taken, after the first.
constexpr DurationNs snapshot_sample_ns(std::size_t index) {
  return (static_cast<DurationNs>(index) * snapshot_two_intervals_ns + 1) / 2;
}

// What is the same in rows that are alike.
struct RowForm {
  RowForm() = default;
  // Of a row that has been read: its hour, minute and second, each with the separator behind it, and the field of its stamp.
  RowForm(std::string_view beginning, std::string_view stamp, char separator);

  std::array<std::uint64_t, 2> beginning{};
  std::array<std::uint64_t, 2> beginning_mask{};
  std::size_t beginning_bytes = 0;  // 0: no row is like that one
  std::uint64_t exponent = 0;  // of the stamp, as text
  std::uint64_t exponent_mask = 0;
  std::size_t exponent_bytes = 0;
  unsigned zeros = 0;  // that its number gets to be one of nanoseconds
  char separator = 0;
};

struct AlikeRows {
  static constexpr std::size_t count_max = 256;

  std::size_t count = 0;
  std::size_t bytes = 0;  // of text, with the line feeds
  std::array<double, count_max> horizontal;
  std::array<double, count_max> vertical;
};

// So many bytes behind the text must be readable, and hold no line feed.
inline constexpr std::size_t snapshot_rows_padding_bytes = 64;

// As many rows at the start of `text` as are alike, or as there is room for. `index` is the number of the first of them in its
// snapshot, whose first sample has the stamp `first_ns`, counted from the whole second that these rows begin with.
void read_alike_rows(std::string_view text, const RowForm& form, DurationNs first_ns, std::size_t index, AlikeRows& rows);

}  // namespace stethos::recordings
