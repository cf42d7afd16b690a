#include "edge/core/stretches.h"

#include <gtest/gtest.h>

namespace stethos::edge {
namespace {

TEST(Stretches, ThoseThatTouchOrOverlapAreOne) {
  Stretches stretches;
  EXPECT_EQ(stretches.find(0), nullptr);
  stretches.add(10, 20);
  stretches.add(40, 50);
  stretches.add(30, 30);  // empty
  EXPECT_EQ(stretches.all(), (std::vector<Stretch>{{10, 20}, {40, 50}}));
  stretches.add(20, 25);
  stretches.add(5, 11);
  EXPECT_EQ(stretches.all(), (std::vector<Stretch>{{5, 25}, {40, 50}}));
  EXPECT_NE(stretches.find(5), nullptr);
  EXPECT_EQ(stretches.find(25), nullptr) << "its end is not in it";
  EXPECT_EQ(stretches.find(39), nullptr);
  stretches.add(0, 100);
  EXPECT_EQ(stretches.all(), (std::vector<Stretch>{{0, 100}}));
}

TEST(Stretches, WhereThereAreTooManyTheClosestAreOne) {
  Stretches stretches;
  for (const TimeNs from : {1'000, 0, 500, 520, 2'000}) stretches.add(from, from + 10);
  EXPECT_EQ(stretches.all(), (std::vector<Stretch>{{0, 10}, {500, 530}, {1'000, 1'010}, {2'000, 2'010}}));
  EXPECT_EQ(stretches.all().size(), stretches_max);
}

}  // namespace
}  // namespace stethos::edge
