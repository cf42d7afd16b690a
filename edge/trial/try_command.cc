#include "edge/trial/try_command.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iostream>
#include <vector>

#include "edge/node_clock.h"
#include "edge/trial/listening.h"
#include "edge/trial/trial.h"
#include "edge/trial/tried_text.h"

namespace stethos::edge {
namespace {

// One byte more than is read at all: it is refused as too large, whatever its size is.
Result<std::vector<std::uint8_t>> read_payload(std::istream& in, const std::string& name, std::size_t bytes_max) {
  std::vector<std::uint8_t> payload;
  std::array<char, 64u << 10> chunk{};
  while (payload.size() <= bytes_max) {
    const std::size_t room = std::min(chunk.size(), bytes_max + 1 - payload.size());
    in.read(chunk.data(), static_cast<std::streamsize>(room));
    payload.insert(payload.end(), chunk.begin(), chunk.begin() + in.gcount());
    if (in.eof()) break;
    if (!in) return fail(Code::io, "reading the payload", name + " cannot be read");
  }
  return payload;
}

Result<std::vector<std::uint8_t>> read_payload(const std::string& file, std::size_t bytes_max) {
  if (!file.empty()) {
    std::ifstream in(file, std::ios::binary);
    if (!in) return fail(Code::io, "reading the payload", file + " cannot be opened");
    return read_payload(in, file, bytes_max);
  }
  if (::isatty(STDIN_FILENO) == 1) std::cerr << "reading the payload from the keyboard; Ctrl-D at the start of a line ends it\n";
  return read_payload(std::cin, "standard input", bytes_max);
}

Exit try_payload(const EdgeConfig& config, const PointTable& points, const TryOptions& options, std::ostream& out) {
  const auto bytes_max = static_cast<std::size_t>(config.ingest_message_bytes_max);
  const auto payload = read_payload(options.file, bytes_max);
  if (!payload) return stop_with(Exit::usage, payload.error());
  const NodeClock clock(system_clock(), config.time_clock == ClockRule::trusted);
  Message message;
  message.topic = options.topic;
  message.payload = *payload;
  message.received_ns = clock.now();
  Trial trial(config, points);
  const auto tried = trial.put(message, clock.now(), clock.is_trusted());
  if (!tried) return stop_with(exit_of(tried.error()), tried.error());
  write_tried(*tried, message, config, out);
  if (payload->size() > bytes_max) out << "of the payload no more was read than ingest.message_bytes_max and a byte\n";
  if (!tried->is_taken() && !payload->empty() && payload->back() == '\n') {
    out << "the payload ends with a line feed, as `echo` makes it and a device may not: `printf '%s'` makes none\n";
  }
  return tried->is_taken() ? Exit::ok : Exit::refused;
}

}  // namespace

std::string objection_to_topic(const std::string& topic) {
  constexpr std::size_t topic_bytes_max = 65'535;
  if (topic.empty() || topic.size() > topic_bytes_max) return "must have 1 to 65535 bytes";
  return topic.find_first_of("+#") == std::string::npos ? "" : "must be a topic as devices publish to, without '+' and '#'";
}

Exit try_config(const EdgeConfig& config, const TryOptions& options, std::ostream& out) {
  const auto points = load_points(config);
  if (!points) {
    for (const Error& error : points.error()) std::cerr << error.text() << '\n';
    return Exit::config;
  }
  return options.topic.empty() ? listen(config, *points, options.listen, out) : try_payload(config, *points, options, out);
}

}  // namespace stethos::edge
