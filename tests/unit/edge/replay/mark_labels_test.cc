#include "edge/replay/mark_labels.h"

#include <gtest/gtest.h>

#include <random>

namespace stethos::edge {
namespace {

// In px across and lanes up.
struct LabelBox {
  double left = 0, right = 0;
  std::size_t lane = 0;
};

LabelBox box_of(const WantedLabel& label, const PlacedLabel& place) {
  return place.is_left ? LabelBox{label.x - label.width, label.x, place.lane}
                       : LabelBox{label.x, label.x + label.width, place.lane};
}

TEST(MarkLabels, NoneCoversAnotherOrIsCrossedByALine) {
  std::mt19937_64 random(5);
  std::uniform_real_distribution<double> x(60, 880), width(10, 120);
  for (std::size_t count : {2, 5, 20, 60}) {
    std::vector<WantedLabel> labels;
    for (std::size_t i = 0; i < count; ++i) labels.push_back({x(random), width(random)});
    const auto places = place_labels(labels, 60, 900);
    ASSERT_EQ(places.size(), count);
    for (std::size_t i = 0; i < count; ++i) {
      if (!places[i]) continue;
      const LabelBox box = box_of(labels[i], *places[i]);
      EXPECT_GE(box.left, 60);
      EXPECT_LE(box.right, 900);
      EXPECT_LT(box.lane, label_lanes);
      for (std::size_t k = 0; k < count; ++k) {
        if (!places[k] || k == i) continue;
        const LabelBox other = box_of(labels[k], *places[k]);
        const bool texts_meet = other.lane == box.lane && other.right > box.left && other.left < box.right;
        const bool is_crossed = other.lane > box.lane && labels[k].x > box.left && labels[k].x < box.right;
        EXPECT_FALSE(texts_meet || is_crossed) << i << ' ' << k;
      }
    }
  }
}

TEST(MarkLabels, LabelsOfOnePlaceAreStackedAndTheLastAreGivenUp) {
  const std::vector<WantedLabel> labels(7, {200, 30});
  const auto places = place_labels(labels, 0, 900);
  for (std::size_t i = 0; i < labels.size(); ++i) EXPECT_EQ(places[i].has_value(), i < label_lanes) << i;
}

TEST(MarkLabels, NextToTheEdgeALabelStandsOnTheOtherSide) {
  const std::vector<WantedLabel> labels{{890, 40}};
  const auto places = place_labels(labels, 0, 900);
  ASSERT_TRUE(places[0]);
  EXPECT_TRUE(places[0]->is_left);
}

}  // namespace
}  // namespace stethos::edge
