// The choice of a token, a block a row, from what sample_weigh.cu says of the chunks. Where top-k or top-p cut, it collects the likeliest
// ids (whose sum or number reaches beyond the cut) in shared memory and looks for the border there by testing three values at a time;
// where they are too many, over the whole row.
#include "sample.cuh"
#define PICK_THREADS 512
#define LISTED 4096 // ids that fit into shared memory
#define PIVOTS 3

struct Result {
  int token;
  float logit, raw_greatest;
  int unused;
  uint64_t raw_sum;
};
DEV uint32_t ordered(float x) { // as x is greater, so is this; not a number: 0
  const uint32_t bits = __float_as_uint(x);
  return x != x ? 0 : bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}
DEV float disordered(uint32_t key) { return __uint_as_float(key & 0x80000000u ? key & 0x7fffffff : ~key); }

struct Scratch {
  uint64_t sum[PICK_THREADS / 32][PIVOTS + 1]; // of warps
  int count[PICK_THREADS / 32][PIVOTS + 1];
  uint64_t all_sum[PIVOTS + 1];
  int all_count[PIVOTS + 1];
  float xs[32];
  int ids[32];
  int listed, token, chunk;
  uint64_t before;
};

// The smallest x in [low, high] for which `holds`, which is known of `high`; what holds for x holds for all that are greater.
// Quarters at a time: tally(x, j, count, sum) adds what this thread's elements say about pivot j, and holds(count, sum) judges
// what all threads said.
template <class TALLY, class HOLDS> DEV uint32_t search(uint32_t low, uint32_t high, Scratch &s, TALLY tally, HOLDS holds) {
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  while (low < high) {
    const uint32_t step = (high - low) / (PIVOTS + 1) + 1;
    int count[PIVOTS] = {};
    uint64_t sum[PIVOTS] = {};
    tally(low + step - 1, step, count, sum);
#pragma unroll
    for (int j = 0; j < PIVOTS; j++) {
      sum[j] = add_lanes(sum[j]);
#pragma unroll
      for (int d = 16; d; d >>= 1) count[j] += __shfl_xor_sync(~0u, count[j], d);
      if (lane == 0) s.sum[warp][j] = sum[j], s.count[warp][j] = count[j];
    }
    __syncthreads();
    if (warp < PIVOTS) {
      const uint64_t all = add_lanes(lane < PICK_THREADS / 32 ? s.sum[lane][warp] : 0);
      int n = lane < PICK_THREADS / 32 ? s.count[lane][warp] : 0;
#pragma unroll
      for (int d = 16; d; d >>= 1) n += __shfl_xor_sync(~0u, n, d);
      if (lane == 0) s.all_sum[warp] = all, s.all_count[warp] = n;
    }
    __syncthreads();
    int j = 0;
    while (j < PIVOTS && low + (j + 1) * step - 1 < high && !holds(s.all_count[j], s.all_sum[j])) j++;
    low += j * step;
    high = min(high, low + step - 1);
    __syncthreads(); // before the next round's sums
  }
  return low;
}

// What is chosen among: elements of this thread, or the whole row.
struct Element {
  float weight;
  int id;
};
template <class EACH> struct Choice {
  Scratch &s;
  EACH each; // each(f): f(weight, id) for every element of this thread
  int ids;   // all below

  // The id at which the running sum of what is kept passes `until`.
  template <class KEPT> DEV int at(uint64_t until, KEPT kept) {
    return search(0, ids - 1, s,
        [&](uint32_t x, uint32_t step, int *, uint64_t *sum) {
          each([&](float w, int id) {
            const uint64_t q = kept(w, id) ? parts(w) : 0;
#pragma unroll
            for (int j = 0; j < PIVOTS; j++) sum[j] += (uint32_t)id <= x + j * step ? q : 0;
          });
        },
        [&](int, uint64_t sum) { return sum > until; });
  }
  template <class KEPT> DEV void total(KEPT kept, int &count, uint64_t &sum) {
    int n = 0;
    uint64_t t = 0;
    each([&](float w, int id) {
      if (kept(w, id)) n++, t += parts(w);
    });
    t = add_lanes(t);
#pragma unroll
    for (int d = 16; d; d >>= 1) n += __shfl_xor_sync(~0u, n, d);
    if (threadIdx.x % 32 == 0) s.sum[threadIdx.x / 32][0] = t, s.count[threadIdx.x / 32][0] = n;
    __syncthreads();
    count = 0, sum = 0;
    for (int i = 0; i < PICK_THREADS / 32; i++) count += s.count[i][0], sum += s.sum[i][0];
    __syncthreads();
  }
  // As Cutoff: a weight stays if fewer than k are likelier and their sum is at most `mass`; of equals the lower id is likelier.
  DEV int cut(const Row *row, uint64_t mass) {
    const int k = row->top_k;
    const uint32_t least_bits = search(0, 0x3f800001, s,
        [&](uint32_t x, uint32_t step, int *count, uint64_t *sum) {
          each([&](float w, int) {
            const uint64_t q = parts(w);
#pragma unroll
            for (int j = 0; j < PIVOTS; j++)
              if (__float_as_uint(w) > x + j * step) count[j]++, sum[j] += q;
          });
        },
        [&](int count, uint64_t sum) { return count < k && sum <= mass; });
    float least = __uint_as_float(least_bits);
    int above, equal, last = ids;
    uint64_t sum_above, unused;
    total([&](float w, int) { return w > least; }, above, sum_above);
    total([&](float w, int) { return w == least; }, equal, unused);
    const uint64_t one = parts(least);
    const uint64_t until = one ? (mass - sum_above) / one : ~0ull >> 1;
    const int ties = max(1, min(until >= (uint64_t)equal ? equal : (int)until + 1, k - above));
    if (row->min_p > least) {
      least = row->min_p;
    } else if (ties < equal) {
      last = search(0, ids - 1, s,
          [&](uint32_t x, uint32_t step, int *count, uint64_t *) {
            each([&](float w, int id) {
#pragma unroll
              for (int j = 0; j < PIVOTS; j++) count[j] += w == least && (uint32_t)id <= x + j * step;
            });
          },
          [&](int count, uint64_t) { return count >= ties; });
    }
    auto kept = [&](float w, int id) { return w > least || (w == least && id <= last); };
    int count;
    uint64_t sum;
    total(kept, count, sum);
    return at(__umul64hi(row->random, sum), kept);
  }
};
template <class EACH> DEV Choice<EACH> choice(Scratch &s, int ids, EACH each) { return {s, each, ids}; }

extern "C" __global__ void __launch_bounds__(PICK_THREADS, 1)
    sample_pick(const float *logits, int ld, int vocab, const int *slab, uint16_t *counts, int counts_stride, const Partial *partials, const uint64_t *sums, const uint64_t *raw_sums, int chunks,
        int *last_tokens, Result *results, int2 *alternatives, int alternatives_stride, int wide) {
  extern __shared__ uint2 list[]; // LISTED, then a bit for each id
  __shared__ Scratch s;
  uint32_t *const listed = (uint32_t *)(list + LISTED);
  const int tid = threadIdx.x;
  pdl_launch_next();
  pdl_wait_previous();
  const Row *row = (const Row *)slab + blockIdx.x;
  logits += (size_t)blockIdx.x * ld;
  partials += (size_t)blockIdx.x * chunks;
  sums += (size_t)blockIdx.x * chunks;
  raw_sums += (size_t)blockIdx.x * chunks;
  counts += (size_t)row->seat * counts_stride;
  if (!(row->flags & GREEDY) || row->logprobs >= 0) mark(listed, row, slab, 0, vocab);
  const Values values{row, slab, counts, listed, 0};
  float greatest = NEG_INF, raw = NEG_INF;
  int token = -1;
  for (int i = tid; i < chunks; i += PICK_THREADS) {
    better(greatest, token, partials[i].greatest, partials[i].id);
    raw = fmaxf(raw, partials[i].raw);
  }
  best_of_block(greatest, token, s.xs, s.ids);
  if (token >= 0 && !(row->flags & GREEDY)) {
    uint64_t *const chunk_sums = (uint64_t *)list;
    for (int i = tid; i < chunks; i += PICK_THREADS) chunk_sums[i] = sums[i];
    __syncthreads();
    if (tid == 0) { // chunk by chunk, in the order of ids
      uint64_t all = 0, before = 0;
      for (int i = 0; i < chunks; i++) all += chunk_sums[i];
      const uint64_t until = __umul64hi(row->random, all);
      int chunk = 0;
      while (chunk < chunks - 1 && before + chunk_sums[chunk] <= until) before += chunk_sums[chunk++];
      s.before = row->flags & CUT ? all : until - before;
      s.chunk = all > 0 ? chunk : -1;
      s.listed = 0;
    }
    __syncthreads();
    const uint64_t number = s.before;
    if (s.chunk >= 0 && !(row->flags & CUT)) {
      const int first = s.chunk * CHUNK;
      float w[CHUNK / PICK_THREADS];
#pragma unroll
      for (int i = 0; i < CHUNK / PICK_THREADS; i += 4) {
        const int id = first + i * PICK_THREADS + tid * 4;
        const float4 v = four(logits, id, vocab, wide);
#pragma unroll
        for (int j = 0; j < 4; j++) w[i + j] = id + j < vocab ? weight(values.of(id + j, element(v, j)), greatest, row->temperature) : 0;
      }
      token = first + choice(s, CHUNK, [&](auto f) {
#pragma unroll
        for (int i = 0; i < CHUNK / PICK_THREADS; i++) f(w[i], i / 4 * 4 * PICK_THREADS + tid * 4 + i % 4);
      }).at(number, [&](float x, int) { return x >= row->min_p; });
    } else if (s.chunk >= 0) {
      const uint64_t mass = row->top_p == ~0ull ? ~0ull : __umul64hi(row->top_p, number);
      const float border = greatest - 9.f * row->temperature; // weights from exp(-9) on
      for (int i = tid * 4; i < vocab; i += PICK_THREADS * 4) {
        const float4 v = four(logits, i, vocab, wide);
#pragma unroll
        for (int j = 0; j < 4; j++) {
          if (i + j >= vocab) continue;
          const float x = values.of(i + j, element(v, j));
          if (x >= border) {
            const int at = atomicAdd(&s.listed, 1);
            if (at < LISTED) list[at] = make_uint2(__float_as_uint(weight(x, greatest, row->temperature)), i + j);
          }
        }
      }
      __syncthreads();
      const int n = s.listed;
      bool whole = n > LISTED;
      auto all = choice(s, vocab, [&](auto f) {
#pragma unroll 1
        for (int i = whole ? tid * 4 : tid; i < (whole ? vocab : n); i += whole ? PICK_THREADS * 4 : PICK_THREADS) {
          if (whole) {
            const float4 v = four(logits, i, vocab, wide);
#pragma unroll 1
            for (int j = 0; j < 4 && i + j < vocab; j++) f(weight(values.of(i + j, element(v, j)), greatest, row->temperature), i + j);
          } else {
            f(__uint_as_float(list[i].x), (int)list[i].y);
          }
        }
      });
      if (!whole) {
        int count;
        uint64_t sum;
        all.total([](float, int) { return true; }, count, sum);
        whole = n < row->top_k && sum <= mass; // the cut does not fall among them
      }
      token = all.cut(row, mass);
    }
  }
  const int wanted = min(row->logprobs, vocab);
  if (wanted > 0) { // the likeliest ids of the raw logits: those from the wanted-th greatest of the threads' maxima on
    uint32_t mine = 0;
#pragma unroll 1
    for (int i = tid * 4; i < vocab; i += PICK_THREADS * 4) {
      const float4 v = four(logits, i, vocab, wide);
#pragma unroll
      for (int j = 0; j < 4; j++)
        if (i + j < vocab) mine = max(mine, ordered(element(v, j)));
    }
    const uint32_t border = search(0, 0xffffff00u, s,
        [&](uint32_t x, uint32_t step, int *count, uint64_t *) {
#pragma unroll
          for (int j = 0; j < PIVOTS; j++) count[j] += mine > x + j * step;
        },
        [&](int count, uint64_t) { return count < wanted; });
    uint32_t from = border;
    int last = vocab;
    if (tid == 0) s.listed = 0;
    __syncthreads();
    for (int round = 0; round < 2; round++) { // the second where too many are equal: the exact border
#pragma unroll 1
      for (int i = tid * 4; i < vocab; i += PICK_THREADS * 4) {
        const float4 v = four(logits, i, vocab, wide);
#pragma unroll
        for (int j = 0; j < 4; j++) {
          const uint32_t key = ordered(element(v, j));
          if (i + j < vocab && (key > from || (key == from && i + j <= last))) {
            const int at = atomicAdd(&s.listed, 1);
            if (at < LISTED) list[at] = make_uint2(key, i + j);
          }
        }
      }
      __syncthreads();
      if (s.listed <= LISTED) break;
      auto keys = [&](auto f) {
#pragma unroll 1
        for (int i = tid * 4; i < vocab; i += PICK_THREADS * 4) {
          const float4 v = four(logits, i, vocab, wide);
#pragma unroll
          for (int j = 0; j < 4; j++)
            if (i + j < vocab) f(ordered(element(v, j)), i + j);
        }
      };
      from = search(0, 0xffffff00u, s,
          [&](uint32_t x, uint32_t step, int *count, uint64_t *) {
            keys([&](uint32_t key, int) {
#pragma unroll
              for (int j = 0; j < PIVOTS; j++) count[j] += key > x + j * step;
            });
          },
          [&](int count, uint64_t) { return count < wanted; });
      last = search(0, vocab - 1, s,
          [&](uint32_t x, uint32_t step, int *count, uint64_t *) {
            keys([&](uint32_t key, int id) {
#pragma unroll
              for (int j = 0; j < PIVOTS; j++) count[j] += key > from || (key == from && (uint32_t)id <= x + j * step);
            });
          },
          [&](int count, uint64_t) { return count >= wanted; });
      if (tid == 0) s.listed = 0;
      __syncthreads();
    }
    const int n = s.listed;
    for (int i = tid; i < n; i += PICK_THREADS) {
      const uint2 e = list[i];
      int rank = 0;
      for (int o = 0; o < n; o++) rank += list[o].x > e.x || (list[o].x == e.x && list[o].y < e.y);
      if (rank < wanted) alternatives[(size_t)blockIdx.x * alternatives_stride + rank] = make_int2(e.y, __float_as_int(disordered(e.x)));
    }
  }
  raw = warp_max(raw);
  if (tid % 32 == 0) s.xs[tid / 32] = raw;
  __syncthreads();
  uint64_t raw_sum = 0;
  if (row->logprobs >= 0 && tid < 32)
    for (int i = tid; i < chunks; i += 32) raw_sum += raw_sums[i];
  if (tid < 32) raw_sum = add_lanes(raw_sum);
  if (tid == 0) {
    for (int i = 0; i < PICK_THREADS / 32; i++) raw = fmaxf(raw, s.xs[i]);
    results[blockIdx.x] = {token, token >= 0 ? logits[token] : 0, raw, 0, raw_sum};
    last_tokens[row->seat] = max(token, 0);
    if (token >= 0 && row->flags & PENALTIES) count(counts, token, true);
  }
}
