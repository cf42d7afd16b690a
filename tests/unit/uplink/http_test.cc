#include "uplink/protocol/http.h"

#include <gtest/gtest.h>

namespace stethos::uplink {
namespace {

TEST(Http, OnlyThisMachineIsLoopback) {
  for (const auto* host : {"localhost", "127.0.0.1", "127.255.1.2", "::1", "[::1]"}) EXPECT_TRUE(is_loopback(host)) << host;
  for (const auto* host : {"", "0.0.0.0", "::", "128.0.0.1", "10.0.0.1", "127.0.0.1.example.com", "localhost.example.com",
                           "127.1", "[127.0.0.1", "::ffff:127.0.0.1", "fe80::1", "127.0.0.1 "}) {
    EXPECT_FALSE(is_loopback(host)) << host;
  }
}

TEST(Http, WhatIsWorthRetryingIsNoRefusal) {
  for (const int status : {400, 401, 403, 404, 405, 411, 413, 415, 422}) EXPECT_TRUE(is_refusal(status)) << status;
  for (const int status : {408, 429, 500, 502, 503, 507}) {
    EXPECT_TRUE(is_worth_retrying(status)) << status;
    EXPECT_FALSE(is_refusal(status)) << status;
  }
  EXPECT_FALSE(is_refusal(200));
  EXPECT_FALSE(is_refusal(302));
}

}  // namespace
}  // namespace stethos::uplink
