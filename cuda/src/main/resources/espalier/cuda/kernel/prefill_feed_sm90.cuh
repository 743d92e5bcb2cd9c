// prefill_feed_sm90.cuh - what keeps prefill_attention_sm90.cu in work: its options and arguments, its rings in shared memory, the order of
// its tiles, and the producer that fills the rings. New keys and values come in one copy a block; cached ones in copies of 16 rows where a
// page has as many, else 16 bytes a thread, their pages looked up one block ahead.
#pragma once
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
#ifndef TMA_PAGES
#define TMA_PAGES (PAGE && PAGE % 16 == 0) // whole cached blocks by tensor copies of 16 rows
#endif
#define PWARPS (PAGE ? 4 : 1) // producer warps
#define FULL_ARRIVALS (PAGE ? 128 : 1)
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
