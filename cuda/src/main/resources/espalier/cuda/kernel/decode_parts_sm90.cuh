// decode_parts_sm90.cuh - how Hopper's decode attention cuts a batch into items, and what decode_attention leaves of them for
// decode_combine: both kernels' sums follow the same tree.
#pragma once
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
#ifndef SECTION
#define SECTION 8 // KV heads that a block takes at once: a divisor of KV_HEADS
#endif
#ifndef LEAF
#define LEAF 128 // tokens a leaf of the tree, the smallest item
#endif
#define SPAN (8 * LEAF) // tokens a group, the largest item
#define HEADS (KV_HEADS * GROUP)
#define PACKS ((GROUP + 3) / 4) // units a KV head
#define PACK ((GROUP + PACKS - 1) / PACKS) // query heads a unit, at most 4 (save() counts on it)
#define UNITS (KV_HEADS * PACKS)
#define SECTIONS (KV_HEADS / SECTION)
#define CHANNELS ((HEAD_DIM + 31) / 32 * 32) // of a unit in partial results

// The groups of the whole batch have positions: the full ones first, sequence by sequence, then the last, partial ones, so that the small
// work comes last and the blocks end together. All groups are cut alike, the finer the fewer there are: 1 << 3 - log items each.
struct Cut {
  int log; // log2(leaves an item)
  DEV Cut(int groups, int blocks) { groups *= SECTIONS; log = groups * 2 > 3 * blocks ? 3 : 2 * groups > blocks ? 2 : 4 * groups > blocks ? 1 : 0; }
  DEV int item(int g) const { return g << 3 - log; } // its first item
};
// A sequence: its groups, and their positions from two prefix sums that share an int (full groups below, partial ones above bit 20).
struct Seq {
  int len, full, n, at, part;
  DEV Seq(int len, int before, int all) : len(len), full(len / SPAN), n((len + SPAN - 1) / SPAN), at(before & 0xfffff), part((all & 0xfffff) + (before >> 20)) {}
  DEV int pos(int j) const { return j < full ? at + j : part; }
  DEV int items(const Cut &cut, int j) const { return j < full ? 8 >> cut.log : (len % SPAN + (LEAF << cut.log) - 1) / (LEAF << cut.log); }
  DEV bool single(const Cut &cut) const { return n == 1 && len <= LEAF << cut.log; } // one item: it writes the output itself
};

DEV float merge_scales(float &m, float &l, float ml, float ll, float &b) { // (ml, ll) stands left of (m, l)
  float top = fmaxf(ml, m), a = ex2(ml - top);
  b = ex2(m - top); m = top; l = __fmaf_rn(ll, a, __fmul_rn(l, b));
  return a;
}
DEV float merge_value(float left, float a, float right, float b) { return __fmaf_rn(left, a, __fmul_rn(right, b)); }

struct Args {
  b16 *out;       // [tokens][HEADS][HEAD_DIM]
  const b16 *q;   // [tokens][HEADS][HEAD_DIM], rows q_stride elements apart
  float *part_o;  // of each item [UNITS][CHANNELS][4 heads]
  float2 *part_ml; // the same without CHANNELS
  int *sched;     // items claimed, blocks done: both 0 before the first launch, and again after each
  int *starts;    // sequences + 1 prefix sums, for decode_combine
#ifdef PREFIXES
  Prefixes p;
#endif
  Step in;
  int q_stride, blocks; // blocks: of decode_attention
  float scale_log2, cap_in; // scale * log2(e), or with SOFTCAP cap * log2(e) and scale / cap
#ifdef ROTATE // HEAD_DIM elements of a head, a multiple of 64; pairs are halves; no prefixes, PACKS 1
  Newest newest;
#endif
};

// Positions that other kernels have attended to, and those that are left: a sequence begins behind the former.
DEV int skipped(const Args &a, int s) {
#ifdef PREFIXES
  return a.p.lengths[s];
#else
  return 0;
#endif
}
DEV int length(const Args &a, int s) { return a.in.rows(s) == 1 ? max(0, a.in.context_len[s] - skipped(a, s)) : 0; }
