// The seam behind which block statistics are computed: reference now; cpu and cuda have a place here.
//
// A backend takes a ragged batch of blocks. `submit` starts, `collect` waits and delivers, so that a device can copy and
// compute while the caller does something else; at most one batch is under way. A backend belongs to one thread.
// The same backend gives the same bits for the same block, whatever else is in the batch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "gpu_kernels/moments.h"

namespace stethos::kernels {

// Samples as they came, not owned. f32 samples need an alignment of 4, i16 samples of 2.
struct BlockView {
  enum class Encoding : std::uint8_t { f32, i16 };

  Encoding encoding = Encoding::f32;
  const void* samples = nullptr;
  std::size_t count = 0;
  double scale = 1;   // i16 only: value = scale * raw + offset
  double offset = 0;
  // Samples outside are counted and left out, like those that are not finite.
  double plausible_min = -std::numeric_limits<double>::infinity();
  double plausible_max = std::numeric_limits<double>::infinity();
};

enum class KernelStatus : std::uint8_t {
  ok,
  out_of_memory,
  device_failed,
};

class StatisticsBackend {
 public:
  virtual ~StatisticsBackend() = default;

  virtual std::string_view name() const = 0;

  // The samples must stay where they are until collect has returned. Submitting twice without collecting is a bug.
  [[nodiscard]] virtual KernelStatus submit(std::span<const BlockView> blocks) = 0;

  // One result a block, in order. `out` has as many places as blocks were submitted.
  [[nodiscard]] virtual KernelStatus collect(std::span<Moments> out) = 0;
};

// The names make_backend knows, best first.
std::vector<std::string_view> backend_names();

// Null for a name that is not known: never another backend instead.
std::unique_ptr<StatisticsBackend> make_backend(std::string_view name);

}  // namespace stethos::kernels
