// The seam to what the core has forgotten and is still on record: asked when a device or a channel comes that the core does not
// have. What is committed answers, and nothing else: each batch is committed before the next is taken. One thread.
#pragma once

#include <optional>
#include <string_view>

#include "common/result.h"
#include "edge/core/saved_state.h"
#include "edge/core/state.h"

namespace stethos::edge {

class Remembered {
 public:
  virtual ~Remembered() = default;

  // Nothing: none of this name is on record as forgotten. An error is one of the file, which must not be used on.
  virtual Result<std::optional<DeviceSequences>> forgotten_device(std::string_view device) = 0;
  // Without panes, identities and alarms: it has none.
  virtual Result<std::optional<Stream>> forgotten_stream(std::string_view device, std::string_view channel) = 0;
};

}  // namespace stethos::edge
