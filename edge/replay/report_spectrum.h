// A spectrum's part of a report's page: its plots, its highest peaks and the table of its lines. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "edge/replay/report_page.h"
#include "edge/replay/report_parts.h"

namespace stethos::edge {

// `name`: "Spectrum", as the heading says it; `quantity`: what the amplitudes are of.
std::string spectrum_part(std::string_view name, std::string_view quantity, const ReportSpectrum& spectrum,
                          const ReportChannel& channel, const NumberedNotes& notes);

}  // namespace stethos::edge
