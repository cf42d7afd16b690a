#include "gpu_kernels/reference_backend.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace stethos::kernels {
namespace {

// The first pass counts what is left out and finds the mean and what needs no mean; the second sums powers of the
// distances from it.
template <class ValueAt>
Moments moments_of_samples(std::size_t size, double plausible_min, double plausible_max, ValueAt value_at) {
  Moments block;
  double sum = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const double x = value_at(i);
    if (!std::isfinite(x)) {
      ++block.not_finite;
    } else if (x < plausible_min || x > plausible_max) {
      ++block.out_of_range;
    } else {
      ++block.count;
      sum += x;
      block.min = std::min(block.min, x);
      block.max = std::max(block.max, x);
      block.sum_abs += std::abs(x);
      block.sum_sqrt_abs += std::sqrt(std::abs(x));
    }
  }
  if (block.count == 0) return block;
  if (block.min == block.max) {  // a constant has no spread at all, however its mean would be rounded
    block.mean = block.min;
    return block;
  }

  const double rough_mean = sum / static_cast<double>(block.count);
  double s1 = 0, s2 = 0, s3 = 0, s4 = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const double x = value_at(i);
    if (!std::isfinite(x) || x < plausible_min || x > plausible_max) continue;
    const double d = x - rough_mean;
    const double d2 = d * d;
    s1 += d;
    s2 += d2;
    s3 += d2 * d;
    s4 += d2 * d2;
  }
  set_central(block, rough_mean, s1, s2, s3, s4);
  return block;
}

}  // namespace

Moments reference_moments(const BlockView& block) {
  switch (block.encoding) {
    case BlockView::Encoding::f32: {
      const auto* samples = static_cast<const float*>(block.samples);
      return moments_of_samples(block.count, block.plausible_min, block.plausible_max,
                                [samples](std::size_t i) { return static_cast<double>(samples[i]); });
    }
    case BlockView::Encoding::i16: {
      const auto* samples = static_cast<const std::int16_t*>(block.samples);
      return moments_of_samples(
          block.count, block.plausible_min, block.plausible_max,
          [samples, scale = block.scale, offset = block.offset](std::size_t i) { return scale * samples[i] + offset; });
    }
  }
  return {};
}

namespace {

class ReferenceBackend final : public StatisticsBackend {
 public:
  std::string_view name() const override { return "reference"; }

  KernelStatus submit(std::span<const BlockView> blocks) override {
    assert(!submitted_);
    results_.clear();
    results_.reserve(blocks.size());
    for (const BlockView& block : blocks) results_.push_back(reference_moments(block));
    submitted_ = true;
    return KernelStatus::ok;
  }

  KernelStatus collect(std::span<Moments> out) override {
    assert(submitted_ && out.size() == results_.size());
    std::ranges::copy(results_, out.begin());
    submitted_ = false;
    return KernelStatus::ok;
  }

 private:
  std::vector<Moments> results_;
  bool submitted_ = false;
};

}  // namespace

std::unique_ptr<StatisticsBackend> make_reference_backend() { return std::make_unique<ReferenceBackend>(); }

}  // namespace stethos::kernels
