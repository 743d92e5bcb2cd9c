// online_softmax.cuh - attention of a warp's 16 rows to one block of keys and values after another, by mma.sync: scores, their
// online softmax (Milakov & Gimelshein 2018), and the weighted values (FlashAttention-2, Dao 2023). Four such warps are a block of
// threads; which positions a block of keys holds, and who may see them, is the kernel's. Wants HEAD_DIM and BLOCK.
#pragma once
#include "step.cuh"
#define D HEAD_DIM
#define THREADS 128
#define PITCH ((D + 8) * 2) // bytes from row to row in shared memory
#define CHUNKS (D / 8)
#define KSTEPS (D / 16)
#define KEYS (BLOCK * PITCH) // bytes of a block of keys, or of values
#define HOLD_Q (D <= 128)    // queries in registers

// Whether a block may hold no key that a row sees, so that its maximum may stay infinite.
enum Blind { NEVER_BLIND, MAY_BE_BLIND };

struct AttendedRows { // a thread's part of rows g and g + 8: two channels of eight each
  float o[D / 8][4], m[2], l[2]; // m: in powers of two
  uint32_t qf[HOLD_Q ? KSTEPS : 1][4];
  uint32_t q_at; // its address of the queries' fragments
  DEV void begin(uint32_t queries) {
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    q_at = queries + (warp * 16 + lane % 16) * PITCH + lane / 16 * 16;
    m[0] = m[1] = NEG_INF; l[0] = l[1] = 0;
#pragma unroll
    for (int i = 0; i < D / 8; i++) o[i][0] = o[i][1] = o[i][2] = o[i][3] = 0;
  }
  DEV void hold() { // once the queries are there
    if (HOLD_Q)
#pragma unroll
      for (int i = 0; i < KSTEPS; i++) ldmatrix_x4(qf[HOLD_Q ? i : 0], q_at + i * 32);
  }
  // first: position of the block's first key; masked(position, 0 or 1 for row g or g + 8, score): the score, or -inf where the row does not see it
  template <Blind BLIND, class Masked> DEV void attend(uint32_t ks, int first, float scale_log2, float cap_in, Masked masked) {
    uint32_t vs = ks + KEYS;
    int lane = threadIdx.x % 32, t2 = lane % 4 * 2;
    float s[BLOCK / 8][4];
#pragma unroll
    for (int b = 0; b < BLOCK / 8; b++) s[b][0] = s[b][1] = s[b][2] = s[b][3] = 0;
#pragma unroll
    for (int i = 0; i < KSTEPS; i++) {
      if (!HOLD_Q) ldmatrix_x4(qf[0], q_at + i * 32);
#pragma unroll
      for (int b = 0; b < BLOCK / 16; b++) {
        uint32_t r[4]; // keys 16 b .., channels 16 i ..: two B fragments
        ldmatrix_x4(r, ks + (b * 16 + lane % 8 + lane / 16 * 8) * PITCH + i * 32 + lane / 8 % 2 * 16);
        mma(s[b * 2], qf[HOLD_Q ? i : 0], r[0], r[1]); mma(s[b * 2 + 1], qf[HOLD_Q ? i : 0], r[2], r[3]);
      }
    }
    float top[2] = {m[0], m[1]};
#pragma unroll
    for (int b = 0; b < BLOCK / 8; b++)
#pragma unroll
      for (int e = 0; e < 4; e++) {
#ifdef SOFTCAP
        float x = tanh_approx(s[b][e] * cap_in) * scale_log2;
#else
        float x = s[b][e] * scale_log2;
#endif
        s[b][e] = masked(first + b * 8 + t2 + e % 2, e / 2, x);
        top[e / 2] = fmaxf(top[e / 2], s[b][e]);
      }
    float f[2], base[2], sum[2] = {0, 0};
#pragma unroll
    for (int e = 0; e < 2; e++) {
      top[e] = fmaxf(top[e], __shfl_xor_sync(~0u, top[e], 1)); top[e] = fmaxf(top[e], __shfl_xor_sync(~0u, top[e], 2));
      base[e] = BLIND == MAY_BE_BLIND && top[e] == NEG_INF ? 0.0f : top[e]; // a row that has seen no key yet
      f[e] = ex2(m[e] - base[e]); m[e] = top[e];
    }
#pragma unroll
    for (int b = 0; b < BLOCK / 8; b++)
#pragma unroll
      for (int e = 0; e < 4; e++) { s[b][e] = ex2(s[b][e] - base[e / 2]); sum[e / 2] += s[b][e]; }
#pragma unroll
    for (int e = 0; e < 2; e++) l[e] = __fmaf_rn(l[e], f[e], sum[e]);
#pragma unroll
    for (int i = 0; i < D / 8; i++)
#pragma unroll
      for (int e = 0; e < 4; e++) o[i][e] *= f[e / 2];
#pragma unroll
    for (int b = 0; b < BLOCK / 16; b++) { // the scores' C layout is the A layout of P
      uint32_t p[4] = {pack(s[b * 2][0], s[b * 2][1]), pack(s[b * 2][2], s[b * 2][3]), pack(s[b * 2 + 1][0], s[b * 2 + 1][1]), pack(s[b * 2 + 1][2], s[b * 2 + 1][3])};
#pragma unroll
      for (int i = 0; i < KSTEPS; i++) {
        uint32_t r[4];
        ldmatrix_x4_trans(r, vs + (b * 16 + lane % 16) * PITCH + i * 32 + lane / 16 * 16);
        mma(o[i * 2], p, r[0], r[1]); mma(o[i * 2 + 1], p, r[2], r[3]);
      }
    }
  }
  DEV void finish(int e) { // the sum of row g + 8 e, over the threads that hold it
    l[e] += __shfl_xor_sync(~0u, l[e], 1); l[e] += __shfl_xor_sync(~0u, l[e], 2);
  }
};
