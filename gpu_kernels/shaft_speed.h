// The speed of a shaft from the spectrum of its vibration, where only a plate says how fast it is to turn: the comb of the
// harmonics that stand out most, near that speed, and how sure it is. Pure; any thread.
#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <span>

#include "gpu_kernels/block.h"

namespace stethos::kernels {

struct SpeedEstimate {
  double hz = 0;          // turns a second
  double confidence = 0;  // the statistic speed_confidence
};

// With less, a speed is not sure enough for lines of a bearing: of noise fewer than one block in a thousand has as much.
inline constexpr double speed_confidence_min = 3;

// How many turns a block must have, by the plate, and how many harmonics below half the sampling rate.
inline constexpr double speed_turns_min = 8;
inline constexpr std::size_t speed_harmonics_min = 5;
inline constexpr std::size_t speed_harmonics_max = 20;

// So many turns show the speed of most machines.
inline constexpr double speed_turns_usual = 12;

// Whether the speed of this block is to be found in its spectrum: its plan says how far from the plate, and the speed that is
// known is the plate's.
bool is_speed_estimated(const BlockView& block);

// Of the bins of the block's spectrum, as many from 0 on as the estimate looks at; 0: it has too few turns or harmonics.
std::size_t bins_of_speed(const BlockView& block);

// `mean_square`: s_k as in spectrum.h, of at least bins_of_speed(block), which is not 0. Nothing where the spectrum has none of
// some harmonic's surroundings.
std::optional<SpeedEstimate> estimate_speed(std::span<const double> mean_square, const BlockView& block);

// The speeds that the features of a block are computed for.
struct BlockSpeed {
  double hz = 0;           // of multiples: estimated where that is sure enough, else the block's
  double of_lines_hz = 0;  // of lines of a bearing: the same; 0 where an estimate was to be made and is not sure enough
  double estimated_hz = 0;  // 0: it was not estimated, or is not sure enough
  double confidence = std::numeric_limits<double>::quiet_NaN();
};

// `mean_square`: as above, where is_speed_estimated(block); empty: there is none.
BlockSpeed speed_of(const BlockView& block, std::span<const double> mean_square);

}  // namespace stethos::kernels
