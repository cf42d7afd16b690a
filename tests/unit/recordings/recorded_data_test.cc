// The readers on the real files. They are not part of the repository: the tests skip where they are absent, and fail
// instead when STETHOS_DATA_REQUIRED=1.
#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "common/time_text.h"
#include "recordings/cwru.h"
#include "recordings/femto.h"
#include "recordings/nab.h"
#include "recordings/recording_reader.h"
#include "recordings/recording_writer.h"
#include "recordings/skab.h"
#include "tests/folders.h"
#include "tests/unit/recordings/scratch_folder.h"

namespace stethos::recordings {
namespace {

namespace fs = std::filesystem;

class RecordedData : public testing::Test {
 protected:
  void SetUp() override {
    if (fs::exists(test::recorded_data_folder() / "cwru")) return;
    const char* required = std::getenv("STETHOS_DATA_REQUIRED");
    if (required != nullptr && std::string_view(required) == "1") FAIL() << "no recordings in " << test::recorded_data_folder();
    GTEST_SKIP() << "no recordings in " << test::recorded_data_folder() << "; STETHOS_DATA names their folder";
  }
};

TEST_F(RecordedData, Cwru) {
  const std::pair<const char*, std::uint64_t> files[] = {
      {"97_Normal_0", 243'938}, {"105_0", 121'265}, {"118_0", 122'571}, {"130_0", 121'991}};
  for (const auto& [name, samples] : files) {
    const auto recording = open_cwru((test::recorded_data_folder() / "cwru" / name).string() + ".f32", {});
    ASSERT_TRUE(recording) << recording.error().text();
    const ReadOut out = read_out(**recording);
    EXPECT_EQ(out.error, "");
    std::uint64_t read = 0;
    for (const auto& record : out.records) read += record.channels[0].samples.size();
    EXPECT_EQ(read, samples);
    EXPECT_EQ(out.records.size(), (samples + 2559) / 2560);
    EXPECT_EQ((*recording)->description().bearing_model, "6205-2RS");
  }
}

TEST_F(RecordedData, FemtoDirtyFiles) {
  const fs::path dirty = test::recorded_data_folder() / "femto" / "dirty";
  const ScratchFolder learning;
  for (const auto* number : {"02120", "02121", "02122", "02123"}) {
    fs::create_symlink(fs::absolute(dirty) / ("Learning_set__Bearing1_1__acc_" + std::string(number) + ".csv"),
                       fs::path(learning.path()) / ("acc_" + std::string(number) + ".csv"));
  }
  const ReadOut out = read_out(**open_femto(learning.path(), {.date_ns = *parse_time("2010-12-01")}));
  ASSERT_EQ(out.error, "");
  std::vector<std::string> starts;
  for (const auto& record : out.records) {
    starts.push_back(format_time(record.channels[0].start_ns).substr(0, 19));
    EXPECT_EQ(record.channels[0].samples.size(), 2560u);
    EXPECT_EQ(record.channels[1].samples.size(), 2560u);
  }
  EXPECT_EQ(starts, (std::vector<std::string>{"2010-12-01T15:32:49", "2010-12-01T09:38:46", "2010-12-01T09:38:46",
                                              "2010-12-01T15:33:19"}));

  const ScratchFolder full;
  for (const auto* name : {"acc_00001.csv", "acc_00002.csv", "temp_00001.csv"}) {
    fs::create_symlink(fs::absolute(dirty) / ("Full_Test_Set__Bearing1_4__" + std::string(name)), fs::path(full.path()) / name);
  }
  const ReadOut merged = read_out(**open_femto(full.path(), {.date_ns = *parse_time("2010-12-01")}));
  ASSERT_EQ(merged.error, "");
  ASSERT_EQ(merged.records.size(), 3u);
  EXPECT_EQ(merged.records[2].channels[0].channel, "temperature");
  EXPECT_EQ(merged.records[2].channels[0].samples.size(), 600u);
  EXPECT_EQ(merged.records[2].channels[0].samples.front(), 70.036);
  EXPECT_EQ(merged.records[2].channels[0].samples.back(), 76.034);
}

// Every sample of every snapshot has the bits that std::from_chars gives it.
TEST_F(RecordedData, FemtoSamplesAreThoseOfFromChars) {
  for (const char* bearing : {"Bearing2_2", "Bearing3_1"}) {
    const ScratchFolder folder;
    const std::string unpack = "tar --zstd -xf '" + (test::recorded_data_folder() / "femto" / bearing).string() +
                               ".tar.zst' -C '" + folder.path() + "' --strip-components=1";
    ASSERT_EQ(std::system(unpack.c_str()), 0);
    std::vector<std::string> paths;
    for (const auto& entry : fs::directory_iterator(folder.path())) {
      if (entry.path().filename().string().starts_with("acc_")) paths.push_back(entry.path().string());
    }
    std::ranges::sort(paths);
    const auto recording = open_femto(folder.path(), {});
    ASSERT_TRUE(recording);
    Record record;
    for (const std::string& path : paths) {
      do {
        ASSERT_TRUE((*recording)->next(record).value_or(false)) << path;
      } while (record.channels.size() != 2);
      std::ifstream file(path);
      std::size_t row = 0;
      for (std::string line; std::getline(file, line); ++row) {
        const std::size_t second = line.find_last_of(",;");
        const std::size_t first = line.find_last_of(",;", second - 1);
        double samples[2] = {};
        std::from_chars(line.data() + first + 1, line.data() + second, samples[0]);
        std::from_chars(line.data() + second + 1, line.data() + line.size(), samples[1]);
        for (std::size_t i = 0; i < 2; ++i) {
          ASSERT_EQ(std::bit_cast<std::uint64_t>(record.channels[i].samples.at(row)), std::bit_cast<std::uint64_t>(samples[i]))
              << path << ":" << row + 1;
        }
      }
      ASSERT_EQ(record.channels[0].samples.size(), row);
    }
    EXPECT_FALSE((*recording)->next(record).value_or(true));
  }
}

TEST_F(RecordedData, FemtoSnapshotsInOurOwnFormTakeFewBytesAndComeBackBitForBit) {
  const ScratchFolder learning;
  for (const auto* number : {"02120", "02121", "02122", "02123"}) {
    fs::create_symlink(fs::absolute(test::recorded_data_folder() / "femto" / "dirty") /
                           ("Learning_set__Bearing1_1__acc_" + std::string(number) + ".csv"),
                       fs::path(learning.path()) / ("acc_" + std::string(number) + ".csv"));
  }
  const ReadOut out = read_out(**open_femto(learning.path(), {}));
  ASSERT_EQ(out.error, "");
  std::vector<std::vector<float>> blocks;
  for (const auto& record : out.records) {
    for (const auto& channel : record.channels) blocks.emplace_back(channel.samples.begin(), channel.samples.end());
  }
  const ScratchFolder folder;
  const auto writer = RecordingWriter::open({.folder = folder.path()});
  ASSERT_TRUE(writer);
  for (const auto& block : blocks) {
    RecordedChannel channel;
    channel.samples = std::span<const float>(block);
    RecordedMessage message;
    message.channels = {&channel, 1};
    ASSERT_TRUE((*writer)->append(message));
  }
  ASSERT_TRUE((*writer)->flush());
  EXPECT_LT(static_cast<double>((*writer)->totals().bytes) / static_cast<double>(blocks.size() * 2'560), 1.9);
  const auto reader = RecordingReader::open(folder.path());
  ASSERT_TRUE(reader);
  for (const auto& block : blocks) {
    RecordedMessage message;
    ASSERT_TRUE((*reader)->next(message).value_or(false));
    const auto samples = std::get<std::span<const float>>(message.channels.front().samples);
    ASSERT_EQ(samples.size(), block.size());
    EXPECT_EQ(std::memcmp(samples.data(), block.data(), samples.size_bytes()), 0);
  }
}

TEST_F(RecordedData, Nab) {
  const std::pair<const char*, std::size_t> files[] = {{"ambient_temperature_system_failure", 7267},
                                                       {"cpu_utilization_asg_misconfiguration", 18'050},
                                                       {"ec2_request_latency_system_failure", 4032},
                                                       {"machine_temperature_system_failure", 22'695},
                                                       {"nyc_taxi", 10'320},
                                                       {"rogue_agent_key_hold", 1882},
                                                       {"rogue_agent_key_updown", 5315}};
  for (const auto& [name, readings] : files) {
    const auto recording = open_nab((test::recorded_data_folder() / "nab" / "realKnownCause" / name).string() + ".csv", {});
    ASSERT_TRUE(recording) << recording.error().text();
    const ReadOut out = read_out(**recording);
    EXPECT_EQ(out.error, "");
    EXPECT_EQ(out.records.size(), readings) << name;
  }
}

TEST_F(RecordedData, SkabEveryFile) {
  std::size_t files = 0;
  std::size_t records = 0;
  for (const auto& entry : fs::recursive_directory_iterator(test::recorded_data_folder() / "skab")) {
    if (entry.path().extension() != ".csv") continue;
    const auto recording = open_skab(entry.path().string());
    ASSERT_TRUE(recording) << recording.error().text();
    const ReadOut out = read_out(**recording);
    EXPECT_EQ(out.error, "");
    records += out.records.size();
    ++files;
  }
  EXPECT_EQ(files, 21u);
  EXPECT_GT(records, 25'000u);
}

}  // namespace
}  // namespace stethos::recordings
