// How long the analysis blocks of a stream are, by its plan, its rate and the speed that the point table gives its shaft. Pure;
// any thread.
#pragma once

#include "edge/core/block_summary.h"
#include "edge/core/joined_blocks.h"

namespace stethos::edge {

// `nominal_hz`: turns a second; 0: not declared. Where the length that the configuration gives is no possible one at this rate,
// `samples` is that length all the same: objection_to says so, and nothing is to be cut.
Cutting cutting_of(const BlockPlan& plan, double sampling_rate_hz, double nominal_hz);

// Why no analysis block can have so many samples; empty: it can.
std::string objection_to_analysis_samples(std::size_t samples);

}  // namespace stethos::edge
