#include "recordings/mat_elements.h"

#include <array>

#include "recordings/numbers.h"

namespace stethos::recordings {

MatElements MatElements::within(const MatElement& element) const {
  return {bytes_, element.begin, element.begin + element.bytes, is_big_endian_, where_};
}

Result<MatElement> MatElements::next() {
  constexpr std::size_t tag_bytes = 8;
  MatElement out{.at = at_};
  std::array<char, tag_bytes> tag{};
  if (left() < tag_bytes || !bytes_->read(at_, tag.data(), tag_bytes)) return refuse(at_, "it is cut short");
  out.type = number_at<std::uint32_t>(tag.data(), is_big_endian_);
  if (out.type >> 16 != 0) {  // a small one, its content within the tag
    out.bytes = out.type >> 16;
    out.type &= 0xffff;
    out.begin = at_ + 4;
    if (out.bytes > 4) return refuse(at_, "a small element of " + std::to_string(out.bytes) + " bytes");
    at_ += tag_bytes;
    return out;
  }
  out.bytes = number_at<std::uint32_t>(tag.data() + 4, is_big_endian_);
  out.begin = at_ + tag_bytes;
  const std::uint64_t padded = out.type == mat_compressed ? out.bytes : (out.bytes + 7) / 8 * 8, there = left() - tag_bytes;
  if (padded > there) {
    return refuse(at_, "an element of " + std::to_string(out.bytes) + " bytes where " + std::to_string(there) + " are left");
  }
  at_ = out.begin + padded;
  return out;
}

Result<std::string> MatElements::content(const MatElement& element, std::size_t bytes_max) const {
  if (element.bytes > bytes_max) return refuse(element.at, "more than " + std::to_string(bytes_max) + " bytes");
  std::string out(element.bytes, '\0');
  if (!bytes_->read(element.begin, out.data(), out.size())) return refuse(element.at, "it ended early");
  return out;
}

std::unexpected<Error> MatElements::refuse(std::uint64_t at, const std::string& why) const {
  return fail(Code::corrupt, where_, "at byte " + std::to_string(at) + ": " + why);
}

}  // namespace stethos::recordings
