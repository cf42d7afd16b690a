#include "edge/core/suspects.h"
#include "edge/core/limits.h"

#include <gtest/gtest.h>

namespace stethos::edge {
namespace {

TEST(Suspects, ADeathCountsAgainstWhatWasInHand) {
  Suspects suspects;
  for (std::uint64_t death = 1; death <= stops_max; ++death) {
    suspects.in_hand = 7;
    suspects.last_run(true);
    EXPECT_EQ(suspects.stops(7), death);
    EXPECT_EQ(suspects.in_hand, 0u);
  }
  suspects.last_run(true);  // with nothing in hand
  EXPECT_EQ(suspects.died_with, (std::vector<Suspect>{{7, stops_max}}));
}

// What is one beyond has its letter: a death before that is written must not say so.
TEST(Suspects, ADeathBeforeTheLetterIsWrittenDoesNotCountAsWritten) {
  Suspects suspects;
  for (int death = 0; death < 10; ++death) {
    suspects.in_hand = 7;
    suspects.last_run(true);
  }
  EXPECT_EQ(suspects.stops(7), stops_max + 1);
}

TEST(Suspects, AnEndOfItsOwnCountsAgainstNothing) {
  Suspects suspects{{{8, 1}}, 7};
  suspects.last_run(false);
  EXPECT_EQ(suspects, (Suspects{{{8, 1}}, 0}));
}

TEST(Suspects, WhatIsHandledIsForgottenUnlessItWasNotRead) {
  Suspects suspects{{{6, 1}, {7, stops_max}, {8, stops_max + 1}}, 7};
  suspects.handled();
  EXPECT_EQ(suspects, (Suspects{{{6, 1}, {8, stops_max + 1}}, 0}));
  for (int again = 0; again < 2; ++again) {
    suspects.in_hand = 8;
    suspects.handled();
    EXPECT_EQ(suspects, (Suspects{{{6, 1}, {8, stops_max + 2}}, 0}));
  }
}

TEST(Suspects, AreBounded) {
  Suspects suspects;
  for (std::uint64_t message = 1; message <= suspects_max + 1; ++message) {
    suspects.in_hand = message;
    suspects.last_run(true);
  }
  EXPECT_EQ(suspects.died_with.size(), suspects_max);
  EXPECT_EQ(suspects.stops(1), 0u);
  EXPECT_EQ(suspects.stops(suspects_max + 1), 1u);
}

}  // namespace
}  // namespace stethos::edge
