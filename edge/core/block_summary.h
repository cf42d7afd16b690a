// What a pane knows of its blocks beyond the moments of their samples: signs that the sensor cannot be believed, the statistics
// of single blocks, and the shaft's speed that they were computed for. Plain data and pure functions; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/result.h"
#include "gpu_kernels/block.h"
#include "schemas/rows_generated.h"

namespace stethos::edge {

inline constexpr TimeNs time_min = std::numeric_limits<TimeNs>::min();

// Of a statistic of single blocks, over those blocks in which it is defined.
struct FeatureSummary {
  std::uint16_t statistic = 0;
  std::string parameter;  // what rows call it, without what is taken over the blocks: "10-1000Hz"; empty: it has none
  std::uint64_t blocks = 0;
  double sum = 0;
  double sum_squares = 0;     // NaN: not known, where the release before left the pane
  double max = 0;
  double last = 0;            // by time; of two at the same the one that came later
  TimeNs last_ns = time_min;  // the start of that block

  bool operator==(const FeatureSummary&) const = default;
};

struct ShaftSpeed {
  double hz = 0;  // 0 with a source: it stands
  schema::SpeedSource source = schema::SpeedSource::none;
  DurationNs age_ns = 0;  // of a speed stream's reading, when the block began

  bool operator==(const ShaftSpeed&) const = default;
};

struct BlockSummary {
  kernels::Validity validity;
  kernels::Buckets buckets;
  std::vector<FeatureSummary> features;
  ShaftSpeed speed;               // of the last block that had one
  TimeNs speed_ns = time_min;     // the start of that block

  bool operator==(const BlockSummary&) const = default;
};

using PlanId = std::uint32_t;  // of BlockPlans

// Which blocks statistics of single blocks are of.
struct AnalysisRule {
  bool joins = false;  // of analysis blocks; false: of each block as it comes, and the rest does not matter
  DurationNs length_ns = 0;  // 0: as long as is needed
  DurationNs length_ns_max = 0;  // at most, then
  double overlap = 0;  // a share of the length
  DurationNs gap_ns_max = 0;  // as in Cutting
};

// What is computed of a stream's blocks.
struct BlockPlan {
  PlanId id = 0;
  kernels::BlockPlan kernel;  // of an analysis block; where none is made, of each block, with what is of its samples
  kernels::BlockPlan of_samples;  // of each block as it comes where analysis blocks are made: all but the features
  std::vector<std::string> parameters;  // of each of kernel.features
  AnalysisRule analysis;
};

void add_block(BlockSummary& to, const BlockPlan& plan, const kernels::BlockStatistics& block, TimeNs block_ns,
               const ShaftSpeed& speed);
BlockSummary joined(const BlockSummary& a, const BlockSummary& b);

// For the spool; empty where there is nothing.
std::vector<std::uint8_t> encode(const BlockSummary& summary);
Result<BlockSummary> decode_block_summary(std::span<const std::uint8_t> bytes);

}  // namespace stethos::edge
