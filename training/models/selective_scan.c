/* The selective scan for CPUs, forward and backward; see selective_scan.py for the meaning and the shapes.
 *
 * One call does one sequence of one direction. The innermost loops run over channels, so that the compiler turns them
 * into vector instructions. Going backward needs every state of the sequence: they are made again segment by segment
 * from the states at the segments' beginnings, so that they stay in the processor's cache.
 */
#include <math.h>
#include <string.h>

#define SEGMENT 64

static void time_steps(long channels, const float *restrict raw, const float *restrict bias, float *restrict delta) {
    for (long d = 0; d < channels; d++) {
        const float x = raw[d] + bias[d];
        delta[d] = fmaxf(x, 0.0f) + log1pf(expf(-fabsf(x))); /* softplus */
    }
}

/* scratch: (N + 1) * channels floats. */
void scan_forward(long length, long channels, long n, const float *restrict u, const float *restrict raw,
                  const float *restrict bias, const float *restrict A, const float *restrict B,
                  const float *restrict C, const float *restrict D, float *restrict scratch, float *restrict y) {
    float *state = scratch, *delta = scratch + n * channels;
    memset(state, 0, sizeof(float) * n * channels);
    for (long t = 0; t < length; t++) {
        const float *ut = u + t * channels;
        float *yt = y + t * channels;
        time_steps(channels, raw + t * channels, bias, delta);
        for (long d = 0; d < channels; d++) yt[d] = D[d] * ut[d];
        for (long k = 0; k < n; k++) {
            const float b = B[t * n + k], c = C[t * n + k], *a = A + k * channels;
            float *h = state + k * channels;
            for (long d = 0; d < channels; d++) {
                h[d] = expf(delta[d] * a[d]) * h[d] + delta[d] * ut[d] * b;
                yt[d] += c * h[d];
            }
        }
    }
}

/* Makes the states and decays after each of `steps` steps; states[0] is the state before the first of them. */
static void segment_states(long steps, long channels, long n, const float *restrict u, const float *restrict raw,
                           const float *restrict bias, const float *restrict A, const float *restrict B,
                           float *restrict delta, float *restrict decays, float *restrict states) {
    const long size = n * channels;
    for (long t = 0; t < steps; t++) {
        const float *ut = u + t * channels;
        float *dt = delta + t * channels;
        time_steps(channels, raw + t * channels, bias, dt);
        for (long k = 0; k < n; k++) {
            const float b = B[t * n + k], *a = A + k * channels, *before = states + t * size + k * channels;
            float *after = states + (t + 1) * size + k * channels, *e = decays + t * size + k * channels;
            for (long d = 0; d < channels; d++) {
                e[d] = expf(dt[d] * a[d]);
                after[d] = e[d] * before[d] + dt[d] * ut[d] * b;
            }
        }
    }
}

/* Adds to the gradients of bias, A and D; writes those of u, raw, B and C.
 * scratch: ((segments + 2 * SEGMENT + 2) * N + SEGMENT + 1) * channels floats. */
void scan_backward(long length, long channels, long n, const float *restrict u, const float *restrict raw,
                   const float *restrict bias, const float *restrict A, const float *restrict B,
                   const float *restrict C, const float *restrict D, const float *restrict y_gradient,
                   float *restrict scratch, float *restrict u_gradient, float *restrict raw_gradient,
                   float *restrict bias_gradient, float *restrict A_gradient, float *restrict B_gradient,
                   float *restrict C_gradient, float *restrict D_gradient) {
    const long size = n * channels, segments = (length + SEGMENT - 1) / SEGMENT;
    float *starts = scratch, *states = starts + segments * size, *decays = states + (SEGMENT + 1) * size;
    float *flow = decays + SEGMENT * size, *delta = flow + size, *gd = delta + SEGMENT * channels;

    memset(states, 0, sizeof(float) * size);
    for (long s = 0; s < segments; s++) {
        const long first = s * SEGMENT, steps = length - first < SEGMENT ? length - first : SEGMENT;
        memcpy(starts + s * size, states, sizeof(float) * size);
        segment_states(steps, channels, n, u + first * channels, raw + first * channels, bias, A, B + first * n, delta,
                       decays, states);
        memcpy(states, states + steps * size, sizeof(float) * size);
    }
    memset(flow, 0, sizeof(float) * size); /* the gradient of the state after step t that comes from later steps */
    for (long s = segments - 1; s >= 0; s--) {
        const long first = s * SEGMENT, steps = length - first < SEGMENT ? length - first : SEGMENT;
        memcpy(states, starts + s * size, sizeof(float) * size);
        segment_states(steps, channels, n, u + first * channels, raw + first * channels, bias, A, B + first * n, delta,
                       decays, states);
        for (long i = steps - 1; i >= 0; i--) {
            const long t = first + i;
            const float *ut = u + t * channels, *rt = raw + t * channels, *yt = y_gradient + t * channels;
            const float *dt = delta + i * channels;
            float *gu = u_gradient + t * channels, *gr = raw_gradient + t * channels;
            for (long d = 0; d < channels; d++) {
                gu[d] = D[d] * yt[d];
                gd[d] = 0;
                D_gradient[d] += ut[d] * yt[d];
            }
            for (long k = 0; k < n; k++) {
                const float b = B[t * n + k], c = C[t * n + k], *a = A + k * channels;
                const float *before = states + i * size + k * channels, *after = before + size;
                const float *e = decays + i * size + k * channels;
                float *f = flow + k * channels, *ga = A_gradient + k * channels;
                float gb = 0, gc = 0;
                for (long d = 0; d < channels; d++) {
                    const float g = c * yt[d] + f[d], exponent = g * e[d] * before[d];
                    gc += yt[d] * after[d];
                    gb += g * dt[d] * ut[d];
                    gu[d] += g * b * dt[d];
                    gd[d] += g * b * ut[d] + exponent * a[d];
                    ga[d] += exponent * dt[d];
                    f[d] = g * e[d];
                }
                B_gradient[t * n + k] = gb;
                C_gradient[t * n + k] = gc;
            }
            for (long d = 0; d < channels; d++) {
                gr[d] = gd[d] / (1 + expf(-(rt[d] + bias[d])));
                bias_gradient[d] += gr[d];
            }
        }
    }
}
