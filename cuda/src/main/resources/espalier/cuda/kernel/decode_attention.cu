// Paged decode attention, GQA, for every architecture (sm_75 in fp16): one new token a sequence, any head dimension that is a multiple of 16.
// A unit of work is a KV head, up to 8 of its query heads and SPLIT positions of a sequence; its warps take the tiles of 16 positions in turn,
// each with copies of its own, and meet at the end. Splits lie at multiples of SPLIT of the absolute position and are joined in order, so that
// a sequence's bits are the same in any batch. Which sequences: those with exactly one row in the step.
// With ROTATE it also does what rope.cu does: a unit turns its queries as it reads them, and the one that has the newest token turns its
// key and writes key and value to the cache. The rows of queries and keys stay as they are.
#include "step.cuh"
#include "turn.cuh"
#ifdef PREFIXES // what prefix_attention.cu has attended to is left out here and joined at the end
#include "prefixes.cuh"
#endif
#ifndef HEAD_DIM
#define HEAD_DIM 128
#endif
#ifndef KV_HEADS
#define KV_HEADS 8
#endif
#ifndef GROUP
#define GROUP 4 // query heads a KV head
#endif
#ifndef WARPS
#define WARPS 4
#endif
#ifndef STAGES
#define STAGES 2 // 1 or 2
#endif
#ifndef SPLIT
#define SPLIT 256 // a multiple of WARPS * TILE
#endif
#define TILE 16
#define D HEAD_DIM
#define HEADS (KV_HEADS * GROUP)
#define PACKS ((GROUP + 7) / 8)
#define PACK ((GROUP + PACKS - 1) / PACKS) // query heads a unit
#define UNITS (KV_HEADS * PACKS)
#define THREADS (WARPS * 32)
#define PITCH ((D + 8) * 2) // bytes; an odd number of 16-byte chunks: no bank conflicts
#define STAGE (2 * TILE * PITCH)
#define KSTEPS (D / 16)
#define CHUNKS (D / 8)

struct Args {
  b16 *out;        // [tokens][HEADS][D]
  const b16 *q;    // [tokens][HEADS][D], rows q_stride elements apart
  const b16 *k, *v; // pools, [slots][KV_HEADS][D]
  float *part_o;   // of each split [UNITS][PACK][D]
  float2 *part_ml; // of each split [UNITS][PACK]: maximum (in powers of two) and sum
#ifdef PREFIXES
  Prefixes p;
#endif
  Step in;
  int q_stride, window; // window: positions that a token sees, 0 for all
  float scale_log2, cap_in; // scale * log2(e), or with SOFTCAP cap * log2(e) and scale / cap
#ifdef ROTATE // D elements of a head, pairs are halves; no window, no prefixes
  Newest newest;
#endif
};
struct Span { // the splits of a sequence
  int start, end, first, n;
  DEV bool single(const Args &a) const { // it is written at once
#ifdef PREFIXES
    return n == 1 && start == 0;
#else
    return n == 1;
#endif
  }
  DEV Span(const Args &a, int s) {
    end = a.in.rows(s) == 1 ? max(0, a.in.context_len[s]) : 0;
#ifdef PREFIXES
    start = a.p.lengths[s];
#else
    start = a.window > 0 ? max(0, end - a.window) : 0;
#endif
    first = start / SPLIT; n = (end + SPLIT - 1) / SPLIT - first;
  }
};
// Prefix sums of the sequences' splits, first[0 .. sequences], by all threads of the block; returns their number.
DEV int count_splits(const Args &a, int *first, int *sums, int threads) {
  int all = 0, lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  for (int s0 = 0; s0 < a.in.sequences; s0 += threads) {
    int s = s0 + threadIdx.x, n = s < a.in.sequences ? Span(a, s).n : 0, x = n;
#pragma unroll
    for (int o = 1; o < 32; o *= 2) { int y = __shfl_up_sync(~0u, x, o); if (lane >= o) x += y; }
    if (lane == 31) sums[warp] = x;
    __syncthreads();
    int before = all;
    for (int i = 0; i < threads / 32; i++) { if (i < warp) before += sums[i]; all += sums[i]; }
    if (s < a.in.sequences) first[s] = before + x - n;
    __syncthreads();
  }
  return all;
}

extern "C" __global__ void __launch_bounds__(THREADS, 1) decode_attention(const __grid_constant__ Args a) {
  extern __shared__ __align__(128) unsigned char smem[]; // the warps' stages, at the end their results; queries; first split of each sequence
  __shared__ int sums[WARPS];
  __shared__ float2 scales[WARPS][8];
#ifdef ROTATE
  __shared__ __align__(16) float cosines[D / 2], sines[D / 2];
#endif
  int *first = (int *)(smem + WARPS * STAGES * STAGE + 8 * PITCH);
  int warp = threadIdx.x / 32, lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
  pdl_launch_next();
  // The step's arrays, its page table and all of the cache but the newest tokens are older than the kernels of the step: they are read before
  // the wait, so that the first tiles are on their way while the kernel before still runs.
  int units = count_splits(a, first, sums, THREADS) * UNITS;
  if (blockIdx.x >= units) pdl_wait_previous();
  for (int s = blockIdx.x; s < a.in.sequences; s += gridDim.x) // an empty place: zeros
    if (a.in.rows(s) == 1 && a.in.context_len[s] <= 0) {
      pdl_wait_previous();
      for (int i = threadIdx.x; i < HEADS * CHUNKS; i += THREADS) ((uint4 *)(a.out + (size_t)a.in.first_row[s] * HEADS * D))[i] = make_uint4(0, 0, 0, 0);
    }
  const Pages pages(a.in);
  uint32_t data = smem_u32(smem) + warp * STAGES * STAGE;
  for (int u = blockIdx.x; u < units; u += gridDim.x) {
    int split = u / UNITS, unit = u % UNITS, kvh = unit / PACKS, head = kvh * GROUP + unit % PACKS * PACK, mine = min(PACK, (kvh + 1) * GROUP - head);
    int lo_s = 0, hi_s = a.in.sequences;
    while (hi_s - lo_s > 1) { int mid = (lo_s + hi_s) / 2; if (first[mid] <= split) lo_s = mid; else hi_s = mid; }
    const Span span(a, lo_s);
    int j = span.first + split - first[lo_s], from = max(span.start, j * SPLIT), to = min(span.end, (j + 1) * SPLIT);
    const int *table = a.in.table(lo_s);
    uint32_t qf[KSTEPS][2];
    uint32_t qs = smem_u32(smem) + WARPS * STAGES * STAGE;
    const size_t row = a.in.first_row[lo_s];
    const uint4 *q = (const uint4 *)(a.q + row * a.q_stride + head * D);
    float m[2] = {NEG_INF, NEG_INF}, l[2] = {0, 0}, o[KSTEPS][4];
#pragma unroll
    for (int i = 0; i < KSTEPS; i++) o[i][0] = o[i][1] = o[i][2] = o[i][3] = 0;

#ifdef ROTATE
    for (int i = threadIdx.x; i < D / 2; i += THREADS) {
      float2 t = turn((float)(span.end - 1) * a.newest.frequencies[i]);
      cosines[i] = t.x * a.newest.factor;
      sines[i] = t.y * a.newest.factor;
    }
    __syncthreads();
    auto load_newest = [&](int tile, int stage) { // to where its key belongs, and to the cache; it may not have been written before the wait
      const int r = span.end - 1 - tile * TILE;
      if (r < 0 || r >= TILE) return;
      const uint32_t k = data + stage * STAGE + r * PITCH;
      const Newest &n = a.newest;
      const int slot = unit % PACKS == 0 ? n.slots[row] : -1;
      const size_t from = row * n.stride + kvh * D, at = ((size_t)max(slot, 0) * KV_HEADS + kvh) * D;
      const uint4 *from_k = (const uint4 *)(n.k + from), *from_v = (const uint4 *)(n.v + from);
      uint4 *to_k = (uint4 *)(n.k_cache + at), *to_v = (uint4 *)(n.v_cache + at);
      for (int i = lane; i < CHUNKS / 2 + CHUNKS; i += 32) {
        if (i < CHUNKS / 2) {
          uint4 x = from_k[i], y = from_k[i + CHUNKS / 2];
          turn_eight(x, y, cosines + 8 * i, sines + 8 * i);
          sts128(k + i * 16, x);
          sts128(k + (i + CHUNKS / 2) * 16, y);
          if (slot >= 0) to_k[i] = x, to_k[i + CHUNKS / 2] = y;
        } else {
          const int c = i - CHUNKS / 2;
          const uint4 x = from_v[c];
          sts128(k + TILE * PITCH + c * 16, x);
          if (slot >= 0) to_v[c] = x;
        }
      }
    };
#else
    auto load_newest = [](int, int) {};
#endif
    auto load = [&](int tile, int stage) { // rows of K, then of V; past the end zeros
      int pos = tile * TILE + lane % TILE, slot = pos < to ? pages.slot(table[pages.page(pos)], pages.inside(pos)) : -1;
#ifdef ROTATE
      const int newest = span.end - 1 - tile * TILE; // load_newest's row
#else
      const int newest = -1;
#endif
#pragma unroll 4
      for (int i = lane; i < TILE * CHUNKS; i += 32) {
        int r = i / CHUNKS, c = i % CHUNKS, at = __shfl_sync(~0u, slot, r);
        if (r == newest) continue;
        size_t from = ((size_t)max(at, 0) * KV_HEADS + kvh) * D + c * 8;
        uint32_t dst = data + stage * STAGE + r * PITCH + c * 16, bytes = at >= 0 ? 16 : 0;
        cp_async_16(dst, a.k + from, bytes);
        cp_async_16(dst + TILE * PITCH, a.v + from, bytes);
      }
      cp_async_commit();
    };
    int tile = from / TILE / WARPS * WARPS + warp; // tiles of a warp: those whose number is warp modulo WARPS
    if (tile < from / TILE) tile += WARPS;
    if (tile * TILE < to) {
#ifndef ROTATE
      if ((tile + 1) * TILE >= span.end) pdl_wait_previous(); // the newest token
#endif
      load(tile, 0);
    }
    pdl_wait_previous();
    if (tile * TILE < to) load_newest(tile, 0);
#ifdef ROTATE
    for (int i = threadIdx.x; i < 8 * CHUNKS / 2; i += THREADS) {
      const int h = i / (CHUNKS / 2), c = i % (CHUNKS / 2);
      uint4 x = make_uint4(0, 0, 0, 0), y = x;
      if (h < mine) {
        x = q[h * CHUNKS + c], y = q[h * CHUNKS + c + CHUNKS / 2];
        turn_eight(x, y, cosines + 8 * c, sines + 8 * c);
      }
      sts128(qs + h * PITCH + c * 16, x);
      sts128(qs + h * PITCH + (c + CHUNKS / 2) * 16, y);
    }
#else
    for (int i = threadIdx.x; i < 8 * CHUNKS; i += THREADS) sts128(qs + i / CHUNKS * PITCH + i % CHUNKS * 16, i < mine * CHUNKS ? q[i] : make_uint4(0, 0, 0, 0));
#endif
    __syncthreads();
#pragma unroll
    for (int i = 0; i < KSTEPS; i++) ldmatrix_x2(qf[i], qs + lane % 8 * PITCH + i * 32 + lane / 8 % 2 * 16);
    for (int n = 0; tile * TILE < to; tile += WARPS, n++) {
      int stage = STAGES > 1 ? n & 1 : 0;
      if (STAGES > 1 && (tile + WARPS) * TILE < to) { load(tile + WARPS, stage ^ 1); load_newest(tile + WARPS, stage ^ 1); cp_async_wait<1>(); }
      else cp_async_wait<0>();
      __syncwarp();
      uint32_t k = data + stage * STAGE, v = k + TILE * PITCH, f[4];
      float s[4] = {0, 0, 0, 0};
#pragma unroll
      for (int i = 0; i < KSTEPS; i++) { ldmatrix_x4(f, k + lane % 16 * PITCH + i * 32 + lane / 16 * 16); mma(s, f, qf[i][0], qf[i][1]); }
      float al[2];
#pragma unroll
      for (int c = 0; c < 2; c++) { // columns 2t + c; rows (positions) g and g + 8
#pragma unroll
        for (int e = 0; e < 2; e++) {
          int pos = tile * TILE + g + 8 * e;
#ifdef SOFTCAP
          float x = tanh_approx(s[c + 2 * e] * a.cap_in) * a.scale_log2;
#else
          float x = s[c + 2 * e] * a.scale_log2;
#endif
          s[c + 2 * e] = pos >= from && pos < to ? x : NEG_INF;
        }
        float top = fmaxf(s[c], s[c + 2]);
#pragma unroll
        for (int i = 4; i < 32; i *= 2) top = fmaxf(top, __shfl_xor_sync(~0u, top, i));
        top = fmaxf(top, m[c]);
        al[c] = ex2(m[c] - top); m[c] = top;
        s[c] = ex2(s[c] - top); s[c + 2] = ex2(s[c + 2] - top);
        l[c] = __fmaf_rn(l[c], al[c], s[c] + s[c + 2]); // of this lane's rows
      }
      uint32_t b0 = movmatrix_trans(pack(s[0], s[1])), b1 = movmatrix_trans(pack(s[2], s[3]));
#pragma unroll
      for (int i = 0; i < KSTEPS; i++) {
        ldmatrix_x4_trans(f, v + (lane % 8 + lane / 16 * 8) * PITCH + i * 32 + lane / 8 % 2 * 16);
#pragma unroll
        for (int c = 0; c < 4; c++) o[i][c] *= al[c & 1];
        mma(o[i], f, b0, b1);
      }
      __syncwarp();
      if (STAGES == 1 && (tile + WARPS) * TILE < to) { load(tile + WARPS, 0); load_newest(tile + WARPS, 0); }
    }
#pragma unroll
    for (int c = 0; c < 2; c++) {
#pragma unroll
      for (int i = 4; i < 32; i *= 2) l[c] += __shfl_xor_sync(~0u, l[c], i);
      if (g == 0) scales[warp][2 * t + c] = make_float2(m[c], l[c]);
    }
    float *mine_o = (float *)(smem + warp * STAGES * STAGE); // [8 heads][D + 4]
#pragma unroll
    for (int i = 0; i < KSTEPS; i++)
#pragma unroll
      for (int c = 0; c < 4; c++) if (2 * t + (c & 1) < PACK) mine_o[(2 * t + (c & 1)) * (D + 4) + 16 * i + g + c / 2 * 8] = o[i][c];
    __syncthreads();
    for (int i = threadIdx.x; i < mine * D; i += THREADS) {
      int h = i / D, ch = i % D;
      float top = NEG_INF, sum = 0, x = 0;
#pragma unroll
      for (int w = 0; w < WARPS; w++) top = fmaxf(top, scales[w][h].x);
#pragma unroll
      for (int w = 0; w < WARPS; w++) {
        float b = ex2(scales[w][h].x - top);
        sum = __fmaf_rn(b, scales[w][h].y, sum);
        x = __fmaf_rn(b, ((const float *)(smem + w * STAGES * STAGE))[h * (D + 4) + ch], x);
      }
      if (span.single(a)) a.out[((size_t)a.in.first_row[lo_s] * HEADS + head + h) * D + ch] = to_b16(x / sum);
      else {
        a.part_o[((size_t)u * PACK + h) * D + ch] = x;
        if (ch == 0) a.part_ml[(size_t)u * PACK + h] = make_float2(top, sum);
      }
    }
    __syncthreads();
  }
}
// Joins the splits of a sequence in order. Grid (sequences, HEADS), block D rounded up to whole warps.
extern "C" __global__ void decode_combine(const __grid_constant__ Args a) {
  extern __shared__ __align__(16) int first[];
  __shared__ int sums[8];
  int s = blockIdx.x, head = blockIdx.y, unit = head / GROUP * PACKS + head % GROUP / PACK, h = head % GROUP % PACK;
  pdl_launch_next();
  const Span span(a, s);
  const bool wrote = span.n == 0 || span.single(a); // decode_attention did
  if (!wrote) count_splits(a, first, sums, blockDim.x);
  pdl_wait_previous();
  if (wrote) return;
  size_t at = ((size_t)first[s] * UNITS + unit) * PACK + h;
  float top = NEG_INF, sum = 0, x = 0;
  for (int i = 0; i < span.n; i++) top = fmaxf(top, a.part_ml[at + (size_t)i * UNITS * PACK].x);
  int ch = min((int)threadIdx.x, D - 1);
#pragma unroll 4
  for (int i = 0; i < span.n; i++) {
    float2 ml = a.part_ml[at + (size_t)i * UNITS * PACK];
    float b = ex2(ml.x - top);
    sum = __fmaf_rn(b, ml.y, sum);
    x = __fmaf_rn(b, a.part_o[(at + (size_t)i * UNITS * PACK) * D + ch], x);
  }
#ifdef PREFIXES
  const PrefixParts parts(a.p, s, KV_HEADS, GROUP, head);
  for (int i = 0; i < parts.sections; i++) {
    float2 ml = a.p.part_ml[parts.row(i)];
    float now = fmaxf(top, ml.x), b = ex2(top - now), c = ex2(ml.x - now);
    sum = __fmaf_rn(sum, b, ml.y * c);
    x = __fmaf_rn(x, b, a.p.part_o[parts.row(i) * D + ch] * c);
    top = now;
  }
#endif
  if (threadIdx.x < D) a.out[((size_t)a.in.first_row[s] * HEADS + head) * D + ch] = to_b16(x / sum);
}
