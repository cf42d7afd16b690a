// Makes MATLAB MAT files of level 5, of either order of bytes, for tests.
#pragma once

#include <zlib.h>

#include <algorithm>
#include <bit>
#include <string>
#include <string_view>
#include <vector>

namespace stethos::recordings {

class MatMaker {
 public:
  explicit MatMaker(bool is_big_endian = false) : is_big_(is_big_endian) {}

  template <class Number>
  std::string number(Number value) const {
    std::string out(sizeof value, '\0');
    std::copy_n(reinterpret_cast<const char*>(&value), sizeof value, out.begin());
    if (is_big_) std::ranges::reverse(out);
    return out;
  }
  template <class Number>
  std::string numbers(const std::vector<Number>& values) const {
    std::string out;
    for (const Number value : values) out += number(value);
    return out;
  }

  std::string element(std::uint32_t type, const std::string& content) const {
    return number(type) + number(static_cast<std::uint32_t>(content.size())) + content +
           std::string((8 - content.size() % 8) % 8, '\0');
  }
  std::string small_element(std::uint32_t type, const std::string& content) const {
    return number(type | static_cast<std::uint32_t>(content.size()) << 16) + content + std::string(4 - content.size(), '\0');
  }

  // What every array begins with. 6 is the class of float64.
  std::string beginning(const std::string& name, std::uint32_t flags, const std::vector<std::int32_t>& dimensions) const {
    return element(6, number(flags) + number(std::uint32_t{0})) + element(5, numbers(dimensions)) +
           (name.size() > 4 || name.empty() ? element(1, name) : small_element(1, name));
  }
  std::string array_of(const std::string& name, const std::vector<std::int32_t>& dimensions, const std::string& data,
                       std::uint32_t flags = 6) const {
    return element(14, beginning(name, flags, dimensions) + data);
  }
  std::string vector_of(const std::string& name, const std::vector<double>& values) const {
    return array_of(name, {static_cast<std::int32_t>(values.size()), 1}, element(9, numbers(values)));
  }
  std::string cells_of(const std::string& name, const std::vector<std::string>& cells) const {
    std::string content;
    for (const std::string& cell : cells) content += cell;
    return element(14, beginning(name, 1, {static_cast<std::int32_t>(cells.size()), 1}) + content);
  }
  // `fields`: arrays without names, those of the first struct, then those of the next.
  std::string struct_of(const std::string& name, const std::vector<std::string>& names,
                        const std::vector<std::string>& fields) const {
    constexpr std::size_t name_bytes = 8;
    std::string all_names, content;
    for (const std::string& each : names) all_names += each + std::string(name_bytes - each.size(), '\0');
    for (const std::string& field : fields) content += field;
    const auto count = names.empty() ? 1 : static_cast<std::int32_t>(fields.size() / names.size());
    return element(14, beginning(name, 2, {1, count}) + small_element(5, number(std::uint32_t{name_bytes})) +
                           element(1, all_names) + content);
  }

  std::string deflated(const std::string& element_bytes) const {
    std::string out(::compressBound(element_bytes.size()), '\0');
    auto size = static_cast<uLongf>(out.size());
    ::compress(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(element_bytes.data()),
               element_bytes.size());
    out.resize(size);
    return out;
  }
  std::string compressed(const std::string& element_bytes) const { return compressed_bytes(deflated(element_bytes)); }
  std::string compressed_bytes(const std::string& bytes) const {
    return number(std::uint32_t{15}) + number(static_cast<std::uint32_t>(bytes.size())) + bytes;
  }

  std::string file_of(const std::string& elements, std::uint16_t version = 0x100) const {
    std::string text = "MATLAB 5.0 MAT-file";
    text.resize(124, ' ');
    return text + number(version) + (is_big_ ? "MI" : "IM") + elements;
  }

 private:
  bool is_big_;
};

}  // namespace stethos::recordings
