// What is computed of each stream's blocks: what the first [[spectrum]] that takes it says, with the bearing that the point table
// names, and what its windows show. Made from the configuration, which has been checked; one thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "edge/config/edge_config.h"
#include "edge/core/block_summary.h"
#include "edge/core/definition.h"
#include "edge/core/state.h"
#include "edge/ingest/point_table.h"

namespace stethos::edge {

// What a unit of acceleration is in mm/s^2; 0: it is none that is known.
double mm_s2_per_unit(std::string_view unit);

class BlockPlans {
 public:
  BlockPlans(const EdgeConfig& config, const std::vector<WindowDefinition>& definitions);

  // Of a stream. Good for as long as this lives. `entry`: of the block; null: there is none.
  const BlockPlan* plan_of(std::string_view device, std::string_view quantity, std::string_view unit, const PointEntry* entry);

  // One that plan_of gave.
  const BlockPlan& plan(PlanId id) const { return *by_id_.at(id); }

  // The statistics of single blocks that any plan can have, each with its parameter, and none twice.
  std::vector<std::pair<std::uint16_t, std::string>> features() const;

 private:
  BlockPlan make(const SpectrumConfig* spectrum, const BearingConfig* bearing, double mm_s2_per_unit) const;

  const std::vector<SpectrumConfig> spectra_;
  const std::vector<BearingConfig> bearings_;
  const DurationNs watermark_delay_ns_;
  const std::vector<WindowDefinition>& definitions_;
  using Key = std::tuple<const SpectrumConfig*, const BearingConfig*, double, bool, bool>;
  std::map<Key, std::unique_ptr<BlockPlan>> plans_;
  std::vector<const BlockPlan*> by_id_;
};

}  // namespace stethos::edge
