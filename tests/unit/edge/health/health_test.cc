#include "edge/health/health.h"

#include <gtest/gtest.h>

#include "edge/config/edge_config.h"

namespace stethos::edge {
namespace {

TEST(Health, AnIdleEdgeIsLiveWhateverItsCommitInterval) {
  for (const DurationNs interval : {ns_per_ms, ns_per_s, 60 * ns_per_s}) {
    EXPECT_TRUE(is_live(interval + 10 * ns_per_s, interval)) << "it has waited for messages, and its commit was slow";
    EXPECT_FALSE(is_live(interval + 61 * ns_per_s, interval)) << "its commit hangs";
  }
}

}  // namespace
}  // namespace stethos::edge
