// A recording as the core takes it: decoded messages with their arrival times, a handful at a time. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "edge/ingest/decoder.h"
#include "recordings/named_recording.h"

namespace stethos::edge {

inline constexpr std::string_view own_kind = "stethos:";  // what our own recordings are called by

struct FedMessage {
  DecodedMessage decoded;
  TimeNs received_ns = 0;
  bool clock_untrusted = false;  // as in Message
};

class Feed {
 public:
  virtual ~Feed() = default;

  // Clears `out` and fills it; what its messages point to is good until the next call. False at the end. Do not call it again
  // after an error.
  virtual Result<bool> next(std::vector<FedMessage>& out) = 0;

  // Of what comes next; open_feed with it goes on there.
  virtual std::string position() const = 0;

  // Nothing but the end comes any more. Where it is gone on with there, what says so comes once more.
  virtual bool has_ended() const { return false; }

  virtual recordings::Recording::Progress progress() const = 0;

  // What a crash or a power cut left of the last messages, so far.
  virtual std::uint64_t bytes_left_out() const { return 0; }
};

struct FeedOptions {
  std::string recording;                 // stethos:FILE_OR_FOLDER, or what open_named takes
  std::string device;                    // of a recording that is not ours; empty: after its file or folder
  recordings::NamedOptions named;
  std::string position;                  // empty: the beginning
};

// Empty: `text` names a recording.
std::string objection_to_feed(const std::string& text);

Result<std::unique_ptr<Feed>> open_feed(const FeedOptions& options);

}  // namespace stethos::edge
