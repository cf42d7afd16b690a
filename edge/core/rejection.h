// Why a message, or a channel of one, was not taken. Each reason has a counter and names the dead letters it leaves.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace stethos::edge {

// Append-only: the names are stored.
enum class Reason : std::uint8_t {
  corrupt,            // does not verify, its checksum differs, is cut short
  too_large,
  unsupported,        // a newer major version
  not_json,
  missing_field,
  wrong_type,
  bad_name,           // a device, channel, quantity or unit that may not be one
  device_differs,     // topic and payload name different devices
  unknown_stream,     // not in the point table, which is required
  unit_differs,       // from the point table's
  bad_sequence,       // zero, or below what the device says it holds
  epoch_too_old,      // older than the epochs that are remembered
  empty,              // no samples
  bad_times,          // interval, explicit times and samples do not fit each other
  time_past,
  time_future,
  not_finite,         // none of the samples is a number
  identity_conflict,  // a reading that came before with another value
  too_many_devices,
  too_many_streams,
  late,               // after the lateness: no window can take it any more
  stopped_the_process,  // again and again: set aside without being processed
  unknown_topic,        // no subscription takes it: it was queued for a filter that has left the configuration
  clock_untrusted,    // stamped by its arrival, and the clock was not known to be right until the process ended
  crowded_out,          // its topic held more than its share of what waits; only that it came is known
  repeated_key,         // an object of the document has a declared field's name twice
  past_deadline,        // the process ended before its turn, and its sender does not keep it; only that it came is known
  sequence_conflict,    // its number was that of a message that said something else; its samples are counted as duplicates
  time_ambiguous,       // clocks of its zone showed the time twice, and nothing tells which is meant
  bad_record,           // of a document with others that are taken: it is none, or whose it is cannot be told
  count_,
};

inline constexpr std::size_t reason_count = static_cast<std::size_t>(Reason::count_);

inline constexpr std::array<std::string_view, reason_count> reason_names{
    "corrupt",        "too_large",           "unsupported",      "not_json",
    "missing_field",  "wrong_type",          "bad_name",         "device_differs",
    "unknown_stream", "unit_differs",        "bad_sequence",     "epoch_too_old",
    "empty",          "bad_times",           "time_past",        "time_future",
    "not_finite",     "identity_conflict",   "too_many_devices", "too_many_streams",
    "late",           "stopped_the_process", "unknown_topic",    "clock_untrusted",
    "crowded_out",    "repeated_key",        "past_deadline",    "sequence_conflict",
    "time_ambiguous", "bad_record"};

constexpr std::string_view name_of(Reason reason) { return reason_names[static_cast<std::size_t>(reason)]; }

struct Rejection {
  Reason reason = Reason::corrupt;
  std::string detail;
};

}  // namespace stethos::edge
