// Blocks of 2,560 float32 that are joined to analysis blocks of ten times as many, beside copying them: samples a second.
#include <benchmark/benchmark.h>

#include <cstring>
#include <deque>
#include <vector>

#include "edge/core/joined_blocks.h"

namespace {

using namespace stethos::edge;

constexpr std::size_t block_samples = 2'560;
constexpr std::size_t blocks = 100;
constexpr std::size_t analysis_samples = 10 * block_samples;
constexpr double interval_ns = 40'000;

void count(benchmark::State& state) {
  state.counters["samples"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * blocks * block_samples, benchmark::Counter::kIsRate);
}

void joined(benchmark::State& state) {
  const std::vector<float> samples(block_samples, 1.0f);
  const auto hop = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    KeptBytes bytes;
    JoinedBlocks join(bytes);
    std::deque<std::vector<std::uint8_t>> memory;
    std::vector<AnalysisBlock> out;
    for (std::size_t i = 0; i < blocks; ++i) {
      JoinableBlock block;
      block.samples.samples = samples.data();
      block.samples.count = samples.size();
      block.samples.sampling_rate_hz = 1e9 / interval_ns;
      block.interval_ns = interval_ns;
      block.start_ns = static_cast<stethos::TimeNs>(i * block_samples) * 40'000;
      join.take(block, {.samples = analysis_samples, .hop = hop, .gap_ns_max = 0}, memory, out);
      if (memory.size() > 4) memory.clear();  // a batch is over
    }
    benchmark::DoNotOptimize(out.data());
  }
  count(state);
}

// What anybody would have to do who keeps them, and puts them together.
void copied(benchmark::State& state) {
  const std::vector<float> samples(block_samples, 1.0f);
  std::vector<float> kept(analysis_samples), whole(analysis_samples);
  for (auto _ : state) {
    for (std::size_t i = 0; i < blocks; ++i) {
      const std::size_t at = i % 10 * block_samples;
      std::memcpy(kept.data() + at, samples.data(), block_samples * sizeof(float));
      if (i % 10 == 9) std::memcpy(whole.data(), kept.data(), analysis_samples * sizeof(float));
      benchmark::ClobberMemory();
    }
  }
  count(state);
}

}  // namespace

BENCHMARK(copied);
BENCHMARK(joined)->Arg(analysis_samples)->Arg(analysis_samples / 2);
BENCHMARK_MAIN();
