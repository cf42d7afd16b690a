#include "recordings/mat_arrays.h"

#include <array>
#include <optional>
#include <string_view>

#include "common/printable.h"
#include "recordings/mat_elements.h"
#include "recordings/mat_inflate.h"

namespace stethos::recordings {
namespace {

constexpr std::size_t mat_header_bytes = 128;
constexpr std::size_t mat_dimensions_max = 32;
constexpr std::size_t mat_name_bytes_max = 255;
constexpr std::string_view hdf5_signature = "\x89HDF\r\n\x1a\n";

// Of arrays.
enum MatClass : std::uint8_t { mat_struct = 2, mat_numbers_first = 6, mat_numbers_last = 15 };
constexpr std::uint32_t mat_logical_flag = 0x200, mat_complex_flag = 0x800;

std::optional<NumberType> number_type_of(std::uint32_t type) {
  switch (type) {
    case mat_i8:
      return NumberType::i8;
    case mat_u8:
      return NumberType::u8;
    case mat_i16:
      return NumberType::i16;
    case mat_u16:
      return NumberType::u16;
    case mat_i32:
      return NumberType::i32;
    case mat_u32:
      return NumberType::u32;
    case mat_f32:
      return NumberType::f32;
    case mat_f64:
      return NumberType::f64;
    case mat_i64:
      return NumberType::i64;
    case mat_u64:
      return NumberType::u64;
    default:
      return std::nullopt;
  }
}

class MatFile {
 public:
  explicit MatFile(std::string path) : path_(std::move(path)) {}

  Result<std::vector<MatArray>> find_arrays() {
    auto bytes = open_binary_file(path_);
    if (!bytes) return std::unexpected(bytes.error());
    const auto is_big_endian = read_header(**bytes);
    if (!is_big_endian) return std::unexpected(is_big_endian.error());
    MatElements elements(*bytes, mat_header_bytes, (*bytes)->size(), *is_big_endian, "reading " + path_);
    while (!elements.is_empty()) {
      const auto element = elements.next();
      if (!element) return std::unexpected(element.error());
      if (auto read = read_variable(elements, *element); !read) return std::unexpected(read.error());
    }
    return std::move(arrays_);
  }

 private:
  // Whether its numbers are big-endian.
  Result<bool> read_header(const BinarySource& file) const {
    const std::string doing = "reading " + path_;
    constexpr std::array<std::uint64_t, 4> hdf5_places{0, 512, 1'024, 2'048};
    for (const std::uint64_t at : hdf5_places) {
      std::array<char, hdf5_signature.size()> signature{};
      if (file.read(at, signature.data(), signature.size()) &&
          std::string_view(signature.data(), signature.size()) == hdf5_signature) {
        return fail(
            Code::unsupported, doing,
            "it is HDF5, as MATLAB saves with -v7.3: the Python script \"HDF5 and MAT 7.3\" of docs/recordings.md makes a "
            ".npy file of it");
      }
    }
    std::array<char, mat_header_bytes> header{};
    if (!file.read(0, header.data(), header.size())) return fail(Code::corrupt, doing, "it is no MAT file: it has no header");
    const std::string_view order(header.data() + 126, 2);
    if (order != "IM" && order != "MI") {
      // Level 4 begins with a small number, whose bytes cannot all be text.
      const bool is_level_4 = std::string_view(header.data(), 4).find('\0') != std::string_view::npos;
      return is_level_4 ? fail(Code::unsupported, doing, "it is no MAT file of level 5; as one of level 4, save it anew with -v7")
                        : fail(Code::corrupt, doing, "it is no MAT file of level 5");
    }
    const bool is_big = order == "MI";
    const auto version = number_at<std::uint16_t>(header.data() + 124, is_big);
    if (version != 0x100) return fail(Code::unsupported, doing, "it is of version " + std::to_string(version) + ": 256 is read");
    return is_big;
  }

  Status read_variable(const MatElements& elements, const MatElement& element) {
    if (element.type == mat_matrix) return read_array(elements.within(element), "", 0);
    if (element.type != mat_compressed) {
      return elements.refuse(element.at, "an element of type " + std::to_string(element.type) + ", which is no variable");
    }
    auto inflated = inflate_mat_element(*elements.bytes(), element.begin, element.bytes, elements.is_big_endian(),
                                        mat_inflated_bytes_max - inflated_bytes_);
    if (!inflated) return elements.refuse(element.at, "a compressed variable: " + inflated.error());
    const std::size_t size = inflated->size();
    inflated_bytes_ += size;
    MatElements content(binary_in_memory(*std::move(inflated)), 0, size, elements.is_big_endian(),
                        "reading " + path_ + ", the compressed variable at byte " + std::to_string(element.at));
    const auto variable = content.next();
    if (!variable) return std::unexpected(variable.error());
    if (variable->type != mat_matrix) return content.refuse(0, "an element of type " + std::to_string(variable->type));
    return read_array(content.within(*variable), "", 0);
  }

  // `path`: of a field; empty: the array has a name of its own.
  Status read_array(MatElements elements, const std::string& path, std::size_t depth) {
    if (elements.is_empty()) return {};  // an empty array
    const auto flags = elements.next();
    if (!flags) return std::unexpected(flags.error());
    if (flags->type != mat_u32 || flags->bytes != 8) return elements.refuse(flags->at, "an array without flags");
    const auto flag_bytes = elements.content(*flags, 8);
    if (!flag_bytes) return std::unexpected(flag_bytes.error());
    const auto flag_bits = number_at<std::uint32_t>(flag_bytes->data(), elements.is_big_endian());
    const auto array_class = static_cast<std::uint8_t>(flag_bits & 0xff);
    const bool is_logical = (flag_bits & mat_logical_flag) != 0;
    const bool has_numbers = array_class >= mat_numbers_first && array_class <= mat_numbers_last && !is_logical;
    if (!has_numbers && array_class != mat_struct) return {};
    MatArray array;
    array.is_complex = (flag_bits & mat_complex_flag) != 0;
    array.format.is_big_endian = elements.is_big_endian();
    if (auto read = read_dimensions(elements, array); !read) return read;
    const auto name = read_text(elements, mat_name_bytes_max);
    if (!name) return std::unexpected(name.error());
    array.path = path.empty() ? *name : path;
    if (array.path.empty()) return {};  // of MATLAB's own, without a name
    return has_numbers ? read_numbers_of(elements, std::move(array)) : read_fields(elements, array, depth);
  }

  static Status read_dimensions(MatElements& elements, MatArray& array) {
    const auto element = elements.next();
    if (!element) return std::unexpected(element.error());
    if (element->type != mat_i32 || element->bytes % 4 != 0 || element->bytes < 8) {
      return elements.refuse(element->at, "an array without two dimensions");
    }
    const auto sizes = elements.content(*element, mat_dimensions_max * 4);
    if (!sizes) return std::unexpected(sizes.error());
    array.rows = array.columns = 1;
    std::uint64_t count = 1;
    for (std::size_t at = 0; at < sizes->size(); at += 4) {
      const auto size = number_at<std::int32_t>(sizes->data() + at, elements.is_big_endian());
      std::uint64_t& into = at == 0 ? array.rows : array.columns;
      if (size < 0 || __builtin_mul_overflow(into, static_cast<std::uint64_t>(size), &into)) {
        return elements.refuse(element->at, "a dimension of " + std::to_string(size));
      }
    }
    if (__builtin_mul_overflow(array.rows, array.columns, &count)) return elements.refuse(element->at, "dimensions without end");
    return {};
  }

  static Result<std::string> read_text(MatElements& elements, std::size_t bytes_max) {
    const auto element = elements.next();
    if (!element) return std::unexpected(element.error());
    if (element->type != mat_i8 && element->type != mat_u8 && element->type != mat_utf8) {
      return elements.refuse(element->at, "a name of type " + std::to_string(element->type));
    }
    return elements.content(*element, bytes_max);
  }

  Status read_numbers_of(MatElements& elements, MatArray array) {
    const auto element = elements.next();
    if (!element) return std::unexpected(element.error());
    const auto type = number_type_of(element->type);
    if (!type) return elements.refuse(element->at, "numbers of type " + std::to_string(element->type));
    array.format.type = *type;
    const std::uint64_t number_bytes = array.format.bytes();
    if (element->bytes % number_bytes != 0 || element->bytes / number_bytes != array.count()) {
      return elements.refuse(element->at, printable(array.path) + " has " + std::to_string(array.rows) + " x " +
                                              std::to_string(array.columns) + " numbers of " + std::to_string(number_bytes) +
                                              " bytes, in " + std::to_string(element->bytes) + " bytes");
    }
    if (arrays_.size() == mat_arrays_max)
      return elements.refuse(element->at, "more than " + std::to_string(mat_arrays_max) + " arrays");
    array.bytes = elements.bytes();
    array.begin = element->begin;
    arrays_.push_back(std::move(array));
    return {};
  }

  Status read_fields(MatElements& elements, const MatArray& structs, std::size_t depth) {
    const auto size_element = elements.next();
    if (!size_element) return std::unexpected(size_element.error());
    if (size_element->type != mat_i32 || size_element->bytes != 4)
      return elements.refuse(size_element->at, "fields without a size");
    const auto size_bytes = elements.content(*size_element, 4);
    if (!size_bytes) return std::unexpected(size_bytes.error());
    const auto name_bytes = static_cast<std::size_t>(number_at<std::uint32_t>(size_bytes->data(), elements.is_big_endian()));
    const auto names = read_text(elements, elements.left());
    if (!names) return std::unexpected(names.error());
    if (name_bytes == 0 || name_bytes > mat_name_bytes_max || names->size() % name_bytes != 0) {
      return elements.refuse(size_element->at, "fields whose names have " + std::to_string(name_bytes) + " bytes");
    }
    if (names->empty()) return {};
    if (depth == mat_depth_max) {
      return elements.refuse(size_element->at, "structs are in each other more than " + std::to_string(mat_depth_max) + " deep");
    }
    for (std::uint64_t i = 0; i < structs.count(); ++i) {
      const std::string of_struct = structs.path + (structs.count() == 1 ? "" : "(" + std::to_string(i + 1) + ")") + ".";
      for (std::size_t at = 0; at < names->size(); at += name_bytes) {
        const auto field = elements.next();
        if (!field) return std::unexpected(field.error());
        if (field->type != mat_matrix) return elements.refuse(field->at, "a field of type " + std::to_string(field->type));
        const std::string_view name(names->data() + at, name_bytes);
        const std::string field_path = of_struct + std::string(name.substr(0, name.find('\0')));
        if (auto read = read_array(elements.within(*field), field_path, depth + 1); !read) return read;
      }
    }
    return {};
  }

  std::string path_;
  std::vector<MatArray> arrays_;
  std::size_t inflated_bytes_ = 0;
};

}  // namespace

Result<std::vector<MatArray>> find_mat_arrays(const std::string& path) { return MatFile(path).find_arrays(); }

}  // namespace stethos::recordings
