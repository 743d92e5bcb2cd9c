// Paged prefill attention, GQA, for every architecture from sm_80 on, and sm_75 in fp16: causal, ragged, any head dimension that is a multiple
// of 16. A block takes tiles of up to 64 rows (tokens x the query heads of a KV head) from a list (attention_tiles.cu); four warps of 16 rows,
// mma.sync; keys and values, new ones too, come from the cache by cp.async, double-buffered. Blocks of keys lie at multiples of BLOCK of the
// absolute position and are taken in order, so a row's sums are added in one order whatever the batch, the tile or the cached length.
#include "tiles.cuh"
#ifndef HEAD_DIM
#define HEAD_DIM 128
#endif
#ifndef KV_HEADS
#define KV_HEADS 8
#endif
#ifndef GROUP
#define GROUP 4
#endif
#ifndef BLOCK
#define BLOCK 32 // keys: a multiple of 16
#endif
#ifndef STAGES
#define STAGES 2 // 1 or 2
#endif
#define D HEAD_DIM
#define HEADS (KV_HEADS * GROUP)
#define ROWS 64
#define THREADS 128
#define PITCH ((D + 8) * 2)
#define CHUNKS (D / 8)
#define KSTEPS (D / 16)
#define KEYS (BLOCK * PITCH)    // bytes of a block of keys, or of values
#define HOLD_Q (D <= 128)       // queries in registers
struct Args {
  b16 *out;         // [tokens][HEADS][D]
  const b16 *q;     // [tokens][HEADS][D], rows q_stride elements apart
  const b16 *k, *v; // pools, [slots][KV_HEADS][D]
  const Tile *tiles;
  const int *n_tiles;
  const int *pages;
  int pages_stride, page_size, page_shift, q_stride, window;
  float scale_log2, cap_in; // scale * log2(e), or with SOFTCAP cap * log2(e) and scale / cap
};
extern "C" __global__ void __launch_bounds__(THREADS, 1) prefill_attention(const __grid_constant__ Args a) {
  extern __shared__ __align__(128) unsigned char smem[]; // Q, then stages of K and V
  uint32_t qs = smem_u32(smem), kv = qs + ROWS * PITCH;
  int warp = threadIdx.x / 32, lane = threadIdx.x % 32, g = lane / 4, t2 = lane % 4 * 2;
  pdl_wait_previous();
  pdl_launch_next();
  int units = *a.n_tiles * KV_HEADS;
  for (int u = blockIdx.x; u < units; u += gridDim.x) {
    const Tile tile = a.tiles[u / KV_HEADS];
    int kvh = u % KV_HEADS, tokens = tile.seat_rows & 255, last = tile.pos0 + tokens - 1;
    const int *table = a.pages + (long long)(tile.seat_rows >> 8) * a.pages_stride;
    auto load = [&](int j, int stage) {
      uint32_t dst = kv + stage * 2 * KEYS;
#pragma unroll 4
      for (int i = threadIdx.x; i < BLOCK * CHUNKS; i += THREADS) {
        int r = i / CHUNKS, c = i % CHUNKS, pos = j * BLOCK + r;
        bool in = pos <= last;
        int p = in ? pos : last, page = a.page_shift >= 0 ? p >> a.page_shift : p / a.page_size, inside = a.page_shift >= 0 ? p & a.page_size - 1 : p % a.page_size;
        size_t from = (((size_t)table[page] * a.page_size + inside) * KV_HEADS + kvh) * D + c * 8;
        cp_async_16(dst + r * PITCH + c * 16, a.k + from, in ? 16 : 0);
        cp_async_16(dst + KEYS + r * PITCH + c * 16, a.v + from, in ? 16 : 0);
      }
      cp_async_commit();
    };
    for (int i = threadIdx.x; i < ROWS * CHUNKS; i += THREADS) {
      int r = i / CHUNKS, c = i % CHUNKS; bool in = r / GROUP < tokens;
      const b16 *from = a.q + (size_t)(tile.q0 + (in ? r / GROUP : 0)) * a.q_stride + (kvh * GROUP + r % GROUP) * D + c * 8;
      cp_async_16(qs + r * PITCH + c * 16, from, in ? 16 : 0);
    }
    int j0 = a.window > 0 ? max(0, tile.pos0 - a.window + 1) / BLOCK : 0, j1 = last / BLOCK;
    if (STAGES > 1) load(j0, 0); // the queries are of the same group of copies
    float o[D / 8][4], m[2] = {NEG_INF, NEG_INF}, l[2] = {0, 0};
#pragma unroll
    for (int i = 0; i < D / 8; i++) o[i][0] = o[i][1] = o[i][2] = o[i][3] = 0;
    uint32_t qf[HOLD_Q ? KSTEPS : 1][4];
    const uint32_t q_at = qs + (warp * 16 + lane % 16) * PITCH + lane / 16 * 16;
    int pos[2] = {tile.pos0 + (warp * 16 + g) / GROUP, tile.pos0 + (warp * 16 + g + 8) / GROUP};
    for (int j = j0; j <= j1; j++) {
      int stage = STAGES > 1 ? j - j0 & 1 : 0;
      if (STAGES == 1) { load(j, 0); cp_async_wait<0>(); }
      else if (j < j1) { load(j + 1, stage ^ 1); cp_async_wait<1>(); }
      else cp_async_wait<0>();
      __syncthreads();
      if (HOLD_Q && j == j0)
#pragma unroll
        for (int i = 0; i < KSTEPS; i++) ldmatrix_x4(qf[HOLD_Q ? i : 0], q_at + i * 32);
      uint32_t ks = kv + stage * 2 * KEYS, vs = ks + KEYS;
      float s[BLOCK / 8][4];
#pragma unroll
      for (int n = 0; n < BLOCK / 8; n++) s[n][0] = s[n][1] = s[n][2] = s[n][3] = 0;
#pragma unroll
      for (int i = 0; i < KSTEPS; i++) {
        if (!HOLD_Q) ldmatrix_x4(qf[0], q_at + i * 32);
#pragma unroll
        for (int n = 0; n < BLOCK / 16; n++) {
          uint32_t r[4]; // keys 16 n .., channels 16 i ..: two B fragments
          ldmatrix_x4(r, ks + (n * 16 + lane % 8 + lane / 16 * 8) * PITCH + i * 32 + lane / 8 % 2 * 16);
          mma(s[n * 2], qf[HOLD_Q ? i : 0], r[0], r[1]); mma(s[n * 2 + 1], qf[HOLD_Q ? i : 0], r[2], r[3]);
        }
      }
      float top[2] = {m[0], m[1]};
#pragma unroll
      for (int n = 0; n < BLOCK / 8; n++)
#pragma unroll
        for (int e = 0; e < 4; e++) {
          int key = j * BLOCK + n * 8 + t2 + e % 2;
#ifdef SOFTCAP
          float x = tanh_approx(s[n][e] * a.cap_in) * a.scale_log2;
#else
          float x = s[n][e] * a.scale_log2;
#endif
          s[n][e] = key <= pos[e / 2] && (a.window == 0 || key > pos[e / 2] - a.window) ? x : NEG_INF;
          top[e / 2] = fmaxf(top[e / 2], s[n][e]);
        }
      float f[2], base[2], sum[2] = {0, 0};
#pragma unroll
      for (int e = 0; e < 2; e++) {
        top[e] = fmaxf(top[e], __shfl_xor_sync(~0u, top[e], 1)); top[e] = fmaxf(top[e], __shfl_xor_sync(~0u, top[e], 2));
        base[e] = top[e] == NEG_INF ? 0.0f : top[e]; // a row that has seen no key yet
        f[e] = ex2(m[e] - base[e]); m[e] = top[e];
      }
#pragma unroll
      for (int n = 0; n < BLOCK / 8; n++)
#pragma unroll
        for (int e = 0; e < 4; e++) { s[n][e] = ex2(s[n][e] - base[e / 2]); sum[e / 2] += s[n][e]; }
#pragma unroll
      for (int e = 0; e < 2; e++) l[e] = l[e] * f[e] + sum[e];
#pragma unroll
      for (int i = 0; i < D / 8; i++)
#pragma unroll
        for (int e = 0; e < 4; e++) o[i][e] *= f[e / 2];
#pragma unroll
      for (int n = 0; n < BLOCK / 16; n++) { // the scores' C layout is the A layout of P
        uint32_t p[4] = {pack(s[n * 2][0], s[n * 2][1]), pack(s[n * 2][2], s[n * 2][3]), pack(s[n * 2 + 1][0], s[n * 2 + 1][1]), pack(s[n * 2 + 1][2], s[n * 2 + 1][3])};
#pragma unroll
        for (int i = 0; i < KSTEPS; i++) {
          uint32_t r[4];
          ldmatrix_x4_trans(r, vs + (n * 16 + lane % 16) * PITCH + i * 32 + lane / 16 * 16);
          mma(o[i * 2], p, r[0], r[1]); mma(o[i * 2 + 1], p, r[2], r[3]);
        }
      }
      __syncthreads();
    }
#pragma unroll
    for (int e = 0; e < 2; e++) {
      l[e] += __shfl_xor_sync(~0u, l[e], 1); l[e] += __shfl_xor_sync(~0u, l[e], 2);
      int r = warp * 16 + g + e * 8;
      float inv = 1.0f / l[e];
      if (r / GROUP < tokens) {
        uint32_t *to = (uint32_t *)(a.out + ((size_t)(tile.q0 + r / GROUP) * HEADS + kvh * GROUP + r % GROUP) * D + t2);
#pragma unroll
        for (int i = 0; i < D / 8; i++) to[i * 4] = pack(o[i][e * 2] * inv, o[i][e * 2 + 1] * inv);
      }
    }
  }
}
