#include "edge/health/http_listener.h"

#include <civetweb.h>

#include <array>

namespace stethos::edge {

Result<std::unique_ptr<HttpListener>> HttpListener::start(const std::string& host, int port, Handler handler) {
  const std::string address = (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(port);
  const std::string doing = "listening on " + address;
  const char* options[] = {"listening_ports",
                           address.c_str(),
                           "num_threads",
                           "2",
                           "request_timeout_ms",
                           "5000",
                           "max_request_size",
                           "4096",
                           "enable_keep_alive",
                           "no",
                           nullptr};
  std::unique_ptr<HttpListener> listener(new HttpListener(std::move(handler)));
  // The handler is part of the start: one that is set afterwards lets civetweb answer the first requests itself, with 404.
  mg_callbacks callbacks{};
  callbacks.begin_request = &HttpListener::on_request;
  mg_init_library(0);
  listener->context_ = mg_start(&callbacks, listener.get(), options);
  if (listener->context_ == nullptr) return fail(Code::io, doing, "the address cannot be used");
  std::array<mg_server_port, 4> ports{};
  if (mg_get_server_ports(listener->context_, static_cast<int>(ports.size()), ports.data()) < 1) {
    return fail(Code::io, doing, "no port was opened");
  }
  listener->port_ = ports[0].port;
  return listener;
}

HttpListener::~HttpListener() {
  if (context_ != nullptr) mg_stop(context_);
}

int HttpListener::on_request(mg_connection* connection) {
  const mg_request_info* request = mg_get_request_info(connection);
  const auto* self = static_cast<const HttpListener*>(request->user_data);
  HttpAnswer answer;
  if (std::string_view(request->request_method) != "GET") {
    answer = {405, "text/plain; charset=utf-8", "only GET\n"};
  } else {
    answer = self->handler_(request->local_uri == nullptr ? "" : request->local_uri);
  }
  mg_printf(connection, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", answer.status,
            mg_get_response_code_text(connection, answer.status), answer.content_type.c_str(), answer.body.size());
  mg_write(connection, answer.body.data(), answer.body.size());
  return answer.status;
}

}  // namespace stethos::edge
