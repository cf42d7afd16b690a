#include "uplink/collector/server.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <unistd.h>

#include <array>
#include <chrono>
#include <optional>
#include <set>
#include <utility>

#include "common/fault_point.h"
#include "common/log.h"
#include "common/loopback.h"
#include "uplink/protocol/http.h"

namespace stethos::collector {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using beast::error_code;

constexpr std::uint32_t header_bytes_max = 8u << 10;
constexpr std::size_t linger_bytes = 64u << 10;  // read at once, to be thrown away
constexpr auto linger_time = std::chrono::seconds(2);
constexpr auto accept_pause = std::chrono::milliseconds(100);
constexpr const char* turned_away_for_s = "2";
constexpr auto keep_interval = std::chrono::seconds(1);
constexpr int listen_backlog = 128;

using Body = http::vector_body<std::uint8_t>;

}  // namespace

class Session;

struct ServerState {
  ServerState(const ServerConfig& with, Api& of) : config(with), api(of) {}

  void accept();
  void take(tcp::socket socket);
  bool close_longest_idle();
  void keep();
  void begin_draining();
  void remove(Session* session);

  ServerConfig config;
  Api& api;
  asio::io_context io{1};
  tcp::acceptor acceptor{io};
  asio::steady_timer accept_timer{io};
  asio::steady_timer keep_timer{io};
  asio::steady_timer drain_timer{io};
  asio::posix::stream_descriptor stop_descriptor{io};
  std::set<Session*> sessions;
  std::uint64_t waits = 0;  // for a next request, of all sessions: they are numbered
  bool is_draining = false;
  int port = 0;
};

// One connection: request after request, until either side has enough. It lives as long as an operation is under way.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(ServerState& server, tcp::socket socket) : server_(server), stream_(std::move(socket)) {
    server_.sessions.insert(this);
    server_.api.traffic().connections += 1;
    server_.api.traffic().connections_open += 1;
  }
  ~Session() {
    server_.api.traffic().connections_open -= 1;
    server_.remove(this);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void start() { read_header(server_.config.header_timeout); }

  // There are too many: tells the client when to come back, whatever it wants.
  void turn_away() {
    auto answer = error_answer(503, "there are too many connections");
    answer.headers.emplace_back("Retry-After", turned_away_for_s);
    refuse(std::move(answer));
  }

  // Between requests there is nothing to wait for.
  void close_if_idle() {
    if (is_idle_) close();
  }
  void close() { stream_.close(); }

  // Since which of all waits it has had nothing to do; nothing: it has. One that never asked anything is about to.
  std::optional<std::uint64_t> idle_since() const {
    return is_idle_ && wait_ > 0 && buffer_.size() == 0 ? std::optional(wait_) : std::nullopt;
  }

 private:
  void read_header(DurationNs timeout) {
    parser_.emplace();
    parser_->header_limit(header_bytes_max);
    parser_->body_limit(server_.config.body_bytes_max);
    is_idle_ = true;
    stream_.expires_after(std::chrono::nanoseconds(timeout));
    http::async_read_header(stream_, buffer_, *parser_,
                            [self = shared_from_this()](error_code error, std::size_t) { self->on_header(error); });
  }

  void on_header(error_code error) {
    is_idle_ = false;
    if (error) return on_read_error(error);
    stream_.expires_after(std::chrono::nanoseconds(server_.config.request_timeout));
    if (beast::iequals(parser_->get()[http::field::expect], "100-continue")) return invite_body();
    read_body();
  }

  // The other side wants to know whether its body is welcome before it sends it.
  void invite_body() {
    invitation_.emplace(http::status::continue_, parser_->get().version());
    http::async_write(stream_, *invitation_, [self = shared_from_this()](error_code error, std::size_t) {
      if (!error) self->read_body();
    });
  }

  void read_body() {
    http::async_read(stream_, buffer_, *parser_, [self = shared_from_this()](error_code error, std::size_t) {
      if (error) return self->on_read_error(error);
      self->on_request();
    });
  }

  void on_read_error(error_code error) {
    if (error == beast::error::timeout) {
      server_.api.traffic().timeouts += 1;
      return close();
    }
    if (error == http::error::body_limit) return refuse(server_.api.refuse_body(server_.config.body_bytes_max));
    if (error == http::error::header_limit) {
      return refuse(error_answer(431, "the header may have up to " + std::to_string(header_bytes_max) + " bytes"));
    }
    const bool is_protocol_error = error.category() == http::make_error_code(http::error::bad_method).category() &&
                                   error != http::error::end_of_stream && error != http::error::partial_message;
    if (is_protocol_error) return refuse(error_answer(400, "not HTTP: " + error.message()));
    close();
  }

  void refuse(HttpAnswer answer) {
    lingers_ = true;
    write(std::move(answer), 11, false);
  }

  void on_request() {
    const auto& request = parser_->get();
    server_.api.traffic().bytes_received += request.body().size();
    const auto field = [&](http::field name) {
      const auto value = request[name];
      return std::string_view(value.data(), value.size());
    };
    const auto method = request.method_string();
    const auto target = request.target();
    auto answer = server_.api.handle({.method = {method.data(), method.size()},
                                      .target = {target.data(), target.size()},
                                      .content_type = field(http::field::content_type),
                                      .content_encoding = field(http::field::content_encoding),
                                      .body = request.body()});
    if (server_.api.failure()) server_.begin_draining();
    // The answer to HEAD would have to come without its body; it is a refusal, and the end of the connection.
    const bool is_head = request.method() == http::verb::head;
    write(std::move(answer), request.version(), request.keep_alive() && !is_head && !server_.is_draining);
  }

  void write(HttpAnswer answer, unsigned version, bool keep_alive) {
    server_.api.traffic().answers[answer.status] += 1;
    answer_.emplace(static_cast<http::status>(answer.status), version);
    answer_->set(http::field::content_type, answer.content_type);
    answer_->set(http::field::cache_control, "no-store");
    for (const auto& [name, value] : answer.headers) answer_->set(name, value);
    answer_->body() = std::move(answer.body);
    answer_->keep_alive(keep_alive);
    answer_->prepare_payload();
    stream_.expires_after(std::chrono::nanoseconds(server_.config.request_timeout));
    http::async_write(stream_, *answer_, [self = shared_from_this(), keep_alive](error_code error, std::size_t) {
      if (error) return self->close();
      if (self->parser_ && self->parser_->get().method() == http::verb::post) fault_point("collector.answer.after");
      if (keep_alive && !self->server_.is_draining) {
        self->wait_ = ++self->server_.waits;
        return self->read_header(self->server_.config.idle_timeout);
      }
      self->finish();
    });
  }

  void finish() {
    error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    if (!lingers_) return close();
    // Closing at once would reset the connection under a client that is still sending, and its answer would be lost.
    stream_.expires_after(linger_time);
    linger();
  }

  void linger() {
    thrown_away_.resize(linger_bytes);
    stream_.async_read_some(asio::buffer(thrown_away_), [self = shared_from_this()](error_code error, std::size_t) {
      if (error || self->server_.is_draining) return self->close();
      self->linger();
    });
  }

  ServerState& server_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_{header_bytes_max + (64u << 10)};
  std::optional<http::request_parser<Body>> parser_;
  std::optional<http::response<http::empty_body>> invitation_;
  std::optional<http::response<http::string_body>> answer_;
  std::vector<std::uint8_t> thrown_away_;
  std::uint64_t wait_ = 0;  // the number of its last one
  bool is_idle_ = false;
  bool lingers_ = false;
};

void ServerState::remove(Session* session) {
  sessions.erase(session);
  if (is_draining && sessions.empty()) drain_timer.cancel();
}

void ServerState::accept() {
  acceptor.async_accept([this](error_code error, tcp::socket socket) {
    if (is_draining || error == asio::error::operation_aborted) return;
    if (error) {
      // Out of descriptors, most likely: asking again at once would only burn time.
      spdlog::warn("accepting a connection: {}", error.message());
      accept_timer.expires_after(accept_pause);
      accept_timer.async_wait([this](error_code cancelled) {
        if (!cancelled) accept();
      });
      return;
    }
    take(std::move(socket));
    accept();
  });
}

// A node that keeps its connection between batches must not keep others out.
void ServerState::take(tcp::socket socket) {
  error_code ignored;
  const bool has_room = sessions.size() < config.connections_max || close_longest_idle();
  if (!has_room) api.traffic().connections_refused += 1;
  if (!has_room && sessions.size() >= 2 * config.connections_max) {
    socket.close(ignored);
    return;
  }
  socket.set_option(tcp::no_delay(true), ignored);
  const auto session = std::make_shared<Session>(*this, std::move(socket));
  if (has_room) {
    session->start();
  } else {
    session->turn_away();
  }
}

bool ServerState::close_longest_idle() {
  Session* longest = nullptr;
  for (Session* session : sessions) {
    if (session->idle_since() && (longest == nullptr || *session->idle_since() < *longest->idle_since())) longest = session;
  }
  if (longest == nullptr) return false;
  sessions.erase(longest);  // it goes as soon as its operation has heard of it
  longest->close();
  return true;
}

// Step by step while there is something to drop; what has arrived meanwhile is served between two steps.
void ServerState::keep() {
  if (is_draining) return;
  if (api.keep()) return asio::post(io, [this] { keep(); });
  if (api.failure()) return begin_draining();
  keep_timer.expires_after(keep_interval);
  keep_timer.async_wait([this](error_code cancelled) {
    if (!cancelled) keep();
  });
}

void ServerState::begin_draining() {
  if (std::exchange(is_draining, true)) return;
  api.begin_draining();
  error_code ignored;
  acceptor.close(ignored);
  accept_timer.cancel();
  keep_timer.cancel();
  stop_descriptor.cancel(ignored);
  if (sessions.empty()) return;
  spdlog::info("waiting for {} connections", sessions.size());
  drain_timer.expires_after(std::chrono::nanoseconds(config.drain_deadline));
  drain_timer.async_wait([this](error_code cancelled) {
    if (cancelled) return;
    spdlog::warn("closing {} connections that did not end in time", sessions.size());
    for (Session* session : std::set<Session*>(sessions)) session->close();
  });
  for (Session* session : std::set<Session*>(sessions)) session->close_if_idle();
}

Server::Server(std::unique_ptr<ServerState> state) : state_(std::move(state)) {}

Server::~Server() {
  // Sessions are held by their operations, and look at the state when they go.
  for (Session* session : std::set<Session*>(state_->sessions)) session->close();
  state_->is_draining = true;
  state_->io.restart();
  state_->io.poll();
}

Result<std::unique_ptr<Server>> Server::listen(const ServerConfig& config, Api& api) {
  const std::string doing = "listening on " + config.host + ":" + std::to_string(config.port);
  if (!is_loopback(config.host)) {
    return fail(Code::unsupported, doing, "not a loopback address, and connections are not encrypted");
  }
  error_code error;
  const auto address = asio::ip::make_address(config.host == "localhost" ? "127.0.0.1" : config.host, error);
  if (error) return fail(Code::invalid, doing, error.message());
  auto state = std::make_unique<ServerState>(config, api);
  const tcp::endpoint endpoint(address, static_cast<unsigned short>(config.port));
  tcp::acceptor& acceptor = state->acceptor;
  if (!error) acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(listen_backlog, error);
  if (error) return fail(Code::io, doing, error.message());
  state->port = acceptor.local_endpoint(error).port();
  if (error) return fail(Code::io, doing, error.message());
  state->accept();
  asio::post(state->io, [state = state.get()] { state->keep(); });
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

int Server::port() const { return state_->port; }

void Server::drain_when_readable(int descriptor) {
  const int own = ::dup(descriptor);
  STETHOS_CHECK(own >= 0, "no descriptor is left");
  state_->stop_descriptor.assign(own);
  state_->stop_descriptor.async_wait(asio::posix::stream_descriptor::wait_read, [state = state_.get()](error_code error) {
    if (!error) state->begin_draining();
  });
}

void Server::drain() {
  asio::post(state_->io, [state = state_.get()] { state->begin_draining(); });
}

void Server::run() { state_->io.run(); }

}  // namespace stethos::collector
