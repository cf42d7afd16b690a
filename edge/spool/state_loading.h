// The core's state as the tables of a spool have it.
#pragma once

#include "common/sqlite.h"
#include "edge/core/saved_state.h"

namespace stethos::edge {

// All but what is forgotten, of which there are the sums. An error of SQLite, or `corrupt`: something is not plausible. One
// thread has the database meanwhile.
Result<SavedState> load_state(sqlite::Database& database);

}  // namespace stethos::edge
