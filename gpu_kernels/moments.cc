#include "gpu_kernels/moments.h"

#include <algorithm>
#include <cmath>

namespace stethos::kernels {

Moments moments_of(double sample, double plausible_min, double plausible_max) {
  Moments one;
  if (!std::isfinite(sample)) {
    one.not_finite = 1;
  } else if (sample < plausible_min || sample > plausible_max) {
    one.out_of_range = 1;
  } else {
    one.count = 1;
    one.mean = one.min = one.max = sample;
    one.sum_abs = std::abs(sample);
    one.sum_sqrt_abs = std::sqrt(one.sum_abs);
  }
  return one;
}

Moments merge(const Moments& a, const Moments& b) {
  Moments both = a.count == 0 ? b : a;
  both.not_finite = a.not_finite + b.not_finite;
  both.out_of_range = a.out_of_range + b.out_of_range;
  if (a.count == 0 || b.count == 0) return both;

  const auto n_a = static_cast<double>(a.count);
  const auto n_b = static_cast<double>(b.count);
  const double n = n_a + n_b;
  const double part_a = n_a / n;
  const double part_b = n_b / n;
  const double delta = b.mean - a.mean;
  const double delta2 = delta * delta;

  both.count = a.count + b.count;
  both.mean = a.mean + delta * part_b;
  // What the distance of the means adds is summed first: added one by one to a large sum, small parts would all be rounded
  // the same way.
  both.m2 = (a.m2 + b.m2) + delta2 * n_a * part_b;
  both.m3 = (a.m3 + b.m3) + (delta * delta2 * n_a * part_b * (part_a - part_b) + 3 * delta * (part_a * b.m2 - part_b * a.m2));
  both.m4 = (a.m4 + b.m4) +
            (delta2 * delta2 * n_a * part_b * (part_a * part_a - part_a * part_b + part_b * part_b) +
             6 * delta2 * (part_a * part_a * b.m2 + part_b * part_b * a.m2) + 4 * delta * (part_a * b.m3 - part_b * a.m3));
  both.min = std::min(a.min, b.min);
  both.max = std::max(a.max, b.max);
  both.sum_abs = a.sum_abs + b.sum_abs;
  both.sum_sqrt_abs = a.sum_sqrt_abs + b.sum_sqrt_abs;
  return both;
}

void set_central(Moments& block, double rough_mean, double s1, double s2, double s3, double s4) {
  const auto n = static_cast<double>(block.count);
  const double rest = s1 / n;
  block.mean = rough_mean + rest;
  block.m2 = s2 - n * rest * rest;
  block.m3 = s3 - 3 * rest * s2 + 2 * n * rest * rest * rest;
  block.m4 = s4 - 4 * rest * s3 + 6 * rest * rest * s2 - 3 * n * rest * rest * rest * rest;
}

}  // namespace stethos::kernels
