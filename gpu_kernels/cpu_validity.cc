#include "gpu_kernels/cpu_validity.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace stethos::kernels {
namespace {

// Different values by their bits, in a table with more places than values.
template <class Bits>
class Distinct {
 public:
  Distinct(std::vector<std::uint64_t>& table, std::size_t count)
      : shift_(64 - static_cast<unsigned>(std::bit_width(2 * count))), mask_((std::size_t{1} << (64 - shift_)) - 1) {
    table.assign((mask_ + 1) * sizeof(Bits) / sizeof(std::uint64_t) + 1, ~std::uint64_t{0});
    places_ = reinterpret_cast<Bits*>(table.data());
  }

  void add(Bits bits) {
    for (std::size_t at = (bits * 0x9e37'79b9'7f4a'7c15u) >> shift_;; at = (at + 1) & mask_) {
      if (places_[at] == bits) return;
      if (places_[at] == empty) {
        places_[at] = bits;
        ++count_;
        return;
      }
    }
  }

  std::size_t count() const { return count_; }

 private:
  static constexpr Bits empty = static_cast<Bits>(~std::uint64_t{0});  // a NaN
  Bits* places_;
  unsigned shift_;
  std::size_t mask_;
  std::size_t count_ = 0;
};

// How long a run is now: one more, if it goes on, or begun anew. Without a jump, for a vibration changes its sign as it likes.
std::uint64_t run(std::uint64_t so_far, bool goes_on, bool counts) {
  return (so_far & (std::uint64_t{0} - (goes_on ? 1u : 0u))) + (counts ? 1u : 0u);
}

template <class Value, class Bits, class ValueAt>
Validity validity_of(const BlockView& block, std::vector<std::uint64_t>& seen, ValueAt value_at) {
  Validity out;
  out.blocks = 1;
  out.blocks_of_full_scale = block.full_scale > 0 ? 1 : 0;
  const double full_scale = block.full_scale > 0 ? block.full_scale : std::numeric_limits<double>::infinity();
  Distinct<Bits> distinct(seen, block.count);
  std::uint64_t finite = 0, clipped = 0, repeat = 0, same_sign = 0;
  Value previous = std::numeric_limits<Value>::quiet_NaN();
  for (std::size_t i = 0; i < block.count; ++i) {
    const Value x = value_at(i);
    const bool is_finite = std::abs(x) <= std::numeric_limits<Value>::max();
    const bool is_positive = x > 0, is_negative = x < 0;
    repeat = run(repeat, is_finite & (x == previous), is_finite);
    same_sign = run(same_sign, is_finite & ((is_positive & (previous > 0)) | (is_negative & (previous < 0))),
                    is_finite & (is_positive | is_negative));
    out.longest_repeat = std::max(out.longest_repeat, repeat);
    out.longest_same_sign = std::max(out.longest_same_sign, same_sign);
    clipped += std::abs(x) >= full_scale ? 1 : 0;
    finite += is_finite ? 1 : 0;
    if (is_finite) distinct.add(std::bit_cast<Bits>(x + Value{0}));  // one zero, not two
    previous = x;
  }
  if (out.blocks_of_full_scale > 0) out.clipped = clipped;
  if (finite > 0) out.distinct_share = static_cast<double>(distinct.count()) / static_cast<double>(finite);
  return out;
}

}  // namespace

Validity cpu_validity(const BlockView& block, std::vector<std::uint64_t>& seen) {
  if (block.encoding == BlockView::Encoding::f32) {
    const auto* samples = static_cast<const float*>(block.samples);
    return validity_of<float, std::uint32_t>(block, seen, [=](std::size_t i) { return samples[i]; });
  }
  const auto* samples = static_cast<const std::int16_t*>(block.samples);
  return validity_of<double, std::uint64_t>(
      block, seen, [=, scale = block.scale, offset = block.offset](std::size_t i) { return scale * samples[i] + offset; });
}

}  // namespace stethos::kernels
