// The time statistics of blocks, by backend: samples a second on one core.
#include <benchmark/benchmark.h>

#include <random>
#include <vector>

#include "gpu_kernels/backend.h"

namespace {

using namespace stethos::kernels;

constexpr std::size_t block_samples = 2'560;

void time_statistics(benchmark::State& state, const char* name) {
  const auto blocks = static_cast<std::size_t>(state.range(0));
  std::mt19937 random(1);
  std::normal_distribution<float> noise;
  std::vector<float> samples(blocks * block_samples);
  for (float& sample : samples) sample = noise(random);
  std::vector<BlockView> views(blocks);
  for (std::size_t i = 0; i < blocks; ++i) {
    views[i].samples = samples.data() + i * block_samples;
    views[i].count = block_samples;
  }
  std::vector<BlockStatistics> results(blocks);
  const auto backend = make_backend(name);
  for (auto _ : state) {
    if (backend->submit(views) != KernelStatus::ok || backend->collect(results) != KernelStatus::ok)
      state.SkipWithError("backend failed");
    benchmark::DoNotOptimize(results.data());
  }
  state.counters["samples"] = benchmark::Counter(static_cast<double>(samples.size()) * static_cast<double>(state.iterations()),
                                                 benchmark::Counter::kIsRate);
}

}  // namespace

int main(int argc, char** argv) {
  for (const auto name : backend_names()) {
    benchmark::RegisterBenchmark(("time_statistics/" + std::string(name)).c_str(), time_statistics, name.data())
        ->Arg(1)
        ->Arg(2'000);
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
