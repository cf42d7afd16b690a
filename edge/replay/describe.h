// What a recording is: for `replay --dry-run`, and for going on with a replay. One thread.
#pragma once

#include <string>

#include "edge/replay/feed.h"
#include "edge/replay/replay.h"

namespace stethos::edge {

// Reads all of it, and says what there is on standard output.
Exit describe(Feed& feed);

// What makes a replay another one: with other options it would read other messages, or send other rows. An error: the files of
// the recording cannot be found.
Result<std::string> identity_of(const ReplayOptions& options);

}  // namespace stethos::edge
