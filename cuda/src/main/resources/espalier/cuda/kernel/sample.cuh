// sample.cuh - what the kernels share that choose tokens from logits (float, [rows, vocab]): greedy, or a draw after penalties, barred
// ids, masks, logit bias, temperature, top-k, top-p and min-p, in the order and with the arithmetic of HostSampler; log-probabilities
// of the raw logits.
//
// A weight is exp((logit - greatest) / temperature), rounded as the host rounds it, and counts as that many 2^-45ths: sums are
// of integers, so they do not depend on how the work is cut, and a row gets the same token in every batch. Against the host's
// sums in double a draw differs where it falls within about 2^-29 of a border.
//
// Four kernels, a step: sample_history (rows whose seat begins anew: counts), sample_max (greatest logit of each chunk of 4,096
// ids), sample_weigh (sums of weights of each chunk; rows that draw or report log-probabilities), sample_pick (a block a row:
// the token).
//
// A row's orders lie in `slab` (32-bit words): `Row`s first, then what they point to. counts: [seats, counts_stride] 16-bit:
// bit 15 for ids that the sequence holds, below it how often it was generated.
#pragma once
#include "ptx.cuh"
#define CHUNK 4096

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

// A token more of a sequence.
DEV void count(uint16_t *counts, int id, bool generated) {
  uint32_t *word = (uint32_t *)counts + id / 2, old = *(volatile uint32_t *)word, assumed;
  do {
    assumed = old;
    const uint32_t held = assumed >> id % 2 * 16 & 0xffff, times = held & 0x7fff;
    const uint32_t next = 0x8000 | (generated && times < 0x7fff ? times + 1 : times);
    old = atomicCAS(word, assumed, (assumed & ~(0xffffu << id % 2 * 16)) | next << id % 2 * 16);
  } while (old != assumed);
}
