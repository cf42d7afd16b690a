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

TEST(TopicFilter, OverlapsWhereSomeTopicMatchesBoth) {
  struct Row {
    const char* a;
    const char* b;
    const char* topic;  // that both match; null: there is none
  };
  const Row rows[] = {{"a/b", "a/b", "a/b"},
                      {"a/b", "a/c", nullptr},
                      {"a/+", "a/b", "a/b"},
                      {"a/+", "+/b", "a/b"},
                      {"a/+", "a/b/c", nullptr},
                      {"a/#", "a/b/c", "a/b/c"},
                      {"a/#", "a", "a"},
                      {"a/#", "+", "a"},
                      {"a/#", "b/#", nullptr},
                      {"#", "a/b", "a/b"},
                      {"#", "$SYS/#", nullptr},
                      {"+/#", "$SYS/a", nullptr},
                      {"$SYS/#", "$SYS/a", "$SYS/a"},
                      {"+/x/#", "a/+", "a/x"},
                      {"a/+/c", "a/b/+", "a/b/c"},
                      {"a/+/c", "a/b/+/d", nullptr},
                      {"/a", "+/a", "/a"},
                      {"a/", "a/+", "a/"},
                      {"a", "a/", nullptr},
                      {"+/+", "#", "a/b"},
                      {"a/b/#", "a/+", "a/b"}};
  for (const Row& row : rows) {
    const bool overlap = row.topic != nullptr;
    EXPECT_EQ(filters_overlap(row.a, row.b), overlap) << row.a << " " << row.b;
    EXPECT_EQ(filters_overlap(row.b, row.a), overlap) << row.b << " " << row.a;
    if (!overlap) continue;
    EXPECT_TRUE(topic_matches(row.a, row.topic) && topic_matches(row.b, row.topic)) << row.a << " " << row.b;
  }
}

TEST(TopicFilter, EachNameHasATopicOfItsOwn) {
  EXPECT_EQ(topic_of("w/{device}/x-{channel}", "Kühlpumpe 3", "relay/0"), "w/Kühlpumpe 3/x-relay%2F0");
  EXPECT_EQ(topic_of("{device}", "$SYS+#%2F", "c"), "%24SYS%2B%23%252F");
  EXPECT_EQ(topic_of("{device}/{channel}", "{channel}", "{device}"), "{channel}/{device}");
}

}  // namespace
}  // namespace stethos::edge
