// A small GET listener on loopback, on civetweb: for health pages and metrics, nothing else.
//
// The handler is called on the listener's threads, several at once.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/result.h"

struct mg_context;
struct mg_connection;

namespace stethos::edge {

struct HttpAnswer {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

class HttpListener {
 public:
  // Gets the path, and answers; nothing known there: status 404.
  using Handler = std::function<HttpAnswer(std::string_view path)>;

  // Port 0: any free one.
  static Result<std::unique_ptr<HttpListener>> start(const std::string& host, int port, Handler handler);
  ~HttpListener();

  int port() const { return port_; }

 private:
  explicit HttpListener(Handler handler) : handler_(std::move(handler)) {}
  static int on_request(mg_connection* connection);

  const Handler handler_;
  mg_context* context_ = nullptr;
  int port_ = 0;
};

}  // namespace stethos::edge
