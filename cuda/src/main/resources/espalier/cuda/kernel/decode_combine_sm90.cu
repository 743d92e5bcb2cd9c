// Joins the items that decode_attention_sm90.cu left of sequences of more than one: groups in a fixed order, however the batch was cut.
#include "decode_parts_sm90.cuh"
#define CLASSES 16 // sums of groups: 16 classes

// Joins the items of a sequence. A piece is a unit x 32 channels: lane = channel, its 4 floats the heads; of (m, l) lane l has item l / 4,
// head l % 4. Class r of 16 takes groups r, r + 16, ... in order, then the classes are added in order.
struct __align__(16) Heads { float v[4]; };
DEV void add_items(float (&acc)[4], float &sum, Heads (&v)[8], float m, float l, int items, int width, float top, int lane) { // width items make a group
  int k = lane / 4;
#pragma unroll
  for (int w = 1; w < 8; w *= 2) {
    if (w >= width) break;
    float mr = __shfl_down_sync(~0u, m, 4 * w), lr = __shfl_down_sync(~0u, l, 4 * w), b, a = merge_scales(mr, lr, m, l, b);
    if ((k & 2 * w - 1) == 0 && k + w < items) { m = mr; l = lr; }
#pragma unroll
    for (int i = 0; i < 8; i += 2 * w)
      if (i + w < items)
#pragma unroll
        for (int c = 0; c < 4; c++) v[i].v[c] = merge_value(v[i].v[c], __shfl_sync(~0u, a, 4 * i + c), v[i + w].v[c], __shfl_sync(~0u, b, 4 * i + c));
  }
  float weight = ex2(m - top), part = __fmul_rn(weight, l);
#pragma unroll
  for (int i = 0; i < 8; i++)
    if (i < items && (i & width - 1) == 0) {
      sum = __fadd_rn(sum, __shfl_sync(~0u, part, 4 * i + lane % 4));
#pragma unroll
      for (int c = 0; c < 4; c++) acc[c] = __fadd_rn(acc[c], __fmul_rn(__shfl_sync(~0u, weight, 4 * i + c), v[i].v[c]));
    }
}
#define PIECES (CHANNELS / 32) // of a unit
DEV size_t shfl_row(size_t row, int from) { return (size_t)(uint32_t)__shfl_sync(~0u, (int)(row >> 32), from) << 32 | (uint32_t)__shfl_sync(~0u, (int)row, from); }
struct Piece { // where a warp's unit and channels lie
  int unit, ch; const float2 *ml; const Heads *o;
  DEV Piece(const Args &a, int u, int lane) : unit(u / PIECES), ch(u % PIECES * 32 + lane) {
    ml = a.part_ml + unit * 4 + lane % 4;
    o = (const Heads *)a.part_o + unit * CHANNELS + ch;
  }
  DEV void write(const Args &a, int s, float (&acc)[4], float sum, float top, int lane) const { // lane l: sum and top of head l % 4
    int first = unit / PACKS * GROUP + unit % PACKS * PACK;
#ifdef PREFIXES
    // Heads beyond the group's take its last one's: nobody writes them.
    const PrefixParts own(a.p, s, KV_HEADS, GROUP, unit / PACKS * GROUP + min(unit % PACKS * PACK + lane % 4, GROUP - 1));
    for (int i = 0; i < own.sections; i++) {
      float2 ml = a.p.part_ml[own.row(i)];
      float now = fmaxf(top, ml.x), b = ex2(top - now), d = ex2(ml.x - now);
      sum = __fmaf_rn(sum, b, ml.y * d); top = now;
#pragma unroll
      for (int c = 0; c < PACK; c++) {
        const float *o = a.p.part_o + shfl_row(own.row(i), c) * HEAD_DIM;
        acc[c] = __fmaf_rn(acc[c], __shfl_sync(~0u, b, c), o[min(ch, HEAD_DIM - 1)] * __shfl_sync(~0u, d, c));
      }
    }
#endif
#pragma unroll
    for (int c = 0; c < PACK; c++) {
      float r = 1.0f / __shfl_sync(~0u, sum, c);
      if ((HEAD_DIM % 32 == 0 || ch < HEAD_DIM) && (PACK * PACKS == GROUP || unit % PACKS * PACK + c < GROUP))
        a.out[((size_t)a.in.first_row[s] * HEADS + first + c) * HEAD_DIM + ch] = to_b16(acc[c] * r);
    }
  }
};
DEV void combine_short(const Args &a, const Seq &sq, const Cut &cut, int s, const Piece &p, int lane) { // at most 16 items: one warp
  int s0 = cut.item(sq.at), s1 = cut.item(sq.part), fulls = sq.full * (8 >> cut.log), items = fulls;
  if (sq.n > sq.full) items += sq.items(cut, sq.full);
  auto slot = [&](int i) -> uint32_t { return (i < fulls ? s0 + i : s1 + i - fulls) * UNITS; };
  float2 ml0 = make_float2(NEG_INF, 0), ml1 = ml0;
  if (lane / 4 < items) ml0 = p.ml[slot(lane / 4) * 4];
  if (lane / 4 + 8 < items) ml1 = p.ml[slot(lane / 4 + 8) * 4];
  Heads v[8];
#pragma unroll
  for (int i = 0; i < 8; i++) if (i < items) v[i] = p.o[slot(i) * CHANNELS];
  float top = fmaxf(ml0.x, ml1.x), acc[4] = {0, 0, 0, 0}, sum = 0;
#pragma unroll
  for (int k = 4; k < 32; k *= 2) top = fmaxf(top, __shfl_xor_sync(~0u, top, k));
  add_items(acc, sum, v, ml0.x, ml0.y, min(items, 8), 8 >> cut.log, top, lane);
  if (items > 8) {
#pragma unroll
    for (int i = 0; i < 8; i++) if (i + 8 < items) v[i] = p.o[slot(i + 8) * CHANNELS];
    add_items(acc, sum, v, ml1.x, ml1.y, items - 8, 8 >> cut.log, top, lane);
  }
  p.write(a, s, acc, sum, top, lane);
}
// The others: the 8 warps of a block share the classes of a piece, one piece after another.
DEV void combine_long(const Args &a, const Seq &sq, const Cut &cut, int s, int u0, int pieces, int warp, int lane) {
  __shared__ __align__(16) float4 accs[CLASSES][32];
  __shared__ float sums[CLASSES][32], tops[8][4];
  Heads v[8];
  float acc[4], sum;
  for (int u = u0; u < min(u0 + pieces, UNITS * PIECES); u++) {
    const Piece p(a, u, lane);
    float top = NEG_INF;
    for (int j = warp * 8 + lane / 4; j < sq.n; j += 64)
      for (int k = 0, at = cut.item(sq.pos(j)), end = sq.items(cut, j); k < end; k++) top = fmaxf(top, p.ml[(uint32_t)(at + k) * UNITS * 4].x);
#pragma unroll
    for (int k = 4; k < 32; k *= 2) top = fmaxf(top, __shfl_xor_sync(~0u, top, k));
    if (lane < 4) tops[warp][lane] = top;
    __syncthreads();
    for (int w = 0; w < 8; w++) top = fmaxf(top, tops[w][lane % 4]);
    for (int r = warp; r < min(sq.n, CLASSES); r += 8) {
      sum = acc[0] = acc[1] = acc[2] = acc[3] = 0;
      for (int j = r; j < sq.n;) { // up to 8 items of as many groups of the class as that makes
        int width = 8 >> cut.log, k = lane / 4, cnt = 1;
        while (cnt < 1 << cut.log && j + cnt * CLASSES < sq.n) cnt++;
        int items = (cnt - 1) * width + sq.items(cut, j + (cnt - 1) * CLASSES);
        auto slot = [&](int i) -> uint32_t { return (cut.item(sq.pos(j + (i >> 3 - cut.log) * CLASSES)) + (i & width - 1)) * UNITS; };
        float2 ml = make_float2(NEG_INF, 0);
        if (k < items) ml = p.ml[slot(k) * 4];
#pragma unroll
        for (int n = 0; n < 8; n++) if (n < items) v[n] = p.o[slot(n) * CHANNELS];
        add_items(acc, sum, v, ml.x, ml.y, items, width, top, lane);
        j += cnt * CLASSES;
      }
      accs[r][lane] = make_float4(acc[0], acc[1], acc[2], acc[3]);
      sums[r][lane] = sum;
    }
    __syncthreads();
    if (warp == 0) {
      sum = acc[0] = acc[1] = acc[2] = acc[3] = 0;
      for (int r = 0; r < min(sq.n, CLASSES); r++) {
        float4 x = accs[r][lane];
        sum = __fadd_rn(sum, sums[r][lane]);
        acc[0] = __fadd_rn(acc[0], x.x); acc[1] = __fadd_rn(acc[1], x.y); acc[2] = __fadd_rn(acc[2], x.z); acc[3] = __fadd_rn(acc[3], x.w);
      }
      p.write(a, s, acc, sum, top, lane);
    }
    __syncthreads();
  }
}
// Grid (sequences, pieces / `pieces` or fewer), block (32, 8). A block takes `pieces` (1 or 8) pieces of a sequence in turn: with 8 a warp
// each where the sequence has at most 16 items, else one after another.
extern "C" __global__ void __launch_bounds__(256, 2) decode_combine(const __grid_constant__ Args a, int pieces) {
  int s = blockIdx.x, lane = threadIdx.x, warp = threadIdx.y, len = length(a, s), skips = skipped(a, s);
  pdl_launch_next();
  pdl_wait_previous();
  int all = a.starts[a.in.sequences];
  Cut cut((all & 0xfffff) + (all >> 20), a.blocks);
  Seq sq(len, a.starts[s], all);
  if (sq.n == 0 || skips == 0 && sq.single(cut)) return; // if single, decode_attention wrote it
  int items = sq.full * (8 >> cut.log) + (sq.n > sq.full ? sq.items(cut, sq.full) : 0);
  for (int u = blockIdx.y * pieces; u < UNITS * PIECES; u += gridDim.y * pieces)
    if (pieces < 8 || items > 16) combine_long(a, sq, cut, s, u, pieces, warp, lane);
    else if (u + warp < UNITS * PIECES) combine_short(a, sq, cut, s, Piece(a, u + warp, lane), lane);
}
