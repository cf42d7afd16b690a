// The plainest backend, with which every faster one is compared: one thread, float64, the definitions as they are written.
#pragma once

#include <memory>

#include "gpu_kernels/backend.h"

namespace stethos::kernels {

std::unique_ptr<StatisticsBackend> make_reference_backend();

// For what other backends leave to it.
Moments reference_moments(const BlockView& block);
Validity reference_validity(const BlockView& block);
CountedBuckets reference_buckets(const BlockView& block);
// Of the block's plan; `moments` are the block's.
// Returns estimated_hz, as in BlockStatistics.
double reference_features(const BlockView& given, const Moments& moments, std::span<double> out);

// s_k of a block that has a spectrum, and of its envelope in the plan's band, beside that one's mean; `moments` are the block's.
bool has_spectrum(const BlockView& block, const Moments& moments);
std::vector<double> reference_spectrum(const BlockView& block, const Moments& moments);
struct Envelope {
  std::vector<double> mean_square;
  double mean = 0;
};
Envelope reference_envelope(const BlockView& block, const Moments& moments);

}  // namespace stethos::kernels
