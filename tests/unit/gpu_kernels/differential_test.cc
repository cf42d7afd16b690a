// The same bytes to every backend and every kind of vectors: near enough to the reference, by the table of tolerances; and the
// same bits however often, with however many threads, and beside whatever other blocks.
#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <numbers>
#include <numeric>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include "gpu_kernels/backend.h"
#include "gpu_kernels/deviations.h"
#include "gpu_kernels/envelope.h"
#include "gpu_kernels/spectrum.h"
#include "gpu_kernels/tolerances.h"
#include "tests/unit/gpu_kernels/closeness.h"

namespace stethos::kernels {
namespace {

constexpr double shaft_hz = 29.95;

std::vector<Feature> all_features() {
  std::vector<Feature> out{{number::band_rms, 0, 1'000},
                           {number::band_rms, 1'000, 5'000},
                           {number::band_rms, 10, 1e6},
                           {number::band_rms, 5'000, 5'000.001},
                           {number::vibration_velocity, 10, 1'000},
                           {number::vibration_velocity, 0, 1e6},
                           {number::low_frequency_share, 0, 5},
                           {number::low_frequency_share, 0, 1'000},
                           {number::low_frequency_share, 0, 1e6},
                           {number::spectral_centroid},
                           {number::spectral_spread},
                           {number::spectral_entropy}};
  for (const double share : {0.001, 0.05, 0.5, 0.85, 0.95, 1.0}) out.push_back({number::spectral_rolloff, share});
  for (const double rank : {1, 2, 3, 4, 10, 50, 100}) {
    out.push_back({number::line_frequency, rank});
    out.push_back({number::line_amplitude, rank});
  }
  for (const double multiple : {0.4, 1.0, 2.0, 2.36, 3.5848, 5.4152, 20.0, 20.5, 100.0, 400.0, 10'000.0}) {
    out.push_back({number::multiple_amplitude, multiple});
    out.push_back({number::multiple_velocity, multiple});
    for (const std::uint16_t statistic : {number::bearing_amplitude, number::bearing_depth, number::bearing_significance}) {
      out.push_back({statistic, multiple});
    }
  }
  for (const std::uint16_t statistic : {number::ac_shape, number::ac_impulse, number::ac_clearance}) out.push_back({statistic});
  return out;
}

// What a result points to is good until the next batch.
struct Kept {
  BlockStatistics statistics;
  std::vector<double> features;
  CountedBuckets buckets;

  explicit Kept(const BlockStatistics& of)
      : statistics(of),
        features(of.features.begin(), of.features.end()),
        buckets{{of.buckets.indices.begin(), of.buckets.indices.end()}, {of.buckets.counts.begin(), of.buckets.counts.end()}} {}

  BlockStatistics view() const {
    BlockStatistics out = statistics;
    out.features = features;
    out.buckets = buckets.view();
    return out;
  }
};

bool same_bits(const Kept& a, const Kept& b) {
  using Moment = std::array<std::uint64_t, sizeof(Moments) / sizeof(std::uint64_t)>;
  return std::bit_cast<Moment>(a.statistics.moments) == std::bit_cast<Moment>(b.statistics.moments) &&
         a.statistics.validity == b.statistics.validity && a.buckets.indices == b.buckets.indices &&
         a.buckets.counts == b.buckets.counts && std::ranges::equal(a.features, b.features, [](double x, double y) {
           return std::bit_cast<std::uint64_t>(x) == std::bit_cast<std::uint64_t>(y);
         });
}

std::vector<Kept> run(StatisticsBackend& backend, const std::vector<BlockView>& blocks) {
  std::vector<BlockStatistics> results(blocks.size());
  EXPECT_EQ(backend.submit(blocks), KernelStatus::ok);
  EXPECT_EQ(backend.collect(results), KernelStatus::ok);
  return {results.begin(), results.end()};
}

using Signal = std::function<double(std::size_t i, std::size_t n, double gauss)>;
struct NamedSignal {
  const char* name;
  Signal at;
};

double sine(double hz, std::size_t i) { return std::sin(2 * std::numbers::pi * hz * static_cast<double>(i) / 25'600); }

std::vector<NamedSignal> signals() {
  return {
      {"noise", [](auto, auto, double g) { return g; }},
      {"lines", [](auto i, auto, double g) { return 2 * sine(300, i) + sine(1'234, i) + 0.3 * sine(5'001, i) + 0.01 * g; }},
      {"lines alone", [](auto i, auto, double) { return sine(1'000, i) + 0.5 * sine(4'003, i); }},
      {"lines nearly alike",
       [](auto i, auto, double g) {
         return sine(1'000, i) + 0.9999999 * sine(3'000, i) + 1.0000001 * sine(5'000, i) + sine(7'005, i) + 1e-3 * g;
       }},
      {"bearing",
       [](auto i, auto, double g) {
         const double since = std::fmod(static_cast<double>(i) / 25'600, 1 / (3.5848 * shaft_hz));
         return std::exp(-since / 0.001) * std::sin(2 * std::numbers::pi * 4'000 * since) + 0.05 * g;
       }},
      {"loud outside the band", [](auto i, auto, double g) { return 1e4 * sine(100, i) + sine(5'000, i) + 1e-2 * g; }},
      {"offset", [](auto, auto, double g) { return 1e6 + g; }},
      {"negative", [](auto, auto, double g) { return -5 - std::abs(g); }},
      {"spike", [](auto i, auto n, double g) { return i == n / 2 ? 1e4 : g; }},
      {"spike at the start", [](auto i, auto, double g) { return i == 0 ? -1e4 : g; }},
      {"spike on zeros", [](auto i, auto n, double) { return i == n / 3 ? 1.0 : 0.0; }},
      {"denormal", [](auto, auto, double g) { return 1e-42 * g; }},
      {"huge", [](auto, auto, double g) { return 1e37 * g; }},
      {"tiny", [](auto, auto, double g) { return 1e-37 * g; }},
      {"large as the fast way takes", [](auto, auto, double g) { return std::ldexp(std::clamp(g, -1.9, 1.9), 100); }},
      {"small as the fast way takes", [](auto, auto, double g) { return std::ldexp(std::clamp(g, -1.9, 1.9), -100); }},
      {"constant", [](auto, auto, double) { return 0.1; }},
      {"nearly constant", [](auto i, auto, double) { return i == 3 ? 0.1 + 1e-8 : 0.1; }},
      {"zeros", [](auto, auto, double) { return 0.0; }},
      {"zeros below", [](auto i, auto, double) { return i % 2 == 0 ? -0.0 : 0.0; }},
      {"square wave", [](auto i, auto, double) { return i / 16 % 2 == 0 ? 1.0 : -1.0; }},
      {"alternating", [](auto i, auto, double) { return i % 2 == 0 ? 1.0 : -1.0; }},
      {"ramp", [](auto i, auto, double) { return static_cast<double>(i); }},
      {"steps", [](auto, auto, double g) { return std::round(g); }},
  };
}

// Everything that is compared, with its reference, which is computed once for all kinds of vectors.
class Corpus {
 public:
  static const Corpus& get() {
    static const Corpus corpus;
    return corpus;
  }

  std::vector<BlockView> blocks;
  std::vector<std::string> names;
  std::vector<test::Closeness> closeness;

 private:
  Corpus() {
    everything_.features = all_features();
    everything_.envelope_low_hz = 2'000;
    everything_.envelope_high_hz = 10'000;
    everything_.mm_s2_per_unit = 9'806.65;
    everything_.buckets = everything_.validity = true;
    another_ = everything_;
    another_.envelope_low_hz = 0;
    another_.envelope_high_hz = 1e6;
    another_.line_tolerance = 0;
    another_.mm_s2_per_unit = 0;
    another_.buckets = false;
    no_features_.validity = no_features_.buckets = true;

    for (const std::size_t size : {0u, 1u, 2u, 7u, 8u, 31u, 32u, 33u, 1000u, 2557u, 2560u, 4096u}) {
      for (const auto& signal : signals()) add(signal, size);
    }
    constexpr std::string_view of_large = "noise lines alone spike bearing offset negative denormal huge constant";
    for (const auto& signal : signals()) {
      if (of_large.find(signal.name) != std::string_view::npos) add(signal, 25'600);
      if (std::string_view("noise spike on zeros").find(signal.name) != std::string_view::npos) add(signal, 65'536);
    }
    add_bad_samples();
    shuffle();

    const auto reference = make_backend("reference");
    for (const Kept& each : run(*reference, blocks)) reference_.push_back(each);
    for (const Kept& each : reference_) views_.push_back(each.view());
    for (std::size_t i = 0; i < blocks.size(); ++i) closeness.emplace_back(blocks[i], views_[i]);
  }

  BlockView& push(const std::string& name, BlockView block) {
    block.plan = &everything_;
    block.sampling_rate_hz = 25'600;
    block.shaft_hz = shaft_hz;
    blocks.push_back(block);
    names.push_back(name + " of " + std::to_string(block.count));
    return blocks.back();
  }

  BlockView f32(std::vector<float> samples) {
    floats_.push_back(std::move(samples));
    return {.samples = floats_.back().data(), .count = floats_.back().size()};
  }

  void add(const NamedSignal& signal, std::size_t size) {
    std::mt19937_64 random(size);
    std::normal_distribution<double> normal;
    std::vector<float> samples(size);
    for (std::size_t i = 0; i < size; ++i) samples[i] = static_cast<float>(signal.at(i, size, normal(random)));
    const BlockView view = f32(samples);
    push(signal.name, view).full_scale = 2;
    if (size > 1'000 && size != 2'560) return;

    BlockView& other_plan = push(std::string(signal.name) + ", another plan", view);
    other_plan.plan = &another_;
    other_plan.sampling_rate_hz = 12'000;
    other_plan.shaft_hz = size % 2 == 0 ? 0 : shaft_hz;
    BlockView& cut = push(std::string(signal.name) + ", cut", view);
    cut.plausible_min = -1;
    cut.plausible_max = 1.5;
    push(std::string(signal.name) + ", no features", view).plan = &no_features_;
    push(std::string(signal.name) + ", no plan", view).plan = nullptr;
    push(std::string(signal.name) + ", no rate", view).sampling_rate_hz = 0;

    integers_.emplace_back();
    for (const float sample : samples) {
      integers_.back().push_back(static_cast<std::int16_t>(std::clamp(1'000 * static_cast<double>(sample), -32'768.0, 32'767.0)));
    }
    for (const auto& [scale, offset] : {std::pair{0.001, 0.0}, {-0.5, 1e6}, {1e30, 0.0}, {1e-40, 0.0}, {0.0, 2.5}}) {
      BlockView scaled{.encoding = BlockView::Encoding::i16, .samples = integers_.back().data(), .count = size};
      scaled.scale = scale;
      scaled.offset = offset;
      push(std::string(signal.name) + ", integers times " + std::to_string(scale), scaled);
    }
  }

  void add_bad_samples() {
    constexpr double inf = std::numeric_limits<double>::infinity();
    for (const double bad : {std::nan(""), inf, -inf}) {
      const auto add_at = [&](std::size_t size, std::size_t position) {
        std::vector<float> samples(size);
        for (std::size_t i = 0; i < size; ++i) samples[i] = static_cast<float>(sine(100, i));
        samples[position] = static_cast<float>(bad);
        push(std::to_string(bad) + " at " + std::to_string(position), f32(samples));
      };
      for (const std::size_t size : {1u, 9u, 33u, 64u}) {
        for (std::size_t position = 0; position < size; ++position) add_at(size, position);
      }
      for (const std::size_t position : {0, 1, 7, 8, 15, 16, 31, 1279, 1280, 2544, 2558, 2559}) add_at(2560, position);
    }
    push("nothing but NaN", f32(std::vector<float>(100, std::numeric_limits<float>::quiet_NaN())));
  }

  void shuffle() {
    std::vector<std::size_t> order(blocks.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::shuffle(order, std::mt19937(1));
    std::vector<BlockView> shuffled_blocks;
    std::vector<std::string> shuffled_names;
    for (const std::size_t i : order) {
      shuffled_blocks.push_back(blocks[i]);
      shuffled_names.push_back(names[i]);
    }
    blocks.swap(shuffled_blocks);
    names.swap(shuffled_names);
  }

  BlockPlan everything_, another_, no_features_;
  std::deque<std::vector<float>> floats_;
  std::deque<std::vector<std::int16_t>> integers_;
  std::vector<Kept> reference_;
  std::vector<BlockStatistics> views_;
};

struct Way {
  std::string_view backend;
  std::int64_t vectors = 0;  // Highway's; 0: the best
};

std::string name_of(const Way& way) {
  return std::string(way.backend) + (way.vectors == 0 ? "" : std::string("_") + hwy::TargetName(way.vectors));
}

void PrintTo(const Way& way, std::ostream* out) { *out << name_of(way); }  // NOLINT(readability-identifier-naming): GoogleTest's

std::vector<Way> ways() {
  std::vector<Way> out;
  for (const auto backend : backend_names()) {
    if (backend == "reference") continue;
    if (backend != "cpu") out.push_back({backend});
    if (backend == "cpu") {
      for (const auto vectors : hwy::SupportedAndGeneratedTargets()) out.push_back({backend, vectors});
    }
  }
  return out;
}

class Differential : public testing::TestWithParam<Way> {
 protected:
  void SetUp() override { use(GetParam().vectors); }
  void TearDown() override { use(0); }
  static void use(std::int64_t vectors) {
    hwy::SetSupportedTargetsForTest(vectors);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }

  static std::unique_ptr<StatisticsBackend> make(std::size_t threads = 1) { return make_backend(GetParam().backend, threads); }
};

INSTANTIATE_TEST_SUITE_P(All, Differential, testing::ValuesIn(ways()), [](const auto& each) { return name_of(each.param); });

TEST(Tolerances, HoldForEveryBackendAndStatistic) {
  for (const auto backend : backend_names()) {
    EXPECT_TRUE(std::ranges::find(tolerance_backends(), backend) != tolerance_backends().end()) << backend;
    for (const StatisticDefinition& each : statistics()) {
      EXPECT_TRUE(each.is_former() || tolerance_of(backend, each.number).size >= 0) << each.name;
    }
  }
  EXPECT_TRUE(std::isnan(tolerance_of("abacus", 1).size));
  EXPECT_TRUE(std::isnan(tolerance_of("cpu", 999).size));
}

// The largest shares of what is allowed are in the report that --gtest_output=xml writes.
TEST_P(Differential, IsNearEnoughToTheReference) {
  const Corpus& corpus = Corpus::get();
  const auto found = run(*make(), corpus.blocks);
  test::Closeness::Worst worst;
  int shown = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    for (const auto& objection : corpus.closeness[i].objections(GetParam().backend, found[i].view(), worst)) {
      if (++shown <= 30) ADD_FAILURE() << corpus.names[i] << ": " << objection;
    }
  }
  EXPECT_LE(shown, 30) << "and so on";
  for (const auto& [statistic, share] : worst) RecordProperty(std::string(statistic), std::to_string(share));
}

TEST_P(Differential, GivesTheSameBitsAgainAndWithMoreThreads) {
  const Corpus& corpus = Corpus::get();
  const auto backend = make(), threads = make(4);
  const auto first = run(*backend, corpus.blocks), again = run(*backend, corpus.blocks), together = run(*threads, corpus.blocks);
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_TRUE(same_bits(first[i], again[i])) << corpus.names[i];
    EXPECT_TRUE(same_bits(first[i], together[i])) << corpus.names[i];
  }
}

TEST_P(Differential, GivesABlockTheSameBitsWhateverIsBesideIt) {
  const Corpus& corpus = Corpus::get();
  const auto backend = make();
  const auto together = run(*backend, corpus.blocks);
  std::vector<BlockView> backwards(corpus.blocks.rbegin(), corpus.blocks.rend());
  const auto reversed = run(*backend, backwards);
  for (std::size_t i = 0; i < together.size(); ++i) {
    EXPECT_TRUE(same_bits(together[i], reversed[together.size() - 1 - i])) << corpus.names[i];
    EXPECT_TRUE(same_bits(together[i], run(*backend, {corpus.blocks[i]}).front())) << corpus.names[i];
  }
}

}  // namespace
}  // namespace stethos::kernels
