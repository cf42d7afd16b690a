// One set of statistics of the blocks in a file, timed, for tests/bench/kernels.py:
//   kernels_rows make FILE BLOCKS              noise that rings, as f32
//   kernels_rows SET BACKEND FILE BLOCKS OUT   prints the seconds of the best of several runs; OUT: rows of float64
//   kernels_rows limits FILE BLOCKS            prints bytes read a second, and float64 operations a second
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>
#include <iostream>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "gpu_kernels/backend.h"
#include "gpu_kernels/envelope.h"
#include "gpu_kernels/sliding.h"
#include "gpu_kernels/spectrum.h"

namespace {

using namespace stethos::kernels;

constexpr std::size_t block_samples = 2'560;
constexpr std::size_t batch_blocks = 64;

double best_seconds(double seconds_in_all, const std::function<void()>& run) {
  using Clock = std::chrono::steady_clock;
  const auto seconds = [](auto duration) { return std::chrono::duration<double>(duration).count(); };
  double best = 1e9;
  const auto begun = Clock::now();
  do {
    const auto before = Clock::now();
    run();
    best = std::min(best, seconds(Clock::now() - before));
  } while (seconds(Clock::now() - begun) < seconds_in_all);
  return best;
}

std::vector<float> read_samples(const std::string& path, std::size_t blocks) {
  std::vector<float> samples(blocks * block_samples);
  std::ifstream file(path, std::ios::binary);
  file.read(reinterpret_cast<char*>(samples.data()), static_cast<std::streamsize>(samples.size() * sizeof(float)));
  if (!file) throw std::runtime_error("too short: " + path);
  return samples;
}

void make(const std::string& path, std::size_t blocks) {
  std::mt19937_64 random(1);
  std::normal_distribution<double> normal;
  std::ofstream file(path, std::ios::binary);
  std::vector<float> block(block_samples);
  double ringing = 0, before = 0;
  for (std::size_t b = 0; b < blocks; ++b) {
    for (float& x : block) {  // a resonance at 4 kHz
      const double next = 1.1 * ringing - 0.98 * before + normal(random);
      before = ringing;
      ringing = next;
      x = static_cast<float>(next);
    }
    file.write(reinterpret_cast<const char*>(block.data()), block_samples * sizeof(float));
  }
}

BlockPlan plan_of(const std::string& set) {
  BlockPlan plan;
  if (set == "quantiles") plan.buckets = true;
  if (set == "spectrum") {
    for (const auto& [low, high] : {std::pair{0.0, 1'000.0}, {1'000.0, 5'000.0}, {5'000.0, 10'000.0}, {10'000.0, 12'801.0}}) {
      plan.features.push_back({number::band_rms, low, high});
    }
    plan.features.push_back({number::spectral_centroid});
    plan.features.push_back({number::spectral_entropy});
  }
  if (set == "envelope") {
    plan.envelope_low_hz = 2'000;
    plan.envelope_high_hz = 10'000;
    for (const double hz : {168.34, 221.66, 215.33, 12.95}) plan.features.push_back({number::bearing_amplitude, hz / 30});
  }
  return plan;
}

void append_moments(const Moments& m, std::vector<double>& out) {
  const auto n = static_cast<double>(m.count);
  const double variance = m.m2 / n;
  out.insert(out.end(), {m.mean, std::sqrt(variance), m.min, m.max, m.sum_abs / n, m.sum_sqrt_abs / n,
                         m.m3 / n / (variance * std::sqrt(variance)), m.m4 / n / (variance * variance)});
}

// p50, p95, p99 in one walk.
void append_quantiles(const BlockBuckets& buckets, std::vector<double>& out) {
  std::uint64_t below = 0;
  std::size_t i = 0;
  for (const double p : {0.5, 0.95, 0.99}) {
    const auto rank = static_cast<std::uint64_t>(std::ceil(p * block_samples));
    while (below + buckets.counts[i] < rank) below += buckets.counts[i++];
    out.push_back(value_of_bucket(buckets.indices[i]));
  }
}

void rows_of(const std::string& set, StatisticsBackend& backend, const std::vector<float>& samples, std::vector<double>& rows) {
  rows.clear();
  const BlockPlan plan = plan_of(set);
  std::vector<BlockView> views(batch_blocks);
  std::vector<BlockStatistics> results(batch_blocks);
  for (std::size_t first = 0; first < samples.size() / block_samples; first += batch_blocks) {
    const std::size_t count = std::min(batch_blocks, samples.size() / block_samples - first);
    for (std::size_t i = 0; i < count; ++i) {
      views[i] = {.samples = samples.data() + (first + i) * block_samples,
                  .count = block_samples,
                  .sampling_rate_hz = 25'600,
                  .shaft_hz = 30,
                  .plan = &plan};
    }
    if (backend.submit(std::span(views).first(count)) != KernelStatus::ok ||
        backend.collect(std::span(results).first(count)) != KernelStatus::ok) {
      throw std::runtime_error("backend failed");
    }
    for (std::size_t i = 0; i < count; ++i) {
      if (set == "time") append_moments(results[i].moments, rows);
      if (set == "quantiles") append_quantiles(results[i].buckets, rows);
      rows.insert(rows.end(), results[i].features.begin(), results[i].features.end());
    }
  }
}

void slide(std::size_t hop, bool is_reference, const std::vector<float>& samples, std::vector<Moments>& windows) {
  if (!is_reference) {
    sliding_moments(samples, block_samples, hop, windows);
    return;
  }
  const auto backend = make_backend("reference");
  for (std::size_t i = 0; i < windows.size(); ++i) {
    const BlockView view{.samples = samples.data() + i * hop, .count = block_samples};
    BlockStatistics result;
    if (backend->submit({&view, 1}) != KernelStatus::ok || backend->collect({&result, 1}) != KernelStatus::ok) std::abort();
    windows[i] = result.moments;
  }
}

// As many additions and multiply-adds of float64 lanes, one of each at a time and all independent, as the core is able to do.
constexpr std::size_t chains = 8;
using Vector = double __attribute__((vector_size(64)));
__attribute__((target_clones("avx512f", "arch=haswell", "default"))) double operate(std::size_t rounds) {
  Vector products[chains], sums[chains];
  for (std::size_t i = 0; i < chains; ++i) products[i] = sums[i] = Vector{} + static_cast<double>(i);  // else they are one
  const Vector factor = Vector{} + 0.999, step = Vector{} + 1e-3;
  for (std::size_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 8
    for (std::size_t i = 0; i < chains; ++i) {
      products[i] = products[i] * factor + step;
      sums[i] = sums[i] + step;
    }
  }
  double all = 0;
  for (std::size_t i = 0; i < chains; ++i) {
    for (std::size_t lane = 0; lane < 8; ++lane) all += products[i][lane] + sums[i][lane];
  }
  return all;
}

void limits(const std::vector<float>& samples) {
  const double bytes = static_cast<double>(samples.size() * sizeof(float));
  volatile std::uint64_t sink = 0;
  const double read_seconds = best_seconds(1, [&] {
    std::uint64_t sums[8] = {};
    const char* at = reinterpret_cast<const char*>(samples.data());
    for (std::size_t i = 0; i < samples.size() * sizeof(float); i += sizeof sums) {
      std::uint64_t line[8];
      std::memcpy(line, at + i, sizeof line);
      for (std::size_t k = 0; k < 8; ++k) sums[k] += line[k];
    }
    for (const auto sum : sums) sink = sink + sum;
  });
  constexpr std::size_t rounds = 1'000'000;
  volatile double result = 0;
  const double operate_seconds = best_seconds(1, [&] { result = operate(rounds); });
  std::cout << bytes / read_seconds << " " << rounds * chains * 2 * 8 / operate_seconds << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + 1, argv + argc);
  if (args.size() == 3 && args[0] == "make") {
    make(args[1], std::stoul(args[2]));
  } else if (args.size() == 3 && args[0] == "limits") {
    limits(read_samples(args[1], std::stoul(args[2])));
  } else if (args.size() == 5) {
    const auto samples = read_samples(args[2], std::stoul(args[3]));
    const auto backend = make_backend(args[1]);
    const bool is_reference = args[1] == "reference";
    const std::size_t hop = args[0].starts_with("sliding ") ? std::stoul(args[0].substr(8)) : 0;
    std::vector<double> rows;
    std::vector<Moments> windows(hop > 0 ? sliding_count(samples.size(), block_samples, hop) : 0);
    const double seconds = best_seconds(is_reference ? 0 : 3, [&] {
      if (hop > 0)
        slide(hop, is_reference, samples, windows);
      else
        rows_of(args[0], *backend, samples, rows);
    });
    for (const Moments& each : windows) append_moments(each, rows);
    std::cout << seconds << "\n";
    std::ofstream(args[4], std::ios::binary)
        .write(reinterpret_cast<const char*>(rows.data()), static_cast<std::streamsize>(rows.size() * sizeof(double)));
  } else {
    std::cerr << "kernels_rows make|limits FILE BLOCKS, or kernels_rows SET BACKEND FILE BLOCKS OUT\n";
    return 2;
  }
}
