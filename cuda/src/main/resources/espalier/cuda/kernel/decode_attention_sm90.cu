// Paged decode attention, GQA, sm_90a: one new token a sequence. One persistent block an SM: four producer warps copy token rows (the KV
// heads of a section lie together: 2 KB of K, 2 KB of V at 8 heads x 128) into a ring in shared memory by TMA, any page size at the same
// speed; a warp for each unit (a KV head and up to 4 of its query heads) computes on mma.sync. Items of work are claimed from a counter.
// Order of sums: leaves of LEAF tokens, merged by a fixed binary tree into groups of 8 leaves; groups in a fixed order. How the batch is cut
// into items (1, 2, 4 or 8 leaves) follows the batch; the tree does not, so a sequence's bits are the same in any batch and under any cut.
// Which sequences: those with exactly one row in the step; the others are left to prefill attention.
// With ROTATE it also does what rope.cu does: a unit turns its queries as it reads them, and the newest key on its way to shared memory;
// it writes key and value to the cache. The rows of queries and keys stay as they are.
#include "decode_parts_sm90.cuh"
#ifndef STAGES
#define STAGES 3
#endif
#define TILE 16 // tokens a stage
#define CHUNK 64 // tokens whose page table entries are looked up at once
#define WARPS (SECTION * PACKS) // consumers
#define ALL_LINES (KV_HEADS * HEAD_DIM / 64) // lines of 128 bytes of a token
#define ROW (SECTION * HEAD_DIM * 2)
#define LINES (ROW / 128)
#define PITCH ((LINES | 1) * 128) // an odd number of lines, so that TMA's swizzle differs between the 8 tokens of a matrix: no bank conflicts
#define STAGE (2 * TILE * PITCH)  // K rows, then V rows
#define PRODUCERS 4
#define THREADS ((WARPS + PRODUCERS) * 32)
#define KSTEPS (HEAD_DIM / 16)
#define HALF ((KSTEPS + 1) / 2)

struct Part { float m[2], l[2], o[KSTEPS][4]; }; // of a warp: maximum and sum of head columns 2t, 2t + 1; O^T fragments

// A finished subtree that waits for its right neighbour. Only lanes t < 2 hold heads (PACK <= 4), so the upper half of the channels
// moves to lanes t + 2: half the registers.
struct Saved { float m[2], l[2], o[HALF][4]; };
DEV void save(Saved &s, const Part &x, bool upper) {
#pragma unroll
  for (int c = 0; c < 2; c++) { s.m[c] = x.m[c]; s.l[c] = x.l[c]; }
#pragma unroll
  for (int j = 0; j < HALF; j++)
#pragma unroll
    for (int c = 0; c < 4; c++) {
      float y = j + HALF < KSTEPS ? __shfl_xor_sync(~0u, x.o[(j + HALF) % KSTEPS][c], 2) : 0.0f;
      s.o[j][c] = upper ? y : x.o[j][c];
    }
}
DEV void merge(Part &x, const Saved &left) {
  float a[2], b[2];
#pragma unroll
  for (int c = 0; c < 2; c++) a[c] = merge_scales(x.m[c], x.l[c], left.m[c], left.l[c], b[c]);
#pragma unroll
  for (int j = 0; j < HALF; j++)
#pragma unroll
    for (int c = 0; c < 4; c++) {
      float y = __shfl_xor_sync(~0u, left.o[j][c], 2);
      x.o[j][c] = merge_value(left.o[j][c], a[c & 1], x.o[j][c], b[c & 1]);
      if (j + HALF < KSTEPS) x.o[(j + HALF) % KSTEPS][c] = merge_value(y, a[c & 1], x.o[(j + HALF) % KSTEPS][c], b[c & 1]);
    }
}

// Tables kmap, vmap: the pools as rows of 64 elements, boxes of a section of one token (LINES rows), 128-byte swizzle.
extern "C" __global__ void __launch_bounds__(THREADS, 1) decode_attention(const __grid_constant__ TensorMap kmap, const __grid_constant__ TensorMap vmap,
    const __grid_constant__ Args a) {
  extern __shared__ __align__(1024) unsigned char smem[]; // stages, descriptors, barriers, sequences, 34 integers
  int4 *desc = (int4 *)(smem + STAGES * STAGE);
  uint64_t *bars = (uint64_t *)(desc + STAGES);
  int2 *seqs = (int2 *)(bars + 3 * STAGES); // prefix sum and length of each sequence
  int batch = a.in.sequences;
  int *sums = (int *)(seqs + batch), *claimed = sums + 32;
  uint32_t data = smem_u32(smem), full = smem_u32(bars), empty = full + 8 * STAGES, ready = empty + 8 * STAGES;
  int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  if (threadIdx.x == 0) {
    for (int i = 0; i < STAGES; i++) { mbar_init(full + 8 * i, PRODUCERS); mbar_init(empty + 8 * i, WARPS); mbar_init(ready + 8 * i, 1); }
    fence_mbar_init();
  }
  // The step's arrays, its page table and all of the cache but the newest tokens are older than the kernels of the step: they are read before
  // the wait, so that the first tiles are on their way while the kernel before still runs.
  int all = 0; // prefix sums of the sequences' groups
  for (int b0 = 0; b0 < batch; b0 += THREADS) {
    int b = b0 + threadIdx.x, len = b < batch ? length(a, b) : 0, n = len / SPAN + (len % SPAN > 0) * (1 << 20), x = n;
#pragma unroll
    for (int o = 1; o < 32; o *= 2) { int y = __shfl_up_sync(~0u, x, o); if (lane >= o) x += y; }
    if (lane == 31) sums[warp] = x;
    __syncthreads();
    int before = all;
    for (int i = 0; i < THREADS / 32; i++) { if (i < warp) before += sums[i]; all += sums[i]; }
    if (b < batch) seqs[b] = make_int2(before + x - n, len);
    __syncthreads();
  }
  pdl_launch_next();
  int fulls = all & 0xfffff, groups = fulls + (all >> 20);
  Cut cut(groups, a.blocks);

  if (warp >= WARPS) { // producers: warp p copies rows 8 (p % 2) .. + 7 of K (p < 2) or V of each tile; lane: a row of the chunk's 4 tiles
    int p = warp - WARPS, items = cut.item(groups) * SECTIONS, ahead = 0, turn = 0;
    int seq = 0, item = blockIdx.x, tok = 0, end = 0, direct = 0, skip = 0;
    const Pages pages(a.in);
    auto claim = [&]() { // as late as its latency allows: a slow block must not hold items
      if (p == 0 && lane == 0) { pdl_wait_previous(); ahead = atom_add(a.sched, 1); }
    };
    auto fetch = [&]() {
      if (p == 0 && lane == 0) claimed[turn & 1] = ahead + gridDim.x;
      bar_sync(1, PRODUCERS * 32);
      item = claimed[turn++ & 1];
    };
    auto take = [&]() -> bool { // sets up the item; false: no more
      for (;; claim(), fetch()) { // an item without tokens: the next one
        if (item >= items) return false;
        int g = item / SECTIONS >> 3 - cut.log, sub = item / SECTIONS & (8 >> cut.log) - 1, lo = 0, hi = batch;
        int shift = g < fulls ? 0 : 20, mask = g < fulls ? 0xfffff : 0xfff, want = g < fulls ? g : g - fulls;
        while (hi - lo > 1) { int mid = (lo + hi) / 2; if ((seqs[mid].x >> shift & mask) <= want) lo = mid; else hi = mid; }
        seq = lo;
        Seq s(seqs[seq].y, seqs[seq].x, all);
        tok = (g < fulls ? g - s.at : s.full) * SPAN + (sub << cut.log) * LEAF;
        end = min(s.len, tok + (LEAF << cut.log));
        skip = skipped(a, seq);
        direct = skip == 0 && s.single(cut);
        if (tok >= end) continue;
        if (tok + CHUNK >= end) claim();
        return true;
      }
    };
    const TensorMap *src = p < PRODUCERS / 2 ? &kmap : &vmap;
    int row = p % 2 * 8 + lane % 8;
    uint32_t to = data + (p / 2 * TILE + row) * PITCH;
    uint64_t policy = policy_evict_first();
    int page = 0, inside = 0; // of this lane's token in the chunk at tok; past the end the last one again
    const int *table = a.in.pages;
    auto slot = [&]() {
      int t = skip + min(tok + lane / 8 * TILE + row, end - 1);
#ifdef ROTATE
      if (t == seqs[seq].y - 1) { page = -1; inside = pages.size - 1; return; } // the newest token: there is no slot -1, zeros are copied
#endif
      page = table[pages.page(t)]; inside = pages.inside(t);
    };
    bool have = take(), none = !have;
    int tile = 0;
    if (have) { table = a.in.table(seq); slot(); }
    for (int i = 0; have;) {
      int s_seq = seq, s_item = item / SECTIONS, s_section = item % SECTIONS, s_tok = tok, s_end = end, s_direct = direct, s_tile = tile, now = pages.slot(page, inside);
      for (int j = 0; j < CHUNK / TILE && s_tok + j * TILE < s_end; j++, i++) {
        int s = i % STAGES;
        if (i >= STAGES) mbar_wait(empty + 8 * s, (i / STAGES - 1) & 1);
        if (lane == 0) {
          if (p == 0) {
            int last = s_tok + (j + 1) * TILE >= s_end, newest = s_tok + (j + 1) * TILE >= seqs[s_seq].y;
            desc[s] = make_int4(s_seq, s_item, s_tile + j | last << 8 | s_direct << 9 | newest << 10 | s_section << 11, s_end - s_tok - j * TILE); mbar_arrive(ready + 8 * s);
          }
          mbar_expect(full + 8 * s, 8 * ROW);
        }
        __syncwarp();
#ifndef ROTATE
        if (s_tok + (j + 1) * TILE >= seqs[s_seq].y) pdl_wait_previous(); // the newest token
#endif
        if (lane / 8 == j) tma_load_2d(to + s * STAGE, src, full + 8 * s, 0, now * ALL_LINES + s_section * LINES, policy);
        if (j == 0) { // look ahead: the page table entries of the next chunk
          if (tok + CHUNK < end) { tok += CHUNK; tile += CHUNK / TILE; if (tok + CHUNK >= end) claim(); } else { fetch(); have = take(); tile = 0; if (have) table = a.in.table(seq); }
          if (have) slot();
        }
      }
      if (!have) { // all issued: tell the consumers
        int s = i % STAGES;
        if (i >= STAGES) mbar_wait(empty + 8 * s, (i / STAGES - 1) & 1);
        if (p == 0 && lane == 0) { desc[s] = make_int4(-1, 0, 0, 0); mbar_arrive(ready + 8 * s); }
      }
    }
    if (none && p == 0 && lane == 0) { desc[0] = make_int4(-1, 0, 0, 0); mbar_arrive(ready); } // nothing at all
    pdl_wait_previous();
    if (p == 0 && lane == 0) { // the last block leaves sched ready for the next launch
      __threadfence();
      if (atom_add(a.sched + 1, 1) == (int)gridDim.x - 1) { a.sched[0] = 0; a.sched[1] = 0; }
    }
  } else { // one warp a unit: S^T = K Q^T (16 tokens x 8 heads), O^T += V^T P^T (dims x 8 heads)
    int g = lane / 4, t = lane % 4, head = warp / PACKS, quad = warp % PACKS; // KV head within the section, quad of its query heads
    int mine = PACK * PACKS == GROUP ? PACK : min(PACK, GROUP - quad * PACK);
    int kr = lane % 16, vr = lane % 8 + lane / 16 * 8; // this lane's rows for ldmatrix
    uint32_t k0 = data + kr * PITCH, v0 = data + (TILE + vr) * PITCH;
    auto at = [&](uint32_t base, int r, int half, int j) -> uint32_t { // 16-byte chunk c of line n lies at chunk c ^ n % 8
#if HEAD_DIM % 64 == 0
      int line = j * 32 / 128, x = r * (PITCH / 128) + head * (HEAD_DIM / 64) + line & 7;
      return base + (head * (HEAD_DIM / 64) + line) * 128 + ((half ^ x) * 16 ^ j * 32 % 128);
#else
      int chunk = head * (HEAD_DIM / 8) + 2 * j + half, line = chunk / 8, x = r * (PITCH / 128) + line & 7;
      return base + line * 128 + (chunk % 8 ^ x) * 16;
#endif
    };
    pdl_wait_previous();
    for (int b = threadIdx.x; b < batch; b += WARPS * 32) {
      if (blockIdx.x == 0) a.starts[b] = seqs[b].x;
      if (seqs[b].y == 0 && b % gridDim.x == blockIdx.x && a.in.rows(b) == 1) { // an empty place: zeros
        uint4 *o = (uint4 *)(a.out + (size_t)a.in.first_row[b] * HEADS * HEAD_DIM);
        for (int i = 0; i < HEADS * HEAD_DIM / 8; i++) o[i] = make_uint4(0, 0, 0, 0);
      }
    }
    if (blockIdx.x == 0 && threadIdx.x == 0) a.starts[batch] = all;
    uint32_t qf[KSTEPS][2];
    Part x;
    Saved left0, left1, left2;
#pragma unroll
    for (int i = 0; i < KSTEPS; i++) qf[i][0] = qf[i][1] = 0;
    for (int i = 0;; i++) {
      int s = i % STAGES;
      int4 d = make_int4(0, 0, 0, 0);
      if (lane == 0) { mbar_wait(ready + 8 * s, i / STAGES & 1); d = desc[s]; }
      __syncwarp();
      d = make_int4(__shfl_sync(~0u, d.x, 0), __shfl_sync(~0u, d.y, 0), __shfl_sync(~0u, d.z, 0), __shfl_sync(~0u, d.w, 0));
      if (d.x < 0) break;
      int tile = d.z & 255, first = ((d.z >> 11) * SECTION + head) * GROUP + quad * PACK; // this unit's first query head
      bool last = d.z >> 8 & 1;
      if (tile == 0 && g < mine) { // on its way while K and V are
        const uint32_t *p = (const uint32_t *)(a.q + (size_t)a.in.first_row[d.x] * a.q_stride + (first + g) * HEAD_DIM) + t;
#pragma unroll
        for (int j = 0; j < KSTEPS; j++) { qf[j][0] = p[8 * j]; qf[j][1] = p[8 * j + 4]; }
#ifdef ROTATE
        int position = a.in.context_len[d.x] - 1;
#pragma unroll
        for (int j = 0; j < KSTEPS / 2; j++)
#pragma unroll
          for (int c = 0; c < 2; c++) {
            float4 u = a.newest.turns(position, 8 * j + 4 * c + t);
            turn_two(qf[j][c], qf[j + KSTEPS / 2][c], make_float2(u.x, u.y), make_float2(u.z, u.w));
          }
#endif
      }
      mbar_wait(full + 8 * s, i / STAGES & 1);
#ifdef ROTATE
      if (d.z >> 10 & 1) { // the newest token
        int kv = (d.z >> 11) * SECTION + head, r = d.w - 1, row = a.in.first_row[d.x], slot = a.newest.slots[row], position = a.in.context_len[d.x] - 1;
        const uint32_t *k = (const uint32_t *)(a.newest.k + (size_t)row * a.newest.stride + kv * HEAD_DIM), *v = (const uint32_t *)(a.newest.v + (size_t)row * a.newest.stride + kv * HEAD_DIM);
        uint32_t *to_k = (uint32_t *)(a.newest.k_cache + ((size_t)max(slot, 0) * KV_HEADS + kv) * HEAD_DIM), *to_v = (uint32_t *)(a.newest.v_cache + ((size_t)max(slot, 0) * KV_HEADS + kv) * HEAD_DIM);
        auto put = [&](int row_of_stage, int w, uint32_t x) { // word w of the head
          int line = head * (HEAD_DIM / 64) + w / 32, y = row_of_stage * (PITCH / 128) + line & 7;
          sts32(data + s * STAGE + row_of_stage * PITCH + line * 128 + (w % 32 / 4 ^ y) * 16 + w % 4 * 4, x);
        };
        for (int w = lane; w < HEAD_DIM / 4; w += 32) {
          uint32_t x = k[w], y = k[w + HEAD_DIM / 4], low = v[w], high = v[w + HEAD_DIM / 4];
          float4 u = a.newest.turns(position, w);
          turn_two(x, y, make_float2(u.x, u.y), make_float2(u.z, u.w));
          put(r, w, x); put(r, w + HEAD_DIM / 4, y);
          put(TILE + r, w, low); put(TILE + r, w + HEAD_DIM / 4, high);
          if (slot >= 0) { to_k[w] = x; to_k[w + HEAD_DIM / 4] = y; to_v[w] = low; to_v[w + HEAD_DIM / 4] = high; }
        }
        fence_proxy_async(); // before a copy may overwrite it
        __syncwarp();
      }
#endif
      if (tile % (LEAF / TILE) == 0) {
        x.m[0] = x.m[1] = NEG_INF; x.l[0] = x.l[1] = 0;
#pragma unroll
        for (int j = 0; j < KSTEPS; j++)
#pragma unroll
          for (int c = 0; c < 4; c++) x.o[j][c] = 0;
      }
      float sa[4] = {0, 0, 0, 0}, sb[4] = {0, 0, 0, 0};
      uint32_t f[4];
#pragma unroll
      for (int j = 0; j < KSTEPS; j += 2) {
        ldmatrix_x4(f, at(k0 + s * STAGE, kr, lane / 16, j)); mma(sa, f, qf[j][0], qf[j][1]);
        if (j + 1 < KSTEPS) { ldmatrix_x4(f, at(k0 + s * STAGE, kr, lane / 16, j + 1)); mma(sb, f, qf[(j + 1) % KSTEPS][0], qf[(j + 1) % KSTEPS][1]); }
      }
      float al[2];
#pragma unroll
      for (int c = 0; c < 2; c++) { // columns 2t + c; rows (tokens) g and g + 8
#ifdef SOFTCAP
        float u = g < d.w ? tanh_approx((sa[c] + sb[c]) * a.cap_in) * a.scale_log2 : NEG_INF, v = g + 8 < d.w ? tanh_approx((sa[c + 2] + sb[c + 2]) * a.cap_in) * a.scale_log2 : NEG_INF;
#else
        float u = g < d.w ? (sa[c] + sb[c]) * a.scale_log2 : NEG_INF, v = g + 8 < d.w ? (sa[c + 2] + sb[c + 2]) * a.scale_log2 : NEG_INF;
#endif
        float top = fmaxf(u, v);
#pragma unroll
        for (int o = 4; o < 32; o *= 2) top = fmaxf(top, __shfl_xor_sync(~0u, top, o));
        top = fmaxf(top, x.m[c]);
        al[c] = ex2(x.m[c] - top); x.m[c] = top;
        sa[c] = ex2(u - top); sa[c + 2] = ex2(v - top);
        x.l[c] = __fmaf_rn(x.l[c], al[c], sa[c] + sa[c + 2]); // of this lane's rows; joined at the leaf's end
      }
      uint32_t b0 = movmatrix_trans(pack(sa[0], sa[1])), b1 = movmatrix_trans(pack(sa[2], sa[3]));
#pragma unroll
      for (int j = 0; j < KSTEPS; j++) {
        ldmatrix_x4_trans(f, at(v0 + s * STAGE, vr, lane / 8 % 2, j));
#pragma unroll
        for (int c = 0; c < 4; c++) x.o[j][c] *= al[c & 1];
        mma(x.o[j], f, b0, b1);
      }
      __syncwarp();
      if (lane == 0) mbar_arrive(empty + 8 * s);
      if (!last && tile % (LEAF / TILE) != LEAF / TILE - 1) continue;
#pragma unroll
      for (int c = 0; c < 2; c++)
#pragma unroll
        for (int o = 4; o < 32; o *= 2) x.l[c] += __shfl_xor_sync(~0u, x.l[c], o);
      int leaf = tile / (LEAF / TILE); // the set bits of its number say which finished subtrees stand left of it
      if (leaf & 1) merge(x, left0); else if (!last) { save(left0, x, t > 1); continue; }
      if (leaf & 2) merge(x, left1); else if (!last) { save(left1, x, t > 1); continue; }
      if (leaf & 4) merge(x, left2); else if (!last) { save(left2, x, t > 1); continue; }
      if (t >= 2) continue; // the columns of no head
      if (d.z >> 9 & 1) {
#pragma unroll
        for (int c = 0; c < 2; c++) {
          if (2 * t + c >= mine) continue;
          float r = 1.0f / x.l[c];
          b16 *o = a.out + ((size_t)a.in.first_row[d.x] * HEADS + first + 2 * t + c) * HEAD_DIM + g;
#pragma unroll
          for (int j = 0; j < KSTEPS; j++) { o[16 * j] = to_b16(x.o[j][c] * r); o[16 * j + 8] = to_b16(x.o[j][c + 2] * r); }
        }
      } else { // heads innermost: each store of the warp is one whole line of 128 bytes
        size_t unit = (size_t)d.y * UNITS + (d.z >> 11) * WARPS + warp;
        float2 *o = (float2 *)(a.part_o + unit * CHANNELS * 4) + g * 2 + t;
#pragma unroll
        for (int j = 0; j < KSTEPS; j++) { o[32 * j] = make_float2(x.o[j][0], x.o[j][1]); o[32 * j + 16] = make_float2(x.o[j][2], x.o[j][3]); }
        if (g == 0) *(float4 *)(a.part_ml + unit * 4 + 2 * t) = make_float4(x.m[0], x.l[0], x.m[1], x.l[1]);
      }
    }
  }
}
