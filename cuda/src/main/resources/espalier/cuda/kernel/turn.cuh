// turn.cuh - rotary embedding: cosine and sine of an angle, and pairs of elements that turn together.
#pragma once
#include "ptx.cuh"

DEV float2 turn(float angle) { // cosine and sine
  float n = rintf(angle * 0.15915494f); // 2 pi in three parts (Cody and Waite, 1980)
  float r = __fmaf_rn(n, -6.28125f, angle);
  r = __fmaf_rn(n, -1.93500518798828125e-3f, r);
  r = __fmaf_rn(n, -3.0199159820e-7f, r);
  return make_float2(__cosf(r), __sinf(r));
}
// A pair after its turn; t: cosine and sine. Which product is rounded is said here, so that every kernel gives the same bits.
DEV float turned_first(float x, float y, float2 t) { return __fmaf_rn(x, t.x, -(y * t.y)); }
DEV float turned_second(float x, float y, float2 t) { return __fmaf_rn(x, t.y, y * t.x); }
// Two pairs: first and second hold the lower and the upper halves' elements; s, t: cosine and sine of either.
DEV void turn_two(uint32_t &first, uint32_t &second, float2 s, float2 t) {
  uint32_t p = first, q = second;
  first = pack(turned_first(lo(p), lo(q), s), turned_first(hi(p), hi(q), t));
  second = pack(turned_second(lo(p), lo(q), s), turned_second(hi(p), hi(q), t));
}
// Eight pairs; cosines and sines lie at multiples of 16 bytes.
DEV void turn_eight(uint4 &first, uint4 &second, const float *cosines, const float *sines) {
  float4 c = *(const float4 *)cosines, d = *(const float4 *)(cosines + 4), s = *(const float4 *)sines, t = *(const float4 *)(sines + 4);
  turn_two(first.x, second.x, make_float2(c.x, s.x), make_float2(c.y, s.y));
  turn_two(first.y, second.y, make_float2(c.z, s.z), make_float2(c.w, s.w));
  turn_two(first.z, second.z, make_float2(d.x, t.x), make_float2(d.y, t.y));
  turn_two(first.w, second.w, make_float2(d.z, t.z), make_float2(d.w, t.w));
}

// What a decoding kernel needs to turn queries and the newest keys itself.
struct Newest {
  const b16 *k, *v;         // [tokens][kv_heads][head_dim], rows `stride` elements apart
  b16 *k_cache, *v_cache;   // [slots][kv_heads][head_dim]
  const float *frequencies; // [head_dim / 2], aligned to 8 bytes
  const int *slots;         // [tokens]; below 0: not cached
  int stride;
  float factor;             // multiplies cosine and sine
  DEV float4 turns(int position, int word) const { // of pairs 2 * word and 2 * word + 1: cosine and sine of either
    float2 f = ((const float2 *)frequencies)[word], s = turn((float)position * f.x), t = turn((float)position * f.y);
    return make_float4(s.x * factor, s.y * factor, t.x * factor, t.y * factor);
  }
};
