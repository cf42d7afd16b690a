// Writes JSON text, one value after another; commas and escapes are its business. Numbers are in their shortest form that
// reads back as the same value; what JSON has no number for (NaN, infinities) is null; bytes that are not UTF-8 become
// U+FFFD.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace stethos::collector {

class JsonWriter {
 public:
  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);

  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(double number);
  JsonWriter& value(bool truth);
  template <std::integral Integer>
  JsonWriter& value(Integer number) {
    separate();
    out_ += std::to_string(number);
    return *this;
  }
  JsonWriter& null();

  template <class Value>
  JsonWriter& member(std::string_view name, const Value& of) {
    key(name);
    return value(of);
  }

  std::string take() { return std::move(out_); }

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  void separate();
  void quote(std::string_view text);

  std::string out_;
  bool needs_comma_ = false;
};

}  // namespace stethos::collector
