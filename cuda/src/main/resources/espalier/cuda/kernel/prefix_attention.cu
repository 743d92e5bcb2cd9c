// Attention of decoding sequences over the prefixes that they share (cascade attention; RelayAttention, Zhu et al. 2024; Hydragen, Juravsky
// et al. 2024), for every architecture (sm_75 in fp16): the queries of all members of a group, times the query heads of a KV head, are the
// rows of a matrix, so that a prefix is read once for each 64 of them, and the products are tensor cores' work. A unit is a KV head, a tile
// of 64 rows and a section of the prefix; its result stays partial, and the decode kernels join it with the sequences' own positions.
// Sections are as long as spreads the batch's prefixes over all blocks, a multiple of SECTION: how sums are taken follows the batch.
#include "prefixes.cuh"
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
#define STAGES 3
#endif
#define SECTION 256
#include "online_softmax.cuh"
struct Args {
  const b16 *q;     // [tokens][HEADS][D], rows q_stride elements apart
  const b16 *k, *v; // pools, [slots][KV_HEADS][D]
  Prefixes p;
  Step in;
  int q_stride, unused;
  float scale_log2, cap_in; // scale * log2(e), or with SOFTCAP cap * log2(e) and scale / cap
};
struct Members { // of a group
  int begin, rows, length;
  DEV Members(const Args &a, int g) {
    begin = a.p.first[g];
    rows = g + 1 < a.in.sequences ? (a.p.first[g + 1] - begin) * GROUP : 0;
    length = rows > 0 ? a.p.lengths[a.p.members[begin]] : 0;
  }
  DEV int tiles() const { return (rows + PREFIX_ROWS - 1) / PREFIX_ROWS; }
  DEV int pieces(int section) const { return tiles() * ((length + section - 1) / section); }
};
DEV int sum_of(int x, int *sums, int &before) { // over the block; before: of the threads below
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32, all = 0, y = x;
#pragma unroll
  for (int o = 1; o < 32; o *= 2) { int z = __shfl_up_sync(~0u, y, o); if (lane >= o) y += z; }
  __syncthreads();
  if (lane == 31) sums[warp] = y;
  __syncthreads();
  before = y - x;
  for (int i = 0; i < THREADS / 32; i++) { if (i < warp) before += sums[i]; all += sums[i]; }
  return all;
}
extern "C" __global__ void __launch_bounds__(THREADS, 1) prefix_attention(const __grid_constant__ Args a) {
  extern __shared__ __align__(128) unsigned char smem[]; // queries, stages of keys and values, first piece of each group
  __shared__ int sums[THREADS / 32];
  uint32_t qs = smem_u32(smem), kv = qs + PREFIX_ROWS * PITCH;
  int *first = (int *)(smem + PREFIX_ROWS * PITCH + STAGES * 2 * KEYS);
  int warp = threadIdx.x / 32, lane = threadIdx.x % 32, g = lane / 4, t2 = lane % 4 * 2, n = a.in.sequences;
  pdl_wait_previous();
  pdl_launch_next();
  int work = 0, pieces = 0, before;
  for (int s0 = 0; s0 < n; s0 += THREADS) {
    int x = 0;
    if (s0 + (int)threadIdx.x < n) { const Members m(a, s0 + threadIdx.x); x = m.pieces(SECTION); }
    work += sum_of(x, sums, before);
  }
  int blocks = gridDim.x, section = max(1, (int)(((long long)work * KV_HEADS + blocks - 1) / blocks)) * SECTION;
  for (int s0 = 0; s0 < n; s0 += THREADS) {
    int s = s0 + threadIdx.x, x = 0;
    if (s < n) { const Members m(a, s); x = m.pieces(section); }
    int all = sum_of(x, sums, before);
    if (s < n) { first[s] = pieces + before; if (blockIdx.x == 0) a.p.plan[1 + s] = pieces + before; }
    pieces += all;
  }
  if (blockIdx.x == 0 && threadIdx.x == 0) a.p.plan[0] = section;
  __syncthreads();
  const Pages pages(a.in);
  for (int u = blockIdx.x; u < pieces * KV_HEADS; u += gridDim.x) {
    int piece = u / KV_HEADS, kvh = u % KV_HEADS, lo = 0, hi = n;
    while (hi - lo > 1) { int mid = (lo + hi) / 2; if (first[mid] <= piece) lo = mid; else hi = mid; }
    const Members group(a, lo);
    int tile = (piece - first[lo]) % group.tiles(), from = (piece - first[lo]) / group.tiles() * section, to = min(group.length, from + section);
    int rows = min(PREFIX_ROWS, group.rows - tile * PREFIX_ROWS);
    const int *members = a.p.members + group.begin, *table = a.in.table(members[0]);
    auto load = [&](int block) {
      uint32_t dst = kv + block % STAGES * 2 * KEYS;
#pragma unroll 4
      for (int i = threadIdx.x; i < BLOCK * CHUNKS; i += THREADS) {
        int r = i / CHUNKS, c = i % CHUNKS, pos = from + block * BLOCK + r;
        bool in = pos < to;
        int p = in ? pos : to - 1;
        size_t at = ((size_t)pages.slot(table[pages.page(p)], pages.inside(p)) * KV_HEADS + kvh) * D + c * 8;
        cp_async_16(dst + r * PITCH + c * 16, a.k + at, in ? 16 : 0);
        cp_async_16(dst + KEYS + r * PITCH + c * 16, a.v + at, in ? 16 : 0);
      }
      cp_async_commit();
    };
    for (int i = threadIdx.x; i < PREFIX_ROWS * CHUNKS; i += THREADS) {
      int r = i / CHUNKS, c = i % CHUNKS, row = tile * PREFIX_ROWS + (r < rows ? r : 0);
      const b16 *q = a.q + (size_t)a.in.first_row[members[row / GROUP]] * a.q_stride + (kvh * GROUP + row % GROUP) * D + c * 8;
      cp_async_16(qs + r * PITCH + c * 16, q, r < rows ? 16 : 0);
    }
    int count = (to - from + BLOCK - 1) / BLOCK;
#pragma unroll
    for (int j = 0; j < STAGES - 1; j++) { if (j < count) load(j); else cp_async_commit(); } // the queries are of the first group of copies
    AttendedRows mine;
    mine.begin(qs);
    for (int j = 0; j < count; j++) {
      if (STAGES == 1) { load(j); cp_async_wait<0>(); } else cp_async_wait<(STAGES > 1 ? STAGES - 2 : 0)>();
      __syncthreads(); // the block is there, and all are done with the one before
      if (STAGES > 1) { if (j + STAGES - 1 < count) load(j + STAGES - 1); else cp_async_commit(); }
      if (j == 0) mine.hold();
      mine.attend<NEVER_BLIND>(kv + j % STAGES * 2 * KEYS, from + j * BLOCK, a.scale_log2, a.cap_in, [&](int key, int, float x) { return key < to ? x : NEG_INF; });
      if (STAGES == 1) __syncthreads();
    }
#pragma unroll
    for (int e = 0; e < 2; e++) {
      mine.finish(e);
      int r = warp * 16 + g + e * 8;
      if (r >= rows) continue;
      size_t at = (size_t)u * PREFIX_ROWS + r;
      float2 *to = (float2 *)(a.p.part_o + at * D + t2);
#pragma unroll
      for (int i = 0; i < D / 8; i++) to[i * 4] = make_float2(mine.o[i][e * 2], mine.o[i][e * 2 + 1]);
      if (t2 == 0) a.p.part_ml[at] = make_float2(mine.m[e], mine.l[e]);
    }
    __syncthreads(); // before the next unit's copies
  }
}
