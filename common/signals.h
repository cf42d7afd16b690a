// SIGTERM and SIGINT set a flag and nothing else; whoever waits is woken through a file descriptor.
#pragma once

namespace stethos {

// Call once, before any thread is started. SIGPIPE is ignored.
void catch_stop_signals();

bool stop_requested();

// Readable once a stop was requested.
int stop_fd();

}  // namespace stethos
