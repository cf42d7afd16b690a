// A skeleton to copy: a family with one statistic of windows and one of single blocks. Not in the registry; skeleton_test.cc
// computes both. docs/adding-a-statistic.md says where a copy goes.
#pragma once

#include <span>

#include "gpu_kernels/spectrum.h"

namespace stethos::kernels {

std::span<const StatisticDefinition> skeleton_statistics();

// Of the copy: the next that are free in schemas/rows.fbs.
namespace skeleton_number {
inline constexpr std::uint16_t middle = 65'001, spectral_flatness = 65'002;
}  // namespace skeleton_number

// NaN where it is not defined. `feature` is one of this family's.
double skeleton_feature(const Feature& feature, const Spectrum& spectrum);

}  // namespace stethos::kernels
