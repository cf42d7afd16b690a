// How stethos-sim ends.
#pragma once

namespace stethos::firmware_sim {

inline constexpr int exit_finished = 0;           // all was published and acknowledged, or it was stopped and that was
inline constexpr int exit_failed = 1;             // a recording could not be read to its end, or the ledger not written
inline constexpr int exit_usage = 2;              // the command line, the scenario or a recording's beginning is wrong
inline constexpr int exit_deadline = 3;           // acknowledgements did not come in time
inline constexpr int exit_messages_given_up = 4;  // devices gave messages up

}  // namespace stethos::firmware_sim
