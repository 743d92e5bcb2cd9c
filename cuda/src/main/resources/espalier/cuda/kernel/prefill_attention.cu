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
#define HEADS (KV_HEADS * GROUP)
#define ROWS 64
#include "online_softmax.cuh"
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
    AttendedRows mine;
    mine.begin(qs);
    int pos[2] = {tile.pos0 + (warp * 16 + g) / GROUP, tile.pos0 + (warp * 16 + g + 8) / GROUP};
    for (int j = j0; j <= j1; j++) {
      int stage = STAGES > 1 ? j - j0 & 1 : 0;
      if (STAGES == 1) { load(j, 0); cp_async_wait<0>(); }
      else if (j < j1) { load(j + 1, stage ^ 1); cp_async_wait<1>(); }
      else cp_async_wait<0>();
      __syncthreads();
      if (j == j0) mine.hold();
      mine.attend<MAY_BE_BLIND>(kv + stage * 2 * KEYS, j * BLOCK, a.scale_log2, a.cap_in,
          [&](int key, int e, float x) { return key <= pos[e] && (a.window == 0 || key > pos[e] - a.window) ? x : NEG_INF; });
      __syncthreads();
    }
#pragma unroll
    for (int e = 0; e < 2; e++) {
      mine.finish(e);
      int r = warp * 16 + g + e * 8;
      float inv = 1.0f / mine.l[e];
      if (r / GROUP < tokens) {
        uint32_t *to = (uint32_t *)(a.out + ((size_t)(tile.q0 + r / GROUP) * HEADS + kvh * GROUP + r % GROUP) * D + t2);
#pragma unroll
        for (int i = 0; i < D / 8; i++) to[i * 4] = pack(mine.o[i][e * 2] * inv, mine.o[i][e * 2 + 1] * inv);
      }
    }
  }
}
