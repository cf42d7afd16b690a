// A folder of its own for one test, removed with what is in it at the end.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "common/identity.h"
#include "recordings/recording.h"

namespace stethos::recordings {

class ScratchFolder {
 public:
  ScratchFolder() : path_(std::filesystem::path(testing::TempDir()) / ("stethos-" + random_identity())) {
    std::filesystem::create_directories(path_);
  }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  std::string path() const { return path_.string(); }
  std::string write(std::string_view name, std::string_view content) const {
    const auto file = path_ / name;
    std::ofstream(file, std::ios::binary) << content;
    return file.string();
  }

 private:
  std::filesystem::path path_;
};

// Reads on until the end or an error; returns how many records there were, and the error's text.
struct ReadOut {
  std::vector<Record> records;
  std::string error;
};
inline ReadOut read_out(Recording& recording) {
  ReadOut out;
  Record record;
  while (true) {
    const auto more = recording.next(record);
    if (!more) out.error = more.error().text();
    if (!more || !*more) return out;
    out.records.push_back(record);
  }
}

// The samples of each channel, where there was no error.
inline std::vector<std::vector<double>> channels_of(const ReadOut& out) {
  EXPECT_EQ(out.error, "");
  std::vector<std::vector<double>> channels;
  for (const Record& record : out.records) {
    channels.resize(record.channels.size());
    for (std::size_t i = 0; i < channels.size(); ++i) {
      const auto& samples = record.channels[i].samples;
      channels[i].insert(channels[i].end(), samples.begin(), samples.end());
    }
  }
  return channels;
}

}  // namespace stethos::recordings
