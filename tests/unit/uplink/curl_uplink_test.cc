#include "uplink/sender/curl_uplink.h"

#include <gtest/gtest.h>

namespace stethos::uplink {
namespace {

TEST(CurlUplink, OnlyPlainHttpToThisMachineIsTaken) {
  for (const auto* url : {"http://127.0.0.1:8090", "http://127.0.0.1:8090/", "http://localhost", "http://[::1]:1"}) {
    EXPECT_TRUE(check_uplink_url(url)) << url;
  }
  for (const auto* url :
       {"", "127.0.0.1:8090", "https://127.0.0.1:8090", "ftp://127.0.0.1/", "http://10.0.0.1:8090", "http://example.com",
        "http://127.0.0.1@example.com/", "http://user:word@127.0.0.1/", "http://127.0.0.1/v1", "http://127.0.0.1/?a=b",
        "http://127.0.0.1:99999", "file:///etc/hosts", "http://0.0.0.0:80", "http://localhost.example.com"}) {
    EXPECT_FALSE(check_uplink_url(url)) << url;
    EXPECT_FALSE(CurlUplink::create(url, ns_per_s)) << url;
  }
}

TEST(CurlUplink, NobodyThereIsWorthAnotherTry) {
  // The reserved port 1: nothing listens there.
  auto uplink = CurlUplink::create("http://127.0.0.1:1", 5 * ns_per_s);
  ASSERT_TRUE(uplink) << uplink.error().text();
  const std::vector<std::uint8_t> body{1, 2, 3};
  const auto answer = (*uplink)->post(body);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().failure, PostFailure::unreachable);
  EXPECT_FALSE(answer.error().error.failed.empty());
}

TEST(CurlUplink, AfterAnAbortNothingIsPosted) {
  auto uplink = CurlUplink::create("http://127.0.0.1:1", 5 * ns_per_s);
  ASSERT_TRUE(uplink);
  (*uplink)->abort();
  const std::vector<std::uint8_t> body{1, 2, 3};
  const auto answer = (*uplink)->post(body);
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().failure, PostFailure::refused);
}

}  // namespace
}  // namespace stethos::uplink
