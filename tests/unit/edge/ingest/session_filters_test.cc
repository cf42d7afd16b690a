#include "edge/ingest/session_filters.h"

#include <gtest/gtest.h>

#include "edge/core/limits.h"

namespace stethos::edge {
namespace {

using Ids = std::vector<std::uint32_t>;

Ids ids_of(const std::vector<SessionFilter>& filters) {
  Ids ids;
  for (const SessionFilter& each : filters) ids.push_back(each.id);
  return ids;
}

// A process that is about to connect.
SessionFilters started(const SessionRecord& record, const std::vector<std::string>& topics, const std::string& client = "edge",
                       int qos = 1) {
  std::vector<WantedFilter> wanted;
  for (const std::string& topic : topics) wanted.push_back({topic, qos});
  SessionFilters filters(record, "broker:1883", client, std::move(wanted));
  filters.prepare();
  return filters;
}

SessionFilters after(const SessionFilters& before, std::vector<std::string> wanted, const char* client = "edge") {
  return started(before.record(), std::move(wanted), client);
}

TEST(SessionFilters, AFilterThatLeftTheConfigurationIsFormerUntilTheBrokerConfirms) {
  SessionFilters first = started({}, {"a/+", "b"});
  EXPECT_TRUE(first.connected(false)) << "there was none to lose";
  EXPECT_EQ(ids_of(first.wanted()), (Ids{1, 2}));
  EXPECT_TRUE(first.former().empty());

  SessionFilters second = after(first, {"b", "a/#"});
  ASSERT_TRUE(second.connected(true));
  EXPECT_EQ(ids_of(second.wanted()), (Ids{2, 3}));
  EXPECT_EQ(ids_of(second.former()), (Ids{1}));

  // The process dies here, and is configured as before: the record has both.
  SessionFilters third = after(second, {"a/+", "b"});
  ASSERT_TRUE(third.connected(true));
  EXPECT_EQ(ids_of(third.wanted()), (Ids{1, 2}));
  EXPECT_EQ(ids_of(third.former()), (Ids{3}));
  third.left(3);
  EXPECT_TRUE(third.former().empty());
  EXPECT_EQ(third.others("a/b", Ids{1}), (Ids{3})) << "copies that were queued may still come";

  SessionFilters fourth = after(third, {"b", "a/#"});
  ASSERT_TRUE(fourth.connected(true));
  EXPECT_EQ(ids_of(fourth.wanted()), (Ids{2, 4})) << "an identifier is not used twice";
}

TEST(SessionFilters, ASessionThatTheBrokerHasLostIsToldAndHasNoFormerFilters) {
  SessionFilters first = started({}, {"a"});
  first.connected(false);
  SessionFilters second = after(first, {"b"});
  EXPECT_FALSE(second.connected(false));
  EXPECT_TRUE(second.former().empty());
  EXPECT_EQ(ids_of(second.wanted()), (Ids{3})) << "an identifier is not used twice";
}

TEST(SessionFilters, WhatWillBeSubscribedIsOnRecordBeforeTheConnectionAndASessionThatNeverWasIsNotLost) {
  SessionFilters first = started({}, {"a"});
  ASSERT_EQ(ids_of(first.wanted()), (Ids{1}));
  EXPECT_FALSE(first.record().sessions.back().is_confirmed);

  // The process dies here. The next is configured otherwise: it must unsubscribe what the first may have subscribed.
  SessionFilters second = after(first, {"b"});
  const SessionRecord before = second.record();
  EXPECT_TRUE(second.connected(false)) << "the broker never had one";
  EXPECT_EQ(ids_of(second.wanted()), (Ids{2}));
  EXPECT_EQ(ids_of(second.former()), (Ids{1}));
  EXPECT_TRUE(second.record().sessions.back().is_confirmed);
  EXPECT_NE(second.record(), before) << "the record is another, and is kept again";
  EXPECT_FALSE(after(second, {"b"}).connected(false)) << "now there was one";
}

TEST(SessionFilters, ASessionMayDifferUntilAllThatIsWantedAndNothingElseIsGranted) {
  SessionFilters first = started({}, {"a"});
  EXPECT_FALSE(first.may_differ()) << "there is none";
  first.connected(false);
  EXPECT_TRUE(first.may_differ());
  first.granted(1);
  EXPECT_FALSE(first.may_differ());
  EXPECT_FALSE(after(first, {"a"}).may_differ()) << "it is on record";

  SessionFilters second = after(first, {"b"});
  EXPECT_TRUE(second.may_differ());
  second.connected(true);
  second.granted(2);
  EXPECT_TRUE(second.may_differ()) << "it still has the former";
  second.left(1);
  EXPECT_FALSE(second.may_differ());
  second.refused(2);
  EXPECT_TRUE(second.may_differ());
  second.granted(2);
  EXPECT_TRUE(started(second.record(), {"b"}, "edge", 2).may_differ()) << "another QoS is wanted";
  EXPECT_FALSE(after(second, {"b"}).connected(false));
}

TEST(SessionFilters, EachSessionHasItsOwnUpToABound) {
  SessionFilters first = started({}, {"a"});
  first.connected(false);
  SessionFilters other = after(first, {"b"}, "another");
  EXPECT_TRUE(other.connected(false)) << "another session is not lost";
  EXPECT_TRUE(other.former().empty());
  SessionFilters again = after(other, {"b"});
  ASSERT_TRUE(again.connected(true));
  EXPECT_EQ(ids_of(again.former()), (Ids{1}));
  EXPECT_EQ(again.record().sessions.back().client_id, "edge");

  SessionRecord record = again.record();
  for (std::size_t i = 0; i < 2 * sessions_max; ++i) {
    record = started(record, {"a"}, "edge-" + std::to_string(i)).record();
  }
  EXPECT_EQ(record.sessions.size(), sessions_max);
}

TEST(SessionFilters, FiltersThatHaveLeftAreBounded) {
  SessionRecord record;
  for (std::size_t i = 0; i < 3 * filters_left_max; ++i) {
    SessionFilters filters = started(record, {"a/" + std::to_string(i)});
    filters.connected(true);
    for (const SessionFilter& each : filters.former()) filters.left(each.id);
    record = filters.record();
  }
  EXPECT_EQ(record.sessions.back().filters.size(), filters_left_max + 1);
}

TEST(SessionFilters, WhereItIsNotKnownWhichFilterBroughtAMessageNoCopyIsExpected) {
  SessionFilters filters = started({}, {"a/+"});
  filters.connected(false);
  EXPECT_TRUE(filters.others("a/b", {}).empty());
  EXPECT_TRUE(filters.others("a/b", Ids{1}).empty());
}

}  // namespace
}  // namespace stethos::edge
