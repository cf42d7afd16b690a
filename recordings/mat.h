// MATLAB MAT files of level 5 as recordings (mat_arrays.h has what is read, and the bounds). A vector is a channel, a matrix of
// up to mat_columns_max columns as many. Which ones is said by their paths; else two layouts are recognised, else there must be
// one only that it can be.
//
// - Case Western Reserve University: X097_DE_time, X097_FE_time, X097_BA_time are channels DE, FE, BA, and X097RPM the speed.
//   Of several such records the one with whose number the name of the file begins is meant.
// - MFPT: a struct whose field gs holds the samples; its field sr is the sampling rate, and rate the speed of the shaft in Hz.
//
// What these say of themselves is used as well where their arrays are named.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "recordings/frames.h"

namespace stethos::recordings {

inline constexpr std::size_t mat_columns_max = 32;

// `paths`: of the arrays; empty: as above.
Result<std::unique_ptr<Recording>> open_mat(const std::string& path, const std::vector<std::string>& paths,
                                            const FrameOptions& options);

}  // namespace stethos::recordings
