// Rotary embedding of queries and keys in place, fused with the write of keys and values to their slots of the paged cache. Grid (tokens, parts):
// a block takes one part in turn of a token's work, and computes its cosines and sines once for all heads, before the kernel that wrote
// queries and keys has ended: positions and slots are older. Angles are position * frequency in f32, as the models were trained; their reduction
// to one turn is exact to the last bit of f32 for as many turns as fit 23 bits. A slot below 0 is nobody's: nothing is written to the cache.
// Where rows allow it (`wide`) a thread turns eight pairs of a head at once, 16 bytes an access.
#include "turn.cuh"
#ifndef INTERLEAVED
#define INTERLEAVED 0 // 0: element j of a head pairs with j + rotary / 2 (NeoX); 1: 2j with 2j + 1
#endif
#define THREADS 256
#define MOST_PAIRS 128
struct Args {
  b16 *q, *k; const b16 *v;   // [tokens][heads][head_dim], rows q_stride, k_stride, v_stride elements apart
  b16 *k_cache, *v_cache;     // [slots][kv_heads][head_dim]
  const int *positions, *slots;
  const float *frequencies;   // [rotary / 2]
  int q_stride, k_stride, v_stride, heads, kv_heads, head_dim, rotary; // rotary: elements of a head that are rotated, a multiple of 4
  float factor; // multiplies cosine and sine
  int wide;     // all rows and heads begin at multiples of 16 bytes, rotary is a multiple of 16 and pairs are halves
};

extern "C" __global__ void __launch_bounds__(THREADS) rope(const __grid_constant__ Args a) {
  __shared__ __align__(16) float cosines[MOST_PAIRS], sines[MOST_PAIRS];
  long long token = blockIdx.x;
  int half = a.rotary / 2;
  float frequency = threadIdx.x < half ? a.frequencies[threadIdx.x] : 0.0f;
  pdl_launch_next();
  int slot = a.slots[token], first_item = blockIdx.y * THREADS + threadIdx.x, items = gridDim.y * THREADS;
  if (threadIdx.x < half) {
    float2 t = turn((float)a.positions[token] * frequency);
    cosines[threadIdx.x] = t.x * a.factor;
    sines[threadIdx.x] = t.y * a.factor;
  }
  __syncthreads();
  pdl_wait_previous();
  long long cached = (long long)slot * a.kv_heads * a.head_dim;
#if !INTERLEAVED
  if (a.wide) { // items: eights of halves of heads, then eights of values
    int eights = half / 8, turned = (a.heads + a.kv_heads) * eights, all = turned + (slot < 0 ? 0 : a.kv_heads * a.head_dim / 8);
    for (int i = first_item; i < all; i += items) {
      if (i >= turned) {
        ((uint4 *)(a.v_cache + cached))[i - turned] = ((const uint4 *)(a.v + token * a.v_stride))[i - turned];
        continue;
      }
      int head = i / eights, w = i % eights, h = head - a.heads;
      uint4 *x = (uint4 *)(h < 0 ? a.q + token * a.q_stride + head * a.head_dim : a.k + token * a.k_stride + h * a.head_dim);
      uint4 u = x[w], v = x[w + eights];
      turn_eight(u, v, cosines + 8 * w, sines + 8 * w);
      x[w] = u; x[w + eights] = v;
      if (h < 0 || slot < 0) continue;
      uint4 *to = (uint4 *)(a.k_cache + cached + h * a.head_dim);
      to[w] = u; to[w + eights] = v;
    }
  }
#endif
  int words = a.wide ? 0 : half / 2; // of two elements in half of the rotated ones of a head
  for (int i = first_item; i < (a.heads + a.kv_heads) * words; i += items) {
    int head = i / words, w = i % words, h = head - a.heads;
    uint32_t *x = (uint32_t *)(h < 0 ? a.q + token * a.q_stride + head * a.head_dim : a.k + token * a.k_stride + h * a.head_dim);
    uint32_t *to = h >= 0 && slot >= 0 ? (uint32_t *)(a.k_cache + cached + h * a.head_dim) : nullptr;
#if INTERLEAVED
    int first = 2 * w, second = 2 * w + 1;
#else
    int first = w, second = w + words;
#endif
    uint32_t u = x[first], v = x[second];
    float2 s = make_float2(cosines[2 * w], sines[2 * w]), t = make_float2(cosines[2 * w + 1], sines[2 * w + 1]);
#if INTERLEAVED
    u = pack(turned_first(lo(u), hi(u), s), turned_second(lo(u), hi(u), s));
    v = pack(turned_first(lo(v), hi(v), t), turned_second(lo(v), hi(v), t));
#else
    turn_two(u, v, s, t);
#endif
    x[first] = u; x[second] = v;
    if (to) { to[first] = u; to[second] = v; }
  }
  if (slot < 0) return;
  int rest = (a.head_dim - a.rotary) / 2; // words of a key that are not rotated
  for (int i = first_item; i < a.kv_heads * rest; i += items) {
    int at = i / rest * a.head_dim + a.rotary + i % rest * 2;
    *(uint32_t *)(a.k_cache + cached + at) = *(const uint32_t *)(a.k + token * a.k_stride + at);
  }
  if (a.wide) return;
  for (int i = first_item; i < a.kv_heads * a.head_dim / 8; i += items)
    ((uint4 *)(a.v_cache + cached))[i] = ((const uint4 *)(a.v + token * a.v_stride))[i];
}
