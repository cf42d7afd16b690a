#include "gpu_kernels/cpu_backend.h"

#include <algorithm>
#include <cassert>

#include "gpu_kernels/cpu_moments.h"

namespace stethos::kernels {
namespace {

class CpuBackend final : public StatisticsBackend {
 public:
  std::string_view name() const override { return "cpu"; }

  KernelStatus submit(std::span<const BlockView> blocks) override {
    assert(!submitted_);
    results_.clear();
    results_.reserve(blocks.size());
    for (const BlockView& block : blocks) results_.push_back(cpu_moments(block));
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

std::unique_ptr<StatisticsBackend> make_cpu_backend() { return std::make_unique<CpuBackend>(); }

}  // namespace stethos::kernels
