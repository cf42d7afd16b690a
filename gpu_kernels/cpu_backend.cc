#include "gpu_kernels/cpu_backend.h"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <new>
#include <numeric>
#include <thread>
#include <tuple>

#include "gpu_kernels/cpu_buckets.h"
#include "gpu_kernels/cpu_features.h"
#include "gpu_kernels/cpu_moments.h"
#include "gpu_kernels/cpu_validity.h"

namespace stethos::kernels {
namespace {

// Of one thread.
struct Scratch {
  ValidityScratch validity;
  BucketScratch buckets;
  std::vector<FeatureJob> jobs;
  CpuFeatures features;
};

bool has_features(const BlockView& block) { return block.plan != nullptr && !block.plan->features.empty(); }

// Blocks with the same key may be computed together.
auto key_of(const BlockView& block) {
  using Key = std::tuple<std::size_t, double, const BlockPlan*>;
  return has_features(block) ? Key{block.count, block.sampling_rate_hz, block.plan} : Key{};
}

class CpuBackend final : public StatisticsBackend {
 public:
  explicit CpuBackend(std::size_t threads) : scratch_(std::max<std::size_t>(threads, 1)) {
    while (helpers_.size() + 1 < scratch_.size() && start_helper()) {
    }
  }
  CpuBackend(const CpuBackend&) = delete;
  CpuBackend& operator=(const CpuBackend&) = delete;
  ~CpuBackend() override {
    {
      const std::lock_guard lock(mutex_);
      ends_ = true;
    }
    has_work_.notify_all();
  }

  std::string_view name() const override { return "cpu"; }
  std::string variant() const override { return "cpu/" + std::string(cpu_vectors()); }

  KernelStatus submit(std::span<const BlockView> blocks) override {
    assert(!submitted_);
    submitted_ = true;
    failed_ = false;
    try {
      lay_out(blocks);
    } catch (const std::bad_alloc&) {
      submitted_ = false;
      return KernelStatus::out_of_memory;
    }
    const std::lock_guard lock(mutex_);
    next_ = 0;
    working_ = helpers_.size();
    ++batch_;
    has_work_.notify_all();
    return KernelStatus::ok;
  }

  KernelStatus collect(std::span<BlockStatistics> out) override {
    assert(submitted_ && out.size() == results_.size());
    work(scratch_[0]);
    std::unique_lock lock(mutex_);
    is_done_.wait(lock, [&] { return working_ == 0; });
    submitted_ = false;
    if (failed_) return KernelStatus::out_of_memory;
    std::ranges::copy(results_, out.begin());
    return KernelStatus::ok;
  }

 private:
  // False: the system gives no more threads. Those that there are do it then, with the same results.
  bool start_helper() {
    try {
      helpers_.emplace_back([this, i = helpers_.size() + 1] { help(scratch_[i]); });
      return true;
    } catch (const std::exception&) {
      return false;
    }
  }

  void lay_out(std::span<const BlockView> blocks) {
    blocks_ = blocks;
    results_.assign(blocks.size(), {});
    if (buckets_.size() < blocks.size()) buckets_.resize(blocks.size());
    feature_at_.assign(1, 0);
    for (const BlockView& block : blocks) {
      feature_at_.push_back(feature_at_.back() + (has_features(block) ? block.plan->features.size() : 0));
    }
    features_.resize(feature_at_.back());
    order_.resize(blocks.size());
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::ranges::stable_sort(order_, {}, [&](std::size_t i) { return key_of(blocks[i]); });
    groups_.assign(1, 0);
    for (std::size_t i = 1; i < order_.size(); ++i) {
      const bool is_full = i - groups_.back() == CpuFeatures::lanes();
      if (is_full || key_of(blocks[order_[i]]) != key_of(blocks[order_[i - 1]])) groups_.push_back(i);
    }
    if (!order_.empty()) groups_.push_back(order_.size());
  }

  void help(Scratch& scratch) {
    std::uint64_t done = 0;
    for (;;) {
      std::unique_lock lock(mutex_);
      has_work_.wait(lock, [&] { return ends_ || batch_ != done; });
      if (ends_) return;
      done = batch_;
      lock.unlock();
      work(scratch);
      lock.lock();
      if (--working_ == 0) is_done_.notify_one();
    }
  }

  void work(Scratch& scratch) {
    try {
      for (std::size_t i = next_++; i + 1 < groups_.size(); i = next_++) {
        compute(groups_[i], groups_[i + 1], scratch);
      }
    } catch (const std::bad_alloc&) {
      failed_ = true;
    }
  }

  // Of a group; what their moments need lies in the cache still when it comes to spectra.
  void compute(std::size_t first, std::size_t end, Scratch& scratch) {
    scratch.jobs.clear();
    for (std::size_t i = first; i < end; ++i) {
      const std::size_t index = order_[i];
      const BlockView& block = blocks_[index];
      BlockStatistics& out = results_[index];
      out.moments = cpu_moments(block, i + 1 < order_.size() ? blocks_[order_[i + 1]].samples : nullptr);
      if (block.plan == nullptr) continue;
      if (block.plan->validity) out.validity = cpu_validity(block, scratch.validity);
      if (block.plan->buckets) {
        cpu_buckets(block, out.moments, scratch.buckets, buckets_[index]);
        out.buckets = buckets_[index].view();
      }
      const std::span features = std::span(features_).subspan(feature_at_[index], block.plan->features.size());
      out.features = features;
      scratch.jobs.push_back({&block, &out.moments, features, &out.estimated_hz});
    }
    scratch.features.compute(scratch.jobs);
  }

  // Of the batch under way; each block's results are written by whoever takes it.
  std::span<const BlockView> blocks_;
  std::vector<BlockStatistics> results_;
  std::vector<CountedBuckets> buckets_;
  std::vector<double> features_;
  std::vector<std::size_t> feature_at_;  // of each block, and where they end
  std::vector<std::size_t> order_;       // blocks, those together that may be computed together
  std::vector<std::size_t> groups_;      // where in it each begins, and the last ends
  bool submitted_ = false;
  std::atomic<std::size_t> next_ = 0;
  std::atomic<bool> failed_ = false;

  std::vector<Scratch> scratch_;  // one a thread, the caller's first
  std::mutex mutex_;
  std::condition_variable has_work_;
  std::condition_variable is_done_;
  std::uint64_t batch_ = 0;   // these three by the mutex
  std::size_t working_ = 0;
  bool ends_ = false;
  std::vector<std::jthread> helpers_;  // last: joined before the rest goes
};

}  // namespace

std::unique_ptr<StatisticsBackend> make_cpu_backend(std::size_t threads) { return std::make_unique<CpuBackend>(threads); }

}  // namespace stethos::kernels
