// A channel's part of a report's page: what is known of it, its trends, spectra and waveform. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>

#include "edge/replay/report_page.h"
#include "edge/replay/report_parts.h"

namespace stethos::edge {

// An element <section> with the id "channel-<number>".
std::string channel_part(const ReportChannel& channel, std::size_t number, const NumberedNotes& notes);

}  // namespace stethos::edge
