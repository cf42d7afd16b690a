// Where in a JSON document a field stands. A path is the name of a field at the top, whatever characters it has, or, where it
// begins with a slash, a JSON pointer (RFC 6901): "/data/0/value", with "~1" for a slash and "~0" for a tilde in a name.
#pragma once

#include <simdjson.h>

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "edge/core/rejection.h"

namespace stethos::edge {

class JsonPath {
 public:
  explicit JsonPath(std::string_view text);

  // Nothing: the document has no such field. Refused where an object on the way has the name twice: which of both is
  // meant nobody can say.
  std::expected<std::optional<simdjson::dom::element>, Rejection> find(simdjson::dom::element document) const;

  const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::vector<std::string> steps_;
};

}  // namespace stethos::edge
