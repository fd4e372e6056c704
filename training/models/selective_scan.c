/* The selective scan for CPUs, forward and backward; see selective_scan.py for the meaning and the shapes.
 *
 * One call does one map of the batch in all directions; SEGMENT comes from the build. The innermost loops run over
 * channels, so that the compiler turns them into vector instructions. Going backward needs every state of a sequence:
 * they are made again segment by segment from `starts`, the states before each segment that the forward pass left, so
 * that they stay in the processor's cache.
 */
#include <math.h>
#include <string.h>

static void time_steps(long channels, const float *restrict raw, const float *restrict bias, float *restrict delta) {
    for (long d = 0; d < channels; d++) {
        const float x = raw[d] + bias[d];
        delta[d] = fmaxf(x, 0.0f) + log1pf(expf(-fabsf(x))); /* softplus */
    }
}

/* The derivative of softplus, written so that nothing overflows: fast division turns 1 / infinity into NaN. */
static float sigmoid(float x) {
    const float e = expf(-fabsf(x)), larger = 1 / (1 + e);
    return x < 0 ? e * larger : larger;
}

/* starts: (directions, segments, N, channels). scratch: (N + 1) * channels floats. */
void scan_forward(long length, long channels, long n, long directions, const long long *restrict orders,
                  const float *restrict u, const float *restrict raw, const float *restrict bias,
                  const float *restrict A, const float *restrict B, const float *restrict C, const float *restrict D,
                  float *restrict scratch, float *restrict starts, float *restrict y) {
    const long size = n * channels;
    float *state = scratch, *delta = scratch + size;
    memset(y, 0, sizeof(float) * length * channels);
    for (long k = 0; k < directions; k++) {
        memset(state, 0, sizeof(float) * size);
        for (long t = 0; t < length; t++) {
            if (t % SEGMENT == 0) {
                memcpy(starts, state, sizeof(float) * size);
                starts += size;
            }
            const long place = orders[k * length + t], row = place * directions + k;
            const float *ut = u + place * channels, *skip = D + k * channels;
            float *yt = y + place * channels;
            time_steps(channels, raw + row * channels, bias + k * channels, delta);
            for (long d = 0; d < channels; d++) yt[d] += skip[d] * ut[d];
            for (long i = 0; i < n; i++) {
                const float b = B[row * n + i], c = C[row * n + i], *a = A + (k * n + i) * channels;
                float *h = state + i * channels;
                for (long d = 0; d < channels; d++) {
                    h[d] = expf(delta[d] * a[d]) * h[d] + delta[d] * ut[d] * b;
                    yt[d] += c * h[d];
                }
            }
        }
    }
}

/* Makes the states and decays after each of `steps` steps of a direction; states[0] is the state before the first.
 * order, bias and A are the direction's. */
static void segment_states(long steps, long channels, long n, long directions, long k, const long long *restrict order,
                           const float *restrict u, const float *restrict raw, const float *restrict bias,
                           const float *restrict A, const float *restrict B, float *restrict delta,
                           float *restrict decays, float *restrict states) {
    const long size = n * channels;
    for (long t = 0; t < steps; t++) {
        const long row = order[t] * directions + k;
        const float *ut = u + order[t] * channels;
        float *dt = delta + t * channels;
        time_steps(channels, raw + row * channels, bias, dt);
        for (long i = 0; i < n; i++) {
            const float b = B[row * n + i], *a = A + i * channels, *before = states + t * size + i * channels;
            float *after = states + (t + 1) * size + i * channels, *e = decays + t * size + i * channels;
            for (long d = 0; d < channels; d++) {
                e[d] = expf(dt[d] * a[d]);
                after[d] = e[d] * before[d] + dt[d] * ut[d] * b;
            }
        }
    }
}

/* Adds to the gradients of u, bias, A and D; writes those of raw, B and C.
 * scratch: ((2 * SEGMENT + 2) * N + SEGMENT + 1) * channels floats. */
void scan_backward(long length, long channels, long n, long directions, const long long *restrict orders,
                   const float *restrict u, const float *restrict raw, const float *restrict bias,
                   const float *restrict A, const float *restrict B, const float *restrict C, const float *restrict D,
                   const float *restrict y_gradient, const float *restrict starts, float *restrict scratch,
                   float *restrict u_gradient, float *restrict raw_gradient, float *restrict bias_gradient,
                   float *restrict A_gradient, float *restrict B_gradient, float *restrict C_gradient,
                   float *restrict D_gradient) {
    const long size = n * channels, segments = (length + SEGMENT - 1) / SEGMENT;
    float *states = scratch, *decays = states + (SEGMENT + 1) * size;
    float *flow = decays + SEGMENT * size, *delta = flow + size, *gd = delta + SEGMENT * channels;

    for (long k = 0; k < directions; k++) {
        const long long *order = orders + k * length;
        const float *own_bias = bias + k * channels, *own_A = A + k * size, *skip = D + k * channels;
        float *g_bias = bias_gradient + k * channels, *g_skip = D_gradient + k * channels;
        memset(flow, 0, sizeof(float) * size); /* the gradient of the state after step t that comes from later steps */
        for (long s = segments - 1; s >= 0; s--) {
            const long first = s * SEGMENT, steps = length - first < SEGMENT ? length - first : SEGMENT;
            memcpy(states, starts + (k * segments + s) * size, sizeof(float) * size);
            segment_states(steps, channels, n, directions, k, order + first, u, raw, own_bias, own_A, B, delta, decays,
                           states);
            for (long t = steps - 1; t >= 0; t--) {
                const long place = order[first + t], row = place * directions + k;
                const float *ut = u + place * channels, *rt = raw + row * channels, *yt = y_gradient + place * channels;
                const float *dt = delta + t * channels;
                float *gu = u_gradient + place * channels, *gr = raw_gradient + row * channels;
                for (long d = 0; d < channels; d++) {
                    gu[d] += skip[d] * yt[d];
                    gd[d] = 0;
                    g_skip[d] += ut[d] * yt[d];
                }
                for (long i = 0; i < n; i++) {
                    const float b = B[row * n + i], c = C[row * n + i], *a = own_A + i * channels;
                    const float *before = states + t * size + i * channels, *after = before + size;
                    const float *e = decays + t * size + i * channels;
                    float *f = flow + i * channels, *ga = A_gradient + k * size + i * channels;
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
                    B_gradient[row * n + i] = gb;
                    C_gradient[row * n + i] = gc;
                }
                for (long d = 0; d < channels; d++) {
                    gr[d] = gd[d] * sigmoid(rt[d] + own_bias[d]);
                    g_bias[d] += gr[d];
                }
            }
        }
    }
}
