// The neurons of spikedu.functional over all time steps, forward and backward.
//
// Arrays are [steps][count]; consecutive steps of the current lie `stride` values apart
// (0: one image, shown again and again). The backward pass computes the membrane again
// from the current: nothing but the current has to be kept. Built without contraction of
// products and sums, so that each operation rounds as PyTorch's own does.

#include <cstdint>
#include <cstdlib>
#include <cstring>

struct Neuron {
    long steps, count, stride;
    float beta, gain, threshold;  // gain = 1 - beta
    int hard, threads;
};

namespace {

constexpr long LANES = 64;  // neurons side by side: a few vector registers

struct bfloat {
    uint16_t bits;
    operator float() const {
        uint32_t wide = uint32_t(bits) << 16;
        float found;
        std::memcpy(&found, &wide, 4);
        return found;
    }
    bfloat() = default;
    bfloat(float x) {  // to the nearest, ties to even; NaN stays NaN
        uint32_t wide;
        std::memcpy(&wide, &x, 4);
        uint32_t rounded = (wide + 0x7fff + ((wide >> 16) & 1)) >> 16;
        bits = (wide & 0x7fffffff) > 0x7f800000 ? 0x7fc0 : rounded;
    }
};

// exp(x) for -87 <= x <= 0 within 2 units in the last place (the polynomial of Cephes):
// the library's own would keep the loop from being a vector loop.
inline float exponential(float x) {
    float n = (x * 1.44269504f + 12582912.f) - 12582912.f;  // the nearest whole number
    float r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.f;
    uint32_t bits = uint32_t(int32_t(n) + 127) << 23;
    float power;
    std::memcpy(&power, &bits, 4);
    return p * power;
}

template <bool hard> inline float surrogate(float x) {
    if (!hard) {  // functional.atan
        x *= 3.14159265f;
        return 1.f / (1.f + x * x);
    }
    x = -4.f * (x < 0.f ? -x : x);  // functional.sigmoid
    float e = exponential(x < -87.f ? -87.f : x);
    return 4.f * e / ((1.f + e) * (1.f + e));
}

template <bool hard> inline float fires(float u, const Neuron &p) {
    return (hard ? u >= p.threshold : u > p.threshold) ? 1.f : 0.f;
}

template <bool hard> inline float step(float u, float current, const Neuron &p) {
    float s = fires<hard>(u, p);  // of the step before: at rest it is 0
    if (!hard) return (p.beta * u + current) - s * p.threshold;
    u = u * (1.f - s);
    return (current - u) * p.gain + u;
}

template <typename Real, bool hard>
void forward(const Real *current, Real *spikes, Real *membrane, const Neuron p) {
#pragma omp parallel for num_threads(p.threads) if (p.threads > 1)
    for (long start = 0; start < p.count; start += LANES) {
        const long n = p.count - start < LANES ? p.count - start : LANES;
        float u[LANES];
        for (long t = 0; t < p.steps; t++) {
            const Real *__restrict in = current + t * p.stride + start;
            Real *__restrict out = spikes + t * p.count + start;
            for (long j = 0; j < n; j++) {
                u[j] = step<hard>(t ? u[j] : 0.f, in[j], p);
                out[j] = fires<hard>(u[j], p);
            }
            if (!membrane) continue;
            out = membrane + t * p.count + start;
            for (long j = 0; j < n; j++) out[j] = u[j];
        }
    }
}

template <typename Real, bool hard>
void backward(const Real *current, const Real *from_spikes, const Real *from_membrane,
              Real *grad, const Neuron p) {
#pragma omp parallel num_threads(p.threads) if (p.threads > 1)
    {
        float *trace = static_cast<float *>(std::malloc(p.steps * LANES * 4));
#pragma omp for
        for (long start = 0; start < p.count; start += LANES) {
            const long n = p.count - start < LANES ? p.count - start : LANES;
            float g[LANES] = {};
            for (long t = 0; t < p.steps; t++) {
                const Real *__restrict in = current + t * p.stride + start;
                float *__restrict u = trace + t * LANES;
                for (long j = 0; j < n; j++)
                    u[j] = step<hard>(t ? u[j - LANES] : 0.f, in[j], p);
            }
            for (long t = p.steps - 1; t >= 0; t--) {
                const long at = t * p.count + start;
                const float *__restrict u = trace + t * LANES;
                for (long j = 0; j < n; j++)  // the reset itself carries no gradient
                    g[j] *= hard ? p.beta * (1.f - fires<hard>(u[j], p)) : p.beta;
                if (from_spikes)
                    for (long j = 0; j < n; j++)
                        g[j] += from_spikes[at + j] * surrogate<hard>(u[j] - p.threshold);
                if (from_membrane)
                    for (long j = 0; j < n; j++) g[j] += from_membrane[at + j];
                for (long j = 0; j < n; j++) grad[at + j] = hard ? g[j] * p.gain : g[j];
            }
        }
        std::free(trace);
    }
}

}  // namespace

#define EXPORT(NAME, Real)                                                             \
    extern "C" void forward_##NAME(const Real *current, Real *spikes, Real *membrane,  \
                                   const Neuron *p) {                                  \
        (p->hard ? forward<Real, true> : forward<Real, false>)(                        \
            current, spikes, membrane, *p);                                            \
    }                                                                                  \
    extern "C" void backward_##NAME(const Real *current, const Real *from_spikes,      \
                                    const Real *from_membrane, Real *grad,             \
                                    const Neuron *p) {                                 \
        (p->hard ? backward<Real, true> : backward<Real, false>)(                      \
            current, from_spikes, from_membrane, grad, *p);                            \
    }
EXPORT(float32, float)
EXPORT(bfloat16, bfloat)
