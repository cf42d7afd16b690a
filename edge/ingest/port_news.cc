#include "edge/ingest/port_news.h"

#include <utility>

#include "common/log.h"

namespace stethos::edge {

void PortNews::event(schema::EventKind kind, std::int64_t value, std::string detail) {
  schema::EventRowT event;
  event.kind = kind;
  event.value = value;
  event.detail = std::move(detail);
  const std::lock_guard lock(mutex_);
  events_.push_back(std::move(event));
}

void PortNews::error(std::string text) {
  const std::lock_guard lock(mutex_);
  if (text != last_error_) spdlog::warn("mqtt: {}", text);
  last_error_ = std::move(text);
}

std::vector<schema::EventRowT> PortNews::take_events() {
  const std::lock_guard lock(mutex_);
  return std::exchange(events_, {});
}

std::string PortNews::last_error() const {
  const std::lock_guard lock(mutex_);
  return last_error_;
}

}  // namespace stethos::edge
