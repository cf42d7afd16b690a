#include "common/signals.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>

#include "common/result.h"

namespace stethos {
namespace {

std::atomic<bool> requested = false;
int event = -1;

void on_signal(int) {
  const int saved = errno;
  requested.store(true);
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(event, &one, sizeof one);
  errno = saved;
}

}  // namespace

void catch_stop_signals() {
  event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  STETHOS_CHECK(event >= 0, "no event descriptor");
  struct sigaction action{};
  action.sa_handler = on_signal;
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGINT, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

bool stop_requested() { return requested.load(); }

int stop_fd() { return event; }

}  // namespace stethos
