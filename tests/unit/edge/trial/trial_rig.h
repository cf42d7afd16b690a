// A message tried with the core's usual configuration.
#pragma once

#include <sstream>
#include <string>

#include "edge/trial/trial.h"
#include "edge/trial/tried_text.h"
#include "tests/unit/edge/core/core_rig.h"

namespace stethos::edge {

inline EdgeConfig trial_config() {
  EdgeConfig config = core_config();
  config.backend = "reference";
  config.statistics_threads = 1;
  return config;
}

class TrialRig {
 public:
  explicit TrialRig(EdgeConfig config = trial_config(), PointTable points = {})
      : config_(std::move(config)), points_(std::move(points)), trial_(config_, points_) {}

  // Good until the next call.
  const TriedMessage& put(Message message, bool clock_trusted = true) {
    message_ = std::move(message);
    auto tried = trial_.put(message_, hour_later_ns, clock_trusted);
    STETHOS_CHECK(tried.has_value(), tried ? "" : tried.error().text());
    tried_ = std::move(*tried);
    return tried_;
  }

  std::string text() const {
    std::ostringstream out;
    write_tried(tried_, message_, config_, out);
    return out.str();
  }

 private:
  const EdgeConfig config_;
  const PointTable points_;
  Trial trial_;
  Message message_;
  TriedMessage tried_;
};

inline std::vector<Reason> reasons_of(const std::vector<Rejection>& rejections) {
  std::vector<Reason> reasons;
  for (const Rejection& each : rejections) reasons.push_back(each.reason);
  return reasons;
}

}  // namespace stethos::edge
