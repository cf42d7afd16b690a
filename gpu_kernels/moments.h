// The mergeable statistics of a set of samples: what panes hold, what windows are merged from.
//
// Central moments are kept as sums: m2 = sum of (x - mean)^2, and so on. Merging follows Chan, Golub and LeVeque (1979)
// for m2, and Pebay (2008, SAND2008-6212), equations 3.1 for m3 and m4. Nothing here is ever subtracted.
// Plain C++20, no CUDA types. Pure; any thread.
#pragma once

#include <cstdint>
#include <limits>

namespace stethos::kernels {

// What lies beyond has no place in a plausible range, whatever that says: sums of fourth powers have to stay finite.
inline constexpr double magnitude_max = 1e70;

struct Moments {
  std::uint64_t count = 0;  // good samples: finite and inside the plausible range
  double mean = 0;
  double m2 = 0;
  double m3 = 0;
  double m4 = 0;
  double min = std::numeric_limits<double>::infinity();
  double max = -std::numeric_limits<double>::infinity();
  double sum_abs = 0;
  double sum_sqrt_abs = 0;
  std::uint64_t not_finite = 0;    // left out of all the above
  std::uint64_t out_of_range = 0;  // left out of all the above

  bool operator==(const Moments&) const = default;
};

// The moments of one sample, of both sets together. merge(a, empty) is a, bit for bit.
Moments moments_of(double sample, double plausible_min, double plausible_max);
Moments merge(const Moments& a, const Moments& b);

// Sets what is central of `block`, whose count is set, from the sums of the first four powers of its samples' distances from a
// rounded mean. What is left of the mean, the mean distance, is moved out of the sums (Chan, Golub, LeVeque 1983, the corrected
// two-pass algorithm, for all four powers).
void set_central(Moments& block, double rough_mean, double s1, double s2, double s3, double s4);

}  // namespace stethos::kernels
