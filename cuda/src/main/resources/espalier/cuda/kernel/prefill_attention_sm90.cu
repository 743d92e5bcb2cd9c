// Paged prefill attention, sm_90a: causal attention of new tokens over cached and new keys, ragged batches, GQA, head dims 64 and 128. A
// persistent block per SM takes tiles of up to 128 rows from a list (attention_tiles.cu); a producer warp (warpgroup, if there are pages)
// fills rings of K and V blocks of 128 keys (prefill_feed_sm90.cuh), two consumer warpgroups of 64 rows each compute with wgmma. Blocks of
// keys lie at multiples of 128 of the absolute position and are taken from last to first, so a row's sums are added in one order, whatever
// the batch, the tile or the cached length.
//
// What counts is energy: a card that is kept busy is held at its power, and its clock falls until the kernel's work fits. So a step of the
// main loop, a block of keys, has little beside the two products: for each score one multiplication and subtraction, one exponential, one
// addition and half a conversion. There is no search for a row's maximum. Probabilities are taken relative to a reference, which is the
// maximum of the first block that a row sees and then stays: a bf16 number may be 2^64 as well as 1 without being less exact. Should the
// sum of a lane's probabilities pass 2^64, `again` makes that row's block anew, by a slow and rare way that reads its keys from memory,
// relative to the block's own maximum. fp16 has no such range, and its reference follows the maximum, 2^8 behind.
// All of this depends on a row's own scores alone.
//
// With SECTION, for contexts beyond SECTION blocks of keys: a row's sums are made section by section (of the absolute position, last to first)
// and joined in that order. One block does that for a tile, keeping the sum so far in global memory; where there are too few tiles for the
// card, each section is a unit of its own and prefill_combine joins them: the same operations in the same order, so the same bits.
// Compile-time options: those of the header and below, WINDOW, SOFTCAP (values in Args), FP16.
#include "prefill_feed_sm90.cuh"
#ifndef MID
#define MID 32 // exponentials of a block, of 64 a thread, before the output of the block before it is waited for
#endif
#define MASKED ((TOK + 62) / 32 * 16) // registers of a tile's first block that some row may not see: those of its last TOK + 31 columns, in steps of 32
#define ALL 0
#define NONE (BN / 2)
#ifdef WINDOW
#define WINDOWED 1
#else
#define WINDOWED 0
#endif
#ifdef FP16
#define FOLLOWS 1
#else
#define FOLLOWS 0
#endif
#define BEHIND 8.0f // a reference that follows moves only when the maximum is past it by this many powers of two
#define LIMIT 18446744073709551616.0f // 2^64: what the probabilities of a lane may add up to in a block where the reference stays
// Registers a thread: 2 * CONSUMER + PRODUCER may not exceed what the block starts with, 3 * 168 = 504; more hangs at setmaxnreg.
// At D 64 a producer follows twice as many rows of pages at once, and the consumers have fewer sums. Consumers of 232 would be given all
// exponentials ahead of the wait for the output before.
#define PRODUCER_REGS (PAGE ? D == 64 ? 72 : 56 : 40)
#define CONSUMER_REGS (PAGE && D == 64 ? 216 : 224)

struct State { // of one tile in one warpgroup
  float o[D / 2];
  float m[2], l[2], t[2]; // of this lane's two rows: reference in powers of two; sums of this lane's probabilities, those of the newest block apart
  uint32_t p[BN / 4], q[D / 4];
  int j, kv;           // block to take next; K blocks taken so far in the launch (V runs one behind)
  int prefix, qpos[2]; // cached tokens; positions of this lane's rows, less 2 * (lane % 4)
};
struct Fixed { uint64_t k, v; int wg, next, lane, window; float c, cap_in; };
struct Unit { const Args &a; int head, seat, shift, last; }; // shift: from a position to its row in q and k_new; last: the tile's last position

// Which rows get a reference from a block: none, those without one (their m is -INF), all.
#define STAYS 0
#define OPENS 1
#define BEGINS 2
// Scores s of the first 2 * N columns of a block to probabilities (not normalised) in x.p, their sums in x.t. Registers from MASK on are
// masked; lim: last valid column of rows 0 and 8, less 2 * (lane % 4). then(y) is called after the first MID exponentials, before x.p is
// written; y depends on them.
template <int N, int REFER, int MASK, class Then>
DEV void softmax(float (&s)[BN / 2], State &x, const Fixed &w, Then then) {
  const int lim[2] = {x.qpos[0] - x.j * BN, x.qpos[1] - x.j * BN};
#ifdef SOFTCAP // w.c is cap * log2(e), and w.cap_in is scale / cap
#pragma unroll
  for (int i = 0; i < N; i++) s[i] = tanh_approx(s[i] * w.cap_in);
#endif
  if (MASK < N) {
#pragma unroll
    for (int i = MASK; i < N; i++) {
      int col = i / 4 * 8 + i % 2, e = i / 2 % 2;
      if (col > lim[e] || WINDOWED && col <= lim[e] - w.window) s[i] = -INF;
    }
  }
  float f[2] = {1, 1};
  if (REFER != STAYS || FOLLOWS) {
    float mx[2] = {s[0], s[2]}, my[2] = {s[1], s[3]};
#pragma unroll
    for (int i = 4; i < N; i += 4) {
      mx[0] = fmaxf(mx[0], s[i]); my[0] = fmaxf(my[0], s[i + 1]);
      mx[1] = fmaxf(mx[1], s[i + 2]); my[1] = fmaxf(my[1], s[i + 3]);
    }
#pragma unroll
    for (int e = 0; e < 2; e++) {
      float top = fmaxf(mx[e], my[e]);
      top = fmaxf(top, __shfl_xor_sync(~0u, top, 1));
      top = fmaxf(top, __shfl_xor_sync(~0u, top, 2)) * w.c;
      if (REFER == BEGINS || !FOLLOWS && x.m[e] == -INF) x.m[e] = top;
      else if (FOLLOWS) {
        const float d = top - x.m[e]; // not a number only if the row has seen no key yet
        if (d > BEHIND) { f[e] = ex2(-d); x.m[e] = top; }
      }
    }
  }
  const float base[2] = {MASK < N && x.m[0] == -INF ? 0.0f : x.m[0], MASK < N && x.m[1] == -INF ? 0.0f : x.m[1]};
  float sx[2] = {0, 0}, sy[2] = {0, 0};
#pragma unroll
  for (int i = 0; i < N; i += 4) {
#pragma unroll
    for (int e = 0; e < 2; e++) {
      float &a = s[i + 2 * e], &b = s[i + 2 * e + 1];
      a = ex2(__fmaf_rn(a, w.c, -base[e])); b = ex2(__fmaf_rn(b, w.c, -base[e]));
      sx[e] = i ? sx[e] + a : a; sy[e] = i ? sy[e] + b : b;
    }
    if (REFER != BEGINS && i + 4 == MID) then(sy[0] + sy[1]);
    if (REFER != BEGINS && i + 4 < MID) continue;
#pragma unroll
    for (int r = REFER == BEGINS || i + 4 > MID ? i / 2 : 0; r <= i / 2 + 1; r++) x.p[r] = pack(s[2 * r], s[2 * r + 1]);
  }
#pragma unroll
  for (int i = N / 2; i < BN / 4; i++) x.p[i] = 0;
#pragma unroll
  for (int e = 0; e < 2; e++) x.t[e] = sx[e] + sy[e];
  if (FOLLOWS && REFER != BEGINS && __any_sync(~0u, f[0] != 1.0f || f[1] != 1.0f)) {
    x.l[0] *= f[0]; x.l[1] *= f[1];
#pragma unroll
    for (int i = 0; i < D / 2; i++) x.o[i] *= f[i / 2 % 2];
  }
}
DEV const b16 *key(const Unit &u, int prefix, int pos) {
#if PAGE
  if (pos < prefix) {
    const int page = u.a.pages[(size_t)u.seat * u.a.pages_stride + pos / PAGE];
    return u.a.k_pool + (((size_t)page * PAGE + pos % PAGE) * u.a.kv_heads + u.head) * D;
  }
#endif
  return u.a.k_new + (size_t)(pos + u.shift) * u.a.new_stride + u.head * D;
}
// Block j anew for those rows of this warp whose probabilities are past the limit: relative to its maximum.
DEV void again(State &x, const Fixed &w, const Unit &u, int j) {
  bool over[2];
#pragma unroll
  for (int e = 0; e < 2; e++) over[e] = (__ballot_sync(~0u, x.t[e] > LIMIT) >> (w.lane & 28) & 15) != 0;
  auto score = [&](int n, float (&y)[2]) { // of column n, in all four lanes
    const int pos = j * BN + n;
    const uint32_t *k = (const uint32_t *)key(u, x.prefix, min(pos, u.last)) + w.lane % 4;
    y[0] = y[1] = 0;
#pragma unroll
    for (int i = 0; i < D / 8; i++) {
      if (i % 4 == 0) __syncwarp(); // else all loads are put in front, for which there are no registers
      const uint32_t pair = k[4 * i];
#pragma unroll
      for (int e = 0; e < 2; e++) {
        const uint32_t q = x.q[2 * i + e];
        y[e] = __fmaf_rn(hi(q), hi(pair), __fmaf_rn(lo(q), lo(pair), y[e]));
      }
    }
#pragma unroll
    for (int e = 0; e < 2; e++) {
      y[e] += __shfl_xor_sync(~0u, y[e], 1); y[e] += __shfl_xor_sync(~0u, y[e], 2);
#ifdef SOFTCAP
      y[e] = tanh_approx(y[e] * w.cap_in);
#endif
      const int at = x.qpos[e] + w.lane % 4 * 2;
      if (pos > at || WINDOWED && pos <= at - w.window) y[e] = -INF;
    }
  };
  float top[2] = {-INF, -INF}, y[2];
#pragma unroll 1
  for (int n = 0; n < BN; n++) { score(n, y); top[0] = fmaxf(top[0], y[0]); top[1] = fmaxf(top[1], y[1]); }
#pragma unroll
  for (int e = 0; e < 2; e++) {
    const float m = over[e] ? top[e] * w.c : x.m[e], f = over[e] ? ex2(x.m[e] - m) : 1.0f;
    x.m[e] = m; x.l[e] *= f;
    if (over[e]) x.t[e] = 0;
#pragma unroll
    for (int i = e * 2; i < D / 2; i += 4) { x.o[i] *= f; x.o[i + 1] *= f; }
  }
#pragma unroll 1
  for (int n = 0; n < BN; n += 8) { // p goes round by two registers a time, since registers have no index
    float a[2], b[2];
#pragma unroll 1
    for (int c = 0; c < 8; c++) {
      score(n + c, y);
      if (c == w.lane % 4 * 2) { a[0] = y[0]; a[1] = y[1]; }
      if (c == w.lane % 4 * 2 + 1) { b[0] = y[0]; b[1] = y[1]; }
    }
    uint32_t mine[2];
#pragma unroll
    for (int e = 0; e < 2; e++) {
      a[e] = ex2(__fmaf_rn(a[e], w.c, -x.m[e])); b[e] = ex2(__fmaf_rn(b[e], w.c, -x.m[e]));
      mine[e] = over[e] ? pack(a[e], b[e]) : x.p[e];
      if (over[e]) x.t[e] += a[e] + b[e];
    }
#pragma unroll
    for (int i = 2; i < BN / 4; i++) x.p[i - 2] = x.p[i];
    x.p[BN / 4 - 2] = mine[0]; x.p[BN / 4 - 1] = mine[1];
  }
}
// What the newest block's probabilities add up to, before they are multiplied by V.
DEV void settle(State &x, const Fixed &w, const Unit &u) {
  if (!FOLLOWS && __any_sync(~0u, fmaxf(x.t[0], x.t[1]) > LIMIT)) again(x, w, u, x.j + 1);
  x.l[0] += x.t[0]; x.l[1] += x.t[1];
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
DEV void release(uint32_t bar, int lane) { if (lane == 0) mbar_arrive(bar); }


// The first block of a tile: only as many columns (2 * N) as its last row can see.
template <int N> DEV void first(State &x, const Fixed &w, uint64_t k) {
  float s[BN / 2];
  wgmma_fence();
  issue_qk<N>(s, x.q, k);
  wgmma_commit();
  wgmma_wait<0>(); pin<N>(s);
  softmax<N, BEGINS, (WINDOWED || N < MASKED ? 0 : N - MASKED)>(s, x, w, [](float) {});
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
  softmax<BN / 2, MASK == ALL ? OPENS : STAYS, MASK>(s, x, w, [&](float y) {
    // The output is done about now. ptxas would move its wait to the top of its basic block, ahead of the softmax; so a wait
    // for V, long over, ends the block, and it depends on the exponentials so far.
    mbar_wait_after(sh.v_full(vs), Ring::phase(x.kv - 1), y);
    wgmma_wait<0>(); pin<D / 2>(x.o); pin<BN / 4>(x.p);
    release(sh.v_empty(vs), w.lane);
  });
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
    const int last = t.pos0 + (t.seat_rows & 255) - 1;
#ifdef SECTION
    const int top = last_block(t, part), bottom = first_block(a, t, part);
#else
    const int jmin = first_block(a, t.pos0), top = last / BN;
#endif
    const int r0 = wg * 64 + warp * 16 + lane / 4;
    x.qpos[0] = t.pos0 + r0 / GROUP - lane % 4 * 2; x.qpos[1] = t.pos0 + (r0 + 8) / GROUP - lane % 4 * 2;
    x.j = top; x.prefix = t.prefix;
    const Unit u = {a, head, t.seat_rows >> 8, t.q0 - t.pos0, last};
    mbar_wait(sh.q_full(n % QBUF), n / QBUF & 1);
    int qr = warp * 16 + lane % 16;
#pragma unroll
    for (int i = 0; i < D / 16; i++)
      ldmatrix_x4(x.q + 4 * i, sh.q + n % QBUF * Q_BYTES + i / 4 * (BM * 128) + wg * (64 * 128) + qr * 128 + ((i % 4 * 2 + lane / 16) ^ (qr % 8)) * 16);
    __syncwarp();
    release(sh.q_empty(n % QBUF), lane);

#ifdef SECTION
    auto state = [&] { return a.sums + (size_t)(part < 0 ? blockIdx.x : a.blocks + (part >> 8)) * STATE + wg * 128 + warp * 32 + lane; };
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
    x.l[0] = x.t[0]; x.l[1] = x.t[1];
    if (!one) { // the tile may begin in the block before the last one, if only with its last column
      if (WINDOWED || x.j * BN + BN > t.pos0) step<ALL, 0>(x, w, sh); else step<NONE, 0>(x, w, sh);
      for (;;) {
        settle(x, w, u);
        if (x.j < jmin) break;
#if WINDOWED // a block that starts inside every row's window needs no mask
        if (x.j * BN <= last - a.window) step<ALL, 1>(x, w, sh); else
#endif
        step<NONE, 1>(x, w, sh);
      }
    }
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
    if (begun) join<true>(state(), x.o, x.m, x.l);
    if (part < 0 && x.j < bottom) break;
    save(state(), x.o, x.m, x.l);
    if (x.j < bottom) break;
    }
    if (part >= 0) continue; // the blocks of prefill_combine write the output
#endif
#pragma unroll
    for (int e = 0; e < 2; e++) {
      const int pos = x.qpos[e] + lane % 4 * 2;
      b16 *row = a.out + ((size_t)(pos + u.shift) * a.heads + head * GROUP + (wg * 64 + warp * 16 + lane / 4 + 8 * e) % GROUP) * D;
      store_row(row, x.o, e, __fdividef(1.0f, x.l[e]), lane, pos <= last);
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
