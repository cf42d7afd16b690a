// What a replay's report and its table on the terminal are made of: the statistics of windows as their rows say them, and the
// last block of each channel. Bounded: of more channels or windows the rest is counted. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "edge/core/effect.h"
#include "edge/core/intake.h"
#include "edge/replay/report_page.h"
#include "edge/window/parameters.h"

namespace stethos::edge {

// The last block of a channel, as it came.
struct LastBlock {
  BlockPlan plan;
  kernels::BlockView view;  // of `samples`
  std::vector<std::uint8_t> samples;
  TimeNs start_ns = 0;
  ShaftSpeed speed;
};

class ReportData final : public BlockWatcher {
 public:
  // `next` looks, too; it must outlive this. `bearing_of`: what the point table calls the bearing of a channel; empty: none.
  ReportData(BlockWatcher& next, std::function<std::string(std::string_view device, std::string_view channel)> bearing_of)
      : next_(next), bearing_of_(std::move(bearing_of)) {}

  void look(const WatchedBlock& block) override;
  void look_unjoined(std::string_view device, std::string_view channel, const std::string& why) override {
    next_.look_unjoined(device, channel, why);
  }

  // The rows of windows that a batch brought forth. `parameters`: of the core that did.
  void take(const Effect& effect, const Parameters& parameters);

  // What is on the log as a warning.
  void warn(std::string line);

  // Of all channels, by name: trends by window, and of the last block its spectra. All but what only the caller knows.
  Report report() const;

 private:
  struct Window {
    std::uint32_t revision = 0;
    bool is_final = false;
    std::map<std::size_t, double> values;  // by the place of their names
  };
  struct Channel {
    WindowLabels labels;
    std::uint64_t definition = 0;  // the windows that are shown: those of the one that came first
    std::map<TimeNs, Window> windows;
    ShaftSpeed speed;
    TimeNs speed_ns = time_min;
    std::optional<LastBlock> block;
  };
  using Key = std::pair<std::string, std::string>;  // device and channel

  std::size_t place_of(const std::string& name);
  void take(const schema::WindowRowT& row, const WindowLabels* labels, const Parameters& parameters);
  void fill_trends(const Channel& from, ReportChannel& to) const;
  static void fill_block(const LastBlock& block, ReportChannel& to);

  BlockWatcher& next_;
  const std::function<std::string(std::string_view, std::string_view)> bearing_of_;
  std::map<Key, Channel> channels_;
  std::vector<std::string> names_;  // of trends
  std::size_t blocks_ = 0;  // channels with a last block
  std::size_t windows_ = 0;
  std::uint64_t windows_left_out_ = 0;
  std::uint64_t windows_of_others_ = 0;
  std::vector<std::string> warnings_;
};

}  // namespace stethos::edge
