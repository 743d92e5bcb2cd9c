// Small kernels, one for each group of instructions that the specimens do not use; OpcodesTest knows what they compute.
#include "dev.cuh"
#define T threadIdx.x
__device__ int counter = 5;
__constant__ float table[4] = {1.5f, -2.0f, 0.25f, 1024.0f};
__device__ __noinline__ int twice(int x, int *also) { *also = x + 1; return x * 2; }

extern "C" __global__ void generic(int *out, const int *in) { // odd threads read shared, even ones global memory
  __shared__ int s[32];
  s[T] = 100 + T;
  __syncthreads();
  const int *p = T & 1 ? s : in;
  out[T] = p[T / 2];
}
extern "C" __global__ void local(int *out, int n) {
  int a[16];
  for (int i = 0; i < 16; i++) a[i] = i * i + T;
  out[T] = a[n + T % 8];
}
extern "C" __global__ void variables(float *out) {
  if (T == 0) counter += 2;
  __syncthreads();
  out[T] = table[T % 4] + counter;
}
extern "C" __global__ void calls(int *out) {
  int also, r = twice(T, &also);
  r += twice(r, &also);
  out[T] = r * 1000 + also;
}
extern "C" __global__ void lanes(int *out) {
  int x = T * T + 3, *o = out + T * 16;
  o[0] = __shfl_up_sync(~0u, x, 3);
  o[1] = __shfl_down_sync(~0u, x, 5);
  o[2] = __shfl_sync(~0u, x, 9);
  o[3] = __shfl_xor_sync(~0u, x, 6);
  o[4] = __shfl_sync(~0u, x, 2, 8);
  o[5] = __ballot_sync(~0u, T % 3 == 0);
  o[6] = __all_sync(~0u, T < 32) * 2 + __any_sync(~0u, T == 40);
  o[7] = __match_any_sync(~0u, T / 10);
  o[8] = __reduce_add_sync(~0u, x);
  o[9] = __reduce_max_sync(~0u, T ^ 21u);
  o[10] = __activemask();
  int elected;
  asm volatile("{.reg .pred p; elect.sync _|p, -1; selp.s32 %0, 1, 0, p;}" : "=r"(elected));
  o[11] = elected;
  unsigned below;
  asm("mov.u32 %0, %%lanemask_lt;" : "=r"(below));
  o[12] = below;
  int all;
  __match_all_sync(~0u, 7, &all);
  o[13] = all;
  o[14] = __shfl_up_sync(~0u, x, 1, 16);
  o[15] = __reduce_or_sync(~0u, 1u << T % 5);
}
extern "C" __global__ void barriers(int *out) { // 64 threads
  out[T] = __syncthreads_count(T % 3 == 0) * 4 + (__syncthreads_or(T == 63) != 0) * 2 + (__syncthreads_and(T < 63) != 0);
}
extern "C" __global__ void atomics(int *out, int *g, float *f, unsigned long long *q) {
  __shared__ int s;
  if (T == 0) s = 10;
  __syncthreads();
  atomicAdd(&s, T);
  atomicMax(g, (int)T - 5);
  atomicAdd(f, 0.5f);
  atomicMax(q, (unsigned long long)T << 33);
  atomicXor((unsigned *)g + 1, 1u << T);
  int seen, want = g[2];
  if (T == 0) { seen = atomicCAS(g + 2, want, 77); out[1] = seen; }
  __syncthreads();
  if (T == 0) out[0] = s;
}
extern "C" __global__ void bits(unsigned *out, const unsigned *in) {
  unsigned a = in[T], b = in[T + 32], *o = out + T * 8;
  o[0] = __funnelshift_l(a, b, T);
  o[1] = __funnelshift_r(a, b, T);
  o[2] = __popc(a) + 100 * __clz(b);
  o[3] = __brev(a);
  o[4] = __byte_perm(a, b, 0x6420 + T % 4);
  o[5] = (a & b) ^ (~a | (b & 0xff00ff));
  asm("lop3.b32 %0, %1, %2, %3, 0xca;" : "=r"(o[6]) : "r"(a), "r"(b), "r"(T * 0x01010101u));
  asm("bfe.s32 %0, %1, %2, %3;" : "=r"(o[7]) : "r"(a), "r"(T % 16), "r"(1 + T % 11));
}
extern "C" __global__ void wide(unsigned long long *out, const unsigned long long *in) {
  unsigned long long a = in[T], b = in[T + 32] | 1, *o = out + T * 6;
  o[0] = a / b;
  o[1] = a % b;
  o[2] = __umul64hi(a, b);
  o[3] = (long long)a >> T;
  double x = (double)(long long)a, y = (double)(int)b;
  o[4] = __double_as_longlong(x / y + fma(x, 0.5, y));
  o[5] = (unsigned long long)(long long)(y * 0.75);
}
extern "C" __global__ void halves(uint32_t *out, const uint32_t *in) {
  uint32_t a = in[T], b = in[T + 32], *o = out + T * 6;
  asm("fma.rn.bf16x2 %0, %1, %2, %1;" : "=r"(o[0]) : "r"(a), "r"(b));
  asm("mul.rn.bf16x2 %0, %1, %2;" : "=r"(o[1]) : "r"(a), "r"(b));
  asm("max.bf16x2 %0, %1, %2;" : "=r"(o[2]) : "r"(a), "r"(b));
  asm("fma.rn.f16x2 %0, %1, %2, %2;" : "=r"(o[3]) : "r"(a & 0x3fff3fff), "r"(b & 0x3fff3fff));
  asm("{.reg .b16 h, l; cvt.rn.satfinite.e4m3x2.f32 h, %1, %2; cvt.rn.f16x2.e4m3x2 %0, h;}" : "=r"(o[4]) : "f"(T * 0.37f), "f"(T * -31.0f));
  asm("{.reg .b16 h; cvt.rn.satfinite.e5m2x2.f32 h, %1, %2; cvt.rn.f16x2.e5m2x2 %0, h;}" : "=r"(o[5]) : "f"(T * 0.37f), "f"(T * -3100.0f));
}
extern "C" __global__ void approximations(float *out, const float *in) {
  float x = in[T], *o = out + T * 6;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(o[0]) : "f"(x));
  asm("lg2.approx.f32 %0, %1;" : "=f"(o[1]) : "f"(x));
  asm("rsqrt.approx.f32 %0, %1;" : "=f"(o[2]) : "f"(x));
  asm("tanh.approx.f32 %0, %1;" : "=f"(o[3]) : "f"(x));
  o[4] = __fdividef(x, 3.0f);
  o[5] = __sinf(x);
}
// d[16 x 8] of int8 (k 32), fp8 (k 32) and tf32 (k 8) products whose registers are the threads' numbers
extern "C" __global__ void products(int *out, const uint32_t *in) {
  uint32_t a[4], b[2];
  for (int i = 0; i < 4; i++) a[i] = in[T * 6 + i];
  for (int i = 0; i < 2; i++) b[i] = in[T * 6 + 4 + i];
  int d[4] = {1, 2, 3, 4}; float e[4] = {0, 0, 0, 0};
  asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
    : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  asm volatile("mma.sync.aligned.m16n8k32.row.col.f32.e4m3.e4m3.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
    : "+f"(e[0]), "+f"(e[1]), "+f"(e[2]), "+f"(e[3]) : "r"(a[0] & 0x77777777), "r"(a[1] & 0x77777777), "r"(a[2] & 0x77777777), "r"(a[3] & 0x77777777), "r"(b[0] & 0x77777777), "r"(b[1] & 0x77777777));
  for (int i = 0; i < 4; i++) { out[T * 8 + i] = d[i]; out[T * 8 + 4 + i] = __float_as_int(e[i]); }
}
