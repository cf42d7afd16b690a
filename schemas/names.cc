#include "schemas/names.h"

#include <algorithm>

#include "common/utf8.h"

namespace stethos::schema {

bool is_name(std::string_view text) {
  constexpr std::string_view refused = " \"'/+#\\";
  return !text.empty() && text.size() <= name_bytes_max &&
         std::ranges::all_of(text, [&](char c) { return c > 0x20 && c < 0x7f && refused.find(c) == std::string_view::npos; });
}

bool is_plant_name(std::string_view text) {
  return is_plain_text(text, name_bytes_max) && !text.empty() && text.front() != ' ' && text.back() != ' ';
}

}  // namespace stethos::schema
