#include "gpu_kernels/fft.h"

#include <array>
#include <bit>
#include <cstdint>
#include <map>
#include <numbers>

namespace stethos::kernels {
namespace {

using Complex = std::complex<double>;

constexpr std::size_t factor_max = 64;  // larger prime factors cost more than a convolution

// The powers of e^(-2 pi i / n). Those of the last few lengths are kept: the blocks of a stream are all of one.
const std::vector<Complex>& roots_of(std::size_t n) {
  constexpr std::size_t lengths_max = 4;
  thread_local std::map<std::size_t, std::vector<Complex>> known;
  if (known.size() >= lengths_max && !known.contains(n)) known.clear();
  std::vector<Complex>& roots = known[n];
  if (roots.size() == n) return roots;
  roots.clear();
  roots.reserve(n);
  for (std::size_t j = 0; j < n; ++j) {
    roots.push_back(std::polar(1.0, -2 * std::numbers::pi * static_cast<double>(j) / static_cast<double>(n)));
  }
  return roots;
}

std::size_t smallest_factor(std::size_t n) {
  for (std::size_t p = 2; p * p <= n; ++p) {
    if (n % p == 0) return p;
  }
  return n;
}

// `roots[j]` is the j-th power of the first root of unity of order roots.size().
void by_factors(const Complex* in, std::size_t stride, Complex* out, std::size_t n, const std::vector<Complex>& roots) {
  if (n == 1) {
    *out = *in;
    return;
  }
  const std::size_t p = smallest_factor(n);
  const std::size_t m = n / p;
  for (std::size_t r = 0; r < p; ++r) by_factors(in + r * stride, stride * p, out + r * m, m, roots);
  std::array<Complex, factor_max> parts;
  const std::size_t step = roots.size() / n;
  for (std::size_t k = 0; k < m; ++k) {
    for (std::size_t r = 0; r < p; ++r) parts[r] = out[r * m + k];
    for (std::size_t q = 0; q < p; ++q) {
      Complex sum = 0;
      for (std::size_t r = 0; r < p; ++r) sum += parts[r] * roots[r * (q * m + k) % n * step];
      out[q * m + k] = sum;
    }
  }
}

// jk = (j^2 + k^2 - (k - j)^2) / 2 makes a convolution of the transform.
std::vector<Complex> by_convolution(const std::vector<Complex>& x) {
  const std::size_t n = x.size();
  const std::size_t length = std::bit_ceil(2 * n - 1);
  std::vector<Complex> chirp(n);
  for (std::uint64_t j = 0; j < n; ++j) chirp[j] = roots_of(2 * n)[j * j % (2 * n)];
  std::vector<Complex> a(length);
  std::vector<Complex> b(length);
  for (std::size_t j = 0; j < n; ++j) {
    a[j] = x[j] * chirp[j];
    b[j] = std::conj(chirp[j]);
    if (j > 0) b[length - j] = b[j];
  }
  a = transform(a);
  b = transform(b);
  for (std::size_t j = 0; j < length; ++j) a[j] *= b[j];
  a = transform(a, true);
  for (std::size_t k = 0; k < n; ++k) chirp[k] *= a[k] / static_cast<double>(length);
  return chirp;
}

std::vector<Complex> conjugate(std::vector<Complex> x) {
  for (Complex& each : x) each = std::conj(each);
  return x;
}

}  // namespace

std::vector<Complex> transform(const std::vector<Complex>& x, bool inverse) {
  if (inverse) return conjugate(transform(conjugate(x)));
  const std::size_t n = x.size();
  if (n == 0) return {};
  std::size_t largest = 1;
  for (std::size_t rest = n; rest > 1; rest /= smallest_factor(rest)) largest = smallest_factor(rest);
  if (largest > factor_max) return by_convolution(x);
  std::vector<Complex> out(n);
  by_factors(x.data(), 1, out.data(), n, roots_of(n));
  return out;
}

}  // namespace stethos::kernels
