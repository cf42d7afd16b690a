#include "uplink/collector/server.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "tests/unit/uplink/collector_fixture.h"
#include "uplink/protocol/compression.h"
#include "uplink/sender/curl_uplink.h"
#include "uplink/sender/sender.h"

namespace stethos::collector {
namespace {

using ::testing::HasSubstr;

constexpr int wait_ms = 20'000;

struct Response {
  long status = 0;
  std::string body;
  std::string headers;
};

std::size_t append(char* data, std::size_t size, std::size_t count, void* to) {
  static_cast<std::string*>(to)->append(data, size * count);
  return size * count;
}

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() {
    auto opened = Store::open(folder.file("store.db"), sqlite::Access::read_write, some_time);
    STETHOS_CHECK(opened.has_value(), "a store");
    store = std::move(*opened);
    api.emplace(*store, clock, batch_bytes_max);
  }
  ~ServerTest() override { stop(); }

  void start(ServerConfig config = {}) {
    config.port = 0;
    auto listening = Server::listen(config, *api);
    ASSERT_TRUE(listening) << listening.error().text();
    server = std::move(*listening);
    thread = std::thread([this] { server->run(); });
  }
  void stop() {
    if (!thread.joinable()) return;
    server->drain();
    thread.join();
  }
  std::string url(const std::string& target = "") const { return "http://127.0.0.1:" + std::to_string(server->port()) + target; }

  // `method` GET or POST with the headers given; one connection a call unless `easy` is kept.
  Response request(const std::string& target, const std::string* body = nullptr, const std::vector<std::string>& headers = {},
                   const char* method = nullptr) const {
    Response out;
    CURL* easy = curl_easy_init();
    curl_slist* list = nullptr;
    for (const auto& header : headers) list = curl_slist_append(list, header.c_str());
    curl_easy_setopt(easy, CURLOPT_URL, url(target).c_str());
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(wait_ms));
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &append);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &out.body);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &append);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &out.headers);
    if (body != nullptr) {
      curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body->data());
      curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body->size()));
    }
    if (method != nullptr) curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
    const CURLcode code = curl_easy_perform(easy);
    EXPECT_EQ(code, CURLE_OK) << curl_easy_strerror(code) << " " << target;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &out.status);
    curl_slist_free_all(list);
    curl_easy_cleanup(easy);
    return out;
  }

  Response post(const std::vector<std::uint8_t>& bytes) const {
    const std::string body(bytes.begin(), bytes.end());
    return request("/v1/batches", &body, {"Content-Type: application/x-stethos-batch", "Content-Encoding: zstd"});
  }

  static std::vector<std::uint8_t> good_batch() {
    auto batch = batch_of({{.lane = notes_lane, .rows = {sent(1, stream_row())}}, {.rows = {sent(1, WindowSketch{})}}});
    return uplink::compress(schema::pack(batch));
  }

  // After something bad, the next request must be served.
  void expect_alive() const {
    EXPECT_EQ(request("/livez").status, 200);
    EXPECT_EQ(post(good_batch()).status, 200);
  }

  static constexpr std::size_t batch_bytes_max = 1u << 20;
  TemporaryFolder folder;
  FixedClock clock;
  std::unique_ptr<Store> store;
  std::optional<Api> api;
  std::unique_ptr<Server> server;
  std::thread thread;
};

// A connection that says exactly what it is told.
class RawConnection {
 public:
  explicit RawConnection(int port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~RawConnection() { ::close(socket_); }
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  void send(std::string_view text) const {
    EXPECT_EQ(::send(socket_, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }
  // What comes first.
  std::string read_some() const {
    std::array<char, 4096> buffer{};
    const ssize_t count = ::recv(socket_, buffer.data(), buffer.size(), 0);
    return {buffer.data(), count > 0 ? static_cast<std::size_t>(count) : 0};
  }
  // Everything up to the end of the connection, or an error after the deadline.
  std::string read_to_end() const {
    std::string out;
    for (;;) {
      pollfd waiting{.fd = socket_, .events = POLLIN, .revents = 0};
      if (::poll(&waiting, 1, wait_ms) != 1) {
        ADD_FAILURE() << "the connection stays open";
        return out;
      }
      std::array<char, 4096> buffer{};
      const ssize_t count = ::recv(socket_, buffer.data(), buffer.size(), 0);
      if (count <= 0) return out;
      out.append(buffer.data(), static_cast<std::size_t>(count));
    }
  }

 private:
  int socket_;
};

TEST_F(ServerTest, ABatchGoesInAndComesOutOfEveryPath) {
  start();
  const auto posted = post(good_batch());
  ASSERT_EQ(posted.status, 200) << posted.body;
  EXPECT_THAT(posted.headers, HasSubstr("application/x-stethos-ack"));
  const auto answer = read_answer({reinterpret_cast<const std::uint8_t*>(posted.body.data()), posted.body.size()});
  EXPECT_EQ(answer.lanes.at(windows_lane).durable_through, 1U);
  EXPECT_THAT(request("/v1/nodes").body, HasSubstr("\"node\":\"gateway-1\""));
  EXPECT_THAT(request("/v1/streams?machine=Pump%201").body, HasSubstr("\"device\":\"pump-1\""));
  EXPECT_THAT(request("/v1/streams?machine=Pump+1").body, HasSubstr("\"device\":\"pump-1\""));
  const auto windows = request("/v1/windows?node=gateway-1&statistics=rms");
  EXPECT_EQ(windows.status, 200);
  EXPECT_THAT(windows.headers, HasSubstr("application/json"));
  EXPECT_THAT(windows.body, HasSubstr("acceleration.full.h.rms"));
  EXPECT_THAT(request("/v1/windows?format=csv").headers, HasSubstr("text/csv"));
  EXPECT_EQ(request("/v1/alarms?state=active").body, "{\"alarms\":[],\"next\":null}");
  EXPECT_THAT(request("/v1/alarms?format=csv").headers, HasSubstr("text/csv"));
  EXPECT_EQ(request("/v1/gaps").body, "{\"gaps\":[],\"next\":null}");
  EXPECT_EQ(request("/readyz").status, 200);
  const auto metrics = request("/metrics").body;
  EXPECT_THAT(metrics, HasSubstr("stethos_collector_batches_total 1"));
  EXPECT_THAT(metrics, HasSubstr("stethos_collector_rows_total{outcome=\"taken\"} 2"));
}

TEST_F(ServerTest, RequestsThatMakeNoSenseAreAnsweredAsSuch) {
  start();
  const std::string nothing;
  EXPECT_EQ(request("/").status, 404);
  EXPECT_EQ(request("/v1/windows/").status, 404);
  EXPECT_EQ(request("/v1/batches").status, 405);
  EXPECT_THAT(request("/v1/batches").headers, HasSubstr("Allow: POST"));
  EXPECT_EQ(request("/v1/windows", &nothing).status, 405);
  EXPECT_EQ(request("/v1/windows", nullptr, {}, "DELETE").status, 405);
  const auto unknown = request("/v1/windows?nodes=x");
  EXPECT_EQ(unknown.status, 400);
  EXPECT_THAT(unknown.body, HasSubstr("\"parameter\":\"nodes\""));
  EXPECT_EQ(request("/v1/windows?format=xml").status, 400);
  EXPECT_EQ(request("/v1/windows?format=csv&format=csv").status, 400);
  EXPECT_EQ(request("/v1/windows?format=csv&statistics=rms,quantile").status, 400);
  EXPECT_EQ(request("/v1/windows?format=csv&statistics=rms,quantile.p95").status, 200);
  EXPECT_EQ(request("/v1/windows?statistics=rms,quantile").status, 200);
  EXPECT_THAT(request("/v1/windows?device=%zz").body, HasSubstr("\"parameter\":\"device\""));
  EXPECT_EQ(request("/v1/windows?from=never").status, 400);
  EXPECT_EQ(request("/livez?verbose=1").status, 400);
  EXPECT_EQ(request("/v1/windows?device=" + std::string(2'000, 'x')).status, 400);
  expect_alive();
}

TEST_F(ServerTest, BatchesThatAreNoneAreRefusedAndCounted) {
  start();
  const std::string text = "hello";
  EXPECT_EQ(request("/v1/batches", &text).status, 415);
  EXPECT_EQ(request("/v1/batches", &text, {"Content-Type: application/x-stethos-batch"}).status, 415);
  EXPECT_EQ(post({}).status, 400);
  EXPECT_EQ(post({1, 2, 3, 4, 5, 6, 7, 8}).status, 400);
  EXPECT_EQ(post(uplink::compress(std::vector<std::uint8_t>(1'000, 7))).status, 400);
  auto cut = good_batch();
  cut.resize(cut.size() - 5);
  EXPECT_EQ(post(cut).status, 400);
  const auto metrics = request("/metrics").body;
  EXPECT_THAT(metrics, HasSubstr("stethos_collector_batches_refused_total{reason=\"content_type\"} 1"));
  EXPECT_THAT(metrics, HasSubstr("stethos_collector_batches_refused_total{reason=\"content_encoding\"} 1"));
  EXPECT_THAT(metrics, HasSubstr("stethos_collector_batches_refused_total{reason=\"compression\"} 3"));
  EXPECT_THAT(metrics, HasSubstr("stethos_collector_batches_refused_total{reason=\"batch\"} 1"));
  EXPECT_THAT(metrics, HasSubstr("stethos_collector_batches_total 0"));
  expect_alive();
}

TEST_F(ServerTest, ADecompressionBombIsRefused) {
  start();
  const auto bomb = uplink::compress(std::vector<std::uint8_t>(200u << 20));
  ASSERT_LT(bomb.size(), 100'000U);
  const auto answer = post(bomb);
  EXPECT_EQ(answer.status, 413);
  EXPECT_THAT(answer.body, HasSubstr("at most 1048576"));
  EXPECT_THAT(request("/metrics").body, HasSubstr("stethos_collector_batches_refused_total{reason=\"decompressed_size\"} 1"));
  expect_alive();
}

TEST_F(ServerTest, ABodyOf100MegabytesIsRefusedAndItsSenderIsTold) {
  start({.body_bytes_max = 1u << 20});
  const std::string body(100u << 20, 'x');
  // Asking first, as curl does with large bodies, and not asking.
  for (const std::string expect : {"Expect: 100-continue", "Expect:"}) {
    EXPECT_EQ(
        request("/v1/batches", &body, {"Content-Type: application/x-stethos-batch", "Content-Encoding: zstd", expect}).status,
        413);
  }
  // Without saying beforehand how much will come.
  EXPECT_EQ(request("/v1/batches", &body, {"Transfer-Encoding: chunked", "Content-Encoding: zstd", "Expect:"}).status, 413);
  EXPECT_THAT(request("/metrics").body, HasSubstr("stethos_collector_batches_refused_total{reason=\"body_size\"} 3"));
  expect_alive();
}

TEST_F(ServerTest, AClientThatAsksFirstIsInvited) {
  start();
  const auto bytes = good_batch();
  const std::string body(bytes.begin(), bytes.end());
  RawConnection connection(server->port());
  connection.send(
      "POST /v1/batches HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-stethos-batch\r\nContent-Encoding: zstd\r\n"
      "Content-Length: " +
      std::to_string(body.size()) + "\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n");
  connection.send(body);
  const auto answer = connection.read_to_end();
  EXPECT_THAT(answer, ::testing::StartsWith("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"));
}

TEST_F(ServerTest, WhatIsNotHttpIsRefused) {
  start();
  for (const std::string text : {"hello\r\n\r\n", "GET\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 not TLS\r\n\r\n",
                                 "GET / HTTP/1.1\r\nbroken header\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
                                 "POST /v1/batches HTTP/1.1\r\nContent-Length: -1\r\n\r\n"}) {
    RawConnection connection(server->port());
    connection.send(text);
    EXPECT_THAT(connection.read_to_end(), ::testing::StartsWith("HTTP/1.1 400")) << text;
  }
  RawConnection connection(server->port());
  connection.send("GET / HTTP/1.1\r\nX: " + std::string(9'000, 'x') + "\r\n\r\n");
  EXPECT_THAT(connection.read_to_end(), ::testing::StartsWith("HTTP/1.1 431"));
  expect_alive();
}

TEST_F(ServerTest, ASlowHeaderEndsTheConnection) {
  start({.header_timeout = 50 * ns_per_ms});
  RawConnection connection(server->port());
  connection.send("GET /livez HT");
  EXPECT_EQ(connection.read_to_end(), "");
  EXPECT_THAT(request("/metrics").body, HasSubstr("stethos_collector_http_timeouts_total 1"));
}

TEST_F(ServerTest, ASlowBodyEndsTheConnection) {
  start({.request_timeout = 50 * ns_per_ms});
  RawConnection connection(server->port());
  connection.send("POST /v1/batches HTTP/1.1\r\nContent-Length: 100\r\n\r\nabc");
  EXPECT_EQ(connection.read_to_end(), "");
}

TEST_F(ServerTest, AConnectionServesManyRequestsAndAnIdleOneIsClosed) {
  start({.idle_timeout = 50 * ns_per_ms});
  RawConnection connection(server->port());
  connection.send("GET /livez HTTP/1.1\r\nHost: x\r\n\r\nGET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto answer = connection.read_to_end();
  const auto second = answer.find("HTTP/1.1 200", 1);
  EXPECT_NE(second, std::string::npos);
}

TEST_F(ServerTest, WhereAllAreBusyAConnectionIsTurnedAwayAndToldWhenToComeBack) {
  start({.connections_max = 1});
  const RawConnection busy(server->port());
  busy.send("GET /livez HTTP/1.1\r\nHost: x\r\n\r\nGET /liv");
  const RawConnection second(server->port());
  const auto answer = second.read_to_end();
  EXPECT_THAT(answer, ::testing::StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(answer, HasSubstr("Retry-After: 2"));
}

TEST_F(ServerTest, AnIdleConnectionMakesRoomForAnother) {
  start({.connections_max = 1});
  const RawConnection idle(server->port());
  idle.send("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(idle.read_some(), ::testing::StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(request("/livez").status, 200);
  EXPECT_EQ(idle.read_to_end(), "");
}

TEST_F(ServerTest, DrainingClosesIdleConnectionsAndEnds) {
  start({.drain_deadline = 3'600 * ns_per_s});
  const RawConnection idle(server->port());
  ASSERT_EQ(request("/livez").status, 200);
  stop();
  EXPECT_EQ(idle.read_to_end(), "");
  EXPECT_EQ(api->handle({.method = "GET", .target = "/readyz", .content_type = {}, .content_encoding = {}, .body = {}}).status,
            503);
  EXPECT_EQ(api->handle({.method = "GET", .target = "/livez", .content_type = {}, .content_encoding = {}, .body = {}}).status,
            200);
}

TEST_F(ServerTest, DrainingWaitsForARequestOnlyUntilItsDeadline) {
  start({.drain_deadline = 20 * ns_per_ms});
  const RawConnection slow(server->port());
  slow.send("POST /v1/batches HTTP/1.1\r\nContent-Length: 100\r\n\r\nabc");
  ASSERT_EQ(request("/livez").status, 200) << "by now the slow one has been read";
  stop();
  EXPECT_EQ(slow.read_to_end(), "");
}

TEST_F(ServerTest, AStoreThatFailsStopsTheServer) {
  start();
  ASSERT_EQ(post(good_batch()).status, 200);
  // A second connection takes the table away.
  {
    auto other = sqlite::Database::open(folder.file("store.db"), sqlite::Access::read_write);
    ASSERT_TRUE(other);
    ASSERT_TRUE(other->execute("DROP TABLE windows"));
  }
  auto batch = batch_of({{.rows = {sent(2, WindowSketch{.channel = "b"})}}});
  EXPECT_EQ(post(uplink::compress(schema::pack(batch))).status, 503);
  thread.join();
  EXPECT_TRUE(api->failure().has_value());
}

TEST_F(ServerTest, ARecordThatCannotBeReadIsNoReasonToStop) {
  start();
  ASSERT_EQ(post(good_batch()).status, 200);
  {
    auto other = sqlite::Database::open(folder.file("store.db"), sqlite::Access::read_write);
    ASSERT_TRUE(other);
    ASSERT_TRUE(other->execute("UPDATE windows SET body = x'00'"));
  }
  EXPECT_EQ(request("/v1/windows").status, 500);
  EXPECT_EQ(request("/readyz").status, 200);
  expect_alive();
}

TEST_F(ServerTest, OnlyLoopbackIsListenedOn) {
  for (const auto* host : {"0.0.0.0", "::", "10.0.0.1", "example.com", ""}) {
    const auto listening = Server::listen({.host = host}, *api);
    ASSERT_FALSE(listening) << host;
  }
  start();
  const auto taken = Server::listen({.port = server->port()}, *api);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, Code::io);
}

// An outbox of many windows, for the whole way: sender, curl, server, store.
class WindowOutbox : public uplink::OutboxSource {
 public:
  explicit WindowOutbox(std::uint64_t count) : next_(count + 1) {}
  std::string spool_identity() const override { return spool_a; }
  TimeNs offered_until() const override { return some_time; }
  Result<std::vector<uplink::OutboxLane>> waiting(uplink::SendOrder, std::size_t rows_max, std::size_t) override {
    uplink::OutboxLane lane;
    lane.lane = schema::Lane::windows;
    lane.lowest_kept = lowest_;
    lane.next_number = next_;
    lane.rows_waiting = left();
    for (std::uint64_t number = lowest_; number < next_ && lane.rows.size() < rows_max; ++number) {
      auto row = sent(number, WindowSketch{.channel = "c" + std::to_string(number % 50),
                                           .start = some_time + static_cast<TimeNs>(number / 50) * ns_per_s});
      lane.rows.push_back({number, row.kind, std::move(row.body)});
    }
    return std::vector{std::move(lane)};
  }
  Result<uplink::RowsAgain> again(schema::Lane, const uplink::WantedRows&, std::size_t, std::size_t) override { return {}; }
  Result<bool> answered(std::span<const uplink::LaneAnswer> answers) override {
    for (const auto& answer : answers) lowest_ = std::max(lowest_, answer.durable_through + 1);
    return false;
  }
  std::uint64_t left() const { return next_ - lowest_; }

 private:
  std::uint64_t lowest_ = 1;
  std::uint64_t next_;
};

// Many more nodes than connections, all with a backlog, all keeping their connection between batches.
TEST_F(ServerTest, ManyNodesDrainAtOnceAndNoneStarves) {
  constexpr int nodes = 200;
  constexpr std::uint64_t rows = 100;
  start({.connections_max = 16});
  std::atomic<int> drained = 0;
  std::vector<std::thread> threads;
  for (int node = 0; node < nodes; ++node) {
    threads.emplace_back([&, node] {
      WindowOutbox outbox(rows);
      uplink::SenderConfig config;
      config.node = "gateway-" + std::to_string(node);
      config.rows_max = 20;
      config.backoff_min = ns_per_ms;
      config.backoff_max = 20 * ns_per_ms;
      config.jitter_seed = static_cast<std::uint64_t>(node);
      auto link = uplink::CurlUplink::create(url(), 20 * ns_per_s);
      FixedClock time;  // waits cost nothing
      uplink::Sender sender(config, outbox, **link, time);
      for (int tries = 0; tries < 10'000 && outbox.left() > 0; ++tries) time.time += sender.step();
      if (outbox.left() == 0) ++drained;
    });
  }
  for (auto& each : threads) each.join();
  EXPECT_EQ(drained, nodes);
  EXPECT_THAT(request("/metrics").body, HasSubstr("rows_total{outcome=\"taken\"} " + std::to_string(nodes * rows)));
}

TEST_F(ServerTest, ASenderDrainsItsBacklogAcrossARestartOfTheServer) {
  start();
  WindowOutbox outbox(5'000);
  uplink::SenderConfig config;
  config.node = "gateway-1";
  config.rows_max = 500;
  config.backoff_min = config.backoff_max = 1;
  auto link = uplink::CurlUplink::create(url(), 20 * ns_per_s);
  ASSERT_TRUE(link);
  uplink::Sender sender(config, outbox, **link, system_clock());
  for (int batches = 0; batches < 1 + 4; ++batches) sender.step();  // the first has no rows
  ASSERT_EQ(outbox.left(), 3'000U);

  const int port = server->port();
  stop();
  server.reset();
  sender.step();
  EXPECT_EQ(sender.status().failures_unreachable, 1U);
  EXPECT_EQ(outbox.left(), 3'000U);

  auto listening = Server::listen({.port = port}, *api);
  ASSERT_TRUE(listening) << listening.error().text();
  server = std::move(*listening);
  thread = std::thread([this] { server->run(); });
  for (int rounds = 0; rounds < 100 && outbox.left() > 0; ++rounds) sender.step();
  EXPECT_EQ(outbox.left(), 0U);
  EXPECT_EQ(sender.status().rows, 5'000U);
  EXPECT_TRUE(sender.status().last_error.empty());
  stop();
  Query query(*store);
  EXPECT_EQ(query.counters()->at("windows"), 5'000);
  EXPECT_EQ(query.counters()->at("rows_duplicate"), 0);
}

TEST_F(ServerTest, ABudgetHoldsHoweverFastBatchesCome) {
  constexpr std::int64_t bytes_max = 1 << 20;
  Budgets budgets;
  budgets.windows.bytes_max = bytes_max;
  api.emplace(*store, clock, batch_bytes_max, budgets);
  const auto held = [](const std::string& metrics) {
    const std::string name = "stethos_collector_tier_bytes{tier=\"windows\"} ";
    return std::stod(metrics.substr(metrics.find(name) + name.size()));
  };
  std::uint64_t number = 1;
  for (int i = 0; i < 20; ++i) {
    std::vector<SentRow> rows;
    for (int row = 0; row < 800; ++row, ++number) {
      rows.push_back(sent(number, WindowSketch{.start = some_time + static_cast<TimeNs>(number) * ns_per_s}));
    }
    auto batch = batch_of({{.rows = std::move(rows)}});
    const auto body = uplink::compress(schema::pack(batch));
    const auto answer = api->handle({.method = "POST",
                                     .target = "/v1/batches",
                                     .content_type = "application/x-stethos-batch",
                                     .content_encoding = "zstd",
                                     .body = body});
    ASSERT_EQ(answer.status, 200) << answer.body;
    const auto metrics =
        api->handle({.method = "GET", .target = "/metrics", .content_type = {}, .content_encoding = {}, .body = {}}).body;
    ASSERT_LT(held(metrics), 3.0 * bytes_max);
  }
  start();  // and what is left goes by itself
  bool is_kept = false;
  for (int i = 0; i < 200 && !is_kept; ++i) {
    is_kept = held(request("/metrics").body) <= bytes_max;
    if (!is_kept) ::poll(nullptr, 0, 100);
  }
  EXPECT_TRUE(is_kept);
  EXPECT_THAT(request("/v1/hours?limit=1").body, HasSubstr("\"length_ns\":3600000000000"));
}

}  // namespace
}  // namespace stethos::collector
