/* The selective scan for CPUs, forward and backward; see selective_scan.py for the meaning and the shapes.
 *
 * One call does one sequence of one direction. The innermost loops run over channels, so that the compiler turns
 * them into vector instructions. `states` and `decays` are scratch of (L, N, channels) floats for the backward pass.
 */
#include <math.h>
#include <string.h>

void scan_forward(long length, long channels, long n, const float *restrict u, const float *restrict delta,
                  const float *restrict A, const float *restrict B, const float *restrict C,
                  float *restrict state, float *restrict y) {
    memset(state, 0, sizeof(float) * n * channels);
    memset(y, 0, sizeof(float) * length * channels);
    for (long t = 0; t < length; t++) {
        const float *ut = u + t * channels, *dt = delta + t * channels;
        float *yt = y + t * channels;
        for (long k = 0; k < n; k++) {
            const float b = B[t * n + k], c = C[t * n + k], *a = A + k * channels;
            float *h = state + k * channels;
            for (long d = 0; d < channels; d++) {
                h[d] = expf(dt[d] * a[d]) * h[d] + dt[d] * ut[d] * b;
                yt[d] += c * h[d];
            }
        }
    }
}

/* Adds to A_gradient; writes the other gradients. */
void scan_backward(long length, long channels, long n, const float *restrict u, const float *restrict delta,
                   const float *restrict A, const float *restrict B, const float *restrict C,
                   const float *restrict y_gradient, float *restrict states, float *restrict decays,
                   float *restrict flow, float *restrict u_gradient, float *restrict delta_gradient,
                   float *restrict A_gradient, float *restrict B_gradient, float *restrict C_gradient) {
    const long size = n * channels;
    for (long t = 0; t < length; t++) {
        const float *ut = u + t * channels, *dt = delta + t * channels;
        for (long k = 0; k < n; k++) {
            const float b = B[t * n + k], *a = A + k * channels;
            float *h = states + t * size + k * channels, *e = decays + t * size + k * channels;
            for (long d = 0; d < channels; d++) e[d] = expf(dt[d] * a[d]);
            if (t == 0)
                for (long d = 0; d < channels; d++) h[d] = dt[d] * ut[d] * b;
            else
                for (long d = 0; d < channels; d++) h[d] = e[d] * h[d - size] + dt[d] * ut[d] * b;
        }
    }
    memset(flow, 0, sizeof(float) * size); /* the gradient of h_t that comes from the steps after t */
    memset(u_gradient, 0, sizeof(float) * length * channels);
    memset(delta_gradient, 0, sizeof(float) * length * channels);
    for (long t = length - 1; t >= 0; t--) {
        const float *ut = u + t * channels, *dt = delta + t * channels, *yt = y_gradient + t * channels;
        float *gu = u_gradient + t * channels, *gd = delta_gradient + t * channels;
        for (long k = 0; k < n; k++) {
            const float b = B[t * n + k], c = C[t * n + k], *a = A + k * channels;
            const float *h = states + t * size + k * channels, *e = decays + t * size + k * channels;
            float *f = flow + k * channels, *ga = A_gradient + k * channels;
            float gb = 0, gc = 0;
            for (long d = 0; d < channels; d++) {
                const float g = c * yt[d] + f[d];
                gc += yt[d] * h[d];
                gb += g * dt[d] * ut[d];
                gu[d] += g * b * dt[d];
                gd[d] += g * b * ut[d];
                f[d] = g * e[d];
            }
            if (t > 0)
                for (long d = 0; d < channels; d++) {
                    const float exponent = f[d] * h[d - size];
                    gd[d] += exponent * a[d];
                    ga[d] += exponent * dt[d];
                }
            B_gradient[t * n + k] = gb;
            C_gradient[t * n + k] = gc;
        }
    }
}
