// How much the store may hold, by tier. Plain data.
#pragma once

#include <cstdint>
#include <limits>

#include "common/clock.h"

namespace stethos::collector {

struct Budget {
  std::int64_t bytes_max =
      std::numeric_limits<std::int64_t>::max();  // of rows, see row_overhead_bytes; pages are a little larger
  DurationNs age_max = std::numeric_limits<DurationNs>::max();
};

struct Budgets {
  Budget windows, hours, days, alarms, events;
};

}  // namespace stethos::collector
