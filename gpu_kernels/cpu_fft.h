// Fast Fourier transforms in float32 of many blocks at a time: as many as a vector has lanes, one block a lane, value i of all of
// them being one vector. A butterfly is then plain arithmetic, without shuffles, and what comes out of a lane depends neither on
// which lane it is nor on what is in the others.
//
// Here are the plans: the radices that make up a length, and their twiddles. Plans never change; any thread may use them, several
// at a time. The transforms are in cpu_fft-inl.h, for code that is compiled once for each kind of vectors; the functions at the
// end are their door for code that is not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace stethos::kernels {

enum class FftDirection : std::uint8_t { forward, inverse };

class FftPlan {
 public:
  // Joins `radix` transforms of `joined` points into one.
  struct Stage {
    std::size_t radix;
    std::size_t joined;
    // exp(-2 pi i k q / (radix * joined)), real and imaginary part, for k = 0 .. joined - 1, and in each for q = 1 .. radix - 1.
    std::vector<float> twiddles;
  };

  // None for a size that is 0 or has a prime factor other than 2, 3 and 5.
  static std::optional<FftPlan> make(std::size_t size);

  std::size_t size() const { return size_; }
  // At least two, the one that is done last first. The last of the list joins single points.
  std::span<const Stage> stages() const { return stages_; }

 private:
  FftPlan() = default;

  std::size_t size_ = 1;
  std::vector<Stage> stages_;
};

// Of real samples to bins 0 .. size / 2. The samples of an even size are taken for half as many complex values, and the spectra
// of the even and the odd ones taken apart and put together at the end; an odd size is transformed with imaginary parts of zero.
class RealFftPlan {
 public:
  // None as for FftPlan.
  static std::optional<RealFftPlan> make(std::size_t size);

  std::size_t size() const { return size_; }
  std::size_t bins() const { return size_ / 2 + 1; }
  // How many complex values a lane of the output has room for: an odd size needs more than it has bins.
  std::size_t places() const { return size_ % 2 == 0 ? bins() : size_; }

  const FftPlan& complex_plan() const { return complex_plan_; }
  // Of an even size, in the order in which the last stage meets them: exp(-2 pi i (k + q * joined) / size) / 2 for
  // k = 0 .. joined / 2, and in each for q = 0 .. radix - 1.
  std::span<const float> half_twiddles() const { return half_twiddles_; }

 private:
  RealFftPlan(std::size_t size, FftPlan complex_plan);

  std::size_t size_;
  FftPlan complex_plan_;
  std::vector<float> half_twiddles_;
};

// A block on its way into a lane: (sample - mean_high - mean_low) * scale * window. The mean in two parts, because samples far
// from zero need more of it than a float32 holds.
struct FftBlock {
  const float* samples = nullptr;
  float mean_high = 0;
  float mean_low = 0;
  float scale = 1;
};

// With the vectors of this processor. All buffers are aligned for them (hwy::AllocateAligned) and none is another; `in` stays as
// it is. Samples are [size][lanes], complex values [size][2][lanes], the real parts before the imaginary ones.
std::size_t cpu_fft_lanes();
// At least one block and no more than there are lanes, each of window.size() samples; lanes without a block become zero, if the
// window is finite.
void cpu_fft_load(std::span<const FftBlock> blocks, std::span<const float> window, float* out);
// Neither direction scales: there and back gives size times the input.
void cpu_fft(const FftPlan& plan, FftDirection direction, const float* in, float* out);
// `out` has plan.places(), of which plan.bins() are the result.
void cpu_real_fft(const RealFftPlan& plan, const float* in, float* out);

}  // namespace stethos::kernels
