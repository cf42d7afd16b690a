// Recorded data: reading FEMTO's text, and writing and reading our own recordings, on one core. The samples are those of bearing
// 3_1 where STETHOS_DATA (../shared/data) has it, else made up in the same form.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "recordings/femto.h"
#include "recordings/recording_reader.h"
#include "recordings/recording_writer.h"
#include "tests/folders.h"

namespace {

namespace fs = std::filesystem;
using namespace stethos;
using namespace stethos::recordings;

constexpr std::size_t block_samples = 2'560;
constexpr std::uint64_t segment_bytes = 64u << 20;

void make_up_snapshots(const fs::path& folder) {
  std::mt19937 random(1);
  std::normal_distribution<double> milli_g(0, 500);
  for (int number = 1; number <= 200; ++number) {
    char name[32];
    std::snprintf(name, sizeof name, "acc_%05d.csv", number);
    std::ofstream file(folder / name);
    const int seconds = 8 * 3'600 + number * 10;
    for (std::size_t i = 0; i < block_samples; ++i) {
      char row[80];
      std::snprintf(row, sizeof row, "%d,%d,%d,%.4e,%.3g,%.3g\n", seconds / 3'600, seconds / 60 % 60, seconds % 60,
                    1e5 + static_cast<double>(i) * 39.0625, static_cast<double>(std::lround(milli_g(random))) / 1'000,
                    static_cast<double>(std::lround(milli_g(random))) / 1'000);
      file << row;
    }
  }
}

class Data {
 public:
  Data() {
    fs::create_directories(folder_);
    const fs::path archive = test::recorded_data_folder() / "femto/Bearing3_1.tar.zst";
    const std::string unpack = "tar --zstd -xf '" + archive.string() + "' -C '" + folder_.string() + "' --strip-components=1";
    if (!fs::exists(archive) || std::system(unpack.c_str()) != 0) make_up_snapshots(folder_);
    Record record;
    const auto recording = open_femto(femto(), {});
    while (recording && (*recording)->next(record).value_or(false)) {
      for (const ChannelData& channel : record.channels) {
        if (channel.samples.size() != block_samples) continue;
        blocks.emplace_back(channel.samples.begin(), channel.samples.end());
      }
    }
  }
  ~Data() { fs::remove_all(folder_); }

  std::string femto() const { return folder_.string(); }
  std::string recording() const { return (folder_ / "recording").string(); }

  std::vector<std::vector<float>> blocks;

 private:
  fs::path folder_ = fs::temp_directory_path() / ("stethos-bench-" + std::to_string(::getpid()));
};

Data& data() {
  static Data only;
  return only;
}

void count_samples(benchmark::State& state, std::uint64_t samples) {
  state.counters["samples"] = benchmark::Counter(static_cast<double>(samples), benchmark::Counter::kIsRate);
}

void read_femto(benchmark::State& state) {
  data();
  std::uint64_t samples = 0;
  for (auto _ : state) {
    Record record;
    const auto recording = open_femto(data().femto(), {});
    while (recording && (*recording)->next(record).value_or(false)) {
      for (const ChannelData& channel : record.channels) samples += channel.samples.size();
    }
  }
  count_samples(state, samples);
}

// All blocks so many times, one a message: more than fits into a processor's cache.
constexpr int repeats = 16;

RecordingTotals record_all(bool compact) {
  fs::remove_all(data().recording());
  const auto writer = RecordingWriter::open({data().recording(), compact, segment_bytes, 16 * segment_bytes});
  if (!writer) std::abort();
  RecordedChannel channel;
  channel.channel = "vibration";
  channel.quantity = "acceleration";
  channel.unit = "g";
  channel.interval_ns = 39'062.5;
  RecordedMessage message;
  message.device = "press-7";
  message.epoch = 1;
  message.channels = {&channel, 1};
  for (int repeat = 0; repeat < repeats; ++repeat) {
    for (const auto& block : data().blocks) {
      channel.samples = std::span<const float>(block);
      ++message.sequence;
      message.received_ns += 100'000'000;
      if (!(*writer)->append(message)) std::abort();
    }
  }
  if (!(*writer)->flush()) std::abort();
  return (*writer)->totals();
}

void append_blocks(benchmark::State& state, bool compact) {
  RecordingTotals totals;
  for (auto _ : state) totals = record_all(compact);
  const auto samples = data().blocks.size() * block_samples * repeats;
  count_samples(state, samples * static_cast<std::uint64_t>(state.iterations()));
  state.counters["bytes_a_sample"] = static_cast<double>(totals.bytes) / static_cast<double>(samples);
}

void read_blocks(benchmark::State& state, bool compact) {
  record_all(compact);
  std::uint64_t samples = 0;
  for (auto _ : state) {
    const auto reader = RecordingReader::open(data().recording());
    RecordedMessage message;
    while (reader && (*reader)->next(message).value_or(false)) {
      samples += std::get<std::span<const float>>(message.channels.front().samples).size();
    }
  }
  count_samples(state, samples);
  state.counters["f32_bytes"] = benchmark::Counter(static_cast<double>(samples) * sizeof(float), benchmark::Counter::kIsRate);
}

}  // namespace

BENCHMARK(read_femto)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(append_blocks, plain, false)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(append_blocks, compact, true)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(read_blocks, plain, false)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(read_blocks, compact, true)->Unit(benchmark::kMillisecond);
BENCHMARK_MAIN();
