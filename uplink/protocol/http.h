// How a batch travels: one POST a batch, the answer to it is the acknowledgement.
//
//   POST /v1/batches                                  200 OK
//   Content-Type: application/x-stethos-batch         Content-Type: application/x-stethos-ack
//   Content-Encoding: zstd                            (an UplinkAck and its CRC-32, not compressed)
//   (one zstd frame that holds an UplinkBatch)
//
// 408, 429 and 5xx mean: the same batch again later, not before Retry-After. Any other 4xx means: not this batch, ever.
#pragma once

#include <string_view>

namespace stethos::uplink {

inline constexpr std::string_view batches_path = "/v1/batches";
inline constexpr std::string_view batch_content_type = "application/x-stethos-batch";
inline constexpr std::string_view ack_content_type = "application/x-stethos-ack";
inline constexpr std::string_view batch_content_encoding = "zstd";

inline constexpr int status_ok = 200;

constexpr bool is_worth_retrying(int status) { return status == 408 || status == 429 || status >= 500; }
constexpr bool is_refusal(int status) { return status >= 400 && status < 500 && !is_worth_retrying(status); }

}  // namespace stethos::uplink
