// Choosing tokens from logits (float, [rows, vocab]): greedy, or a draw after penalties, barred ids, masks, logit bias,
// temperature, top-k, top-p and min-p, in the order and with the arithmetic of HostSampler; log-probabilities of the raw logits.
//
// A weight is exp((logit - greatest) / temperature), rounded as the host rounds it, and counts as that many 2^-45ths: sums are
// of integers, so they do not depend on how the work is cut, and a row gets the same token in every batch. Against the host's
// sums in double a draw differs where it falls within about 2^-29 of a border.
//
// Four kernels, a step: sample_history (rows whose seat begins anew: counts), sample_max (greatest logit of each chunk of 4,096
// ids), sample_weigh (sums of weights of each chunk; rows that draw or report log-probabilities), sample_pick (a block a row:
// the token). Where top-k or top-p cut, sample_pick collects the likeliest ids (whose sum or number reaches beyond the cut) in
// shared memory and looks for the border there by testing three values at a time; where they are too many, over the whole row.
//
// A row's orders lie in `slab` (32-bit words): `Row`s first, then what they point to. counts: [seats, counts_stride] 16-bit:
// bit 15 for ids that the sequence holds, below it how often it was generated.
#include "ptx.cuh"
#define CHUNK 4096
#define CHUNK_THREADS 256
#define PICK_THREADS 512
#define LISTED 4096 // ids that fit into shared memory
#define PIVOTS 3

#define GREEDY 1
#define PENALTIES 2
#define CUT 4 // by top_k or top_p

struct Row {
  uint64_t random; // of 2^64
  uint64_t top_p;  // share of the sum, of 2^64
  int seat, flags, top_k, logprobs; // logprobs: how many alternatives; -1 for none at all
  float temperature, min_p, presence, frequency, repetition;
  int barred, barred_count; // ids that must not be chosen
  int bias, bias_count;     // pairs of id and float
  int mask, mask_words;     // bit i of word i / 32 allows id i; mask -1 allows all
  int history, history_count, history_output;
};
struct Partial { // of a chunk
  float greatest;
  int id; // -1: none can be chosen
  float raw;
  int unused;
};
struct Result {
  int token;
  float logit, raw_greatest;
  int unused;
  uint64_t raw_sum;
};

// The host's exponential function, bit for bit (espalier.tensor.host.Exp); x <= 0.
DEV float host_exp(float x) {
  if (!(x >= -87.f)) return 0;
  const float t = __fadd_rn(__fmul_rn(x, 1.442695f), 12582912.f), n = __fsub_rn(t, 12582912.f);
  const float r = __fsub_rn(__fsub_rn(x, __fmul_rn(n, 0.693359375f)), __fmul_rn(n, -2.1219444e-4f));
  float p = 0.001381432f;
  p = __fadd_rn(__fmul_rn(p, r), 0.008368851f);
  p = __fadd_rn(__fmul_rn(p, r), 0.0416684f);
  p = __fadd_rn(__fmul_rn(p, r), 0.1666652f);
  p = __fadd_rn(__fmul_rn(p, r), 0.49999994f);
  p = __fadd_rn(__fadd_rn(__fmul_rn(p, __fmul_rn(r, r)), r), 1.f);
  return __fmul_rn(p, __int_as_float((__float_as_int(t) - 0x4b400000 + 127) << 23));
}
DEV float weight(float value, float greatest, float temperature) { return host_exp(__fdiv_rn(__fsub_rn(value, greatest), temperature)); }
DEV uint64_t parts(float weight) { // 2^-45ths, cut
  const uint32_t bits = __float_as_uint(weight);
  const int shift = (int)(bits >> 23) - 105;
  const uint32_t digits = (bits & 0x7fffff) | 0x800000;
  return shift >= 0 ? (uint64_t)digits << shift : shift > -32 ? digits >> -shift : 0;
}
DEV uint32_t ordered(float x) { // as x is greater, so is this; not a number: 0
  const uint32_t bits = __float_as_uint(x);
  return x != x ? 0 : bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}
DEV float disordered(uint32_t key) { return __uint_as_float(key & 0x80000000u ? key & 0x7fffffff : ~key); }

// What becomes of a raw logit before the choice. `listed`: a bit for each id from `first` on that is barred or has a bias.
struct Values {
  const Row *row;
  const int *slab;
  const uint16_t *counts;
  const uint32_t *listed;
  int first;
  DEV float of(int id, float x) const {
    if (row->flags & PENALTIES) {
      const int held = counts[id];
      if (held) {
        if (held & 0x7fff) x = __fsub_rn(x, __fadd_rn(row->presence, __fmul_rn(row->frequency, (float)(held & 0x7fff))));
        x = x > 0 ? __fdiv_rn(x, row->repetition) : __fmul_rn(x, row->repetition);
      }
    }
    if (row->mask >= 0 && (id / 32 >= row->mask_words || !((uint32_t)slab[row->mask + id / 32] >> id % 32 & 1))) x = NEG_INF;
    if (row->barred_count + row->bias_count > 0 && listed[(id - first) / 32] >> (id - first) % 32 & 1) {
      for (int i = 0; i < row->barred_count; i++)
        if (slab[row->barred + i] == id) x = NEG_INF;
      for (int i = 0; i < row->bias_count; i++)
        if (slab[row->bias + 2 * i] == id) x = __fadd_rn(x, __int_as_float(slab[row->bias + 2 * i + 1]));
    }
    return x;
  }
};

// Marks the row's barred and biased ids among `count` from `first` on; a barrier follows.
DEV void mark(uint32_t *listed, const Row *row, const int *slab, int first, int count) {
  const int all = row->barred_count + row->bias_count;
  if (all > 0) {
    for (int i = threadIdx.x; i < (count + 31) / 32; i += blockDim.x) listed[i] = 0;
    __syncthreads();
    for (int i = threadIdx.x; i < all; i += blockDim.x) {
      const int id = (i < row->barred_count ? slab[row->barred + i] : slab[row->bias + 2 * (i - row->barred_count)]) - first;
      if (id >= 0 && id < count) atomicOr(listed + id / 32, 1u << id % 32);
    }
  }
  __syncthreads();
}

DEV float4 four(const float *row, int id, int vocab, bool wide) { // -inf beyond the row
  if (wide && id + 4 <= vocab) return *(const float4 *)(row + id);
  return make_float4(id < vocab ? row[id] : NEG_INF, id + 1 < vocab ? row[id + 1] : NEG_INF, id + 2 < vocab ? row[id + 2] : NEG_INF, id + 3 < vocab ? row[id + 3] : NEG_INF);
}
DEV float element(const float4 &v, int j) { return j == 0 ? v.x : j == 1 ? v.y : j == 2 ? v.z : v.w; }

// The greater value, of equals the lower id; id -1 stands for none.
DEV void better(float &x, int &id, float other, int other_id) {
  if (other_id >= 0 && (id < 0 || other > x || (other == x && other_id < id))) x = other, id = other_id;
}
DEV void best_of_block(float &x, int &id, float *xs, int *ids) { // 32 of each in shared memory
#pragma unroll
  for (int d = 16; d; d >>= 1) {
    const float other = __shfl_xor_sync(~0u, x, d);
    const int other_id = __shfl_xor_sync(~0u, id, d);
    better(x, id, other, other_id);
  }
  if (threadIdx.x % 32 == 0) xs[threadIdx.x / 32] = x, ids[threadIdx.x / 32] = id;
  __syncthreads();
  const int lane = threadIdx.x % 32;
  x = lane < blockDim.x / 32 ? xs[lane] : NEG_INF;
  id = lane < blockDim.x / 32 ? ids[lane] : -1;
#pragma unroll
  for (int d = 16; d; d >>= 1) {
    const float other = __shfl_xor_sync(~0u, x, d);
    const int other_id = __shfl_xor_sync(~0u, id, d);
    better(x, id, other, other_id);
  }
  __syncthreads();
}
DEV uint64_t add_lanes(uint64_t x) {
#pragma unroll
  for (int d = 16; d; d >>= 1) {
    const uint32_t low = __shfl_xor_sync(~0u, (uint32_t)x, d), high = __shfl_xor_sync(~0u, (uint32_t)(x >> 32), d);
    x += (uint64_t)high << 32 | low;
  }
  return x;
}

// ---- counts of a seat that begins anew; grid rows ----
DEV void count(uint16_t *counts, int id, bool generated) {
  uint32_t *word = (uint32_t *)counts + id / 2, old = *(volatile uint32_t *)word, assumed;
  do {
    assumed = old;
    const uint32_t held = assumed >> id % 2 * 16 & 0xffff, times = held & 0x7fff;
    const uint32_t next = 0x8000 | (generated && times < 0x7fff ? times + 1 : times);
    old = atomicCAS(word, assumed, (assumed & ~(0xffffu << id % 2 * 16)) | next << id % 2 * 16);
  } while (old != assumed);
}
extern "C" __global__ void __launch_bounds__(CHUNK_THREADS) sample_history(const int *slab, uint16_t *counts, int counts_stride, int vocab) {
  pdl_launch_next();
  pdl_wait_previous();
  const Row *row = (const Row *)slab + blockIdx.x;
  if (row->history < 0) return;
  counts += (size_t)row->seat * counts_stride;
  for (int i = threadIdx.x; i < counts_stride / 2; i += blockDim.x) ((uint32_t *)counts)[i] = 0;
  __syncthreads();
  for (int i = threadIdx.x; i < row->history_count; i += blockDim.x) {
    const int id = slab[row->history + i];
    if (id < vocab) count(counts, id, i >= row->history_output);
  }
}

// ---- grid (chunks, rows) ----
extern "C" __global__ void __launch_bounds__(CHUNK_THREADS)
    sample_max(const float *logits, int ld, int vocab, const int *slab, const uint16_t *counts, int counts_stride, Partial *partials, int wide) {
  __shared__ uint32_t listed[CHUNK / 32];
  __shared__ float xs[32];
  __shared__ int ids[32];
  pdl_launch_next();
  pdl_wait_previous();
  const Row *row = (const Row *)slab + blockIdx.y;
  const int first = blockIdx.x * CHUNK;
  logits += (size_t)blockIdx.y * ld;
  float4 v[CHUNK / CHUNK_THREADS / 4]; // on their way before the row's orders are read
#pragma unroll
  for (int i = 0; i < CHUNK / CHUNK_THREADS / 4; i++) v[i] = four(logits, first + (i * CHUNK_THREADS + threadIdx.x) * 4, vocab, wide);
  float greatest = NEG_INF, raw = NEG_INF;
  int id = -1;
  if (!(row->flags & PENALTIES) && row->mask < 0 && row->barred_count + row->bias_count == 0) { // raw logits are what is chosen from
#pragma unroll
    for (int i = 0; i < CHUNK / CHUNK_THREADS / 4; i++)
#pragma unroll
      for (int j = 0; j < 4; j++)
        if (element(v[i], j) > greatest) greatest = element(v[i], j), id = first + (i * CHUNK_THREADS + threadIdx.x) * 4 + j;
    best_of_block(greatest, id, xs, ids);
    if (threadIdx.x == 0) partials[(size_t)blockIdx.y * gridDim.x + blockIdx.x] = {greatest, id, greatest, 0};
    return;
  }
  mark(listed, row, slab, first, CHUNK);
  const Values values{row, slab, counts + (size_t)row->seat * counts_stride, listed, first};
#pragma unroll
  for (int i = 0; i < CHUNK / CHUNK_THREADS / 4; i++)
#pragma unroll
    for (int j = 0; j < 4; j++) {
      const int at = first + (i * CHUNK_THREADS + threadIdx.x) * 4 + j;
      if (at >= vocab) continue;
      raw = fmaxf(raw, element(v[i], j));
      const float x = values.of(at, element(v[i], j));
      if (x > greatest) greatest = x, id = at;
    }
  best_of_block(greatest, id, xs, ids);
  raw = warp_max(raw);
  if (threadIdx.x % 32 == 0) xs[threadIdx.x / 32] = raw;
  __syncthreads();
  if (threadIdx.x < 32) {
    raw = warp_max(threadIdx.x < CHUNK_THREADS / 32 ? xs[threadIdx.x] : NEG_INF);
    if (threadIdx.x == 0) partials[(size_t)blockIdx.y * gridDim.x + blockIdx.x] = {greatest, id, raw, 0};
  }
}

// sums, raw_sums: [rows, chunks], of the weights that min-p keeps, and of the raw logits' exponentials.
extern "C" __global__ void __launch_bounds__(CHUNK_THREADS)
    sample_weigh(const float *logits, int ld, int vocab, const int *slab, const uint16_t *counts, int counts_stride, const Partial *partials, uint64_t *sums, uint64_t *raw_sums, int wide) {
  __shared__ uint32_t listed[CHUNK / 32];
  __shared__ uint64_t both[2][CHUNK_THREADS / 32];
  pdl_launch_next();
  pdl_wait_previous();
  const Row *row = (const Row *)slab + blockIdx.y;
  const bool draws = !(row->flags & GREEDY), reports = row->logprobs >= 0;
  if (!draws && !reports) return;
  const int first = blockIdx.x * CHUNK;
  logits += (size_t)blockIdx.y * ld;
  float greatest = NEG_INF, raw = NEG_INF;
  for (int i = threadIdx.x % 32; i < gridDim.x; i += 32) {
    const Partial p = partials[(size_t)blockIdx.y * gridDim.x + i];
    greatest = fmaxf(greatest, p.greatest);
    raw = fmaxf(raw, p.raw);
  }
  greatest = warp_max(greatest);
  raw = warp_max(raw);
  mark(listed, row, slab, first, CHUNK);
  const Values values{row, slab, counts + (size_t)row->seat * counts_stride, listed, first};
  uint64_t sum = 0, raw_sum = 0;
  for (int i = 0; i < CHUNK / CHUNK_THREADS / 4; i++) {
    const int id = first + (i * CHUNK_THREADS + threadIdx.x) * 4;
    const float4 v = four(logits, id, vocab, wide);
#pragma unroll
    for (int j = 0; j < 4; j++) {
      if (id + j >= vocab) continue;
      const float x = element(v, j);
      if (draws) {
        const float w = weight(values.of(id + j, x), greatest, row->temperature);
        if (w >= row->min_p || row->flags & CUT) sum += parts(w);
      }
      if (reports) raw_sum += parts(host_exp(__fsub_rn(x, raw)));
    }
  }
  sum = add_lanes(sum);
  raw_sum = add_lanes(raw_sum);
  if (threadIdx.x % 32 == 0) both[0][threadIdx.x / 32] = sum, both[1][threadIdx.x / 32] = raw_sum;
  __syncthreads();
  if (threadIdx.x < 2) {
    uint64_t s = 0;
    for (int i = 0; i < CHUNK_THREADS / 32; i++) s += both[threadIdx.x][i];
    (threadIdx.x == 0 ? sums : raw_sums)[(size_t)blockIdx.y * gridDim.x + blockIdx.x] = s;
  }
}

// ---- a block a row ----
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
