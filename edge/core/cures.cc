#include "edge/core/cures.h"

#include "common/result.h"

namespace stethos::edge {

std::string_view cure_of(Reason reason) {
  switch (reason) {
    case Reason::corrupt:
      return "compare its bytes with what the device sent; `format` must be what the device publishes";
    case Reason::too_large:
      return "let the device send less with one message; where its bytes are too many `ingest.message_bytes_max` may be raised";
    case Reason::unsupported:
      return "the device is newer than this edge: update the edge";
    case Reason::not_json:
      return "let the device send whole JSON, or say with `format` what it sends: `value` is one bare number, `f32` raw samples";
    case Reason::missing_field:
      return "compare the names in the subscription with those in the payload, letter by letter; what is no reading is left out "
             "by `ignore_payloads` or `ignore_other_documents`";
    case Reason::wrong_type:
      return "say what stands there: a number in quotes is `type = \"quoted_number\"`, ON and OFF are `\"boolean\"`, a time as "
             "text is `time_unit = \"iso8601\"`";
    case Reason::bad_name:
      return "rename it at its device, or in the configuration: for a channel `[[subscription.field]]` has `channel`";
    case Reason::device_differs:
      return "let the device publish to `stethos/v1/<its name>/batch` alone";
    case Reason::unknown_stream:
      return "add the channel to the point table, or set `points.required = false`";
    case Reason::unit_differs:
      return "let the point table say the quantity and unit that the device or the subscription says";
    case Reason::bad_sequence:
      return "mend the device: its epoch, sequence and lowest_held begin at 1, and lowest_held is at most the sequence";
    case Reason::epoch_too_old:
    case Reason::sequence_conflict:
      return "if another device took the place of this one, `stethos-edge spool admit` lets it in; no two may have one name";
    case Reason::empty:
      return "let the device leave out a field without values";
    case Reason::bad_times:
      return "give an array its sampling interval, by `interval_field`, `rate_field` or `interval`";
    case Reason::time_past:
      return "set the device's clock, and compare `time_unit` with what it counts; `time.earliest` is the bound";
    case Reason::time_future:
      return "set the device's clock, or this machine's; whole hours are a zone: name it by `time_zone`; far more is another "
             "`time_unit`; `time.future_max` is the bound";
    case Reason::bad_record:
      return "let each record be an object that names its device by `device_field`, or the document around them";
    case Reason::time_ambiguous:
      return "let the device write its time with a zone, or in UTC";
    case Reason::not_finite:
      return "look at the sensor and its line: it gives no number";
    case Reason::identity_conflict:
      return "let `identity` name what differs from reading to reading";
    case Reason::too_many_devices:
      return "raise `ingest.devices_max`, or find what makes up names of devices";
    case Reason::too_many_streams:
      return "raise `ingest.streams_max`, or find what makes up names of channels";
    case Reason::late:
      return "raise `time.lateness`, or let the device send sooner; a replay takes what was recorded";
    case Reason::stopped_the_process:
      return "report it, with its payload";
    case Reason::unknown_topic:
      return "add a `[[subscription]]` whose `topic` matches, and put the letters through again";
    case Reason::clock_untrusted:
      return "keep this machine's clock in step with a time server, or set `time.clock = \"trusted\"`";
    case Reason::crowded_out:
      return "let the device send less, or raise `ingest.queue_bytes_max`";
    case Reason::repeated_key:
      return "let the device write each field once";
    case Reason::past_deadline:
      return "raise `shutdown.deadline`, or let the subscription acknowledge `after_commit`";
    case Reason::count_:
      break;
  }
  STETHOS_CHECK(false, "a reason without a cure");
}

}  // namespace stethos::edge
