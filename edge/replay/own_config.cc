#include "edge/replay/own_config.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <set>
#include <vector>

#include "common/number_text.h"
#include "common/time_text.h"
#include "edge/config/parameter_text.h"
#include "schemas/names.h"

namespace stethos::edge {
namespace {

constexpr DurationNs joined_gap_ns = 2 * ns_per_ms;

struct Survey {
  TimeNs first_ns = std::numeric_limits<TimeNs>::max();
  TimeNs last_ns = std::numeric_limits<TimeNs>::min();
  double rate_hz = 0;  // the highest of any block; 0: it has none
  std::set<std::string> quantities;  // of blocks
  bool follows = true;  // each block begins where the one before it of its channel ends
  std::map<std::pair<std::string, std::string>, TimeNs> ends;  // of the last block, by device and channel

  bool is_empty() const { return last_ns < first_ns; }
};

void note(Survey& survey, const FedMessage& message) {
  for (const DecodedChannel& channel : message.decoded.channels) {
    survey.first_ns = std::min(survey.first_ns, channel.start_ns);
    survey.last_ns = std::max(survey.last_ns, message.received_ns);
    if (!(channel.interval_ns > 0)) continue;
    const auto length_ns = static_cast<DurationNs>(static_cast<double>(sample_count(channel)) * channel.interval_ns);
    const auto [end, is_new] =
        survey.ends.try_emplace(std::pair(std::string(message.decoded.device), std::string(channel.channel)), channel.start_ns);
    if (std::abs(channel.start_ns - end->second) > joined_gap_ns) survey.follows = false;
    end->second = channel.start_ns + length_ns;
    survey.rate_hz = std::max(survey.rate_hz, static_cast<double>(ns_per_s) / channel.interval_ns);
    constexpr std::size_t quantities_max = 4;
    const bool is_wanted = survey.quantities.size() < quantities_max && schema::is_name(channel.quantity);
    if (is_wanted) survey.quantities.emplace(channel.quantity);
  }
}

Result<Survey> survey_of(const ReplayOptions& options) {
  const auto feed = open_feed(options.feed);
  if (!feed) return std::unexpected(feed.error());
  const bool is_own = options.feed.recording.starts_with(own_kind);
  Survey survey;
  std::vector<FedMessage> fed;
  do {
    const auto more = (*feed)->next(fed);
    if (!more) return std::unexpected(more.error());
    if (!*more) break;
    for (const FedMessage& message : fed) note(survey, message);
    // Of one of ours that may be long as much as shows what its blocks are.
  } while (!is_own || survey.quantities.empty());
  return survey;
}

// A length that people like, of a twentieth of the recording at most: a page has so many points.
std::string window_length(const Survey& survey, bool is_own) {
  constexpr std::string_view lengths[] = {"1h", "10m", "1m", "10s", "1s"};
  constexpr DurationNs parts = 20;
  if (is_own) return "1m";
  const DurationNs all = survey.is_empty() ? 0 : survey.last_ns - survey.first_ns;
  for (const std::string_view length : lengths) {
    if (*parse_duration(length) * parts <= all) return std::string(length);
  }
  return "1s";
}

// Of blocks that follow one another analysis blocks, of all there is where that is short; else each as it comes.
std::string analysis_length(const Survey& survey, bool is_own) {
  if (!survey.follows) return "message";
  const DurationNs all_ms = (survey.last_ns - survey.first_ns) / ns_per_ms;
  const bool is_short = !is_own && all_ms < 2'000;
  return is_short ? std::to_string(std::max<DurationNs>(all_ms, 1)) + "ms" : "auto";
}

// Where a damaged bearing rings, of most machines: from 2.5 kHz, or a sixth of the rate where that is less, to 10 kHz, or a
// little below half the rate.
std::string envelope_band(double rate_hz) {
  const double low = std::min(2'500.0, rate_hz / 6), high = std::min(10'000.0, 0.42 * rate_hz);
  const std::string band = rounded_text(low) + "-" + rounded_text(high) + "Hz";
  return parse_band(band) ? band : "";
}

// "9,7.94,39.04" or "9,7.94,39.04,15".
std::vector<double> geometry_of(std::string_view text) {
  std::vector<double> out;
  while (!text.empty()) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || !std::isfinite(value)) return {};
    out.push_back(value);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (text.empty()) break;
    if (text.front() != ',' || text.size() == 1) return {};
    text.remove_prefix(1);
  }
  return out.size() == 3 || out.size() == 4 ? out : std::vector<double>();
}

}  // namespace

Result<std::string> own_config(ReplayOptions& options) {
  const auto survey = survey_of(options);
  if (!survey) return std::unexpected(survey.error());
  const bool is_own = options.feed.recording.starts_with(own_kind);
  std::string text = "[node]\nid = \"replay\"\n[[window]]\nlength = \"" + window_length(*survey, is_own) + "\"\n";
  for (const std::string& quantity : survey->quantities) {
    text += "[[spectrum]]\nquantity = \"" + quantity + "\"\nlength = \"" + analysis_length(*survey, is_own) +
            "\"\nbearing_harmonics = 1\nenvelope_band = \"" + envelope_band(survey->rate_hz) + "\"\n";
  }
  if (options.bearing.empty()) return text;
  const std::vector<double> geometry = geometry_of(options.bearing);
  if (geometry.empty()) {
    return fail(Code::invalid, "taking --bearing " + options.bearing,
                "without a configuration it is elements, element diameter and pitch diameter in mm, as in 9,7.94,39.04");
  }
  // Its name is the geometry: a replay of another one is another.
  std::ranges::replace(options.bearing, ',', 'x');
  text += "[[bearing]]\nname = \"" + options.bearing + "\"\nelements = " + number_text(geometry[0]) +
          "\nelement_diameter_mm = " + number_text(geometry[1]) + "\npitch_diameter_mm = " + number_text(geometry[2]) + "\n";
  if (geometry.size() == 4) text += "contact_angle_deg = " + number_text(geometry[3]) + "\n";
  return text;
}

}  // namespace stethos::edge
