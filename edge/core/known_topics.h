// Which subscription takes a topic, looked up once and then remembered, within a bound of bytes. One thread.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "edge/config/edge_config.h"

namespace stethos::edge {

class KnownTopics {
 public:
  // Must outlive it.
  explicit KnownTopics(const EdgeConfig& config) : config_(config) {}

  // The index of the one subscription whose filter takes the topic; nothing: none does.
  std::optional<std::size_t> subscription_of(std::string_view topic);

  // Of what is remembered, with what each costs beside its name.
  std::size_t bytes() const { return bytes_; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };

  const EdgeConfig& config_;
  std::unordered_map<std::string, std::optional<std::size_t>, Hash, std::equal_to<>> topics_;
  std::size_t bytes_ = 0;
};

}  // namespace stethos::edge
