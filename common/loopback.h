// Which hosts are this machine itself: the only ones that may be reached, or listened on, without encryption. Pure.
#pragma once

#include <string_view>

namespace stethos {

// "localhost", 127.0.0.0/8, "::1" or "[::1]". A name is not looked up.
bool is_loopback(std::string_view host);

}  // namespace stethos
