#include <algorithm>
#include <utility>

#include "common/number_text.h"
#include "edge/core/cutting.h"
#include "edge/core/intake.h"

// What a block becomes: an arrival of its own, and the analysis blocks that end in it.
namespace stethos::edge {
namespace {

// Joins of a stream that have ended before an analysis block came of them, until that is said.
constexpr unsigned ended_in_vain_told = 3;

std::string gap_text(DurationNs gap_ns, DurationNs tolerated_ns) {
  const auto ms = [](DurationNs ns) { return rounded_text(static_cast<double>(ns) / static_cast<double>(ns_per_ms)) + " ms"; };
  return "its blocks do not follow one another: one begins " + ms(gap_ns < 0 ? -gap_ns : gap_ns) +
         (gap_ns < 0 ? " before" : " after") + " the end of those before, and " + ms(tolerated_ns) + " are tolerated";
}

std::string why_unjoined(const JoinedBlocks::Outcome& outcome) {
  switch (outcome.end) {
    case JoinedBlocks::End::gap:
      return gap_text(outcome.gap_ns, outcome.tolerated_ns);
    case JoinedBlocks::End::change:
      return "the rate, the source of the speed or the description of its blocks changes from one to the next";
    case JoinedBlocks::End::no_room:
      return "there is no room to keep what the next analysis block needs";
    case JoinedBlocks::End::none:
      break;
  }
  STETHOS_CHECK(false, "what was not let go of");
}

}  // namespace

void Intake::take_block(ChannelRoute& route, const Device& device, const Source& source, const PointEntry* entry,
                        const DecodedChannel& channel, bool is_put_through) {
  const std::uint64_t version = tell(route, device, entry);
  if (!route.plan || route.planned_version != version) {
    route.plan = plans_.plan_of(device.name, channel.quantity, channel.unit, entry)->id;
    route.planned_version = version;
    route.cutting_hz = 0;
  }
  const BlockPlan& plan = plans_.plan(*route.plan);
  BlockArrived arrived;
  arrived.stream = route.stream;
  arrived.source = source;
  arrived.start_ns = channel.start_ns;
  arrived.statistics = blocks_.size();
  kernels::BlockView block = channel.samples;
  block.plan = plan.analysis.joins ? &plan.of_samples : &plan.kernel;
  block.sampling_rate_hz = static_cast<double>(ns_per_s) / channel.interval_ns;
  if (entry != nullptr) {
    block.plausible_min = entry->plausible_min;
    block.plausible_max = entry->plausible_max;
    block.full_scale = entry->full_scale;
  }
  const ShaftSpeed speed = plan.kernel.features.empty() ? ShaftSpeed() : speeds_.at(entry, channel.start_ns, channel.shaft_hz);
  if (!plan.analysis.joins) watch(route, device, plan, block, channel.start_ns, speed);
  compute_later(block, plan, plan.analysis.joins ? ShaftSpeed() : speed);
  samples_decoded_[route.stream] += channel.samples.count;

  arrived.analyses_begin = arrivals_->analyses.size();
  if (plan.analysis.joins) {
    const JoinableBlock joinable{block, channel.start_ns, channel.interval_ns, speed, version};
    // What is put through comes out of its place, and the time of an arrival is not that of a sample.
    join(route, device, plan, entry, joinable, is_put_through || channel.is_stamped_by_arrival);
  }
  // Nothing will follow what another configuration has left, and windows would wait for it.
  const bool joins_no_more = !plan.analysis.joins || channel.is_stamped_by_arrival;
  if (joins_no_more && route.joined != nullptr) {
    route.joined->let_go();
    joined_.emplace_back(route.stream, route.joined.get());
  }
  arrived.analyses_end = arrivals_->analyses.size();
  if (route.joined != nullptr && !route.joined->kept().blocks.empty()) {
    arrived.kept_from_ns = route.joined->kept().blocks.front().start_ns;
  }
  arrivals_->list.emplace_back(arrived);
}

void Intake::compute_later(kernels::BlockView block, const BlockPlan& plan, const ShaftSpeed& speed) {
  block.shaft_hz = speed.hz;
  block.is_speed_nominal = speed.source == schema::SpeedSource::nominal;
  blocks_.push_back(block);
  BlockValues& values = arrivals_->blocks.emplace_back();
  values.plan = plan.id;
  values.speed = speed;
}

void Intake::join(ChannelRoute& route, const Device& device, const BlockPlan& plan, const PointEntry* entry,
                  const JoinableBlock& block, bool is_alone) {
  if (route.cutting_hz != block.samples.sampling_rate_hz) {
    route.cutting_hz = block.samples.sampling_rate_hz;
    route.cutting = cutting_of(plan, route.cutting_hz, entry == nullptr ? 0 : entry->nominal_rpm / 60);
    if (const std::string bad = objection_to_analysis_samples(route.cutting.samples); !bad.empty()) {
      tell_unjoined(route, device, bad);
      route.cutting.samples = 0;
    }
  }
  cut_.clear();
  if (is_alone) {
    cut_alone(block, route.cutting, cut_);
    if (cut_.empty() && route.cutting.samples > 0) {
      tell_unjoined(route, device, "a block without a time of its own, or put through again, is joined to no other");
    }
  } else {
    if (route.joined == nullptr) route.joined = std::make_unique<JoinedBlocks>(kept_bytes_);
    const auto outcome = route.joined->take(block, route.cutting, joined_memory_, cut_);
    joined_.emplace_back(route.stream, route.joined.get());
    if (outcome.end != JoinedBlocks::End::none) {
      ++effect_->totals[Counter::joins_ended];
      if (outcome.in_vain && route.ended_in_vain + 1 < ended_in_vain_told) {
        ++route.ended_in_vain;  // a speed that comes a little later than the first block is no fault
      } else if (outcome.in_vain) {
        tell_unjoined(route, device, why_unjoined(outcome));
      }
    }
  }
  if (!cut_.empty() && route.ended_in_vain < ended_in_vain_told) route.ended_in_vain = 0;
  for (AnalysisBlock& each : cut_) {
    each.samples.plan = &plan.kernel;
    each.samples.plausible_min = block.samples.plausible_min;
    each.samples.plausible_max = block.samples.plausible_max;
    watch(route, device, plan, each.samples, each.start_ns, each.speed);
    arrivals_->analyses.push_back({each.block_ns, each.start_ns, blocks_.size()});
    compute_later(each.samples, plan, each.speed);
  }
  effect_->totals[Counter::analysis_blocks] += cut_.size();
  rows_expected_ += cut_.size();
}

void Intake::watch(ChannelRoute& route, const Device& device, const BlockPlan& plan, kernels::BlockView block, TimeNs start_ns,
                   const ShaftSpeed& speed) {
  if (block_watcher_ == nullptr || plan.kernel.features.empty()) return;
  block.plan = &plan.kernel;
  block.shaft_hz = speed.hz;
  block.is_speed_nominal = speed.source == schema::SpeedSource::nominal;
  const bool stands = speed.source != schema::SpeedSource::none && !(speed.hz > 0);
  if (!stands) ++route.blocks_turning;
  block_watcher_->look({device.name, route.channel, plan, block, start_ns, speed, stands ? 0 : route.blocks_turning});
}

void Intake::tell_unjoined(ChannelRoute& route, const Device& device, const std::string& why) {
  if (block_watcher_ != nullptr && std::exchange(route.ended_in_vain, ended_in_vain_told) < ended_in_vain_told) {
    block_watcher_->look_unjoined(device.name, route.channel, why);
  }
}

// Of the streams whose blocks were joined, each once.
void Intake::note_joined() {
  std::ranges::sort(joined_);
  const auto repeated = std::ranges::unique(joined_);
  joined_.erase(repeated.begin(), repeated.end());
  for (const auto& [stream, blocks] : joined_) {
    effect_->joined.push_back({stream, &blocks->kept(), blocks->take_first_unwritten()});
  }
}

}  // namespace stethos::edge
