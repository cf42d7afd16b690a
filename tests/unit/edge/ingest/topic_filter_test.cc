#include "edge/ingest/topic_filter.h"

#include <gtest/gtest.h>

namespace stethos::edge {
namespace {

TEST(TopicFilter, MatchesAsTheStandardSays) {
  EXPECT_TRUE(topic_matches("a/b/c", "a/b/c"));
  EXPECT_TRUE(topic_matches("a/+/c", "a/b/c"));
  EXPECT_TRUE(topic_matches("a/#", "a/b/c"));
  EXPECT_TRUE(topic_matches("a/#", "a"));
  EXPECT_TRUE(topic_matches("#", "a/b"));
  EXPECT_TRUE(topic_matches("+/+", "/b"));
  EXPECT_TRUE(topic_matches("+", ""));
  EXPECT_TRUE(topic_matches("$SYS/#", "$SYS/broker"));
  EXPECT_FALSE(topic_matches("a/b", "a/b/c"));
  EXPECT_FALSE(topic_matches("a/b/c", "a/b"));
  EXPECT_FALSE(topic_matches("a/+", "a"));
  EXPECT_FALSE(topic_matches("+", "a/b"));
  EXPECT_FALSE(topic_matches("a/#", "ab"));
  EXPECT_FALSE(topic_matches("#", "$SYS/broker"));
  EXPECT_FALSE(topic_matches("+/broker", "$SYS/broker"));
}

}  // namespace
}  // namespace stethos::edge
