// The time statistics of blocks, by backend, and the transforms that spectra are made of: samples a second on one core.
#include <benchmark/benchmark.h>
#include <hwy/aligned_allocator.h>
#include <kissfft/kiss_fftr.h>

#include <algorithm>
#include <random>
#include <vector>

#include "gpu_kernels/backend.h"
#include "gpu_kernels/cpu_fft.h"
#include "gpu_kernels/envelope.h"
#include "gpu_kernels/sliding.h"

namespace {

using namespace stethos::kernels;

constexpr std::size_t block_samples = 2'560;

std::vector<float> noise(std::size_t count) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> samples(count);
  for (float& sample : samples) sample = normal(random);
  return samples;
}

void count_blocks(benchmark::State& state, std::size_t blocks, std::size_t samples = block_samples) {
  const double all = static_cast<double>(blocks) * static_cast<double>(state.iterations());
  state.counters["samples"] = benchmark::Counter(all * static_cast<double>(samples), benchmark::Counter::kIsRate);
  state.counters["block"] = benchmark::Counter(all, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

// An analysis block of a second: 30 turns, in which the lines of a bearing are defined.
constexpr std::size_t analysis_samples = 25'600;
// Of blocks as they come.
constexpr std::size_t block_counts[] = {1, 16, 2'000};

struct Set {
  const char* name;
  BlockPlan plan;
  std::size_t samples = block_samples;
  bool is_speed_nominal = false;
};

// What the sets of blocks as they come are made of: as ../shared's harness has them, so that figures can be held against it.
// Those of analysis blocks are held against `analysis/spectrum` and `analysis/amplitudes` of the same run.
std::vector<Set> sets() {
  namespace number = stethos::kernels::number;
  BlockPlan spectrum;
  for (const auto& [low, high] : {std::pair{0.0, 1'000.0}, {1'000.0, 5'000.0}, {5'000.0, 10'000.0}, {10'000.0, 12'801.0}}) {
    spectrum.features.push_back({number::band_rms, low, high});
  }
  spectrum.features.push_back({number::spectral_centroid});
  spectrum.features.push_back({number::spectral_entropy});
  BlockPlan envelope;
  envelope.envelope_low_hz = 2'000;
  envelope.envelope_high_hz = 10'000;
  for (const double multiple : {168.34 / 30, 221.66 / 30, 215.33 / 30, 12.95 / 30}) {
    envelope.features.push_back({number::bearing_amplitude, multiple});
  }
  BlockPlan quantiles;
  quantiles.buckets = true;
  BlockPlan validity;
  validity.validity = true;
  BlockPlan lines = spectrum;
  for (int rank = 1; rank <= 5; ++rank) {
    lines.features.push_back({number::line_frequency, static_cast<double>(rank)});
    lines.features.push_back({number::line_amplitude, static_cast<double>(rank)});
  }
  BlockPlan speed = spectrum;
  speed.features.push_back({number::speed_confidence});
  speed.speed_range = 0.05;
  BlockPlan bearing = envelope;
  for (std::size_t i = envelope.features.size(); i-- > 0;) {
    for (const std::uint16_t statistic : {number::bearing_depth, number::bearing_significance}) {
      bearing.features.insert(bearing.features.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                              {statistic, envelope.features[i].low});
    }
  }
  return {{"time", {}},
          {"quantiles", quantiles},
          {"validity", validity},
          {"spectrum", spectrum},
          {"envelope", envelope},
          {"lines", lines},
          {"analysis/spectrum", spectrum, analysis_samples},
          {"analysis/lines", lines, analysis_samples},
          {"analysis/speed", speed, analysis_samples, true},
          {"analysis/amplitudes", envelope, analysis_samples},
          {"analysis/depth and significance", bearing, analysis_samples}};
}

// The moments of each block and what the set adds to them.
void statistics(benchmark::State& state, std::string_view backend_name, const Set& set) {
  const auto blocks = static_cast<std::size_t>(state.range(0));
  const auto samples = noise(blocks * set.samples);
  std::vector<BlockView> views(blocks);
  for (std::size_t i = 0; i < blocks; ++i) {
    views[i].samples = samples.data() + i * set.samples;
    views[i].count = set.samples;
    views[i].sampling_rate_hz = 25'600;
    views[i].shaft_hz = 30;
    views[i].is_speed_nominal = set.is_speed_nominal;
    views[i].plan = &set.plan;
  }
  std::vector<BlockStatistics> results(blocks);
  const auto backend = make_backend(backend_name);
  for (auto _ : state) {
    if (backend->submit(views) != KernelStatus::ok || backend->collect(results) != KernelStatus::ok)
      state.SkipWithError("backend failed");
    benchmark::DoNotOptimize(results.data());
  }
  count_blocks(state, blocks, set.samples);
}

// Windows of a block's length over blocks that are joined.
void sliding(benchmark::State& state) {
  const auto hop = static_cast<std::size_t>(state.range(0));
  constexpr std::size_t blocks = 2'000;
  const auto samples = noise(blocks * block_samples);
  std::vector<Moments> out(sliding_count(samples.size(), block_samples, hop));
  for (auto _ : state) {
    sliding_moments(samples, block_samples, hop, out);
    benchmark::DoNotOptimize(out.data());
  }
  count_blocks(state, blocks);
}

// Loading into lanes with a window, the real transform, or both, of all blocks.
void spectrum(benchmark::State& state, bool load, bool transform) {
  const auto blocks = static_cast<std::size_t>(state.range(0));
  const auto samples = noise(blocks * block_samples), window = noise(block_samples);
  const auto plan = RealFftPlan::make(block_samples);
  const std::size_t lanes = cpu_fft_lanes();
  const auto in = hwy::AllocateAligned<float>(plan->size() * lanes);
  const auto out = hwy::AllocateAligned<float>(2 * plan->places() * lanes);
  std::vector<FftBlock> group(lanes);
  std::fill_n(in.get(), plan->size() * lanes, 1.0f);
  for (auto _ : state) {
    for (std::size_t first = 0; first < blocks; first += lanes) {
      const std::size_t count = std::min(lanes, blocks - first);
      for (std::size_t i = 0; i < count; ++i) group[i].samples = samples.data() + (first + i) * block_samples;
      if (load) cpu_fft_load({group.data(), count}, window, in.get());
      if (transform) cpu_real_fft(*plan, in.get(), out.get());
      benchmark::ClobberMemory();
    }
  }
  count_blocks(state, blocks);
}

void inverse_transform(benchmark::State& state) {
  const auto plan = FftPlan::make(block_samples);
  const std::size_t lanes = cpu_fft_lanes();
  const std::size_t count = 2 * plan->size() * lanes;
  const auto in = hwy::AllocateAligned<float>(count), out = hwy::AllocateAligned<float>(count);
  std::ranges::copy(noise(count), in.get());
  for (auto _ : state) {
    cpu_fft(*plan, FftDirection::inverse, in.get(), out.get());
    benchmark::ClobberMemory();
  }
  count_blocks(state, lanes);
}

void kissfft_real_transform(benchmark::State& state) {
  const auto samples = noise(block_samples);
  std::vector<kiss_fft_cpx> out(block_samples / 2 + 1);
  const auto plan = kiss_fftr_alloc(block_samples, 0, nullptr, nullptr);
  for (auto _ : state) {
    kiss_fftr(plan, samples.data(), out.data());
    benchmark::ClobberMemory();
  }
  kiss_fftr_free(plan);
  count_blocks(state, 1);
}

}  // namespace

int main(int argc, char** argv) {
  static const auto all_sets = sets();
  for (const auto name : backend_names()) {
    for (const Set& set : all_sets) {
      auto* const registered =
          benchmark::RegisterBenchmark((std::string(set.name) + "/" + std::string(name)).c_str(),
                                       [&set, name](benchmark::State& state) { statistics(state, name, set); });
      for (const std::size_t count : block_counts) {
        const std::size_t as_many = std::max<std::size_t>(1, count * block_samples / set.samples);
        if (count == 1 || as_many > 1) registered->Arg(static_cast<std::int64_t>(as_many));
      }
    }
  }
  benchmark::RegisterBenchmark("sliding", sliding)->Arg(1'280)->Arg(256)->Arg(25);
  benchmark::RegisterBenchmark("spectrum/load", spectrum, true, false)->Arg(16)->Arg(2'000);
  benchmark::RegisterBenchmark("spectrum/real_transform", spectrum, false, true)->Arg(16);
  benchmark::RegisterBenchmark("spectrum/load_and_real_transform", spectrum, true, true)->Arg(16)->Arg(2'000);
  benchmark::RegisterBenchmark("spectrum/inverse_transform", inverse_transform);
  benchmark::RegisterBenchmark("spectrum/kissfft_real_transform", kissfft_real_transform);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
