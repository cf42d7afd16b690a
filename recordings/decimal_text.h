// Decimal numbers as instruments write them (0.038, -12, 5.4066e+05), read eight characters at a time and without a branch on
// what changes from number to number: sign and lengths. A form that this does not know is for std::from_chars to decide.
//
// Pure, callable from any thread. Inline, since each place that reads a number has branches of its own to learn.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace stethos::recordings {

// So many bytes from the start of a number must be readable, whatever they hold.
inline constexpr std::size_t decimal_text_bytes = 16;

static_assert(std::endian::native == std::endian::little, "the first character is in the lowest byte");

// All of them are exact in f64.
inline constexpr std::array<double, 23> powers_of_ten{1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                                      1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

// The digits in the bytes, the first in the lowest, as a number.
inline std::uint64_t number_of(std::uint64_t digits) {
  digits = (digits * 10 + (digits >> 8)) & 0x00ff'00ff'00ff'00ff;
  digits = (digits * 100 + (digits >> 16)) & 0x0000'ffff'0000'ffff;
  return (digits * 10'000 + (digits >> 32)) & 0xffff'ffff;
}

// The number at `text`, in the very bits that std::from_chars gives, and where it ends. Null: a form other than up to seven
// characters, sign and point included, with or without a signed exponent of two or three digits; `value` is then not set. What
// follows is not looked at.
[[gnu::always_inline]] inline const char* read_short_decimal(const char* text, double& value) {
  // The sign is shifted out and not read past: where the number ends is what the next one waits for.
  const std::uint64_t negative = *text == '-' ? 1 : 0;
  std::uint64_t bytes = 0;
  std::memcpy(&bytes, text, sizeof bytes);
  bytes = (bytes >> (8 * negative)) ^ 0x3030'3030'3030'3030;  // digits become 0 to 9, everything else more
  std::uint64_t others = (((bytes & 0x7f7f'7f7f'7f7f'7f7f) + 0x7676'7676'7676'7676) | bytes) & 0x8080'8080'8080'8080;
  others &= 0x8080'8080'8080'8080 >> (8 * negative);
  text += negative;
  if (others == 0) return nullptr;
  const int whole = std::countr_zero(others) / 8;
  if (whole == 0) return nullptr;
  int digits = whole;
  int fraction = 0;
  if (text[whole] == '.') {
    const std::uint64_t behind = others & (others - 1);
    if (behind == 0) return nullptr;
    const int length = std::countr_zero(behind) / 8;
    fraction = length - whole - 1;
    if (fraction == 0) return nullptr;
    const std::uint64_t before = (std::uint64_t{1} << (8 * whole)) - 1;
    bytes = (bytes & before) | ((bytes >> 8) & ~before);
    digits = length - 1;
    text += length;
  } else {
    text += whole;
  }
  // Less than 2^53 and a power that is exact: one multiplication or division rounds as the number itself would (Clinger).
  const auto mantissa = static_cast<double>(number_of(bytes << (64 - 8 * digits)));
  int exponent = -fraction;
  if (*text == 'e' || *text == 'E') {
    const auto digit = [&](int at) { return static_cast<unsigned>(text[at] - '0'); };
    const bool below = text[1] == '-';
    if (!below && text[1] != '+') return nullptr;
    if (digit(2) > 9 || digit(3) > 9) return nullptr;
    unsigned stated = digit(2) * 10 + digit(3);
    text += 4;
    if (digit(0) <= 9) {
      stated = stated * 10 + digit(0);
      ++text;
      if (digit(0) <= 9) return nullptr;
    }
    exponent += below ? -static_cast<int>(stated) : static_cast<int>(stated);
    if (exponent < -22 || exponent > 22) return nullptr;
  }
  const double magnitude = exponent < 0 ? mantissa / powers_of_ten[static_cast<std::size_t>(-exponent)]
                                        : mantissa * powers_of_ten[static_cast<std::size_t>(exponent)];
  value = std::bit_cast<double>(std::bit_cast<std::uint64_t>(magnitude) | negative << 63);
  return text;
}

}  // namespace stethos::recordings
