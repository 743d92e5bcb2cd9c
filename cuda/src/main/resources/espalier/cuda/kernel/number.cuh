// number.cuh - number formats of activations and weights, eight neighbours at a time.
// A group of eight is read by one 16-byte access (two for float) where `wide` says that rows allow it: pointers and strides
// multiples of 16 bytes. Elsewhere element by element, into the same places, so that sums do not depend on alignment.
#pragma once
#include "ptx.cuh"

struct Bf16 {
  b16 bits;
  DEV static float low(uint32_t pair) { return lo_bf16(pair); }
  DEV static float high(uint32_t pair) { return hi_bf16(pair); }
  DEV static uint32_t pair(float low, float high) { return pack_bf16(low, high); }
};
struct Fp16 {
  b16 bits;
  DEV static float low(uint32_t pair) { return lo_fp16(pair); }
  DEV static float high(uint32_t pair) { return hi_fp16(pair); }
  DEV static uint32_t pair(float low, float high) { return pack_fp16(low, high); }
};

DEV float widen(Bf16 x) { return bf16_to_float(x.bits); }
DEV float widen(Fp16 x) { return fp16_to_float(x.bits); }
DEV float widen(float x) { return x; }
// To the nearest, ties to even.
DEV void narrow(float f, Bf16 &to) { to.bits = float_to_bf16(f); }
DEV void narrow(float f, Fp16 &to) { to.bits = float_to_fp16(f); }
DEV void narrow(float f, float &to) { to = f; }

struct Eight {
  float v[8];
};

template <class T> DEV Eight load_wide(const T *p) {
  uint4 w = *(const uint4 *)p;
  return {T::low(w.x), T::high(w.x), T::low(w.y), T::high(w.y), T::low(w.z), T::high(w.z), T::low(w.w), T::high(w.w)};
}
DEV Eight load_wide(const float *p) {
  float4 a = *(const float4 *)p, b = *(const float4 *)(p + 4);
  return {a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w};
}
template <class T> DEV void store_wide(T *p, const Eight &x) {
  *(uint4 *)p = make_uint4(T::pair(x.v[0], x.v[1]), T::pair(x.v[2], x.v[3]), T::pair(x.v[4], x.v[5]), T::pair(x.v[6], x.v[7]));
}
DEV void store_wide(float *p, const Eight &x) {
  *(float4 *)p = make_float4(x.v[0], x.v[1], x.v[2], x.v[3]);
  *(float4 *)(p + 4) = make_float4(x.v[4], x.v[5], x.v[6], x.v[7]);
}

// n: how many of the eight exist; the others are 0.
template <class T> DEV Eight load8(const T *p, int n, bool wide) {
  if (wide && n >= 8) return load_wide(p);
  Eight r;
#pragma unroll
  for (int i = 0; i < 8; i++) r.v[i] = i < n ? widen(p[i]) : 0.f;
  return r;
}

template <class T> DEV void store8(T *p, const Eight &x, int n, bool wide) {
  if (wide && n >= 8) {
    store_wide(p, x);
  } else {
#pragma unroll
    for (int i = 0; i < 8; i++)
      if (i < n) narrow(x.v[i], p[i]);
  }
}
