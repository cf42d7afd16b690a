#include "edge/refusal_warnings.h"

#include <algorithm>

#include "common/printable.h"
#include "edge/core/cures.h"
#include "edge/ingest/topic_filter.h"

namespace stethos::edge {
namespace {

constexpr DurationNs pause = 3'600 * ns_per_s;
constexpr std::size_t shown_bytes_max = 128;  // of a topic, a filter, a name

std::string quoted(std::string_view text) { return '"' + printable(text, shown_bytes_max) + '"'; }

std::string line_of(const DeadLetter& letter, const SubscriptionConfig* subscription, std::uint64_t letters_since) {
  std::string line = "refused, " + std::string(name_of(letter.rejection.reason)) + ": " + printable(letter.rejection.detail) +
                     "; topic " + quoted(letter.topic);
  if (!letter.device.empty()) line += ", device " + quoted(letter.device);
  if (!letter.channel.empty()) line += ", channel " + quoted(letter.channel);
  if (subscription != nullptr) line += ", subscription " + quoted(subscription->topic);
  if (letters_since > 0) line += "; " + std::to_string(letters_since) + " more like it since the last line";
  return line + ". Cure: " + std::string(cure_of(letter.rejection.reason));
}

}  // namespace

RefusalWarnings::RefusalWarnings(const EdgeConfig& config, const Clock& clock)
    : config_(config), clock_(clock), said_(config.subscriptions.size() + 1) {}

std::vector<std::string> RefusalWarnings::take(std::span<const DeadLetter> letters) {
  std::vector<std::string> lines;
  if (letters.empty()) return lines;
  const DurationNs now = clock_.monotonic();
  for (const DeadLetter& letter : letters) {
    const auto takes = [&](const SubscriptionConfig& each) { return topic_matches(each.topic, letter.topic); };
    const auto found = std::ranges::find_if(config_.subscriptions, takes);
    const auto place = static_cast<std::size_t>(found - config_.subscriptions.begin());
    Said& said = said_[place][static_cast<std::size_t>(letter.rejection.reason)];
    if (said.last_monotonic && now - *said.last_monotonic < pause) {
      ++said.letters_since;
      continue;
    }
    lines.push_back(line_of(letter, found == config_.subscriptions.end() ? nullptr : &*found, said.letters_since));
    said = {.last_monotonic = now, .letters_since = 0};
  }
  return lines;
}

}  // namespace stethos::edge
