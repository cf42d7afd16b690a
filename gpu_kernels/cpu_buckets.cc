#include "gpu_kernels/cpu_buckets.h"

#include <algorithm>
#include <cmath>

namespace stethos::kernels {
namespace {

template <class ValueAt>
void count(const BlockView& block, std::vector<std::uint32_t>& counts, Buckets& out, ValueAt value_at) {
  counts.resize(bucket_count);  // all zero, also after each block
  out.clear();
  std::uint16_t first = bucket_count - 1, last = 0;
  for (std::size_t i = 0; i < block.count; ++i) {
    const auto x = value_at(i);
    if (!std::isfinite(x) || x < block.plausible_min || x > block.plausible_max) continue;
    const std::uint16_t index = bucket_of(x);
    ++counts[index];
    first = std::min(first, index);
    last = std::max(last, index);
  }
  for (std::size_t index = first; index <= last; ++index) {
    if (counts[index] == 0) continue;
    out.push_back({static_cast<std::uint16_t>(index), counts[index]});
    counts[index] = 0;
  }
}

}  // namespace

void cpu_buckets(const BlockView& block, std::vector<std::uint32_t>& counts, Buckets& out) {
  if (block.encoding == BlockView::Encoding::f32) {
    const auto* samples = static_cast<const float*>(block.samples);
    return count(block, counts, out, [=](std::size_t i) { return samples[i]; });
  }
  const auto* samples = static_cast<const std::int16_t*>(block.samples);
  count(block, counts, out,
        [=, scale = block.scale, offset = block.offset](std::size_t i) { return scale * samples[i] + offset; });
}

}  // namespace stethos::kernels
