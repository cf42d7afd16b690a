#include "edge/core/known_topics.h"

#include <gtest/gtest.h>

#include "edge/core/limits.h"
#include "tests/unit/edge/core/core_rig.h"

namespace stethos::edge {
namespace {

// A topic may have 64 KiB, and a count of topics bounds nothing.
TEST(KnownTopics, WhatIsRememberedIsBoundedInBytesAndTheLastIsAmongIt) {
  const EdgeConfig config = core_config();
  KnownTopics topics(config);
  const std::string long_part(60'000, 'x');
  for (int i = 0; i < 2'000; ++i) {
    EXPECT_EQ(topics.subscription_of("raw/" + std::to_string(i) + "/" + long_part), 2u);
    ASSERT_LE(topics.bytes(), topics_known_bytes_max);
  }
  EXPECT_FALSE(topics.subscription_of("elsewhere"));
  const std::size_t bytes = topics.bytes();
  EXPECT_FALSE(topics.subscription_of("elsewhere"));
  EXPECT_EQ(topics.bytes(), bytes);
}

}  // namespace
}  // namespace stethos::edge
