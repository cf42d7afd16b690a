// The parts of rows by the names that JSON, CSV and tables share.
//
// Pure; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "uplink/collector/intake_checks.h"
#include "uplink/collector/query.h"

namespace stethos::collector {

using CountField = std::pair<std::string_view, std::uint64_t (schema::Counts::*)() const>;
inline constexpr std::array<CountField, 8> count_fields{{{"expected", &schema::Counts::expected},
                                                         {"received", &schema::Counts::received},
                                                         {"good", &schema::Counts::good},
                                                         {"duplicate", &schema::Counts::duplicate},
                                                         {"late", &schema::Counts::late},
                                                         {"out_of_range", &schema::Counts::out_of_range},
                                                         {"not_finite", &schema::Counts::not_finite},
                                                         {"rejected", &schema::Counts::rejected}}};

using MomentField = std::pair<std::string_view, double (schema::Moments::*)() const>;
inline constexpr std::array<MomentField, 8> moment_fields{{{"mean", &schema::Moments::mean},
                                                           {"m2", &schema::Moments::m2},
                                                           {"m3", &schema::Moments::m3},
                                                           {"m4", &schema::Moments::m4},
                                                           {"min", &schema::Moments::min},
                                                           {"max", &schema::Moments::max},
                                                           {"sum_abs", &schema::Moments::sum_abs},
                                                           {"sum_sqrt_abs", &schema::Moments::sum_sqrt_abs}}};

using TimeField = std::pair<std::string_view, std::int64_t (schema::WindowRow::*)() const>;
inline constexpr std::array<TimeField, 4> time_fields{{{"first_received", &schema::WindowRow::first_received_ns},
                                                       {"last_received", &schema::WindowRow::last_received_ns},
                                                       {"closed", &schema::WindowRow::closed_ns},
                                                       {"committed", &schema::WindowRow::committed_ns}}};

using LabelField = std::pair<std::string_view, std::string StreamInfo::*>;
inline constexpr std::array<LabelField, 7> label_fields{{{"machine", &StreamInfo::machine},
                                                         {"point", &StreamInfo::point},
                                                         {"axis", &StreamInfo::axis},
                                                         {"quantity", &StreamInfo::quantity},
                                                         {"unit", &StreamInfo::unit},
                                                         {"location", &StreamInfo::location},
                                                         {"owner", &StreamInfo::owner}}};

// Empty for 0, which is how a row says that it does not know a time.
std::string time_or_empty(TimeNs time);

// A number stands for a name that this program does not know: "kind_7".
std::string kind_of(const schema::WindowRow& row);
std::string state_of(const schema::WindowRow& row);
std::string state_of(const schema::AlarmRow& row);
std::string level_of(schema::AlarmLevel level);
std::string direction_of(const schema::AlarmRow& row);
std::string lane_of(int lane);

// NaN: nothing was expected.
double coverage_of(const schema::WindowRow& row);

std::string source_of(const schema::Speed& speed);

// Empty: there is none, or its text is not known.
std::string_view parameter_of(const schema::StatisticValue& value, const WindowRecord& record);

// The name of a statistic of the row: "rms", "quantile.p95"; "quantile.#3" where the provenance is not known.
std::string name_of(const schema::StatisticValue& value, const WindowRecord& record);

// Whether a statistic of this name was asked for.
bool is_wanted(const std::vector<std::string>& asked, std::string_view name);

}  // namespace stethos::collector
