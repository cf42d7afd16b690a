// What a backend says of blocks in a file, as JSON, for whoever computes the same in another way: a line a block, in it every
// statistic of time and every feature, each with how far it may be from its definition by the table of tolerances.
//
// usage: stethos-block-features BACKEND FILE BLOCK_SAMPLES RATE_HZ SHAFT_HZ LOW_HZ HIGH_HZ
// FILE holds little-endian float32, LOW_HZ and HIGH_HZ are the band of the envelope. Null: not defined.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "gpu_kernels/backend.h"
#include "gpu_kernels/deviations.h"
#include "gpu_kernels/envelope.h"
#include "gpu_kernels/spectrum.h"
#include "gpu_kernels/time.h"
#include "tests/unit/gpu_kernels/closeness.h"

using namespace stethos::kernels;

namespace {

std::vector<Feature> features() {
  std::vector<Feature> out{{number::low_frequency_share, 0, 100},
                           {number::low_frequency_share, 0, 2'000},
                           {number::band_rms, 0, 1'000},
                           {number::band_rms, 1'000, 5'000},
                           {number::vibration_velocity, 10, 1'000},
                           {number::spectral_centroid},
                           {number::spectral_spread},
                           {number::spectral_entropy},
                           {number::spectral_rolloff, 0.5},
                           {number::spectral_rolloff, 0.85}};
  for (const double rank : {1, 2, 3, 10}) {
    out.push_back({number::line_frequency, rank});
    out.push_back({number::line_amplitude, rank});
  }
  for (const double multiple : {0.4, 1.0, 2.0, 3.5848, 5.4152, 20.0, 20.5}) {
    out.push_back({number::multiple_amplitude, multiple});
    out.push_back({number::multiple_velocity, multiple});
    for (const std::uint16_t statistic : {number::bearing_amplitude, number::bearing_depth, number::bearing_significance}) {
      out.push_back({statistic, multiple});
    }
  }
  for (const std::uint16_t statistic : {number::ac_shape, number::ac_impulse, number::ac_clearance}) out.push_back({statistic});
  return out;
}

std::vector<float> read(const char* path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  std::vector<float> out(bytes.size() / sizeof(float));
  std::copy_n(bytes.data(), out.size() * sizeof(float), reinterpret_cast<char*>(out.data()));
  return out;
}

std::string text_of(double number) {
  if (!std::isfinite(number)) return "null";
  char text[32];
  std::snprintf(text, sizeof text, "%.17g", number);
  return text;
}

void print(const StatisticDefinition& statistic, const Feature& feature, double value, double allowed, bool is_last) {
  std::printf("{\"name\": \"%s\", \"low\": %s, \"high\": %s, \"value\": %s, \"allowed\": %s}%s",
              std::string(statistic.name).c_str(), text_of(feature.low).c_str(), text_of(feature.high).c_str(),
              text_of(value).c_str(), text_of(allowed).c_str(), is_last ? "]\n" : ", ");
}

}  // namespace

int main(int count, char** arguments) {
  const auto backend = count == 8 || count == 9 ? make_backend(arguments[1]) : nullptr;
  if (backend == nullptr) {
    std::fputs("usage: stethos-block-features BACKEND FILE BLOCK_SAMPLES RATE_HZ SHAFT_HZ LOW_HZ HIGH_HZ [SPEED_RANGE]\n",
               stderr);
    return 2;
  }
  const auto samples = read(arguments[2]);
  const auto block_samples = static_cast<std::size_t>(std::atol(arguments[3]));
  BlockPlan plan;
  plan.features = features();
  plan.mm_s2_per_unit = 9'806.65;
  plan.envelope_low_hz = std::atof(arguments[6]);
  plan.envelope_high_hz = std::atof(arguments[7]);
  const bool estimates_speed = count == 9;
  if (estimates_speed) {
    plan.features = {{number::speed_confidence}};
    plan.speed_range = std::atof(arguments[8]);
  }
  std::vector<BlockView> blocks;
  for (std::size_t at = 0; at + block_samples <= samples.size(); at += block_samples) {
    BlockView& block = blocks.emplace_back();
    block.samples = samples.data() + at;
    block.count = block_samples;
    block.sampling_rate_hz = std::atof(arguments[4]);
    block.shaft_hz = std::atof(arguments[5]);
    block.is_speed_nominal = estimates_speed;
    block.plan = &plan;
  }
  const auto reference = make_backend("reference");
  std::vector<BlockStatistics> results(blocks.size()), expected(blocks.size());
  if (backend->submit(blocks) != KernelStatus::ok || backend->collect(results) != KernelStatus::ok) return 1;
  if (reference->submit(blocks) != KernelStatus::ok || reference->collect(expected) != KernelStatus::ok) return 1;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (estimates_speed) {
      std::printf("{\"confidence\": %s, \"hz\": %s}\n", text_of(results[i].features[0]).c_str(),
                  text_of(results[i].estimated_hz).c_str());
      continue;
    }
    const test::Closeness closeness(blocks[i], expected[i]);
    std::printf("[");
    for (const StatisticDefinition& each : time_statistics()) {
      const double value = each.compute(results[i].moments);
      print(each, {}, value, test::allowed_of_time(backend->name(), each, value, expected[i].moments), false);
    }
    const StatisticDefinition& crest = *find_statistic("ac_crest");
    const double crest_found = crest.compute(results[i].moments);
    print(crest, {}, crest_found, test::allowed_of_time(backend->name(), crest, crest_found, expected[i].moments), false);
    for (std::size_t k = 0; k < plan.features.size(); ++k) {
      const Feature& feature = plan.features[k];
      const double value = expected[i].features[k];
      const double allowed = closeness.allowed("reference", feature, value) +
                             (backend->name() == "reference" ? 0 : closeness.allowed(backend->name(), feature, value));
      print(*find_statistic(feature.statistic), feature, results[i].features[k], allowed, k + 1 == plan.features.size());
    }
  }
}
