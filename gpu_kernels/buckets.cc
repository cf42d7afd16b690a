#include "gpu_kernels/buckets.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace stethos::kernels {
namespace {

constexpr std::uint16_t half = bucket_count / 2;

void append_number(std::vector<std::uint8_t>& out, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7u) out.push_back(static_cast<std::uint8_t>(number | 0x80u));
  out.push_back(static_cast<std::uint8_t>(number));
}

std::optional<std::uint64_t> take_number(std::span<const std::uint8_t>& bytes) {
  std::uint64_t number = 0;
  for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const std::uint64_t part = bytes.front();
    bytes = bytes.subspan(1);
    if (shift == 63 && part > 1) return std::nullopt;
    number |= (part & 0x7fu) << shift;
    if (part < 0x80) return number;
  }
  return std::nullopt;
}

// `from(i)`: the i-th of `count` that ascend.
template <class From>
void merge(Buckets& to, std::size_t count, From from) {
  Buckets both;
  both.reserve(to.size() + count);
  auto each = to.begin();
  for (std::size_t i = 0; i < count; ++i) {
    const Bucket next = from(i);
    while (each != to.end() && each->index < next.index) both.push_back(*each++);
    both.push_back(next);
    if (each != to.end() && each->index == next.index) both.back().count += each++->count;
  }
  both.insert(both.end(), each, to.end());
  to = std::move(both);
}

}  // namespace

std::uint16_t bucket_of(double sample) {
  constexpr double largest = std::numeric_limits<float>::max();
  return bucket_of(static_cast<float>(std::clamp(sample, -largest, largest)));
}

double value_of_bucket(std::uint16_t index) {
  const std::uint32_t upper = index >= half ? index - half : bucket_count - 1 - index;
  const std::uint32_t magnitude = upper & (half - 1u);
  const double low = std::bit_cast<float>(magnitude << 17u);
  const double high = std::bit_cast<float>((magnitude << 17u) | 0x1ffffu);
  const double middle = (low + high) / 2;
  return index >= half ? middle : -middle;
}

void add(Buckets& to, std::span<const Bucket> from) {
  merge(to, from.size(), [from](std::size_t i) { return from[i]; });
}

void add(Buckets& to, const BlockBuckets& from) {
  merge(to, from.indices.size(), [&from](std::size_t i) { return Bucket{from.indices[i], from.counts[i]}; });
}

void add(Buckets& to, std::uint16_t index) {
  const auto at = std::ranges::lower_bound(to, index, {}, &Bucket::index);
  if (at != to.end() && at->index == index) {
    ++at->count;
  } else {
    to.insert(at, {index, 1});
  }
}

double quantile(std::span<const Bucket> buckets, double p) {
  std::uint64_t total = 0;
  for (const Bucket& each : buckets) total += each.count;
  // Less a rounding error: 0.07 of 100 is the seventh, though the product is above 7.
  const double rank = std::ceil(p * static_cast<double>(total) * (1 - 2 * std::numeric_limits<double>::epsilon()));
  std::uint64_t below = 0;
  for (const Bucket& each : buckets) {
    below += each.count;
    if (static_cast<double>(below) >= rank) return value_of_bucket(each.index);
  }
  return std::numeric_limits<double>::quiet_NaN();
}

std::vector<std::uint8_t> encode(std::span<const Bucket> buckets) {
  std::vector<std::uint8_t> out;
  int previous = -1;
  for (const Bucket& each : buckets) {
    append_number(out, static_cast<std::uint64_t>(each.index - previous));
    append_number(out, each.count);
    previous = each.index;
  }
  return out;
}

std::optional<Buckets> decode_buckets(std::span<const std::uint8_t> bytes) {
  Buckets out;
  std::int64_t index = -1;
  while (!bytes.empty()) {
    const auto distance = take_number(bytes);
    const auto count = distance ? take_number(bytes) : std::nullopt;
    if (!count || *count == 0 || *distance == 0 || *distance > bucket_count) return std::nullopt;
    index += static_cast<std::int64_t>(*distance);
    if (index >= bucket_count) return std::nullopt;
    out.push_back({static_cast<std::uint16_t>(index), *count});
  }
  return out;
}

}  // namespace stethos::kernels
