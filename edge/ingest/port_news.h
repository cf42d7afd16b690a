// What a port has to tell: events for the collector, and its last error. Safe for use by several threads at once.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "schemas/rows_generated.h"

namespace stethos::edge {

class PortNews {
 public:
  void event(schema::EventKind kind, std::int64_t value, std::string detail);

  // Logged, unless it is the one before.
  void error(std::string text);

  // Those since they were taken last.
  std::vector<schema::EventRowT> take_events();
  std::string last_error() const;

 private:
  mutable std::mutex mutex_;
  std::vector<schema::EventRowT> events_;
  std::string last_error_;
};

}  // namespace stethos::edge
