// The moments of overlapping windows over one array of samples. Every sample is taken once, into the moments of a slice, and
// slices are merged: about three merges a window where the hop divides the length, five where not. Nothing is ever subtracted, so
// what has left a window leaves no trace in it.
//
// For long arrays: parts of the array go side by side through the lanes of the vectors, each of at least a window.
// Plain C++20, no CUDA types. Pure; any thread.
#pragma once

#include <cstddef>
#include <span>

#include "gpu_kernels/moments.h"

namespace stethos::kernels {

// Windows that lie in so many samples wholly; the first begins at the first sample. `length` and `hop` are at least one.
std::size_t sliding_count(std::size_t samples, std::size_t length, std::size_t hop);

// One result a window: `out` has as many places. Samples that are not finite are counted and left out, as in blocks. Throws
// std::bad_alloc where there is no memory for `length / hop` slices.
void sliding_moments(std::span<const float> samples, std::size_t length, std::size_t hop, std::span<Moments> out);

}  // namespace stethos::kernels
