// A few rows are cut at once, then all their numbers are read together, once for each kind of vectors. All separators and the
// line feed of a row are found at once, as bits of a word: so no number waits for the end of the one before, the next row waits
// for nothing but this row's line feed, and nothing branches on signs and lengths, which are as good as random.
#include "recordings/snapshot_rows.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>

#ifndef STETHOS_RECORDINGS_SNAPSHOT_ROWS_ONCE
#define STETHOS_RECORDINGS_SNAPSHOT_ROWS_ONCE
namespace stethos::recordings {
namespace {

static_assert(std::endian::native == std::endian::little, "the first character is in the lowest byte");

// What stands behind the beginning of a row, with its line feed, is alike only if it fits.
constexpr std::size_t window_bytes = 32;
constexpr std::size_t group_rows = 32;
static_assert(AlikeRows::count_max % group_rows == 0);
// A row that begins in the last byte of the text, and a number that begins in the last byte of its window.
static_assert(snapshot_rows_padding_bytes >= sizeof RowForm::beginning + window_bytes + sizeof(std::uint64_t));

// Those of the stamps, then the horizontal ones, then the vertical ones. The value is `digits` / 10^(8 - point).
struct Numbers {
  static constexpr std::size_t lanes_max = 8;
  static constexpr std::size_t stamps = 0, horizontal = group_rows, vertical = 2 * group_rows, count = 3 * group_rows;

  std::array<std::uint64_t, count> text;    // the first eight characters
  std::array<std::uint64_t, count> length;  // in characters
  std::array<std::uint64_t, count> digits;
  std::array<std::uint64_t, count> before_point;  // ones in the bytes before the point
  std::array<std::uint64_t, count> sign;  // the highest bit
  std::array<std::uint64_t, count> odd;   // anything but 0: it is not of one to eight characters, or no number

  std::size_t point(std::size_t at) const { return static_cast<std::size_t>(std::countr_one(before_point[at])) / 8; }
};

// By `point`. All of them are exact in f64, as are the digits: one division rounds as the number itself would (Clinger).
constexpr std::array<double, 9> divisors{1e8, 1e7, 1e6, 1e5, 1e4, 1e3, 1e2, 1e1, 1e0};

constexpr std::array<std::uint64_t, 10> whole_powers_of_ten{1,       10,        100,        1'000,       10'000,
                                                            100'000, 1'000'000, 10'000'000, 100'000'000, 1'000'000'000};

std::uint64_t load(const char* text) {
  std::uint64_t bytes = 0;
  std::memcpy(&bytes, text, sizeof bytes);
  return bytes;
}

}  // namespace
}  // namespace stethos::recordings
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "recordings/snapshot_rows.cc"
#include <hwy/foreach_target.h>
// After it.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace stethos::recordings::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Where in the window a character is.
HWY_INLINE std::uint64_t places_of(const char* window, char character) {
  std::uint64_t out = 0;
#if HWY_TARGET == HWY_SCALAR
  constexpr std::uint64_t ones = 0x0101'0101'0101'0101;
  for (std::size_t at = 0; at < window_bytes; at += sizeof out) {
    const std::uint64_t others = load(window + at) ^ ones * static_cast<std::uint8_t>(character);
    const std::uint64_t places = ~(((others & 0x7f * ones) + 0x7f * ones) | others) & 0x80 * ones;
    out |= (places >> 7) * 0x0102'0408'1020'4080 >> 56 << at;  // the bits of the bytes together
  }
#else
  const hn::CappedTag<std::uint8_t, window_bytes> d;
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(window);
  const auto wanted = hn::Set(d, static_cast<std::uint8_t>(character));
  for (std::size_t at = 0; at < window_bytes; at += hn::Lanes(d)) {
    std::uint8_t stored[8] = {};
    hn::StoreMaskBits(d, hn::Eq(hn::LoadU(d, bytes + at), wanted), stored);
    std::uint32_t bits = 0;
    std::memcpy(&bits, stored, sizeof bits);
    out |= static_cast<std::uint64_t>(bits) << at;
  }
#endif
  return out;
}

// The texts of the numbers of up to group_rows rows, and where the rows end. Returns how many there are.
HWY_INLINE std::size_t cut_rows(const char* text, const RowForm& form, Numbers& numbers,
                                std::array<const char*, group_rows>& row_ends) {
  std::size_t count = 0;
  for (const char* at = text; count < group_rows; ++count) {
    if ((((load(at) ^ form.beginning[0]) & form.beginning_mask[0]) |
         ((load(at + sizeof(std::uint64_t)) ^ form.beginning[1]) & form.beginning_mask[1])) != 0) {
      break;
    }
    const char* const window = at + form.beginning_bytes;
    const std::uint64_t feeds = places_of(window, '\n');
    const std::uint64_t separators = places_of(window, form.separator) & (feeds ^ (feeds - 1));  // up to the first line feed
    const std::uint64_t second = separators & (separators - 1);
    if (feeds == 0 || second == 0) break;  // a third separator is no digit
    const auto feed = static_cast<std::size_t>(std::countr_zero(feeds));
    const auto first_end = static_cast<std::size_t>(std::countr_zero(separators));
    const auto second_end = static_cast<std::size_t>(std::countr_zero(second));
    const std::size_t third_end = feed - (window[feed - 1] == '\r' ? 1 : 0);
    if (first_end <= form.exponent_bytes) break;
    const std::size_t stamp_end = first_end - form.exponent_bytes;
    if (((load(window + stamp_end) ^ form.exponent) & form.exponent_mask) != 0) break;
    numbers.text[Numbers::stamps + count] = load(window);
    numbers.length[Numbers::stamps + count] = stamp_end;
    numbers.text[Numbers::horizontal + count] = load(window + first_end + 1);
    numbers.length[Numbers::horizontal + count] = second_end - first_end - 1;
    numbers.text[Numbers::vertical + count] = load(window + second_end + 1);
    numbers.length[Numbers::vertical + count] = third_end - second_end - 1;
    at = window + feed + 1;
    row_ends[count] = at;
  }
  return count;
}

using D = hn::CappedTag<std::uint64_t, Numbers::lanes_max>;
using V = hn::Vec<D>;

// Of the lower half of each.
HWY_INLINE V ten_thousand_times(V v) {
#if HWY_TARGET == HWY_SCALAR
  return hn::Set(D(), (hn::GetLane(v) & 0xffff'ffff) * 10'000);
#else
  const hn::Repartition<std::uint32_t, D> d32;
  return hn::MulEven(hn::BitCast(d32, v), hn::Set(d32, 10'000));
#endif
}

// A number a lane, and its bytes without vectors of bytes: not every kind has them.
HWY_INLINE void read_numbers(Numbers& numbers) {
  const D d;
  const auto every_byte = [](std::uint64_t byte) HWY_ATTR { return hn::Set(D(), byte * 0x0101'0101'0101'0101); };
  const V eight = hn::Set(d, 8), lowest_byte = hn::Set(d, 0xff), low_bits = every_byte(0x7f);
  for (std::size_t i = 0; i < Numbers::count; i += hn::Lanes(d)) {
    const V length = hn::LoadU(d, numbers.length.data() + i);
    // Digits become 0 to 9, everything else more.
    V bytes = hn::Xor(hn::LoadU(d, numbers.text.data() + i), every_byte('0'));
    // A sign becomes a zero.
    const V negative = hn::VecFromMask(d, hn::Eq(hn::And(bytes, lowest_byte), hn::Set(d, '-' ^ '0')));
    bytes = hn::AndNot(hn::And(negative, lowest_byte), bytes);
    // The number moves to the highest bytes, behind zeros. A length that is odd shifts by something.
    const V free = hn::Sub(eight, length);
    bytes = hn::Shl(bytes, hn::And(hn::ShiftLeft<3>(free), hn::Set(d, 63)));
    const V not_ascii = bytes;
    // The highest bit of each byte that is no point: up to 0x7f they do not carry.
    const V not_points = hn::Or(hn::Add(hn::Xor(bytes, every_byte('.' ^ '0')), low_bits), low_bits);
    // That of the first point, less one, when it is the lowest: all that comes before. Where there is no point it is everything.
    const V before =
        hn::Sub(hn::ShiftRight<7>(hn::AndNot(not_points, hn::Sub(not_points, hn::Set(d, ~std::uint64_t{0})))), hn::Set(d, 1));
    // The point is left out, which makes the digits ten times as many. Another one stays, and is no digit.
    bytes = hn::Or(hn::And(before, bytes), hn::AndNot(before, hn::ShiftRight<8>(bytes)));
    // One to eight characters, of which one at least is neither sign nor point; no byte of more than 9. Each of these sets a
    // bit above the lowest seven of some byte.
    const V characters = hn::Add(hn::Add(length, negative), hn::ShiftRight<63>(before));
    const V odd = hn::Or(hn::Or(hn::Sub(characters, hn::Set(d, 2)), free), hn::Or(hn::Add(bytes, every_byte(0x76)), not_ascii));
    // Neighbours together, three times.
    V digits = hn::Add(hn::Add(hn::ShiftLeft<3>(bytes), hn::ShiftLeft<1>(bytes)), hn::ShiftRight<8>(bytes));
    digits = hn::And(digits, hn::Set(d, 0x00ff'00ff'00ff'00ff));
    const V hundreds = hn::Add(hn::Add(hn::ShiftLeft<6>(digits), hn::ShiftLeft<5>(digits)), hn::ShiftLeft<2>(digits));
    digits = hn::And(hn::Add(hundreds, hn::ShiftRight<16>(digits)), hn::Set(d, 0x0000'ffff'0000'ffff));
    digits = hn::Add(ten_thousand_times(digits), hn::ShiftRight<32>(digits));
    hn::StoreU(digits, d, numbers.digits.data() + i);
    hn::StoreU(before, d, numbers.before_point.data() + i);
    hn::StoreU(hn::ShiftLeft<63>(negative), d, numbers.sign.data() + i);
    hn::StoreU(hn::AndNot(low_bits, odd), d, numbers.odd.data() + i);
  }
}

HWY_INLINE double value_of(const Numbers& numbers, std::size_t at) {
  const double size = static_cast<double>(static_cast<std::int32_t>(numbers.digits[at])) / divisors[numbers.point(at)];
  return std::bit_cast<double>(std::bit_cast<std::uint64_t>(size) | numbers.sign[at]);
}

void read_alike(std::string_view text, const RowForm& form, DurationNs first_ns, std::size_t index, AlikeRows& rows) {
  Numbers numbers;
  numbers.text.fill(0);
  numbers.length.fill(0);
  std::array<const char*, group_rows> row_ends;
  const char* at = text.data();
  rows.count = 0;
  std::size_t good = group_rows;
  while (good == group_rows && rows.count < AlikeRows::count_max) {
    const std::size_t cut = cut_rows(at, form, numbers, row_ends);
    read_numbers(numbers);
    for (good = 0; good < cut; ++good) {
      const std::size_t stamp = Numbers::stamps + good, horizontal = Numbers::horizontal + good,
                        vertical = Numbers::vertical + good;
      const std::uint64_t zeros = form.zeros + numbers.point(stamp) - 8;
      const std::uint64_t stamp_ns = numbers.digits[stamp] * whole_powers_of_ten[std::min<std::uint64_t>(zeros, 9)];
      const DurationNs off_ns = static_cast<DurationNs>(stamp_ns) - first_ns - snapshot_sample_ns(index + rows.count + good);
      const bool in_time = off_ns >= -snapshot_stamp_error_ns_max && off_ns <= snapshot_stamp_error_ns_max;
      const std::uint64_t odd = numbers.odd[stamp] | numbers.odd[horizontal] | numbers.odd[vertical] | numbers.sign[stamp];
      if (odd != 0 || zeros > 9 || stamp_ns > static_cast<std::uint64_t>(ns_per_s) || !in_time) break;
      rows.horizontal[rows.count + good] = value_of(numbers, horizontal);
      rows.vertical[rows.count + good] = value_of(numbers, vertical);
    }
    rows.count += good;
    if (good > 0) at = row_ends[good - 1];
  }
  rows.bytes = static_cast<std::size_t>(at - text.data());
}

}  // namespace stethos::recordings::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace stethos::recordings {
namespace {

HWY_EXPORT(read_alike);

}  // namespace

RowForm::RowForm(std::string_view beginning_text, std::string_view stamp, char separator_of_row) : separator(separator_of_row) {
  int power = 0;
  const std::string_view exponent_text = stamp.substr(std::min(stamp.find_first_of("eE"), stamp.size()));
  if (!exponent_text.empty()) {
    const char* const digits = exponent_text.data() + (exponent_text.substr(1).starts_with('+') ? 2 : 1);
    if (std::from_chars(digits, stamp.data() + stamp.size(), power).ec != std::errc{}) return;
  }
  if (beginning_text.size() > sizeof beginning || exponent_text.size() > sizeof exponent || power < -3 || power > 9) return;
  beginning_bytes = beginning_text.size();
  std::memcpy(beginning.data(), beginning_text.data(), beginning_bytes);
  std::memset(beginning_mask.data(), 0xff, beginning_bytes);
  exponent_bytes = exponent_text.size();
  std::memcpy(&exponent, exponent_text.data(), exponent_bytes);
  std::memset(&exponent_mask, 0xff, exponent_bytes);
  zeros = static_cast<unsigned>(3 + power);
}

void read_alike_rows(std::string_view text, const RowForm& form, DurationNs first_ns, std::size_t index, AlikeRows& rows) {
  rows.count = rows.bytes = 0;
  if (form.beginning_bytes > 0) HWY_DYNAMIC_DISPATCH(read_alike)(text, form, first_ns, index, rows);
}

}  // namespace stethos::recordings
#endif
