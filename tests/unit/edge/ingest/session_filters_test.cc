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
                       int qos = 1, const std::string& broker = "broker:1883") {
  std::vector<WantedFilter> wanted;
  for (const std::string& topic : topics) wanted.push_back({topic, qos});
  SessionFilters filters(record, broker, client, std::move(wanted), 0);
  filters.prepare();
  return filters;
}

SessionFilters after(const SessionFilters& before, const std::vector<std::string>& wanted, const char* client = "edge") {
  return started(before.record(), wanted, client);
}

TEST(SessionFilters, AFilterThatLeftTheConfigurationIsFormerUntilTheBrokerConfirms) {
  SessionFilters first = started({}, {"a/+", "b"});
  EXPECT_EQ(first.connected(false), SessionFound::as_recorded) << "there was none to lose";
  EXPECT_EQ(ids_of(first.wanted()), (Ids{1, 2}));
  EXPECT_TRUE(first.former().empty());

  SessionFilters second = after(first, {"b", "a/#"});
  ASSERT_EQ(second.connected(true), SessionFound::as_recorded);
  EXPECT_EQ(ids_of(second.wanted()), (Ids{2, 3}));
  EXPECT_EQ(ids_of(second.former()), (Ids{1}));

  // The process dies here, and is configured as before: the record has both.
  SessionFilters third = after(second, {"a/+", "b"});
  ASSERT_EQ(third.connected(true), SessionFound::as_recorded);
  EXPECT_EQ(ids_of(third.wanted()), (Ids{1, 2}));
  EXPECT_EQ(ids_of(third.former()), (Ids{3}));
  third.left(3);
  EXPECT_TRUE(third.former().empty());
  EXPECT_EQ(third.came_by("a/b", Ids{1}, true).others, (Ids{3})) << "copies that were queued may still come";

  SessionFilters fourth = after(third, {"b", "a/#"});
  ASSERT_EQ(fourth.connected(true), SessionFound::as_recorded);
  EXPECT_EQ(ids_of(fourth.wanted()), (Ids{2, 4})) << "an identifier is not used twice";
}

TEST(SessionFilters, ASessionThatTheBrokerHasLostIsToldAndHasNoFormerFilters) {
  SessionFilters first = started({}, {"a"});
  first.connected(false);
  SessionFilters second = after(first, {"b"});
  EXPECT_EQ(second.connected(false), SessionFound::lost);
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
  EXPECT_EQ(second.connected(false), SessionFound::as_recorded) << "the broker never had one";
  EXPECT_EQ(ids_of(second.wanted()), (Ids{2}));
  EXPECT_EQ(ids_of(second.former()), (Ids{1}));
  EXPECT_TRUE(second.record().sessions.back().is_confirmed);
  EXPECT_NE(second.record(), before) << "the record is another, and is kept again";
  EXPECT_EQ(after(second, {"b"}).connected(false), SessionFound::lost) << "now there was one";
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
  EXPECT_EQ(after(second, {"b"}).connected(false), SessionFound::lost);
}

TEST(SessionFilters, EachSessionHasItsOwnUpToABound) {
  SessionFilters first = started({}, {"a"});
  first.connected(false);
  SessionFilters other = after(first, {"b"}, "another");
  EXPECT_EQ(other.connected(false), SessionFound::as_recorded) << "another session is not lost";
  EXPECT_TRUE(other.former().empty());
  SessionFilters again = after(other, {"b"});
  ASSERT_EQ(again.connected(true), SessionFound::as_recorded);
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
  EXPECT_TRUE(filters.came_by("a/b", {}, true).others.empty());
  EXPECT_TRUE(filters.came_by("a/b", Ids{1}, true).others.empty());
  EXPECT_EQ(filters.came_by("a/b", {}, true).filter, 0u);
}

TEST(SessionFilters, ASessionWithoutARecordIsUnknownAndWhatComesByItsFiltersMayComeByOursToo) {
  SessionFilters filters = started({}, {"a/+"});
  EXPECT_EQ(filters.connected(true), SessionFound::unknown);
  const CameBy by_theirs = filters.came_by("a/b", Ids{77}, true);
  EXPECT_EQ(by_theirs.filter, unknown_filters);
  EXPECT_EQ(by_theirs.others, (Ids{1}));
  const CameBy by_ours = filters.came_by("a/b", Ids{1}, true);
  EXPECT_EQ(by_ours.filter, 1u);
  EXPECT_EQ(by_ours.others, (Ids{unknown_filters}));
  EXPECT_TRUE(filters.came_by("c", Ids{77}, true).others.empty());
  EXPECT_EQ(filters.came_by("a/b", {}, true).filter, unknown_filters) << "theirs may have no identifier";
  EXPECT_EQ(filters.came_by("a/b", {}, false).filter, 0u) << "no filter has one";

  SessionFilters second = after(filters, {"a/+"});
  EXPECT_EQ(second.connected(true), SessionFound::as_recorded);
  EXPECT_TRUE(second.has_unknown()) << "as long as there is the session";
  SessionFilters third = after(second, {"a/+"});
  EXPECT_EQ(third.connected(false), SessionFound::lost);
  EXPECT_FALSE(third.has_unknown());
}

TEST(SessionFilters, AnIdentifierThatIsNotOnRecordShowsAFilterThatIsNot) {
  SessionFilters filters = started({}, {"a"});
  filters.connected(false);
  EXPECT_TRUE(filters.came_by("a", Ids{1}, true).others.empty());
  EXPECT_EQ(filters.came_by("a", Ids{2}, true).filter, unknown_filters);
  EXPECT_TRUE(filters.record().sessions.back().has_unknown);
  EXPECT_EQ(filters.came_by("a", Ids{1}, true).others, (Ids{unknown_filters}));
}

TEST(SessionFilters, TheSameSessionUnderAnotherNameOfItsBrokerHasTheFiltersThatAreOnRecord) {
  SessionFilters first = started({}, {"a/+", "b"});
  first.connected(false);
  first.granted(1);
  first.granted(2);
  const auto called = [](const SessionFilters& before, const std::vector<std::string>& wanted, const std::string& broker) {
    return started(before.record(), wanted, "edge", 1, broker);
  };
  SessionFilters second = called(first, {"a/#", "b"}, "other:1883");
  EXPECT_EQ(ids_of(second.wanted()), (Ids{3, 4}));
  EXPECT_EQ(second.connected(true), SessionFound::unknown);
  EXPECT_EQ(ids_of(second.wanted()), (Ids{3, 4}));
  EXPECT_EQ(ids_of(second.former()), (Ids{1})) << "b is replaced";
  EXPECT_EQ(second.came_by("a/b", Ids{1}, true).others, (Ids{3, unknown_filters}));
  second.granted(3);
  second.granted(4);
  second.left(1);

  SessionFilters third = called(second, {"a/+", "b"}, "broker:1883");
  EXPECT_FALSE(third.may_differ()) << "nobody knows";
  EXPECT_EQ(third.connected(true), SessionFound::unknown) << "what was on record of it is no longer so";
  EXPECT_TRUE(third.may_differ());
  EXPECT_EQ(ids_of(third.former()), (Ids{3}));
}

TEST(SessionFilters, TheSessionOfAnotherClientIdIsGivenUpWhenItIsNamedOnlyAndBeginsAnewAfterwards) {
  SessionFilters first = started({}, {"a"});
  first.connected(false);
  SessionRecord record = first.record();
  EXPECT_TRUE(give_up_former(record, "broker:1883", "edge", "").has_value()) << "it is its own";
  EXPECT_TRUE(give_up_former(record, "other:1883", "another", "").has_value()) << "that is not here";
  for (const char* former : {"", "another", "who"}) {
    EXPECT_EQ(give_up_former(record, "broker:1883", "another", former).error().code, Code::invalid);
    EXPECT_EQ(record, first.record());
  }
  ASSERT_TRUE(give_up_former(record, "broker:1883", "another", "edge").has_value());
  SessionFilters second = started(record, {"a"}, "another");
  EXPECT_FALSE(second.begins_anew());
  second.connected(false);
  record = second.record();
  EXPECT_TRUE(give_up_former(record, "broker:1883", "another", "").has_value()) << "it is given up once and for all";

  ASSERT_TRUE(give_up_former(record, "broker:1883", "edge", "another").has_value());
  SessionFilters third = started(record, {"a"});
  EXPECT_TRUE(third.begins_anew());
  EXPECT_EQ(third.connected(false), SessionFound::as_recorded) << "nothing is lost that was not given up";
  EXPECT_FALSE(third.begins_anew());
  EXPECT_EQ(ids_of(third.wanted()), (Ids{3}));
  EXPECT_EQ(after(third, {"a"}).connected(true), SessionFound::as_recorded);
}

TEST(SessionFilters, IdentifiersBeginBehindABaseThatIsGivenOnce) {
  const SessionFilters first({}, "broker:1883", "edge", {{"a", 1}}, 700);
  SessionFilters second(first.record(), "broker:1883", "edge", {{"a", 1}}, 900);
  second.prepare();
  EXPECT_EQ(ids_of(second.wanted()), (Ids{701}));
}

}  // namespace
}  // namespace stethos::edge
