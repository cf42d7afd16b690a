// Built with -O3, which lets these loops use vectors: each of them is plain for that reason.
#include "recordings/decimal_planes.h"

#include <algorithm>
#include <array>
#include <bit>

namespace stethos::recordings {
namespace {

constexpr std::array<float, decimals_max + 1> powers{1e0F, 1e1F, 1e2F, 1e3F, 1e4F, 1e5F, 1e6F, 1e7F, 1e8F, 1e9F};

// Adding it leaves the nearest whole number, of at most 22 bits, in the lowest bits of the sum.
constexpr float rounder = 12'582'912.0F;  // 1.5 * 2^23

// Stands for -0, which is no whole number; its lower half is what no other number has there that fits into an i16.
constexpr std::uint32_t negative_zero_i32 = 0x8000'8000;
constexpr std::uint32_t negative_zero_i16 = 0x8000;
constexpr std::uint32_t negative_zero_bits = 0x8000'0000;

// What a sample that is too large or not finite rounds to is nonsense, which does not give it back.
bool whole_numbers(const float* __restrict samples, std::size_t count, float power, std::int32_t* __restrict whole,
                   bool& fits_i16) {
  std::uint32_t differs = 0;
  std::uint32_t above_i16 = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto sample_bits = std::bit_cast<std::uint32_t>(samples[i]);
    const bool negative_zero = sample_bits == negative_zero_bits;
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(samples[i] * power + rounder) - std::bit_cast<std::uint32_t>(rounder);
    const auto number = static_cast<std::int32_t>(bits);
    whole[i] = static_cast<std::int32_t>(negative_zero ? negative_zero_i32 : bits);
    differs |=
        (std::bit_cast<std::uint32_t>(static_cast<float>(number) / power) ^ sample_bits) & (negative_zero ? 0U : 0xffff'ffffU);
    above_i16 |= (number < 0 ? 0U - bits : bits) >> 15;
  }
  fits_i16 = above_i16 == 0;
  return differs == 0;
}

// `bits` are those of the number, in as many bytes as the planes have.
float sample_of(std::int32_t number, std::uint32_t bits, std::uint32_t negative_zero, float power) {
  const auto divided = std::bit_cast<std::uint32_t>(static_cast<float>(number) / power);
  return std::bit_cast<float>(bits == negative_zero ? negative_zero_bits : divided);
}

void join_i16(const std::uint8_t* __restrict low, const std::uint8_t* __restrict high, std::size_t count, float power,
              float* __restrict samples) {
  for (std::size_t i = 0; i < count; ++i) {
    const auto bits = static_cast<std::uint16_t>(low[i] | high[i] << 8);
    samples[i] = sample_of(static_cast<std::int16_t>(bits), bits, negative_zero_i16, power);
  }
}

void join_i32(const std::uint8_t* __restrict plane0, const std::uint8_t* __restrict plane1, const std::uint8_t* __restrict plane2,
              const std::uint8_t* __restrict plane3, std::size_t count, float power, float* __restrict samples) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t bits =
        plane0[i] | std::uint32_t{plane1[i]} << 8 | std::uint32_t{plane2[i]} << 16 | std::uint32_t{plane3[i]} << 24;
    samples[i] = sample_of(static_cast<std::int32_t>(bits), bits, negative_zero_i32, power);
  }
}

}  // namespace

std::optional<Decimals> to_decimals(std::span<const float> samples, std::span<std::int32_t> whole) {
  constexpr std::size_t probe_samples = 16;
  for (unsigned decimals = 0; decimals <= decimals_max; ++decimals) {
    bool fits_i16 = false;
    const std::size_t probe = std::min(samples.size(), probe_samples);
    if (whole_numbers(samples.data(), probe, powers[decimals], whole.data(), fits_i16) &&
        whole_numbers(samples.data(), samples.size(), powers[decimals], whole.data(), fits_i16)) {
      return Decimals{decimals, fits_i16};
    }
  }
  return std::nullopt;
}

void split_planes(std::span<const std::int32_t> whole, unsigned width, std::uint8_t* planes) {
  for (unsigned plane = 0; plane < width; ++plane) {
    const unsigned shift = 8 * plane;
    for (const std::int32_t number : whole) *planes++ = static_cast<std::uint8_t>(static_cast<std::uint32_t>(number) >> shift);
  }
}

void join_planes(std::span<const std::uint8_t* const> planes, unsigned decimals, std::span<float> samples) {
  if (planes.size() == 2) {
    join_i16(planes[0], planes[1], samples.size(), powers[decimals], samples.data());
  } else {
    join_i32(planes[0], planes[1], planes[2], planes[3], samples.size(), powers[decimals], samples.data());
  }
}

}  // namespace stethos::recordings
