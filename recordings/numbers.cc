#include "recordings/numbers.h"

namespace stethos::recordings {
namespace {

template <class Number>
void read_as(const char* from, std::size_t stride, bool is_big_endian, double factor, std::span<double> into) {
  for (double& each : into) {
    each = factor * static_cast<double>(number_at<Number>(from, is_big_endian));
    from += stride;
  }
}

// There is no type of three bytes: they are the upper ones of four, so that the sign is where it belongs.
void read_i24(const char* from, std::size_t stride, bool is_big_endian, double factor, std::span<double> into) {
  for (double& each : into) {
    std::array<char, 4> wide{0, from[0], from[1], from[2]};
    if (is_big_endian) std::swap(wide[1], wide[3]);
    each = factor * static_cast<double>(number_at<std::int32_t>(wide.data()) >> 8);
    from += stride;
  }
}

}  // namespace

std::size_t NumberFormat::bytes() const {
  switch (type) {
    case NumberType::i8:
    case NumberType::u8:
      return 1;
    case NumberType::i16:
    case NumberType::u16:
      return 2;
    case NumberType::i24:
      return 3;
    case NumberType::i32:
    case NumberType::u32:
    case NumberType::f32:
      return 4;
    case NumberType::i64:
    case NumberType::u64:
    case NumberType::f64:
      break;
  }
  return 8;
}

void read_numbers(const char* from, std::size_t stride, NumberFormat format, double factor, std::span<double> into) {
  const bool is_big = format.is_big_endian;
  switch (format.type) {
    case NumberType::i8:
      return read_as<std::int8_t>(from, stride, is_big, factor, into);
    case NumberType::u8:
      return read_as<std::uint8_t>(from, stride, is_big, factor, into);
    case NumberType::i16:
      return read_as<std::int16_t>(from, stride, is_big, factor, into);
    case NumberType::u16:
      return read_as<std::uint16_t>(from, stride, is_big, factor, into);
    case NumberType::i24:
      return read_i24(from, stride, is_big, factor, into);
    case NumberType::i32:
      return read_as<std::int32_t>(from, stride, is_big, factor, into);
    case NumberType::u32:
      return read_as<std::uint32_t>(from, stride, is_big, factor, into);
    case NumberType::i64:
      return read_as<std::int64_t>(from, stride, is_big, factor, into);
    case NumberType::u64:
      return read_as<std::uint64_t>(from, stride, is_big, factor, into);
    case NumberType::f32:
      return read_as<float>(from, stride, is_big, factor, into);
    case NumberType::f64:
      return read_as<double>(from, stride, is_big, factor, into);
  }
}

}  // namespace stethos::recordings
