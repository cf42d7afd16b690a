// Pages of the store as JSON and CSV for programs, and as tables for people. What the fields mean stands in docs/api.md.
//
// Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "uplink/collector/query.h"
#include "uplink/collector/wanted.h"

namespace stethos::collector {

std::string json_of(const Page<WindowRecord>& page, const Filter& filter, Tier tier = Tier::windows);
std::string json_of(const Page<AlarmRecord>& page);
std::string json_of(const Page<StreamRecord>& page);
std::string json_of(const Page<NodeRecord>& page);
std::string json_of(const Page<GapRecord>& page);
std::string json_of(const Page<EventRecord>& page);
std::string json_of(const Page<SilenceRecord>& page);

// One line a window or an alarm, a header first, as RFC 4180 says; of windows a column a statistic, those of the filter or all
// that have no parameter.
std::string csv_of(const Page<WindowRecord>& page, const Filter& filter);
std::string csv_of(const Page<AlarmRecord>& page);

std::string table_of(const Page<WindowRecord>& page, const Filter& filter);
std::string table_of(const Page<AlarmRecord>& page);
std::string table_of(const Page<StreamRecord>& page);
std::string table_of(const Page<NodeRecord>& page);
std::string table_of(const Page<GapRecord>& page);
std::string table_of(const Page<EventRecord>& page);
std::string table_of(const Page<SilenceRecord>& page);
std::string table_of(const std::vector<Request>& requests);

}  // namespace stethos::collector
