// Chance that can be repeated: xoshiro256** (Blackman and Vigna, 2018), seeded through SplitMix64. The same seed gives the
// same numbers on every run. A seed for one purpose is made from the run's seed and names, so that what one device draws
// does not depend on what another one does.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <string_view>

#include "common/hash.h"

namespace stethos::firmware_sim {

inline std::uint64_t seed_for(std::uint64_t seed, std::string_view purpose, std::string_view name, std::uint64_t index = 0) {
  return hash_of(name, hash_of(purpose, seed) + 0x9e3779b97f4a7c15u * (index + 1));
}

class Random {
 public:
  explicit Random(std::uint64_t seed) {
    for (auto& word : state_) {
      seed += 0x9e3779b97f4a7c15u;
      std::uint64_t mixed = seed;
      mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
      mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
      word = mixed ^ (mixed >> 31);
    }
  }

  std::uint64_t bits() {
    const std::uint64_t result = rotate(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = rotate(state_[3], 45);
    return result;
  }

  // From 0 up to 1, which is left out.
  double uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }

  // From 0 to count - 1; count is above 0. The bias is below count / 2^64.
  std::uint64_t below(std::uint64_t count) { return bits() % count; }

  bool chance(double probability) { return uniform() < probability; }

  // Gaussian, mean 0, standard deviation 1 (Marsaglia's polar method).
  double normal() {
    if (has_spare_) {
      has_spare_ = false;
      return spare_;
    }
    double x = 0, y = 0, square = 0;
    do {
      x = 2 * uniform() - 1;
      y = 2 * uniform() - 1;
      square = x * x + y * y;
    } while (square >= 1 || square == 0);
    const double factor = std::sqrt(-2 * std::log(square) / square);
    spare_ = y * factor;
    has_spare_ = true;
    return x * factor;
  }

 private:
  static std::uint64_t rotate(std::uint64_t value, int by) { return (value << by) | (value >> (64 - by)); }

  std::array<std::uint64_t, 4> state_{};
  double spare_ = 0;
  bool has_spare_ = false;
};

}  // namespace stethos::firmware_sim
