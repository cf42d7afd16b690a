// Every limit of the core that is no setting, in one place, and how they relate. A limit that is reached refuses, defers or
// forgets something, and each of these is counted: nothing grows beyond it and nothing goes unsaid.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/clock.h"

namespace stethos::edge {

// How many messages of QoS 1 a broker may have on the way to us (RECEIVE_MAXIMUM), and deliver again when it has not heard of
// them, whenever they were acknowledged: as many at least are on record. Mosquitto 2.0 sends more at the beginning of a
// connection, all that it has queued. It has 65,535 numbers for them: so many are remembered while the process lives, and put on
// record when it ends in order.
inline constexpr std::size_t on_the_way_max = 100;
inline constexpr std::size_t redeliveries_on_record_max = 100;
inline constexpr std::size_t redeliveries_remembered_max = 65'535;
static_assert(redeliveries_on_record_max >= on_the_way_max && redeliveries_remembered_max >= redeliveries_on_record_max);

// Copies that are expected by another filter of the session. A copy of an older message is counted as a message of its own.
inline constexpr std::size_t copies_expected_max = 2 * on_the_way_max;

// Sessions at brokers that are on record, and filters of one that have left it and by which what was queued may still come.
inline constexpr std::size_t sessions_max = 8;
inline constexpr std::size_t filters_left_max = 64;

// Sequences of a device. An epoch that would need more ranges waits: its messages are neither handled nor acknowledged, and the
// device sends them again. A message of an epoch older than those remembered cannot be told from a duplicate any more.
inline constexpr std::size_t ranges_per_epoch_max = 128;
inline constexpr std::size_t epochs_per_device_max = 4;

// So many deaths are on record of a message that is set aside. The death that made the process write them down came before.
inline constexpr std::uint64_t stops_max = 2;
inline constexpr std::size_t suspects_max = 100;  // beyond it the oldest is forgotten

// Identities of readings that are remembered, of a stream and of all together (about 100 bytes of memory and 50 in the spool
// each). Beyond it the oldest is forgotten: of the stream, or of the stream that has most.
inline constexpr std::size_t identities_per_stream_max = 100'000;
inline constexpr std::size_t identities_max = 250'000;
static_assert(identities_per_stream_max < identities_max, "one stream leaves room for others");

// Parts of a stream's event time that are kept. Beyond it the open windows of the oldest are sent as they are, for good.
inline constexpr std::size_t parts_per_stream_max = 8;

// Stretches of a stream's event time whose windows were sent for good before their end, of each definition.
inline constexpr std::size_t stretches_max = 4;

// Definitions that have left the configuration and are remembered, for they may come back (150 bytes of each stream that they
// took). Beyond it the windows of the one that left first are sent as they are, for good, and it is forgotten: if it came back it
// would begin windows anew that were sent.
inline constexpr std::size_t former_definitions_max = 16;

// Forgetting. For so long the node has to have listened, with a clock that is known to be right, before it forgets anything: this
// or this share of ingest.forget_after, whichever is less. So many streams and so many devices leave with one batch.
inline constexpr DurationNs listens_before_forgetting_ns = 3'600 * ns_per_s;
inline constexpr DurationNs listens_share = 10;
inline constexpr std::size_t forgotten_per_batch_max = 100;

// A clock that is known to be right and goes so far from the monotonic one at once was stepped.
inline constexpr DurationNs clock_step_max = 600 * ns_per_s;

// How far the node's clock and the collector's may be apart to be taken for right both.
inline constexpr DurationNs clock_difference_max = 60 * ns_per_s;

// Stamps: what they may be at most, and at least below zero, whoever's clock is right: windows of any length end before a number
// of nanoseconds does. The year 2255.
inline constexpr TimeNs stamp_ns_max = 9'000'000'000'000'000'000;

// Statistics of single blocks that a window keeps, each by its parameter. More than one configuration asks for; where a window
// stays open through many, those that are computed no longer leave, the oldest first, and its row has no values of them.
inline constexpr std::size_t features_per_pane_max = 256;

// Analysis blocks: fewer samples show nothing that is worth a row of statistics; and what is kept of the blocks of all streams
// until the next analysis block of each. Where there is no room a stream's blocks are not joined.
inline constexpr std::size_t analysis_samples_min = 256;
inline constexpr std::size_t kept_bytes_max = 256u << 20;
// More turns of a shaft than anybody records at once: half a minute at 100 turns a minute.
inline constexpr double turns_recorded_max = 50;

// Blocks: what an interval and the time from the first to the last sample may be.
inline constexpr double interval_ns_max = 86'400e9;
inline constexpr double block_duration_ns_max = 7.0 * 86'400 * ns_per_s;

// Dead letters: of the payloads that those of one batch keep, and of what each says of its reason and its topic. A letter whose
// topic was cut cannot be put through again.
inline constexpr std::size_t letter_bytes_per_batch_max = 8u << 20;
inline constexpr std::size_t letter_detail_bytes_max = 256;
inline constexpr std::size_t letter_topic_bytes_max = 1024;

// Topics whose subscription is remembered, in bytes; where there is no room for one more, all others are forgotten.
inline constexpr std::size_t topics_known_bytes_max = 16u << 20;

// Messages of a device that are remembered by what they say, to tell a copy from another message with the same number.
inline constexpr std::size_t contents_per_device_max = 64;

// Devices that one JSON document may speak of, since each may leave a letter and take a place; one of more is refused.
inline constexpr std::size_t devices_per_message_max = 1'000;

// Window rows that a batch may bring forth, reckoned from the windows that its samples may lie in, from its channels, and from
// streams that are declared complete (about 2.5 KB of memory each); and dead letters of it. Beyond either the rest of the batch
// waits for the next commit. One message may bring forth so much by itself, else it is refused. So many readings cost as much as
// a row.
inline constexpr std::size_t letters_per_batch_max = 10'000;
inline constexpr std::uint64_t rows_per_batch_max = 100'000;
inline constexpr std::uint64_t rows_per_message_max = 400'000;
static_assert(rows_per_batch_max <= rows_per_message_max, "a message that is taken alone may do more than a batch of many");
inline constexpr std::uint64_t readings_a_row = 16;

}  // namespace stethos::edge
