#include "edge/replay/own_points.h"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>

#include "edge/config/spectrum_config.h"
#include "recordings/cwru.h"
#include "recordings/named_files.h"

namespace stethos::edge {
namespace {

constexpr std::string_view cwru_kind = "cwru:";

bool is_same(const BearingConfig& a, const BearingConfig& b) {
  return a.elements == b.elements && a.element_diameter_mm == b.element_diameter_mm &&
         a.pitch_diameter_mm == b.pitch_diameter_mm && a.contact_angle_deg == b.contact_angle_deg;
}

// The name of the bearing that the record says, which the configuration has then.
Result<std::string> own_bearing(EdgeConfig& config, const std::string& recording) {
  constexpr double mm_per_inch = 25.4;
  const auto record = recordings::open_cwru(recording.substr(cwru_kind.size()), {});
  if (!record) return std::unexpected(record.error());
  const recordings::CwruDescription& about = (*record)->description();
  BearingConfig bearing{.name = {},
                        .elements = about.bearing_elements,
                        .element_diameter_mm = about.element_diameter_in * mm_per_inch,
                        .pitch_diameter_mm = about.pitch_diameter_in * mm_per_inch,
                        .contact_angle_deg = about.contact_angle_deg};
  const bool is_sound = bearing.elements >= 3 && bearing.element_diameter_mm > 0 && check_bearing(bearing).empty();
  if (!is_sound) return fail(Code::corrupt, "using the bearing of " + recording, "its geometry is none");
  for (std::size_t n = 1;; ++n) {
    bearing.name = "its_own" + (n == 1 ? std::string() : "_" + std::to_string(n));
    const auto known = std::ranges::find(config.bearings, bearing.name, &BearingConfig::name);
    if (known == config.bearings.end()) break;
    if (is_same(*known, bearing)) return bearing.name;
  }
  config.bearings.push_back(bearing);
  return bearing.name;
}

std::string quoted(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) out.append(c == '"' ? 2 : 1, c);
  return out + "\",";
}

// Lines of a point table for the channels that the recording begins with.
Status add_lines(const ReplayOptions& options, const std::string& recording, const std::string& bearing,
                 std::set<std::string>& lines) {
  FeedOptions one = options.feed;
  one.recording = recording;
  const auto feed = open_feed(one);
  if (!feed) return std::unexpected(feed.error());
  std::vector<FedMessage> fed;
  const auto more = (*feed)->next(fed);
  if (!more) return std::unexpected(more.error());
  for (const FedMessage& message : fed) {
    const std::string device(message.decoded.device);
    for (const DecodedChannel& channel : message.decoded.channels) {
      lines.insert(quoted(device) + quoted(channel.channel) + quoted(options.machine.empty() ? device : options.machine) +
                   quoted(channel.channel) + "-," + quoted(channel.quantity) + quoted(channel.unit) + bearing + "\n");
    }
  }
  return {};
}

}  // namespace

std::expected<PointTable, std::vector<Error>> points_of(EdgeConfig& config, const ReplayOptions& options) {
  const bool is_given = !options.machine.empty() || !options.bearing.empty();
  const bool says_own = options.feed.recording.starts_with(cwru_kind) && options.bearing.empty();
  if (!is_given && (!says_own || !config.points_file.empty())) return load_points(config);
  const auto refuse = [](const Error& error) { return std::unexpected(std::vector{error}); };
  if (!config.points_file.empty()) {
    return refuse(
        {Code::invalid, "taking --machine and --bearing", "the configuration has a point table: it says what they are"});
  }
  const auto files = recordings::named_files(options.feed.recording);
  if (!files) return refuse(files.error());
  std::set<std::string> lines;
  for (const std::string& each : *files) {
    const auto bearing = says_own ? own_bearing(config, each) : Result<std::string>(options.bearing);
    if (!bearing) return refuse(bearing.error());
    if (auto added = add_lines(options, each, *bearing, lines); !added) return refuse(added.error());
  }
  std::string csv = "device,channel,machine,point,axis,quantity,unit,bearing\n";
  for (const std::string& line : lines) csv += line;
  return parse_points(config, csv);
}

}  // namespace stethos::edge
