#include "gpu_kernels/cpu_validity.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace stethos::kernels {
namespace {

// Different values, in a table with a free place for each of them.
class Distinct {
 public:
  Distinct(std::vector<std::uint64_t>& table, std::size_t count)
      : table_(table), shift_(64 - static_cast<unsigned>(std::bit_width(2 * count))) {
    table_.assign(std::size_t{1} << (64 - shift_), empty);
  }

  void add(double value) {
    const auto bits = std::bit_cast<std::uint64_t>(value + 0.0);  // one zero, not two
    for (std::size_t at = (bits * 0x9e37'79b9'7f4a'7c15u) >> shift_;; at = (at + 1) & (table_.size() - 1)) {
      if (table_[at] == bits) return;
      if (table_[at] == empty) {
        table_[at] = bits;
        ++count_;
        return;
      }
    }
  }

  std::size_t count() const { return count_; }

 private:
  static constexpr std::uint64_t empty = ~std::uint64_t{0};  // a NaN
  std::vector<std::uint64_t>& table_;
  unsigned shift_;
  std::size_t count_ = 0;
};

template <class ValueAt>
Validity validity_of(const BlockView& block, std::vector<std::uint64_t>& seen, ValueAt value_at) {
  Validity out;
  out.blocks = 1;
  out.blocks_of_full_scale = block.full_scale > 0 ? 1 : 0;
  const double full_scale = block.full_scale > 0 ? block.full_scale : INFINITY;
  Distinct distinct(seen, block.count);
  std::uint64_t finite = 0, clipped = 0, repeat = 0, same_sign = 0;
  double previous = NAN;
  int previous_sign = 0;
  for (std::size_t i = 0; i < block.count; ++i) {
    const double x = value_at(i);
    // A conditional move, not a jump: a vibration changes its sign as it likes.
    const bool is_finite = std::isfinite(x);
    const int sign = !is_finite ? 0 : (x > 0) - (x < 0);
    repeat = is_finite ? (x == previous ? repeat + 1 : 1) : 0;
    same_sign = sign == 0 ? 0 : (sign == previous_sign ? same_sign + 1 : 1);
    out.longest_repeat = std::max(out.longest_repeat, repeat);
    out.longest_same_sign = std::max(out.longest_same_sign, same_sign);
    clipped += std::abs(x) >= full_scale ? 1 : 0;
    finite += is_finite ? 1 : 0;
    if (is_finite) distinct.add(x);
    previous = x;
    previous_sign = sign;
  }
  if (out.blocks_of_full_scale > 0) out.clipped = clipped;
  if (finite > 0) out.distinct_share = static_cast<double>(distinct.count()) / static_cast<double>(finite);
  return out;
}

}  // namespace

Validity cpu_validity(const BlockView& block, std::vector<std::uint64_t>& seen) {
  if (block.encoding == BlockView::Encoding::f32) {
    const auto* samples = static_cast<const float*>(block.samples);
    return validity_of(block, seen, [=](std::size_t i) { return static_cast<double>(samples[i]); });
  }
  const auto* samples = static_cast<const std::int16_t*>(block.samples);
  return validity_of(block, seen,
                     [=, scale = block.scale, offset = block.offset](std::size_t i) { return scale * samples[i] + offset; });
}

}  // namespace stethos::kernels
