// dev.cuh - the one header that a specimen includes: NVRTC needs nothing else, no CUDA headers.
#pragma once
typedef unsigned int uint32_t; typedef unsigned long long uint64_t; typedef unsigned short uint16_t; typedef unsigned char uint8_t;
#define SHARED(T, name, dims) __shared__ __align__(16) T name dims
#define DYN_SHARED(name) extern __shared__ __align__(1024) unsigned char name[]
#ifndef INFINITY
#define INFINITY __int_as_float(0x7f800000)
#endif
#include "ptx.cuh"

struct __align__(2) bf16 { unsigned short u; };
__device__ __forceinline__ float to_float(bf16 x) { return __uint_as_float((uint32_t)x.u << 16); }
__device__ __forceinline__ bf16 to_bf16(float f) { bf16 r; r.u = (unsigned short)pack_bf16(f, 0.0f); return r; }
__device__ __forceinline__ float lo_bf16(uint32_t p) { return __uint_as_float(p << 16); }
__device__ __forceinline__ float hi_bf16(uint32_t p) { return __uint_as_float(p & 0xffff0000u); }

__device__ __forceinline__ float warp_sum(float v) { for (int o = 16; o; o >>= 1) v += __shfl_xor_sync(~0u, v, o); return v; }
__device__ __forceinline__ float warp_max(float v) { for (int o = 16; o; o >>= 1) v = fmaxf(v, __shfl_xor_sync(~0u, v, o)); return v; }

// Shared memory descriptor of wgmma: K-major, 128-byte swizzle, 8-row groups 1024 bytes apart.
__device__ __forceinline__ uint64_t smem_desc_sw128(const void *p) {
  return (uint64_t)((smem_u32(p) & 0x3ffff) >> 4) | (uint64_t)1 << 16 | (uint64_t)(1024 >> 4) << 32 | (uint64_t)1 << 62;
}
