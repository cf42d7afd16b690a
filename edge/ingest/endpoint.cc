#include "edge/ingest/endpoint.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

namespace stethos::edge {
namespace {

bool is_made(int connection, int timeout_ms) {
  pollfd waits{.fd = connection, .events = POLLOUT, .revents = 0};
  int error = 0;
  socklen_t size = sizeof error;
  return poll(&waits, 1, timeout_ms) == 1 && getsockopt(connection, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}

bool connects(const addrinfo& to, int timeout_ms) {
  const int connection = socket(to.ai_family, to.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, to.ai_protocol);
  if (connection < 0) return false;
  const bool is_accepted =
      connect(connection, to.ai_addr, to.ai_addrlen) == 0 || (errno == EINPROGRESS && is_made(connection, timeout_ms));
  close(connection);
  return is_accepted;
}

}  // namespace

bool accepts_connections(const std::string& host, std::int64_t port, DurationNs timeout) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &found) != 0) return false;
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, &freeaddrinfo);
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    if (connects(*each, static_cast<int>(timeout / ns_per_ms))) return true;
  }
  return false;
}

}  // namespace stethos::edge
