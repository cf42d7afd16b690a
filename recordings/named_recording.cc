#include "recordings/named_recording.h"

#include <string_view>
#include <utility>

#include "recordings/csv.h"
#include "recordings/cwru.h"
#include "recordings/femto.h"
#include "recordings/mat.h"
#include "recordings/nab.h"
#include "recordings/named_files.h"
#include "recordings/npy.h"
#include "recordings/raw.h"
#include "recordings/skab.h"
#include "recordings/wav.h"

namespace stethos::recordings {

std::string objection_to_recording(const std::string& text) {
  for (const std::string_view kind : {"csv:", "wav:", "mat:", "npy:", "f32:", "i16:", "cwru:", "femto:", "nab:", "skab:"}) {
    if (text.starts_with(kind) && text.size() > kind.size()) return "";
  }
  return "expected csv:FILE, wav:FILE, mat:FILE, npy:FILE, f32:FILE, i16:FILE, cwru:FILE.f32, femto:FOLDER, nab:FILE or "
         "skab:FILE";
}

Result<NamedRecording> open_named(const std::string& text, const NamedOptions& options) {
  constexpr DurationNs day_ns = 86'400 * ns_per_s;
  const std::size_t colon = text.find(':');
  const std::string kind = text.substr(0, colon);
  const std::string path = text.substr(colon + 1);
  const auto as_opened = [&text](auto recording) -> Result<NamedRecording> {
    if (!recording) return std::unexpected(recording.error());
    return NamedRecording{name_after(text), *std::move(recording)};
  };
  const FrameOptions frames{.rate_hz = options.rate_hz,
                            .start_ns = options.start_ns,
                            .block_samples = options.block_samples,
                            .channels = options.channels,
                            .quantity = options.quantity,
                            .unit = options.unit,
                            .scale = options.scale};
  if (kind == "csv") {
    return as_opened(open_csv(path, {.rate_hz = options.rate_hz,
                                     .start_ns = options.start_ns,
                                     .block_samples = options.block_samples,
                                     .delimiter = options.delimiter,
                                     .time_column = options.time_column,
                                     .time_unit_ns = options.time_unit_ns,
                                     .columns = options.columns,
                                     .channels = options.channels,
                                     .quantity = options.quantity,
                                     .unit = options.unit,
                                     .scale = options.scale}));
  }
  if (kind == "wav") return as_opened(open_wav(path, frames));
  if (kind == "mat") return as_opened(open_mat(path, options.columns, frames));
  if (kind == "npy") return as_opened(open_npy(path, frames));
  if (kind == "f32" || kind == "i16") {
    const NumberType type = kind == "f32" ? NumberType::f32 : NumberType::i16;
    return as_opened(open_raw(path, type, options.raw_channels, frames));
  }
  if (kind == "cwru") {
    return as_opened(open_cwru(path, {.start_ns = options.start_ns, .block_samples = options.block_samples}));
  }
  if (kind == "femto") return as_opened(open_femto(path, {.date_ns = options.start_ns / day_ns * day_ns}));
  if (kind == "nab" && options.channels.size() > 1) {
    return fail(Code::invalid, "opening " + text,
                "it has one channel, and " + std::to_string(options.channels.size()) + " names are given");
  }
  if (kind == "nab") {
    const std::string channel = options.channels.empty() ? "value" : options.channels.front();
    return as_opened(open_nab(path, {channel, options.quantity, options.unit}));
  }
  if (kind != "skab") return fail(Code::invalid, "opening " + text, objection_to_recording(text));
  return as_opened(open_skab(path));
}

}  // namespace stethos::recordings
