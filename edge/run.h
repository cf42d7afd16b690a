// `stethos-edge run`: opens what the configuration names, wires it, runs until a signal, drains.
#pragma once

#include "common/settings.h"
#include "edge/config/edge_config.h"
#include "edge/ingest/point_table.h"
#include "edge/spool/sqlite_spool.h"
#include "uplink/sender/sender.h"

namespace stethos::edge {

// What the programs of an edge exit with. 1 is left to what nobody foresaw.
enum class Exit : int {
  ok = 0,
  usage = 2,
  config = 3,    // settings or the point table
  spool = 4,     // the spool cannot be opened or written; nothing that was acknowledged is lost
  listener = 5,  // the health port cannot be opened
  backend = 6,   // the statistics backend
  recording = 7,  // it cannot be written, or, of a replay, read
  output = 8,     // of a replay: the file that rows go to
  uplink = 9,     // of a replay: the collector refuses it
  interrupted = 10,  // of a replay: a signal ended it
  unbalanced = 11,   // counts did not agree; nothing of that batch was kept, and the next start takes messages one by one
  refused = 12,      // of try: something would be refused
  broker = 13,       // of try: it cannot be reached, or refuses the client or all of its filters
  environment = 14,  // of check: something around the node is wrong
};

// Returns only if it could not start; else it ends the process, with one of the above.
Exit run_edge(const settings::Loaded<EdgeConfig>& loaded);

// Says what went wrong on standard error, and returns the exit.
Exit stop_with(Exit exit, const Error& error);

// Of an error that ended the pipeline.
Exit exit_of(const Error& error);
SpoolBudget budget_of(const EdgeConfig& config);
uplink::SenderConfig sender_config(const EdgeConfig& config, const std::string& spool_identity);

// Empty unless the configuration names a file. What the configuration and it do not agree on, and limits that can never be
// passed, are errors too.
std::expected<PointTable, std::vector<Error>> load_points(const EdgeConfig& config);
// As if `csv` were the file.
std::expected<PointTable, std::vector<Error>> parse_points(const EdgeConfig& config, const std::string& csv);

}  // namespace stethos::edge
