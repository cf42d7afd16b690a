// Numbers as files hold them, whole ones and floating point of any size and either order of bytes, read as float64.
//
// Pure, callable from any thread.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace stethos::recordings {

static_assert(std::endian::native == std::endian::little, "numbers of the usual order are read as they lie");

// A number at a place that need not be aligned.
template <class Number>
Number number_at(const char* bytes, bool is_big_endian = false) {
  std::array<char, sizeof(Number)> raw{};
  std::memcpy(raw.data(), bytes, raw.size());
  if (is_big_endian) std::ranges::reverse(raw);
  return std::bit_cast<Number>(raw);
}

enum class NumberType : std::uint8_t { i8, u8, i16, u16, i24, i32, u32, i64, u64, f32, f64 };

struct NumberFormat {
  NumberType type = NumberType::f64;
  bool is_big_endian = false;

  std::size_t bytes() const;  // of one number
};

// As many as there is room for, `stride` bytes from the beginning of one to that of the next, each times `factor`.
void read_numbers(const char* from, std::size_t stride, NumberFormat format, double factor, std::span<double> into);

}  // namespace stethos::recordings
