#include "common/loopback.h"

#include <gtest/gtest.h>

namespace stethos {
namespace {

TEST(Loopback, IsThisMachineAndNothingThatLooksLikeIt) {
  for (const auto* host : {"localhost", "127.0.0.1", "127.255.1.2", "::1", "[::1]"}) EXPECT_TRUE(is_loopback(host)) << host;
  for (const auto* host : {"", "0.0.0.0", "::", "128.0.0.1", "10.0.0.1", "127.0.0.1.example.com", "localhost.example.com",
                           "127.1", "[127.0.0.1", "::ffff:127.0.0.1", "fe80::1", "127.0.0.1 ", "LOCALHOST.", "[]"}) {
    EXPECT_FALSE(is_loopback(host)) << host;
  }
}

}  // namespace
}  // namespace stethos
