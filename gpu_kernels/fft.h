// The discrete Fourier transform in float64, for any length: the plain way. The oracle of faster ones, and the way out for
// lengths that they do not take.
#pragma once

#include <complex>
#include <vector>

namespace stethos::kernels {

// X_k = sum(x_j e^(-2 pi i j k / n)); with `inverse` the other sign in the exponent. Not scaled: both, one after the other, are
// n times what was there. By the factors of n (Cooley and Tukey 1965), large ones by convolution (Bluestein 1970).
std::vector<std::complex<double>> transform(const std::vector<std::complex<double>>& x, bool inverse = false);

}  // namespace stethos::kernels
