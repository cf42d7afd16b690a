// What the parts of a report's page share: values, times and notes as text that is escaped. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "edge/replay/report_page.h"

namespace stethos::edge {

// The notes of a channel that are shown. They are numbered through the page, so that a dash can name its reason.
struct NumberedNotes {
  std::span<const std::string> notes;
  std::size_t first = 1;  // the number of the first of them
  std::size_t left_out = 0;  // how many more there are
};

std::string list_of(const NumberedNotes& notes);

// "0.2404 g"; a dash with the numbers of the notes on `name` where it is not defined.
std::string value_or_dash(std::optional<double> value, std::string_view unit, std::string_view name, const NumberedNotes& notes);

// "0.2404 g", also of infinite numbers; a dash of what is none.
std::string value_of(double value, std::string_view unit);

// "1,234,567".
std::string count_of(std::uint64_t count);

// "1 window" or "2 windows".
std::string count_of(std::uint64_t count, std::string_view name);

// "2026-11-21 10:00:00 UTC", to the second.
std::string utc_of(TimeNs time_ns);

std::string channel_name(const ReportChannel& channel);

// How many values of the series have a time.
std::size_t length_of(const ReportSeries& series);

// Where the value of the latest time stands; nothing: it has none.
std::optional<std::size_t> latest_of(const ReportSeries& series);

// The latest time of any trend; nothing: there is none.
std::optional<TimeNs> latest_time_of(const ReportChannel& channel);

}  // namespace stethos::edge
