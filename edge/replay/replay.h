// `stethos-edge replay`: a recording through the very same core, windows and spool as live, as fast as it goes, to a file, a
// spool or the collector.
#pragma once

#include <cstdint>
#include <string>

#include "common/settings.h"
#include "edge/config/edge_config.h"
#include "edge/replay/feed.h"
#include "edge/run.h"

namespace stethos::edge {

struct ReplayOptions {
  FeedOptions feed;
  std::string machine;  // of all its channels, instead of a point table; empty: their device
  std::string bearing;  // the same; empty: none
  std::string html;    // a file for the report; empty: none
  bool table = false;  // on standard output, when it is done
  // Where rows go: one of the three, or just into the spool.
  std::string json_lines;  // a file, or "-"
  std::string csv;
  bool to_collector = false;
  // The file that keeps state and rows, so that a replay that was stopped goes on; empty: one that is gone afterwards.
  std::string spool;
  std::string replaces;    // the node whose windows the collector is to have these instead of; empty: none
  std::uint32_t generation = 1;  // then: of the rows
  bool dry_run = false;    // reads everything, and says what there is
};

// Messages go to standard error, progress too.
Exit replay(const settings::Loaded<EdgeConfig>& loaded, ReplayOptions options);

}  // namespace stethos::edge
