// The uplink over HTTP, on libcurl: one connection kept alive, no redirects, no proxies, answers of bounded size. Only
// plain http to this machine's own loopback is allowed; the address is checked again once it is connected, before anything
// is sent.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "uplink/sender/uplink.h"

namespace stethos::uplink {

// "http://127.0.0.1:8090": scheme, host, port and nothing else. The error says what is wrong with any other.
Status check_uplink_url(const std::string& url);

class CurlUplink : public Uplink {
 public:
  // `timeout` is that of a whole request.
  static Result<std::unique_ptr<CurlUplink>> create(const std::string& url, DurationNs timeout);
  ~CurlUplink() override;

  PostResult post(std::span<const std::uint8_t> body) override;
  void abort() override { aborted_.store(true); }

 private:
  struct Handles;
  CurlUplink();

  std::unique_ptr<Handles> handles_;
  std::atomic<bool> aborted_ = false;
};

}  // namespace stethos::uplink
