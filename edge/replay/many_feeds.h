// Several recordings of one kind one after another, each the device that is called after its file. One thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "edge/replay/feed.h"

namespace stethos::edge {

// `recordings`: texts as of FeedOptions, two at least; the options are those of each but for the text, and may not name a device.
// Opens each once, so that one that is none is found before anything is done. The position counts the recordings.
Result<std::unique_ptr<Feed>> open_many(const FeedOptions& options, std::vector<std::string> recordings);

}  // namespace stethos::edge
