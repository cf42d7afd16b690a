#include "edge/core/joined_blocks.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "common/result.h"
#include "edge/core/limits.h"

namespace stethos::edge {
namespace {

using kernels::sample_bytes;
using Encoding = kernels::BlockView::Encoding;

// Two rates that differ by less are one that was rounded.
constexpr double interval_tolerance = 1e-6;

DurationNs duration_of(std::size_t samples, double interval_ns) {
  return static_cast<DurationNs>(std::llround(static_cast<double>(samples) * interval_ns));
}

std::size_t count_of(const KeptBlock& block) { return block.samples.size() / sample_bytes(block.encoding); }

// What a block of so many bytes of samples costs.
std::size_t bytes_of(std::size_t sample_bytes) { return sample_bytes + sizeof(KeptBlock); }

TimeNs end_of(const KeptBlock& block) { return block.start_ns + duration_of(block.first + count_of(block), block.interval_ns); }

// A stretch of one block that came, as it came.
struct Piece {
  Encoding encoding = Encoding::f32;
  double scale = 1;
  double offset = 0;
  const std::uint8_t* samples = nullptr;
  std::size_t count = 0;
  ShaftSpeed speed;

  bool is_like(const Piece& other) const {
    return encoding == other.encoding && (encoding == Encoding::f32 || (scale == other.scale && offset == other.offset));
  }
};

Piece piece_of(const kernels::BlockView& view, const ShaftSpeed& speed, std::size_t first, std::size_t count) {
  const auto* bytes = static_cast<const std::uint8_t*>(view.samples);
  return {view.encoding, view.scale, view.offset, bytes + first * sample_bytes(view.encoding), count, speed};
}

// One block of several pieces: as they came where all are alike, else as float32.
kernels::BlockView assemble(const std::vector<Piece>& pieces, std::vector<std::uint8_t>& bytes) {
  const Piece& first = pieces.front();
  const bool alike = std::ranges::all_of(pieces, [&](const Piece& each) { return each.is_like(first); });
  kernels::BlockView out;
  if (alike) {
    out.encoding = first.encoding;
    out.scale = first.scale;
    out.offset = first.offset;
  }
  for (const Piece& each : pieces) out.count += each.count;
  bytes.reserve(out.count * sample_bytes(out.encoding));
  for (const Piece& each : pieces) {
    if (alike) {
      bytes.insert(bytes.end(), each.samples, each.samples + each.count * sample_bytes(each.encoding));
      continue;
    }
    // The pieces of a block that came may begin anywhere in its bytes, but at a sample.
    kernels::BlockView view;
    view.encoding = each.encoding;
    view.scale = each.scale;
    view.offset = each.offset;
    view.samples = each.samples;
    for (std::size_t i = 0; i < each.count; ++i) {
      const auto value = static_cast<float>(kernels::sample_of(view, i));
      const auto at = bytes.size();
      bytes.resize(at + sizeof value);
      std::memcpy(bytes.data() + at, &value, sizeof value);
    }
  }
  out.samples = bytes.data();
  return out;
}

// Over its samples; all pieces have theirs from the same source.
ShaftSpeed mean_speed(const std::vector<Piece>& pieces) {
  ShaftSpeed out = pieces.front().speed;
  double turns = 0;
  std::size_t samples = 0;
  for (const Piece& each : pieces) {
    turns += each.speed.hz * static_cast<double>(each.count);
    samples += each.count;
    out.age_ns = std::max(out.age_ns, each.speed.age_ns);
  }
  const bool is_steady = std::ranges::all_of(pieces, [&](const Piece& each) { return each.speed.hz == out.hz; });
  if (!is_steady) out.hz = turns / static_cast<double>(samples);
  return out;
}

AnalysisBlock within(const JoinableBlock& block, std::size_t first, std::size_t samples) {
  AnalysisBlock out;
  out.samples = block.samples;
  out.samples.samples = piece_of(block.samples, block.speed, first, samples).samples;
  out.samples.count = samples;
  out.block_ns = block.start_ns;
  out.start_ns = block.start_ns + duration_of(first, block.interval_ns);
  out.speed = block.speed;
  return out;
}

}  // namespace

void JoinedBlocks::restore(KeptBlocks saved) {
  kept_ = std::move(saved);
  samples_ = 0;
  for (const KeptBlock& each : kept_.blocks) {
    samples_ += count_of(each);
    bytes_ += bytes_of(each.samples.size());
  }
  samples_ -= kept_.used;
  kept_bytes_.now += bytes_;
  first_unwritten_ = kept_.first_number + kept_.blocks.size();
}

JoinedBlocks::Outcome JoinedBlocks::take(const JoinableBlock& block, const Cutting& cutting,
                                         std::deque<std::vector<std::uint8_t>>& memory, std::vector<AnalysisBlock>& out) {
  Outcome outcome;
  if (!kept_.blocks.empty()) {
    outcome = follow(block, cutting);
    if (outcome.end != End::none) let_go();
  }
  kept_.version = block.version;
  const std::size_t available = samples_ + block.samples.count;
  std::size_t position = 0;
  while (cutting.samples > 0 && available - position >= cutting.samples) {
    out.push_back(cut(position, cutting.samples, block, memory));
    position += cutting.hop;
    kept_.has_cut = true;
  }
  const std::size_t bytes = bytes_of(block.samples.count * sample_bytes(block.samples.encoding));
  if (cutting.samples == 0 || kept_bytes_.now + bytes > kept_bytes_max) {
    if (cutting.samples > 0) outcome = {End::no_room, true, 0, 0};
    let_go();
    return outcome;
  }
  keep_from(position, block);
  return outcome;
}

// Not from block to block alone: what is missing each time, less than is tolerated, would add up within one analysis block. And a
// block that is shorter than what is tolerated would not be missed.
JoinedBlocks::Outcome JoinedBlocks::follow(const JoinableBlock& block, const Cutting& cutting) const {
  const KeptBlock& first = kept_.blocks.front();
  const KeptBlock& last = kept_.blocks.back();
  const std::size_t between = samples_ + kept_.used;  // from the first that is kept to the block
  const TimeNs expected_ns = first.start_ns + duration_of(first.first + between, first.interval_ns);
  const DurationNs shorter_ns = duration_of(std::min(count_of(last), block.samples.count), block.interval_ns);
  const DurationNs tolerated_ns = std::min(cutting.gap_ns_max, shorter_ns / 2);
  for (const DurationNs gap_ns : {block.start_ns - end_of(last), block.start_ns - expected_ns}) {
    if (gap_ns > tolerated_ns || gap_ns < -tolerated_ns) return {End::gap, !kept_.has_cut, gap_ns, tolerated_ns};
  }
  const bool is_alike = block.version == kept_.version && block.speed.source == last.speed.source &&
                        std::abs(block.interval_ns - first.interval_ns) <= interval_tolerance * first.interval_ns;
  return {is_alike ? End::none : End::change, !kept_.has_cut, 0, 0};
}

void JoinedBlocks::let_go() {
  kept_bytes_.now -= bytes_;
  bytes_ = samples_ = 0;
  kept_.first_number += kept_.blocks.size();
  kept_.blocks.clear();
  kept_.used = 0;
  kept_.has_cut = false;
}

// Of what is kept and then of the block, what comes from `position` on.
void JoinedBlocks::keep_from(std::size_t position, const JoinableBlock& block) {
  const std::size_t held = samples_;
  std::size_t to_skip = kept_.used + std::min(position, held);
  while (!kept_.blocks.empty() && to_skip >= count_of(kept_.blocks.front())) {
    to_skip -= count_of(kept_.blocks.front());
    bytes_ -= bytes_of(kept_.blocks.front().samples.size());
    kept_bytes_.now -= bytes_of(kept_.blocks.front().samples.size());
    kept_.blocks.pop_front();
    ++kept_.first_number;
  }
  kept_.used = kept_.blocks.empty() ? 0 : to_skip;
  samples_ = held + block.samples.count - position;
  const std::size_t first = position > held ? position - held : 0;
  if (first == block.samples.count) {
    kept_.has_cut = false;  // the next begins anew
    return;
  }
  const Piece piece = piece_of(block.samples, block.speed, first, block.samples.count - first);
  KeptBlock kept{.start_ns = block.start_ns,
                 .first = first,
                 .interval_ns = block.interval_ns,
                 .encoding = piece.encoding,
                 .scale = piece.scale,
                 .offset = piece.offset,
                 .speed = block.speed,
                 .samples = {piece.samples, piece.samples + piece.count * sample_bytes(piece.encoding)}};
  bytes_ += bytes_of(kept.samples.size());
  kept_bytes_.now += bytes_of(kept.samples.size());
  kept_.blocks.push_back(std::move(kept));
}

AnalysisBlock JoinedBlocks::cut(std::size_t position, std::size_t samples, const JoinableBlock& block,
                                std::deque<std::vector<std::uint8_t>>& memory) const {
  if (position >= samples_) return within(block, position - samples_, samples);
  AnalysisBlock out;
  std::vector<Piece> pieces;
  std::size_t needed = samples;
  std::size_t skip = kept_.used + position;
  for (const KeptBlock& each : kept_.blocks) {
    const std::size_t count = count_of(each);
    if (skip >= count) {
      skip -= count;
      continue;
    }
    if (pieces.empty()) {
      out.block_ns = each.start_ns;
      out.start_ns = each.start_ns + duration_of(each.first + skip, each.interval_ns);
    }
    const std::size_t taken = std::min(needed, count - skip);
    pieces.push_back(
        {each.encoding, each.scale, each.offset, each.samples.data() + skip * sample_bytes(each.encoding), taken, each.speed});
    needed -= taken;
    skip = 0;
    if (needed == 0) break;
  }
  if (needed > 0) pieces.push_back(piece_of(block.samples, block.speed, 0, needed));
  const double sampling_rate_hz = block.samples.sampling_rate_hz;
  out.samples = assemble(pieces, memory.emplace_back());
  out.samples.sampling_rate_hz = sampling_rate_hz;
  out.speed = mean_speed(pieces);
  return out;
}

void cut_alone(const JoinableBlock& block, const Cutting& cutting, std::vector<AnalysisBlock>& out) {
  if (cutting.samples == 0) return;
  for (std::size_t at = 0; at + cutting.samples <= block.samples.count; at += cutting.hop) {
    out.push_back(within(block, at, cutting.samples));
  }
}

}  // namespace stethos::edge
