// JSON as devices write it: with a byte order mark or NULs around it, with a bare `nan`, or with a number that no machine type
// holds. None of that is JSON, and none of it says anything against the other values of the document. All else that is not JSON
// is refused, wherever in the document it stands: a document that was cut short may end in a number that is still a number.
#pragma once

#include <simdjson.h>

#include <expected>
#include <span>
#include <string>

#include "edge/core/rejection.h"

namespace stethos::edge {

class JsonText {
 public:
  // A number that is none, or that is beyond a double, is null. The document is good until the next call. One thread.
  std::expected<simdjson::dom::element, Rejection> parse(std::span<const std::uint8_t> payload);

 private:
  simdjson::dom::parser parser_;
  std::string rewritten_;
};

}  // namespace stethos::edge
