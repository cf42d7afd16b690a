// The collector's HTTP server: Boost.Beast, asynchronous, on the one thread that calls run(). It moves requests to the Api
// and answers back, and keeps everything inside bounds: connections, sizes of headers and bodies, and the time that each
// may take. When there are too many connections the one that has been idle for longest makes room; if all are busy, the new one
// is answered 503 and when to come back. Only a loopback address is listened on, since connections are not encrypted.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "common/clock.h"
#include "common/result.h"
#include "uplink/collector/api.h"

namespace stethos::collector {

struct ServerConfig {
  std::string host = "127.0.0.1";
  int port = 0;  // 0: any free one
  std::size_t connections_max = 64;
  std::size_t body_bytes_max = 8u << 20;
  DurationNs header_timeout = 10 * ns_per_s;
  DurationNs request_timeout = 60 * ns_per_s;
  DurationNs idle_timeout = 120 * ns_per_s;
  DurationNs drain_deadline = 5 * ns_per_s;
};

struct ServerState;

class Server {
 public:
  // The Api must outlive the server.
  static Result<std::unique_ptr<Server>> listen(const ServerConfig& config, Api& api);
  ~Server();

  int port() const;

  // Readable means: drain.
  void drain_when_readable(int descriptor);

  // From any thread: accept nothing more, let requests under way end, within the deadline.
  void drain();

  // Returns when drained; also when the Api's store has failed.
  void run();

 private:
  explicit Server(std::unique_ptr<ServerState> state);
  std::unique_ptr<ServerState> state_;
};

}  // namespace stethos::collector
