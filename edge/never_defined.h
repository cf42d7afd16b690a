// What a [[spectrum]] asks for and a stream's blocks cannot have: too short, too long, without a speed. The value is null in
// every row, and the log says why, once for each stream, with the length that would be needed. One thread.
#pragma once

#include <functional>
#include <string>

#include "edge/core/intake.h"

namespace stethos::edge {

// Of a block with this plan and of what is like it. Empty: everything can be defined.
// `of_speed`: of what needs the shaft's speed, or of the rest.
std::string never_defined(const BlockPlan& plan, const kernels::BlockView& block, bool of_speed);

class NeverDefined final : public BlockWatcher {
 public:
  // `warn` is given the lines for the log: bounded, and made printable.
  explicit NeverDefined(std::function<void(std::string)> warn) : warn_(std::move(warn)) {}

  // At the first block of a stream, and at the third, when a speed may have come.
  void look(const WatchedBlock& watched) override;
  void look_unjoined(std::string_view device, std::string_view channel, const std::string& why) override;

 private:
  const std::function<void(std::string)> warn_;
};

}  // namespace stethos::edge
