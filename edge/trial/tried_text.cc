#include "edge/trial/tried_text.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <map>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "common/number_text.h"
#include "common/printable.h"
#include "common/time_text.h"
#include "edge/core/cures.h"
#include "edge/core/definition.h"

namespace stethos::edge {
namespace {

constexpr std::size_t name_shown_bytes_max = 128;
constexpr std::size_t topic_shown_bytes_max = 200;
constexpr std::size_t detail_shown_bytes_max = 300;
constexpr std::size_t payload_shown_bytes_max = 200;
constexpr std::string_view of_device = "  ";  // indents
constexpr std::string_view of_channel = "    ";
constexpr int column = 19;  // where what a line says begins

std::string name_text(std::string_view name) { return name.empty() ? "(no name)" : printable(name, name_shown_bytes_max); }

std::string value_text(double value) { return std::isfinite(value) ? number_text(value) : "no number (nan)"; }

std::string window_text(std::size_t place, const WindowConfig& window) {
  std::string text = "window[" + std::to_string(place) + "] (";
  if (window.gap > 0) return text + "gap " + format_duration(window.gap) + ")";
  if (window.samples > 0) return text + std::to_string(window.samples) + " samples)";
  text += "length " + format_duration(window.length);
  if (window.hop > 0 && window.hop != window.length) text += ", hop " + format_duration(window.hop);
  return text + ")";
}

std::string_view name_of(PayloadFormat format) {
  switch (format) {
    case PayloadFormat::stethos:
      return "stethos";
    case PayloadFormat::json:
      return "json";
    case PayloadFormat::value:
      return "value";
    case PayloadFormat::f32:
      return "f32";
  }
  return "";
}

class TriedText {
 public:
  TriedText(const TriedMessage& tried, const Message& message, const EdgeConfig& config, std::ostream& out)
      : tried_(tried), message_(message), config_(config), definitions_(window_definitions(config.windows)), out_(out) {}

  void write() {
    write_head();
    for (const Rejection& each : tried_.refused) write_refusal("", each);
    for (const TriedDevice& device : tried_.devices) write_device(device);
    write_sum();
  }

 private:
  std::ostream& labelled(std::string_view indent, std::string_view label) {
    return out_ << indent << std::left << std::setw(column - static_cast<int>(indent.size()) - 1) << label << ' ';
  }

  void write_head() {
    labelled("", "topic") << printable(message_.topic, topic_shown_bytes_max) << '\n';
    labelled("", "subscription");
    if (tried_.subscription) {
      const SubscriptionConfig& subscription = config_.subscriptions[*tried_.subscription];
      out_ << "subscription[" << *tried_.subscription << "] \"" << printable(subscription.topic) << "\", format "
           << name_of(subscription.format) << '\n';
    } else {
      out_ << "none takes this topic; there are:\n";
      for (std::size_t i = 0; i < config_.subscriptions.size(); ++i) {
        labelled("", "") << "subscription[" << i << "] \"" << printable(config_.subscriptions[i].topic) << "\"\n";
      }
    }
    labelled("", "payload") << message_.payload.size() << " bytes: " << printable(message_.payload, payload_shown_bytes_max)
                            << '\n';
    labelled("", "arrived") << format_time(message_.received_ns) << '\n';
    if (!tried_.clock_trusted) {
      labelled("", "") << (tried_.waits_for_clock
                               ? "the clock is not known to be right: without a time of its own it waits until it is\n"
                               : "the clock is not known to be right: stamps are not judged by it (time.future_max)\n");
    }
    if (tried_.is_ignored) labelled("", "ignored") << why_ignored() << '\n';
  }

  std::string why_ignored() const {
    if (!tried_.subscription) return "it holds no readings";
    const SubscriptionConfig& subscription = config_.subscriptions[*tried_.subscription];
    const std::string_view payload(reinterpret_cast<const char*>(message_.payload.data()), message_.payload.size());
    return std::ranges::find(subscription.ignored_payloads, payload) != subscription.ignored_payloads.end()
               ? "by ignore_payloads: counted, and no dead letter"
               : "by ignore_other_documents, for it has none of the declared fields: counted, and no dead letter";
  }

  void write_refusal(std::string_view indent, const Rejection& rejection) {
    labelled(indent, "refused") << edge::name_of(rejection.reason) << ": " << printable(rejection.detail, detail_shown_bytes_max)
                                << '\n';
    labelled(indent, "cure") << cure_of(rejection.reason) << '\n';
  }

  void write_device(const TriedDevice& device) {
    const DecodedMessage& decoded = *device.decoded;
    if (shown_ < channels_shown_max) {
      out_ << "\ndevice " << name_text(decoded.device);
      if (decoded.epoch != 0) {
        out_ << ", epoch " << decoded.epoch << ", sequence " << decoded.sequence << ", lowest held " << decoded.lowest_held;
      }
      if (decoded.complete_until_ns != 0) out_ << ", complete until " << format_time(decoded.complete_until_ns);
      out_ << '\n';
      for (const Rejection& each : device.refused) write_refusal(of_device, each);
      if (device.channels.empty()) out_ << "  no channels: a sign of life\n";
    }
    for (const Rejection& each : device.refused) ++refused_by_reason_[each.reason];
    for (const TriedChannel& channel : device.channels) write_channel(decoded, channel);
  }

  void write_channel(const DecodedMessage& device, const TriedChannel& channel) {
    ++(channel.refused.empty() ? taken_ : refused_);
    for (const Rejection& each : channel.refused) ++refused_by_reason_[each.reason];
    if (shown_ == channels_shown_max) {
      ++not_shown_;
      return;
    }
    ++shown_;
    const DecodedChannel& decoded = *channel.decoded;
    labelled(of_device, name_text(decoded.channel));
    // What is wrong with the field itself is all that is known of it.
    if (decoded.rejected) {
      out_ << name_text(decoded.quantity) << " in " << name_text(decoded.unit) << '\n';
    } else {
      write_values(decoded);
      labelled(of_channel, "") << (decoded.is_stamped_by_arrival ? "stamped by its arrival, " : "")
                               << time_text(decoded, channel.refused.empty()) << '\n';
    }
    for (const Rejection& each : channel.refused) write_refusal(of_channel, each);
    if (channel.out_of_range > 0)
      labelled(of_channel, "out of range") << channel.out_of_range << ": counted so, and in no statistics\n";
    if (channel.duplicates > 0) labelled(of_channel, "duplicates") << channel.duplicates << ", of others in this message\n";
    if (channel.refused.empty()) write_place(device, channel);
  }

  void write_values(const DecodedChannel& channel) {
    if (channel.reading) {
      out_ << value_text(*channel.reading) << ' ' << name_text(channel.unit) << ", " << name_text(channel.quantity) << '\n';
      return;
    }
    const kernels::BlockView& samples = channel.samples;
    out_ << (channel.interval_ns > 0 ? "a block of " : "readings: ") << samples.count << " samples in " << name_text(channel.unit)
         << ", " << name_text(channel.quantity) << '\n';
    if (samples.count == 0) return;
    std::size_t finite = 0;
    double least = 0;
    double most = 0;
    for (std::size_t i = 0; i < samples.count; ++i) {
      const double value = kernels::sample_of(samples, i);
      if (!std::isfinite(value)) continue;
      least = finite == 0 ? value : std::min(least, value);
      most = finite == 0 ? value : std::max(most, value);
      ++finite;
    }
    labelled(of_channel, "") << "first " << value_text(kernels::sample_of(samples, 0)) << ", last "
                             << value_text(kernels::sample_of(samples, samples.count - 1));
    if (finite > 0) out_ << ", least " << number_text(least) << ", most " << number_text(most);
    if (finite < samples.count) out_ << ", not finite: " << samples.count - finite;
    out_ << '\n';
    if (channel.interval_ns <= 0) return;
    labelled(of_channel, "") << "a sample each " << number_text(channel.interval_ns / static_cast<double>(ns_per_us)) << " us, "
                             << number_text(static_cast<double>(ns_per_s) / channel.interval_ns) << " Hz";
    if (channel.shaft_hz > 0) out_ << "; the shaft at " << number_text(channel.shaft_hz) << " Hz";
    out_ << '\n';
  }

  // Where a block ends is said if its interval has been found to be one.
  static std::string time_text(const DecodedChannel& channel, bool is_taken) {
    std::string text = "at " + format_time(channel.start_ns);
    if (channel.times_ns.size() > 1) return text + " to " + format_time(channel.times_ns.back());
    if (channel.reading || channel.interval_ns <= 0 || channel.samples.count < 2 || !is_taken) return text;
    const double duration = channel.interval_ns * static_cast<double>(channel.samples.count - 1);
    return text + " to " + format_time(channel.start_ns + static_cast<TimeNs>(duration));
  }

  // Of a channel that is taken: what it is in the plant, and where it goes.
  void write_place(const DecodedMessage& device, const TriedChannel& channel) {
    if (channel.entry != nullptr) {
      const PointEntry& entry = *channel.entry;
      labelled(of_channel, "point table") << "machine " << printable(entry.machine) << ", point " << printable(entry.point)
                                          << (entry.axis == "-" ? "" : ", axis " + printable(entry.axis)) << '\n';
    } else if (!config_.points_file.empty()) {
      labelled(of_channel, "point table") << "no entry is valid then: named after its device\n";
    }
    std::string windows;
    for (std::size_t i = 0; i < definitions_.size(); ++i) {
      if (!definitions_[i].takes(device.device, channel.decoded->quantity)) continue;
      windows += (windows.empty() ? "" : ", ") + window_text(i, config_.windows[i]);
    }
    labelled(of_channel, "windows") << (windows.empty() ? "none takes it: it is counted, and has no rows" : windows) << '\n';
    if (channel.decoded->identity && tried_.subscription) {
      labelled(of_channel, "identity") << printable(config_.subscriptions[*tried_.subscription].identity)
                                       << (channel.decoded->identity->is_alone ? "" : ", with its time")
                                       << ": the same again is a copy\n";
    }
  }

  void write_sum() {
    if (taken_ + refused_ + refused_by_reason_.size() + tried_.refused.size() == 0) return;
    out_ << '\n';
    if (not_shown_ > 0) out_ << not_shown_ << " more channels are not shown\n";
    for (const Rejection& each : tried_.refused) ++refused_by_reason_[each.reason];
    if (taken_ + refused_ > 0)
      labelled("", "taken") << taken_ << " of " << taken_ + refused_ << (taken_ + refused_ == 1 ? " channel\n" : " channels\n");
    if (refused_by_reason_.empty()) return;
    labelled("", "refused");
    const char* between = "";
    for (const auto& [reason, count] : refused_by_reason_) {
      out_ << std::exchange(between, ", ") << edge::name_of(reason);
      if (count > 1) out_ << ' ' << count << " times";
    }
    out_ << '\n';
  }

  const TriedMessage& tried_;
  const Message& message_;
  const EdgeConfig& config_;
  const std::vector<WindowDefinition> definitions_;
  std::ostream& out_;
  std::size_t shown_ = 0;      // channels
  std::size_t not_shown_ = 0;
  std::size_t taken_ = 0;
  std::size_t refused_ = 0;
  std::map<Reason, std::size_t> refused_by_reason_;
};

}  // namespace

void write_tried(const TriedMessage& tried, const Message& message, const EdgeConfig& config, std::ostream& out) {
  TriedText(tried, message, config, out).write();
}

}  // namespace stethos::edge
