// Spectra and envelopes of as many blocks at a time as a vector has lanes, in float32.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "gpu_kernels/block.h"

namespace stethos::kernels {

struct FeatureJob {
  const BlockView* block = nullptr;
  const Moments* moments = nullptr;  // the block's
  std::span<double> out;             // as the plan's features
  double* estimated_hz = nullptr;    // as in BlockStatistics
};

// Belongs to one thread; keeps its buffers, and what it knows of the lengths that it met last.
class CpuFeatures {
 public:
  CpuFeatures();
  ~CpuFeatures();

  static std::size_t lanes();

  // Of blocks of one length, sampling rate and plan, no more than there are lanes. Those whose length has other factors than 2, 3
  // and 5, or whose values are at the ends of what float32 can hold, are left to the reference.
  void compute(std::span<const FeatureJob> jobs);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stethos::kernels
