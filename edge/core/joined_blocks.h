// Analysis blocks: blocks of one stream that follow one another are joined and cut again to one length, so that what a spectrum
// resolves does not depend on how a device cuts its messages. What the next analysis block still needs is kept, and is state:
// after a kill the same analysis blocks come out. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "common/clock.h"
#include "edge/core/block_summary.h"
#include "gpu_kernels/block.h"

namespace stethos::edge {

// A block that came: what is decoded of it, not owned, and what it belongs to.
struct JoinableBlock {
  kernels::BlockView samples;  // with its sampling rate
  TimeNs start_ns = 0;
  double interval_ns = 0;
  ShaftSpeed speed;
  std::uint64_t version = 0;  // of what its stream is
};

// What is kept of one.
struct KeptBlock {
  TimeNs start_ns = 0;    // of the block
  std::size_t first = 0;  // the place in it of the first sample that is kept
  double interval_ns = 0;
  kernels::BlockView::Encoding encoding = kernels::BlockView::Encoding::f32;
  double scale = 1;
  double offset = 0;
  ShaftSpeed speed;
  std::vector<std::uint8_t> samples;  // as they came

  bool operator==(const KeptBlock&) const = default;
};

// What is kept of a stream's blocks, for the spool. They follow one another.
struct KeptBlocks {
  std::uint64_t version = 0;      // as in JoinableBlock
  std::uint64_t first_number = 0;  // of the first block; the others are numbered on
  std::size_t used = 0;  // samples of the first block that no analysis block needs any more: fewer than are kept of it
  bool has_cut = false;  // an analysis block was cut since something was joined to nothing
  std::deque<KeptBlock> blocks;

  bool operator==(const KeptBlocks&) const = default;
};

// How analysis blocks are cut.
struct Cutting {
  std::size_t samples = 0;  // of each; 0: none is cut, and nothing kept
  std::size_t hop = 0;      // from the first sample of one to that of the next: 1 to `samples`
  // How far a block's start may be from the end of the one before, and from where all that is kept says; never more than half of
  // the shorter of the two blocks.
  DurationNs gap_ns_max = 0;
};

struct AnalysisBlock {
  kernels::BlockView samples;  // of the block at hand, or of `memory`
  TimeNs block_ns = 0;  // the start of the block in which it begins: it belongs to the same windows
  TimeNs start_ns = 0;
  ShaftSpeed speed;  // the mean over its samples
};

// How many bytes are kept of all streams together.
struct KeptBytes {
  std::size_t now = 0;
};

class JoinedBlocks {
 public:
  // `kept_bytes` must outlive it.
  explicit JoinedBlocks(KeptBytes& kept_bytes) : kept_bytes_(kept_bytes) {}
  JoinedBlocks(const JoinedBlocks&) = delete;
  JoinedBlocks& operator=(const JoinedBlocks&) = delete;
  ~JoinedBlocks() { kept_bytes_.now -= bytes_; }

  void restore(KeptBlocks saved);
  void let_go();  // of all that is kept

  enum class End : std::uint8_t {
    none,
    gap,  // the block at hand does not begin where the last one ends
    change,  // it is of another rate, speed source or description
    no_room,  // for what must be kept
  };
  struct Outcome {
    End end = End::none;  // why what was kept was let go of
    bool in_vain = false;  // no analysis block had come of it, or of what follows none will
    // With End::gap: from where this block should begin, by the last one or by all that is kept, to where it does; and how far
    // that may be, for blocks as long as these.
    DurationNs gap_ns = 0;
    DurationNs tolerated_ns = 0;
  };

  // Appends the analysis blocks that end in `block` to `out`; what they point to is the block's or stands in `memory`, which
  // keeps its places.
  Outcome take(const JoinableBlock& block, const Cutting& cutting, std::deque<std::vector<std::uint8_t>>& memory,
               std::vector<AnalysisBlock>& out);

  const KeptBlocks& kept() const { return kept_; }
  // The blocks from this number on are not in the spool yet. Called when an effect is made of them.
  std::uint64_t take_first_unwritten() {
    const std::uint64_t first = first_unwritten_;
    first_unwritten_ = kept_.first_number + kept_.blocks.size();
    return first;
  }

 private:
  Outcome follow(const JoinableBlock& block, const Cutting& cutting) const;
  void keep_from(std::size_t position, const JoinableBlock& block);
  AnalysisBlock cut(std::size_t position, std::size_t samples, const JoinableBlock& block,
                    std::deque<std::vector<std::uint8_t>>& memory) const;

  KeptBytes& kept_bytes_;
  KeptBlocks kept_;
  std::size_t bytes_ = 0;  // that what is kept costs
  std::size_t samples_ = 0;  // that are kept, less those that are used
  std::uint64_t first_unwritten_ = 0;
};

// Those that lie within one block that is joined to no other.
void cut_alone(const JoinableBlock& block, const Cutting& cutting, std::vector<AnalysisBlock>& out);

}  // namespace stethos::edge
