// Parts for the tests of the device side: a clock that is set, a recording made by hand, files that can be read back.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "common/identity.h"
#include "recordings/recording.h"
#include "schemas/envelope.h"

namespace stethos::firmware_sim {

class ManualClock final : public Clock {
 public:
  TimeNs now() const override { return now_; }
  DurationNs monotonic() const override { return monotonic_; }
  void advance(DurationNs by) {
    now_ += by;
    monotonic_ += by;
  }

 private:
  TimeNs now_ = 1'700'000'000 * ns_per_s;
  DurationNs monotonic_ = 1000 * ns_per_s;
};

class ListRecording final : public recordings::Recording {
 public:
  explicit ListRecording(std::vector<recordings::Record> records, bool fails_at_end = false)
      : records_(std::move(records)), fails_at_end_(fails_at_end) {}

  Result<bool> next(recordings::Record& record) override {
    if (next_ == records_.size()) {
      if (fails_at_end_) return fail(Code::corrupt, "reading a list", "it is broken");
      return false;
    }
    record = records_[next_++];
    return true;
  }

 private:
  std::vector<recordings::Record> records_;
  bool fails_at_end_;
  std::size_t next_ = 0;
};

inline recordings::Record reading(TimeNs time_ns, double value, const std::string& channel = "temperature") {
  return {{{channel, "temperature", "degC", time_ns, 0, {time_ns}, {value}}}};
}
inline recordings::Record block(TimeNs start_ns, std::vector<double> samples) {
  return {{{"vibration", "acceleration", "g", start_ns, 1e6, {}, std::move(samples)}}};
}

inline std::unique_ptr<schema::SequenceRangeT> sequence_range(std::uint64_t first, std::uint64_t last) {
  auto range = std::make_unique<schema::SequenceRangeT>();
  range->first = first;
  range->last = last;
  return range;
}

class ScratchFile {
 public:
  ScratchFile() : path_(std::filesystem::path(testing::TempDir()) / ("stethos-" + random_identity())) {}
  ~ScratchFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;

  std::string path() const { return path_.string(); }
  std::string content() const {
    std::ostringstream out;
    out << std::ifstream(path_, std::ios::binary).rdbuf();
    return out.str();
  }
  std::vector<std::string> lines() const {
    std::vector<std::string> out;
    std::istringstream in(content());
    for (std::string line; std::getline(in, line);) out.push_back(line);
    return out;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace stethos::firmware_sim
