// The seam behind which block statistics are computed: the plain reference, the cpu's vectors, and a device's place.
//
// A backend takes a ragged batch of blocks. `submit` starts, `collect` waits and delivers, so that a device can copy and
// compute while the caller does something else; at most one batch is under way. A backend belongs to one thread.
// The same variant of a backend gives the same bits for the same block, whatever else is in the batch.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gpu_kernels/block.h"

namespace stethos::kernels {

enum class KernelStatus : std::uint8_t {
  ok,
  out_of_memory,
  device_failed,
};

class StatisticsBackend {
 public:
  virtual ~StatisticsBackend() = default;

  virtual std::string_view name() const = 0;
  // What its last bits depend on beside the name: "cpu/AVX2". Another kind of vectors adds up in another order.
  virtual std::string variant() const { return std::string(name()); }

  // The samples and plans must stay where they are until collect has returned. Submitting twice without collecting is a bug.
  [[nodiscard]] virtual KernelStatus submit(std::span<const BlockView> blocks) = 0;

  // One result a block, in order; what they point to is good until the next submit. `out` has as many places as blocks were
  // submitted.
  [[nodiscard]] virtual KernelStatus collect(std::span<BlockStatistics> out) = 0;
};

// The names make_backend knows, best first.
std::vector<std::string_view> backend_names();

// Null for a name that is not known, or that cannot run here: never another backend instead, unless the name is "best", which
// is the first that can. `threads` is how many may compute at once, the caller
// among them; the results do not depend on it.
std::unique_ptr<StatisticsBackend> make_backend(std::string_view name, std::size_t threads = 1);

}  // namespace stethos::kernels
