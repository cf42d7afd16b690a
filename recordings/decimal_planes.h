// f32 samples that are short decimals, as sensors write them (0.038, in thousandths of g), as whole numbers and back, bit for
// bit; and whole numbers as byte planes, which compress better than numbers do.
//
// Pure functions, callable from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace stethos::recordings {

inline constexpr unsigned decimals_max = 9;  // 10^9 is exact in f32

struct Decimals {
  unsigned decimals = 0;
  bool fits_i16 = false;
};

// The fewest decimals with which every sample is -0 or a whole number divided by 10^decimals (one division in f32, which
// IEEE 754 rounds the same everywhere). Fills `whole`, as long as `samples`; real sensors do write "-0", so a number that no
// sample has stands for it. None: some sample is no such decimal, like NaN and whatever measures finer; `whole` then holds
// nothing of use.
std::optional<Decimals> to_decimals(std::span<const float> samples, std::span<std::int32_t> whole);

// Plane after plane, the lowest bytes first. `planes` has room for `width` of them, 2 or 4, of whole.size() bytes each.
void split_planes(std::span<const std::int32_t> whole, unsigned width, std::uint8_t* planes);

// Each sample is the whole number at its place, divided by 10^decimals. 2 or 4 planes of at least samples.size() bytes.
void join_planes(std::span<const std::uint8_t* const> planes, unsigned decimals, std::span<float> samples);

}  // namespace stethos::recordings
