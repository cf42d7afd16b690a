// Names and units of statistics. A row has a statistic's number, and an index for its parameter, whose text stands in the
// provenance that the row names.
//
// Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gpu_kernels/statistics.h"
#include "schemas/rows_generated.h"

namespace stethos::collector {

// The texts of a provenance's parameters, by index; the first is empty. In the store each is a line.
using ParameterTexts = std::vector<std::string>;
std::string lines_of(const schema::ProvenanceRow& row);
ParameterTexts parameter_texts(std::string_view lines);

// Empty: not known, or index 0, which is no parameter.
std::string_view text_of(const ParameterTexts& texts, std::uint16_t index);

// "rms"; "quantile.p95"; of a number that is not known, "statistic_99".
std::string statistic_name(std::uint16_t number, std::string_view parameter);

// Whether a row has it once for each of its parameters.
bool has_parameter(const kernels::StatisticDefinition& statistic);

// The unit of a statistic of samples in `unit`; empty: not known.
std::string_view statistic_unit(std::uint16_t number, std::string_view unit);

}  // namespace stethos::collector
