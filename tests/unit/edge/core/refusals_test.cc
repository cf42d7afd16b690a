#include "edge/core/refusals.h"

#include <gtest/gtest.h>

#include <limits>

#include "edge/core/limits.h"
#include "tests/unit/edge/core/core_rig.h"

namespace stethos::edge {
namespace {

TEST(Refusals, SayHowFarATimeIsOff) {
  EXPECT_EQ(time_past(21 * ns_per_s, epoch_ns).detail,
            "its stamp is 1970-01-01T00:00:21.000Z, 56 years 13 d before time.earliest");
  EXPECT_EQ(time_future("its stamp", epoch_ns + 3'552 * ns_per_s, epoch_ns, 600 * ns_per_s).detail,
            "its stamp is 2026-01-01T00:59:12.000Z, 59 min 12 s ahead of the clock of this node; time.future_max allows 10m");
  constexpr TimeNs first = std::numeric_limits<TimeNs>::min();
  constexpr TimeNs last = std::numeric_limits<TimeNs>::max();
  EXPECT_NE(time_past(first, last).detail.find(", 292 years 171 d before"), std::string::npos);
  EXPECT_LE(time_future("what it declares complete", last, first, 1).detail.size(), letter_detail_bytes_max);
}

TEST(Refusals, SayWhichNameItIs) {
  EXPECT_EQ(bad_name("the device's", "").detail, "the device's name is empty");
  EXPECT_EQ(bad_name("a channel's", "a ").detail.find("a channel's name \"a \" must be 1 to 128 "), 0u);
  EXPECT_EQ(bad_quantity("a b").detail.find("the quantity \"a b\" must be 1 to 128 "), 0u);
  const std::string detail = bad_name("a channel's", std::string(1'000'000, 'x')).detail;
  EXPECT_LE(detail.size(), letter_detail_bytes_max);
  EXPECT_NE(detail.find("xxx...\" must be"), std::string::npos) << detail;
  EXPECT_EQ(bad_unit(std::string(500, 'x')).detail.find("the unit \"xxx"), 0u);
}

}  // namespace
}  // namespace stethos::edge
