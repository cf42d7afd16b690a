#include "edge/replay/progress_line.h"

#include <unistd.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <string>

#include "common/log.h"

namespace stethos::edge {
namespace {

std::string clock_text(double seconds) {
  const auto whole = std::lround(seconds);
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%ld:%02ld:%02ld", whole / 3'600, whole / 60 % 60, whole % 60);
  return text.data();
}

}  // namespace

ProgressLine::ProgressLine(const RecordingPort& port)
    : port_(port), watched_(::isatty(STDERR_FILENO) != 0), begun_(port.monotonic()), told_(begun_) {}

ProgressLine::~ProgressLine() {
  if (is_open_) std::fputc('\n', stderr);
}

void ProgressLine::tell() {
  const DurationNs now = port_.monotonic();
  if (now - told_ < (watched_ ? ns_per_s / 5 : 10 * ns_per_s)) return;
  told_ = now;
  const auto [read, total] = port_.progress();
  const double seconds = static_cast<double>(now - begun_) / 1e9;
  const double share = total == 0 ? 0 : static_cast<double>(read) / static_cast<double>(total);
  std::array<char, 160> text{};
  int length = std::snprintf(text.data(), text.size(), "%.1f M samples/s", static_cast<double>(port_.samples()) / seconds / 1e6);
  if (total > 0 && length > 0) {
    constexpr int width = 30;
    const int done = static_cast<int>(share * width);
    length = std::snprintf(text.data(), text.size(), "[%s%s] %5.1f %%, %.1f M samples/s, %s left",
                           std::string(static_cast<std::size_t>(done), '#').c_str(),
                           std::string(static_cast<std::size_t>(width - done), '.').c_str(), 100 * share,
                           static_cast<double>(port_.samples()) / seconds / 1e6,
                           share > 0 ? clock_text(seconds * (1 - share) / share).c_str() : "?");
  }
  if (watched_) {
    std::fprintf(stderr, "\r%s\033[K", text.data());
    is_open_ = true;
  } else {
    spdlog::info("{}", text.data());
  }
}

}  // namespace stethos::edge
