// Paged prefill attention, sm_90a: causal attention of new tokens over cached and new keys, ragged batches, GQA, head dims 64 and 128. A
// persistent block per SM takes tiles of up to 128 rows from a list (attention_tiles.cu); a producer warp (warpgroup, if there are pages)
// fills rings of K and V blocks of 128 keys, two consumer warpgroups of 64 rows each compute with wgmma. Blocks of keys lie at multiples of
// 128 of the absolute position and are taken from last to first, so a row's sums are added in one order, whatever the batch, the tile or the
// cached length. Compile-time options: those below, and WINDOW, SOFTCAP (values in Args).
// With SECTION, for contexts beyond SECTION blocks of keys: a row's sums are made section by section (of the absolute position, last to first)
// and joined in that order. One block does that for a tile, keeping the sum so far in global memory; where there are too few tiles for the
// card, each section is a unit of its own and prefill_combine joins them: the same operations in the same order, so the same bits.
#include "tiles.cuh"
#ifndef HEAD_DIM
#define HEAD_DIM 128 // or 64
#endif
#ifndef GROUP
#define GROUP 4 // query heads that share a KV head, packed into one tile: row = token * GROUP + head
#endif
#ifndef PAGE
#define PAGE 0 // tokens a page; 0: no cached prefix anywhere
#endif
#ifndef STAGES
#define STAGES 2 // of the K ring and of the V ring
#endif
#ifndef QBUF
#define QBUF 2 // buffers of Q
#endif
#ifndef TAU
#define TAU 8.0f // the reference maximum of a row moves only when the true one is past it by this many powers of two
#endif
#ifndef MID
#define MID 32 // exponentials of a block, of 64 a thread, before the output of the block before it is waited for
#endif
#define D HEAD_DIM
#define NWG 2 // consumer warpgroups
#define BM (64 * NWG)
#define BN 128
#define TOK (BM / GROUP) // rows from TOK * GROUP on are nobody's
#define HALVES (D / 64)
#define KV_BYTES (BN * D * 2)
#define Q_BYTES (BM * D * 2)
#define THREADS (128 * (NWG + 1))
#define Q_BOX_BYTES (TOK * GROUP * D * 2)
#define MASKED ((TOK + 62) / 32 * 16) // registers of a tile's first block that some row may not see: those of its last TOK + 31 columns, in steps of 32
#define ALL 0
#define NONE (BN / 2)
#ifdef WINDOW
#define WINDOWED 1
#else
#define WINDOWED 0
#endif
#ifndef TMA_PAGES
#define TMA_PAGES (PAGE && PAGE % 16 == 0) // whole cached blocks by tensor copies of 16 rows
#endif
#define PWARPS (PAGE ? 4 : 1) // producer warps
#define FULL_ARRIVALS (PAGE ? 128 : 1)
// Registers a thread: 2 * CONSUMER + PRODUCER may not exceed what the block starts with, 3 * 168 = 504; more hangs at setmaxnreg.
// At D 64 a producer follows twice as many rows of pages at once, and the consumers have fewer sums.
#define PRODUCER_REGS (PAGE ? D == 64 ? 72 : 56 : 40)
#define CONSUMER_REGS (PAGE ? D == 64 ? 216 : 224 : 232)

struct Ring { // stage and phase of the n-th use of a ring
  static DEV int at(int n) { return STAGES == 2 ? n & 1 : n % STAGES; }
  static DEV uint32_t phase(int n) { return STAGES == 2 ? n >> 1 & 1 : n / STAGES & 1; }
};
struct Shared { // 32-bit addresses
  uint32_t q, k, v, bars;
  DEV uint32_t k_full(int s) const { return bars + 8 * s; }
  DEV uint32_t k_empty(int s) const { return bars + 8 * (STAGES + s); }
  DEV uint32_t v_full(int s) const { return bars + 8 * (2 * STAGES + s); }
  DEV uint32_t v_empty(int s) const { return bars + 8 * (3 * STAGES + s); }
  DEV uint32_t t_full(int s) const { return bars + 8 * (4 * STAGES + s); }
  DEV uint32_t t_empty(int s) const { return bars + 8 * (4 * STAGES + 2 + s); }
  DEV uint32_t q_full(int s) const { return bars + 8 * (4 * STAGES + 4 + s); }
  DEV uint32_t q_empty(int s) const { return bars + 8 * (4 * STAGES + 4 + QBUF + s); }
};
struct Slot { Tile t; int head, part, next, pad; }; // a tile as handed to the consumers; seat_rows < 0 ends. part: -1, or number of the state << 8 | section; next: the producer's own

struct Args {
  b16 *out; const b16 *k_new, *v_new, *k_pool, *v_pool; // [token, head, D], [token, kv head, D], [slot, kv head, D]
  const int *pages;   // page table, a row of pages_stride a sequence
  const Tile *tiles;  // longest first
  const int *n_tiles;
  unsigned *ticket;   // two counters, zero before the first launch; one pair a stream
  int pages_stride, heads, kv_heads, section, window; // section: KV heads taken together, so that their K and V fit in L2; divides kv_heads
  int new_stride;     // elements from one row of k_new and v_new to the next
#ifdef SECTION
  float4 *sums;       // states of 256 threads: one of each block, then those of the parts
  int blocks, most_parts, sections; // blocks of the launch; how many states of parts there are; sections that the longest context has
#endif
  float scale_log2, cap_in; // scale * log2(e), or with SOFTCAP cap * log2(e) and scale / cap
};

// ---- producer ----
#if PAGE
#ifndef GATHER_UNROLL
#define GATHER_UNROLL (D == 64 ? 4 : 8)
#endif
#define LPR (D / 8)    // lanes a row, 16 bytes each
#define RPI (32 / LPR) // rows a warp copies at once
// Row of the block that lane l looks up: the rows of one warp, 32 in all.
DEV int gather_row(int warp, int l) { return l / RPI * (4 * RPI) + warp * RPI + l % RPI; }
// Where position pos lives: slot of the pool >= 0, new row as ~row, or past the end
#define NOWHERE ((int)0x80000000)
DEV int locate(const Args &a, const Tile &t, const int *table, int pos) {
  if (pos < t.prefix) { int p = table[pos / PAGE]; return PAGE == 1 ? p : p * PAGE + pos % PAGE; }
  return pos < t.pos0 + (t.seat_rows & 255) ? ~(pos + t.q0 - t.pos0) : NOWHERE;
}
template <bool MIXED> DEV void gather(uint32_t dst, const b16 *pool, const b16 *fresh, int where, uint32_t row_bytes, uint32_t fresh_bytes, int head, int warp, int lane) {
  int c = lane % LPR, r0 = warp * RPI + lane / LPR;
  dst += (c / 8) * (BN * 128) + r0 * 128 + ((c % 8) ^ (r0 % 8)) * 16;
  const uint8_t *p = (const uint8_t *)pool + head * D * 2 + c * 16, *f = (const uint8_t *)fresh + head * D * 2 + c * 16;
#pragma unroll GATHER_UNROLL
  for (int i = 0; i < BN / (4 * RPI); i++) {
    int w = __shfl_sync(~0u, where, i * RPI + lane / LPR);
    if (!MIXED) cp_async_16(dst + i * (4 * RPI * 128), p + (uint64_t)(uint32_t)w * row_bytes, 16);
    else {
      const uint8_t *src = w >= 0 ? p + (uint64_t)(uint32_t)w * row_bytes : f + (w == NOWHERE ? 0 : (uint64_t)(uint32_t)~w * fresh_bytes);
      cp_async_16(dst + i * (4 * RPI * 128), src, w == NOWHERE ? 0 : 16);
    }
  }
}
DEV int row_to_find(const Tile &t, int j, int warp, int lane) { // the row of block j whose place this lane looks up
  return j * BN + (TMA_PAGES && (j + 1) * BN <= t.prefix ? (warp * 2 + lane % 2) * 16 : gather_row(warp, lane));
}
#endif
// Does any thread copy rows of block j? Then its consumers need a proxy fence, which the copy engine's blocks do not.
DEV bool gathered(int prefix, int j) { return PAGE && j * BN < prefix && !(TMA_PAGES && (j + 1) * BN <= prefix); }
DEV int first_block(const Args &a, int pos0) {
#ifdef WINDOW
  return max(0, pos0 - a.window + 1) / BN;
#else
  return 0;
#endif
}
#ifdef SECTION
DEV int parts(const Args &a, int n_tiles) { // parts of a tile: 0 where tiles are not split
  int units = n_tiles * a.kv_heads;
  return a.sections > 1 && 4 * units <= 3 * a.blocks && units * a.sections <= a.most_parts ? a.sections : 0;
}
DEV int last_block(const Tile &t, int part) { int j = (t.pos0 + (t.seat_rows & 255) - 1) / BN; return part < 0 ? j : min(j, ((part & 255) + 1) * SECTION - 1); }
DEV int first_block(const Args &a, const Tile &t, int part) { int j = first_block(a, t.pos0); return part < 0 ? j : max(j, (part & 255) * SECTION); }
#else
DEV int last_block(const Tile &t, int) { return (t.pos0 + (t.seat_rows & 255) - 1) / BN; }
DEV int first_block(const Args &a, const Tile &t, int) { return first_block(a, t.pos0); }
#endif
DEV void publish(const Shared &sh, Slot *slots, int n, Tile e, int head) {
  mbar_wait(sh.t_empty(n & 1), (n >> 1 & 1) ^ 1);
  Slot *s = slots + (n & 1);
  s->t = e; s->head = head;
#ifdef SECTION
  s->part = slots->next;
#endif
  mbar_arrive(sh.t_full(n & 1));
}
DEV void entry(const Args &a, int n_tiles, int t, Tile &e, int &head, int *part) { // the t-th unit: sections of some KV heads, in each the list in order
  e.seat_rows = -1;
#ifdef SECTION
  const int parts_ = parts(a, n_tiles), units = n_tiles * a.kv_heads;
  if (t >= units * max(1, parts_)) return;
  const int section = parts_ - 1 - t / units; // the last section first; a tile that does not reach there has no blocks in it
  t %= units;
#else
  if (t >= n_tiles * a.kv_heads) return;
#endif
  int per = n_tiles * a.section, s = t / per, r = t % per;
  head = s * a.section + r % a.section;
  e = a.tiles[r / a.section];
#ifdef SECTION
  *part = parts_ ? ((r / a.section * parts_ + section) * a.kv_heads + head) << 8 | section : -1;
#endif
}
DEV void producer(const Args &a, const Shared &sh, Slot *slots, const TensorMap *mq, const TensorMap *mk, const TensorMap *mv,
                  const TensorMap *mkp, const TensorMap *mvp, int warp, int lane) {
  int kv = 0, t1 = blockIdx.x, t2 = gridDim.x + blockIdx.x; // tiles are taken two ahead, so that nobody waits for the list
  int head1 = 0;
  Tile e1; e1.seat_rows = -1;
  bool boss = warp == 0 && lane == 0;
#ifdef SECTION
  if (boss) slots->next = -1;
#endif
  int n_tiles = boss ? *a.n_tiles : 0;
  if (boss) entry(a, n_tiles, t1, e1, head1, &slots->next);
  for (int n = 0;; n++) {
    if (boss) publish(sh, slots, n, e1, head1);
    __syncwarp();
    mbar_wait(sh.t_full(n & 1), n >> 1 & 1);
    Tile t = slots[n & 1].t; int head = slots[n & 1].head;
#ifdef SECTION
    const int part = slots[n & 1].part;
#else
    const int part = -1;
#endif
    __syncwarp();
    if (lane == 0) mbar_arrive(sh.t_empty(n & 1));
    if (t.seat_rows < 0) break;
    const int jmax = last_block(t, part), jmin = first_block(a, t, part);
    if (boss) {
      #ifdef SECTION
      entry(a, *a.n_tiles, t2, e1, head1, &slots->next); // read again, to hold one register less
#else
      entry(a, n_tiles, t2, e1, head1, &slots->next);
#endif
      t2 = 2 * gridDim.x + atomicAdd(a.ticket, 1);
      mbar_wait(sh.q_empty(n % QBUF), (n / QBUF & 1) ^ 1);
      mbar_expect(sh.q_full(n % QBUF), Q_BOX_BYTES);
#if TOK * GROUP == BM
      tma_load_4d(sh.q + n % QBUF * Q_BYTES, mq, sh.q_full(n % QBUF), 0, head * GROUP, t.q0, 0);
#else // a box for each 64 columns, as the next must begin at a multiple of 1,024 bytes
      for (int h = 0; h < HALVES; h++) tma_load_4d(sh.q + n % QBUF * Q_BYTES + h * (BM * 128), mq, sh.q_full(n % QBUF), 0, head * GROUP, t.q0, h);
#endif
    }
#if PAGE
    const int *table = a.pages + (size_t)(t.seat_rows >> 8) * a.pages_stride;
    int where = NOWHERE; // looked up one block ahead
    if (jmax >= jmin && jmax * BN < t.prefix) where = locate(a, t, table, row_to_find(t, jmax, warp, lane));
#endif
    for (int j = jmax; j >= jmin; j--, kv++) {
      int s = Ring::at(kv); uint32_t ph = Ring::phase(kv) ^ 1;
#if PAGE
      bool fresh = j * BN >= t.prefix;
      int here = where;
      if (j > jmin && (j - 1) * BN < t.prefix) where = locate(a, t, table, row_to_find(t, j - 1, warp, lane));
#else
      const bool fresh = true;
#endif
#pragma unroll
      for (int x = 0; x < 2; x++) { // K, then V
        uint32_t full = x ? sh.v_full(s) : sh.k_full(s), dst = (x ? sh.v : sh.k) + s * KV_BYTES;
        mbar_wait(x ? sh.v_empty(s) : sh.k_empty(s), ph);
        if (fresh) {
          if (boss) { mbar_expect(full, KV_BYTES); tma_load_4d(dst, x ? mv : mk, full, 0, j * BN + t.q0 - t.pos0, 0, head); }
          else if (PAGE) mbar_arrive(full);
        }
#if PAGE
        else if (TMA_PAGES && (j + 1) * BN <= t.prefix) {
          if (lane < 2) {
            mbar_expect(full, 16 * D * 2);
            for (int h = 0; h < HALVES; h++) tma_load_4d(dst + h * (BN * 128) + (warp * 2 + lane) * (16 * 128), x ? mvp : mkp, full, 0, here, h, head);
          } else mbar_arrive(full);
        } else {
          const b16 *pool = x ? a.v_pool : a.k_pool, *news = x ? a.v_new : a.k_new;
          if ((j + 1) * BN <= t.prefix) gather<false>(dst, pool, news, here, a.kv_heads * D * 2, a.new_stride * 2, head, warp, lane);
          else gather<true>(dst, pool, news, here, a.kv_heads * D * 2, a.new_stride * 2, head, warp, lane);
          cp_async_arrive(full);
        }
#endif
      }
    }
    t1 = t2;
  }
  if (boss) { // the last block puts the counters back to zero for the next launch
    __threadfence();
    if (atomicAdd(a.ticket + 1, 1) == gridDim.x - 1) { a.ticket[0] = 0; a.ticket[1] = 0; }
  }
}

// ---- consumers ----
// Scores s of the first 2 * N columns of a block to probabilities (not normalised); running maximum m; sum l of this lane's
// columns; factor f for what was summed before. Registers from MASK on are masked; lim: last valid column of rows 0 and 8,
// less 2 * (lane % 4). then(g) is called after the first MID exponentials with their sum, which is never negative.
template <int N, bool FIRST, int MASK, class Then>
DEV void softmax(float (&s)[BN / 2], float (&m)[2], float (&l)[2], float (&f)[2], float c, float cap_in, const int (&lim)[2], int window, Then then) {
#ifdef SOFTCAP // c is cap * log2(e), and cap_in is scale / cap
#pragma unroll
  for (int i = 0; i < N; i++) s[i] = tanh_approx(s[i] * cap_in);
#endif
  if (MASK < N) {
#pragma unroll
    for (int i = MASK; i < N; i++) {
      int col = i / 4 * 8 + i % 2, e = i / 2 % 2;
#ifdef WINDOW
      if (col > lim[e] || col <= lim[e] - window) s[i] = -INF;
#else
      if (col > lim[e]) s[i] = -INF;
#endif
    }
  }
  float mx[2] = {s[0], s[2]}, my[2] = {s[1], s[3]};
#pragma unroll
  for (int i = 4; i < N; i += 4) {
    mx[0] = fmaxf(mx[0], s[i]); my[0] = fmaxf(my[0], s[i + 1]);
    mx[1] = fmaxf(mx[1], s[i + 2]); my[1] = fmaxf(my[1], s[i + 3]);
  }
  float base[2];
#pragma unroll
  for (int e = 0; e < 2; e++) {
    float x = fmaxf(mx[e], my[e]);
    x = fmaxf(x, __shfl_xor_sync(~0u, x, 1));
    x = fmaxf(x, __shfl_xor_sync(~0u, x, 2));
    if (FIRST) { m[e] = x; f[e] = 0; }
    else {
      float d = (x - m[e]) * c; // not a number only if the row has seen no key yet
      bool stay = !(d > TAU);
      f[e] = stay ? 1.0f : ex2(-d);
      m[e] = stay ? m[e] : x;
    }
    base[e] = MASK < N && m[e] == -INF ? 0.0f : m[e] * c;
  }
  float sx[2] = {0, 0}, sy[2] = {0, 0};
#pragma unroll
  for (int i = 0; i < N; i += 4) {
    s[i] = ex2(__fmaf_rn(s[i], c, -base[0])); s[i + 1] = ex2(__fmaf_rn(s[i + 1], c, -base[0]));
    s[i + 2] = ex2(__fmaf_rn(s[i + 2], c, -base[1])); s[i + 3] = ex2(__fmaf_rn(s[i + 3], c, -base[1]));
    sx[0] += s[i]; sy[0] += s[i + 1]; sx[1] += s[i + 2]; sy[1] += s[i + 3];
    if (!FIRST && i + 4 == MID) then((sx[0] + sy[0]) + (sx[1] + sy[1]));
  }
#pragma unroll
  for (int e = 0; e < 2; e++) l[e] = FIRST ? sx[e] + sy[e] : __fmaf_rn(l[e], f[e], sx[e] + sy[e]);
}
template <int N> DEV void issue_qk(float (&s)[BN / 2], const uint32_t (&q)[D / 4], uint64_t k) { // the first 2 * N columns
  wgmma<2 * N, 0, 0>(s, q, k);
#pragma unroll
  for (int i = 1; i < D / 16; i++) wgmma<2 * N, 1, 0>(s, q + 4 * i, k + i / 4 * (BN * 128 >> 4) + i % 4 * 2);
}
template <int KEYS, int ADD> DEV void issue_pv(float (&o)[D / 2], const uint32_t (&p)[BN / 4], uint64_t v) { // the first KEYS rows of V
  wgmma<D, ADD, 1>(o, p, v);
#pragma unroll
  for (int i = 1; i < KEYS / 16; i++) wgmma<D, 1, 1>(o, p + 4 * i, v + i * (16 * 128 >> 4));
}
template <int N> DEV void to_half(uint32_t (&p)[BN / 4], const float (&s)[BN / 2]) {
#pragma unroll
  for (int i = 0; i < BN / 4; i++) p[i] = i < N / 2 ? pack(s[2 * i], s[2 * i + 1]) : 0;
}
DEV void release(uint32_t bar, int lane) { if (lane == 0) mbar_arrive(bar); }

// One row of a thread's accumulators: the four lanes of a quad exchange 4-byte pieces, so that each stores 16 bytes.
DEV void store_row(b16 *row, const float (&o)[D / 2], int e, float inv, int lane, bool ok) {
  bool odd = lane & 1, high = lane & 2;
#pragma unroll
  for (int j = 0; j < D / 32; j++) {
    uint32_t v[4];
#pragma unroll
    for (int i = 0; i < 4; i++) { int x = (j * 4 + i) * 4 + 2 * e; v[i] = pack(o[x] * inv, o[x + 1] * inv); }
    uint32_t a = __shfl_xor_sync(~0u, odd ? v[0] : v[1], 1), b = __shfl_xor_sync(~0u, odd ? v[2] : v[3], 1);
    (odd ? v[0] : v[1]) = a; (odd ? v[2] : v[3]) = b;
    a = __shfl_xor_sync(~0u, high ? v[0] : v[2], 2); b = __shfl_xor_sync(~0u, high ? v[1] : v[3], 2);
    (high ? v[0] : v[2]) = a; (high ? v[1] : v[3]) = b;
    if (ok) *(uint4 *)(row + (j * 4 + lane % 4) * 8) = make_uint4(v[0], v[1], v[2], v[3]);
  }
}

struct State { // of one tile in one warpgroup
  float o[D / 2], m[2], l[2], f[2]; uint32_t p[BN / 4], q[D / 4];
  int j, kv;           // block to take next; K blocks taken so far in the launch (V runs one behind)
  int prefix, qpos[2]; // cached tokens; positions of this lane's rows, less 2 * (lane % 4)
};
struct Fixed { uint64_t k, v; int wg, next, lane, window; float c, cap_in; };

// The first block of a tile: only as many columns (2 * N) as its last row can see.
template <int N> DEV void first(State &x, const Fixed &w, uint64_t k) {
  float s[BN / 2];
  wgmma_fence();
  issue_qk<N>(s, x.q, k);
  wgmma_commit();
  wgmma_wait<0>(); pin<N>(s);
  const int lim[2] = {x.qpos[0] - x.j * BN, x.qpos[1] - x.j * BN};
  softmax<N, true, (WINDOWED || N < MASKED ? 0 : N - MASKED)>(s, x.m, x.l, x.f, w.c, w.cap_in, lim, w.window, [](float) {});
  to_half<N>(x.p, s);
}
// Scores of block j together with the output of block j + 1; the softmax of j runs while that output is being summed and
// while the other warpgroup has its turn at the tensor cores.
template <int MASK, int ADD> DEV void step(State &x, const Fixed &w, const Shared &sh) {
  float s[BN / 2];
  const int ks = Ring::at(x.kv), vs = Ring::at(x.kv - 1);
  mbar_wait(sh.k_full(ks), Ring::phase(x.kv));
  if (gathered(x.prefix, x.j)) fence_proxy_async();
  bar_sync(1 + w.wg, 256);
  pin<BN / 4>(x.p); if (ADD) pin<D / 2>(x.o);
  wgmma_fence();
  issue_qk<BN / 2>(s, x.q, w.k + ks * (KV_BYTES >> 4));
  wgmma_commit();
  mbar_wait(sh.v_full(vs), Ring::phase(x.kv - 1));
  if (gathered(x.prefix, x.j + 1)) fence_proxy_async();
  wgmma_fence(); // else ptxas inserts one, and if that is in a branch it cannot prove uniform, it serialises every wgmma
  issue_pv<BN, ADD>(x.o, x.p, w.v + vs * (KV_BYTES >> 4));
  wgmma_commit();
  bar_arrive(1 + w.next, 256);
  wgmma_wait<1>(); pin<BN / 2>(s);
  release(sh.k_empty(ks), w.lane);
  const int lim[2] = {x.qpos[0] - x.j * BN, x.qpos[1] - x.j * BN};
  softmax<BN / 2, false, MASK>(s, x.m, x.l, x.f, w.c, w.cap_in, lim, w.window, [&](float sum) {
    // The output is done about now. ptxas would move its wait to the top of its basic block, ahead of the softmax; so a wait
    // for K, long over, ends the block, and its phase depends on the exponentials so far.
    mbar_wait(sh.k_full(ks), Ring::phase(x.kv) ^ (sum < 0));
    wgmma_wait<0>(); pin<D / 2>(x.o); pin<BN / 4>(x.p);
    release(sh.v_empty(vs), w.lane);
  });
  to_half<BN / 2>(x.p, s);
  if (__any_sync(~0u, x.f[0] != 1.0f || x.f[1] != 1.0f)) {
#pragma unroll
    for (int i = 0; i < D / 2; i++) x.o[i] *= x.f[i / 2 % 2];
  }
  x.kv++; x.j--;
}

template <int KEYS, int ADD> DEV void last_pv(State &x, uint64_t v) {
  pin<BN / 4>(x.p); if (ADD) pin<D / 2>(x.o);
  wgmma_fence();
  issue_pv<KEYS, ADD>(x.o, x.p, v);
  wgmma_commit();
#pragma unroll
  for (int e = 0; e < 2; e++) { x.l[e] += __shfl_xor_sync(~0u, x.l[e], 1); x.l[e] += __shfl_xor_sync(~0u, x.l[e], 2); }
  wgmma_wait<0>(); pin<D / 2>(x.o);
}

#ifdef SECTION
// A thread's state in global memory: its sums, then maxima (in powers of two) and sums of probabilities of its two rows.
#define STATE (256 * (D / 8 + 1)) // float4s of 256 threads
DEV void save(float4 *at, const float (&o)[D / 2], const float (&m)[2], const float (&l)[2]) {
#pragma unroll
  for (int i = 0; i < D / 8; i++) at[i * 256] = make_float4(o[4 * i], o[4 * i + 1], o[4 * i + 2], o[4 * i + 3]);
  at[D / 8 * 256] = make_float4(m[0], m[1], l[0], l[1]);
}
// Joins the state at `at` with the one in registers. Of the two, the one of the later section comes first: FIRST says that it is the stored one.
template <bool FIRST> DEV void join(const float4 *at, float (&o)[D / 2], float (&m)[2], float (&l)[2]) {
  const float4 ml = at[D / 8 * 256];
  float f[2], g[2]; // factors of the stored sums, of those in registers
#pragma unroll
  for (int e = 0; e < 2; e++) {
    float sm = e ? ml.y : ml.x, sl = e ? ml.w : ml.z, top = fmaxf(sm, m[e]), base = top == -INF ? 0.0f : top;
    f[e] = ex2(sm - base); g[e] = ex2(m[e] - base); m[e] = top;
    l[e] = FIRST ? __fmaf_rn(sl, f[e], __fmul_rn(l[e], g[e])) : __fmaf_rn(l[e], g[e], __fmul_rn(sl, f[e]));
  }
#pragma unroll
  for (int i = 0; i < D / 8; i++) {
    const float4 x = at[i * 256];
    const float y[4] = {x.x, x.y, x.z, x.w};
#pragma unroll
    for (int c = 0; c < 4; c++) {
      float &r = o[4 * i + c];
      r = FIRST ? __fmaf_rn(y[c], f[c / 2], __fmul_rn(r, g[c / 2])) : __fmaf_rn(r, g[c / 2], __fmul_rn(y[c], f[c / 2]));
    }
  }
}
#endif
DEV void consumer(const Args &a, const Shared &sh, const Slot *slots, int wg, int warp, int lane) {
  const Fixed w = {smem_desc(sh.k, 1), smem_desc(sh.v, BN * 128), wg, wg + 1 == NWG ? 0 : wg + 1, lane, a.window, a.scale_log2, a.cap_in};
  if (wg == NWG - 1) bar_arrive(1, 256); // the first turn is warpgroup 0's
  State x; x.kv = 0;
  for (int n = 0;; n++) {
    mbar_wait(sh.t_full(n & 1), n >> 1 & 1);
    const Tile t = slots[n & 1].t; const int head = slots[n & 1].head;
#ifdef SECTION
    const int part = slots[n & 1].part;
#endif
    __syncwarp();
    release(sh.t_empty(n & 1), lane);
    if (t.seat_rows < 0) break;
    const int rows = t.seat_rows & 255, last = t.pos0 + rows - 1;
#ifdef SECTION
    const int top = last_block(t, part), bottom = first_block(a, t, part);
#else
    const int jmin = first_block(a, t.pos0), top = last / BN;
#endif
    const int r0 = wg * 64 + warp * 16 + lane / 4;
    x.qpos[0] = t.pos0 + r0 / GROUP - lane % 4 * 2; x.qpos[1] = t.pos0 + (r0 + 8) / GROUP - lane % 4 * 2;
    x.j = top; x.prefix = t.prefix;
    mbar_wait(sh.q_full(n % QBUF), n / QBUF & 1);
    int qr = warp * 16 + lane % 16;
#pragma unroll
    for (int i = 0; i < D / 16; i++)
      ldmatrix_x4(x.q + 4 * i, sh.q + n % QBUF * Q_BYTES + i / 4 * (BM * 128) + wg * (64 * 128) + qr * 128 + ((i % 4 * 2 + lane / 16) ^ (qr % 8)) * 16);
    __syncwarp();
    release(sh.q_empty(n % QBUF), lane);

#ifdef SECTION
    float4 *state = a.sums + (size_t)(part < 0 ? blockIdx.x : a.blocks + (part >> 8)) * STATE + wg * 128 + warp * 32 + lane;
    if (top < bottom) continue; // a part without blocks
    for (bool begun = false;; begun = true) {
    const int jmin = max(bottom, x.j / SECTION * SECTION);
    int ks = Ring::at(x.kv), keys = x.j == last / BN ? (last % BN + 32) & ~31 : BN;
#else
    int ks = Ring::at(x.kv), keys = (last % BN + 32) & ~31; // keys of the first block that anyone sees, in steps of 32
#endif
    mbar_wait(sh.k_full(ks), Ring::phase(x.kv));
    if (gathered(x.prefix, x.j)) fence_proxy_async();
    const uint64_t k = w.k + ks * (KV_BYTES >> 4);
    if (keys == 32) first<16>(x, w, k);
    else if (keys == 64) first<32>(x, w, k);
    else if (keys == 96) first<48>(x, w, k);
    else first<64>(x, w, k);
    release(sh.k_empty(ks), lane);
    x.kv++; x.j--;
    const bool one = x.j < jmin;
    if (!one) { // the tile may begin in the block before the last one
      if (WINDOWED || x.j * BN + BN - 1 > t.pos0) step<ALL, 0>(x, w, sh); else step<NONE, 0>(x, w, sh);
    }
#if TOK > BN
    for (; x.j >= jmin && x.j * BN + BN - 1 > t.pos0; ) step<ALL, 1>(x, w, sh);
#endif
#if WINDOWED // a block that starts inside every row's window needs no mask
    for (; x.j >= jmin && x.j * BN > last - a.window; ) step<NONE, 1>(x, w, sh);
    for (; x.j >= jmin; ) step<ALL, 1>(x, w, sh);
#else
    for (; x.j >= jmin; ) step<NONE, 1>(x, w, sh);
#endif
    const int vs = Ring::at(x.kv - 1);
    mbar_wait(sh.v_full(vs), Ring::phase(x.kv - 1));
    if (gathered(x.prefix, x.j + 1)) fence_proxy_async();
    const uint64_t v = w.v + vs * (KV_BYTES >> 4);
    if (!one) last_pv<BN, 1>(x, v);
    else if (keys == 32) last_pv<32, 0>(x, v);
    else if (keys == 64) last_pv<64, 0>(x, v);
    else if (keys == 96) last_pv<96, 0>(x, v);
    else last_pv<BN, 0>(x, v);
    release(sh.v_empty(vs), lane);
#ifdef SECTION
    x.m[0] *= w.c; x.m[1] *= w.c;
    if (begun) join<true>(state, x.o, x.m, x.l);
    if (part < 0 && x.j < bottom) break;
    save(state, x.o, x.m, x.l);
    if (x.j < bottom) break;
    }
    if (part >= 0) continue; // the blocks of prefill_combine write the output
#endif
#pragma unroll
    for (int e = 0; e < 2; e++) {
      const int r = wg * 64 + warp * 16 + lane / 4 + 8 * e;
      b16 *row = a.out + ((size_t)(t.q0 + r / GROUP) * a.heads + head * GROUP + r % GROUP) * D;
      store_row(row, x.o, e, __fdividef(1.0f, x.l[e]), lane, r / GROUP < rows);
    }
  }
}

extern "C" __global__ void __launch_bounds__(THREADS, 1) prefill_attention(const __grid_constant__ TensorMap mq, const __grid_constant__ TensorMap mk,
    const __grid_constant__ TensorMap mv, const __grid_constant__ TensorMap mkp, const __grid_constant__ TensorMap mvp, const __grid_constant__ Args a) {
  extern __shared__ __align__(1024) uint8_t smem[];
  uint32_t base = (smem_u32(smem) + 1023) & ~1023u;
  uint32_t k = base + QBUF * Q_BYTES, v = k + STAGES * KV_BYTES, tail = v + STAGES * KV_BYTES;
  Shared sh = {base, k, v, tail + 128};
  Slot *slots = (Slot *)(smem + (tail - smem_u32(smem)));
  int warp = __shfl_sync(~0u, threadIdx.x / 32, 0), lane = threadIdx.x % 32;
  if (threadIdx.x == 0) {
    for (int i = 0; i < STAGES; i++) {
      mbar_init(sh.k_full(i), FULL_ARRIVALS); mbar_init(sh.k_empty(i), 4 * NWG);
      mbar_init(sh.v_full(i), FULL_ARRIVALS); mbar_init(sh.v_empty(i), 4 * NWG);
    }
    for (int i = 0; i < 2; i++) { mbar_init(sh.t_full(i), 1); mbar_init(sh.t_empty(i), 4 * NWG + PWARPS); }
    for (int i = 0; i < QBUF; i++) { mbar_init(sh.q_full(i), 1); mbar_init(sh.q_empty(i), 4 * NWG); }
    fence_mbar_init();
    tma_prefetch(&mq); tma_prefetch(&mk); tma_prefetch(&mv);
  }
#if TOK * GROUP != BM // rows that no copy writes
  for (int i = threadIdx.x; i < QBUF * HALVES * (BM - TOK * GROUP) * 8; i += THREADS) {
    int part = i / ((BM - TOK * GROUP) * 8), at = i % ((BM - TOK * GROUP) * 8);
    sts128(base + part * (BM * 128) + TOK * GROUP * 128 + at * 16, make_uint4(0, 0, 0, 0));
  }
#endif
  pdl_wait_previous();
  __syncthreads();
  pdl_launch_next();
  if (warp < 4) {
    reg_dec<PRODUCER_REGS>();
    if (warp < PWARPS) producer(a, sh, slots, &mq, &mk, &mv, &mkp, &mvp, warp, lane);
  } else {
    reg_inc<CONSUMER_REGS>();
    consumer(a, sh, slots, warp / 4 - 1, warp % 4, lane);
  }
}

#ifdef SECTION
// Joins the parts of tiles, where they were split: the same grid, a unit is a tile and a KV head, 256 threads as the consumers.
extern "C" __global__ void __launch_bounds__(256, 1) prefill_combine(const __grid_constant__ Args a) {
  pdl_wait_previous();
  pdl_launch_next();
  const int n_tiles = *a.n_tiles, parts_ = parts(a, n_tiles), lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  if (parts_ == 0) return;
  for (int u = blockIdx.x; u < n_tiles * a.kv_heads; u += gridDim.x) {
    const Tile t = a.tiles[u / a.kv_heads];
    const int head = u % a.kv_heads, rows = t.seat_rows & 255, last = (t.pos0 + rows - 1) / BN / SECTION, first = first_block(a, t.pos0) / SECTION;
    auto state = [&](int part) { return a.sums + (size_t)(a.blocks + (u / a.kv_heads * parts_ + part) * a.kv_heads + head) * STATE + threadIdx.x; };
    float o[D / 2], m[2], l[2];
    const float4 *at = state(last);
#pragma unroll
    for (int i = 0; i < D / 8; i++) { float4 x = at[i * 256]; o[4 * i] = x.x; o[4 * i + 1] = x.y; o[4 * i + 2] = x.z; o[4 * i + 3] = x.w; }
    float4 ml = at[D / 8 * 256];
    m[0] = ml.x; m[1] = ml.y; l[0] = ml.z; l[1] = ml.w;
    for (int part = last - 1; part >= first; part--) join<false>(state(part), o, m, l);
#pragma unroll
    for (int e = 0; e < 2; e++) {
      const int r = warp * 16 + lane / 4 + 8 * e;
      b16 *row = a.out + ((size_t)(t.q0 + r / GROUP) * a.heads + head * GROUP + r % GROUP) * D;
      store_row(row, o, e, __fdividef(1.0f, l[e]), lane, r / GROUP < rows);
    }
  }
}
#endif
