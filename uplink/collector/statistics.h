// Names and units of statistics, from the schema's numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace stethos::collector {

// In order of number.
std::span<const std::uint16_t> known_statistics();

// "rms"; of a number that is not known, "statistic_99".
std::string statistic_name(std::uint16_t number);
std::optional<std::uint16_t> find_statistic(std::string_view name);

// The unit of a statistic of samples in `unit`; "1" for a ratio or a number of samples; empty: not known.
std::string statistic_unit(std::uint16_t number, std::string_view unit);

}  // namespace stethos::collector
