// ptx.cuh - the inline PTX of all kernels as small functions, for NVRTC without any CUDA header.
//
// Every kernel includes this one file. Addresses in shared memory are 32-bit (smem_u32). What an architecture does not
// have is not declared for it, so that its use fails to compile and not to run. A number of 16 bits is a b16, its bits;
// -DFP16 makes it fp16, else it is bf16: pack, lo, hi, to_float, to_b16, mma and wgmma follow that choice, so that a
// kernel is written once. sm_75 has no bf16 tensor cores: kernels for it are compiled with -DFP16.
#pragma once
typedef unsigned int uint32_t;
typedef unsigned long long uint64_t;
typedef unsigned short uint16_t;
typedef unsigned char uint8_t;
typedef unsigned short b16;
#define DEV __device__ __forceinline__
#define INF __int_as_float(0x7f800000)
#define NEG_INF __int_as_float(0xff800000)
#if __CUDA_ARCH__ >= 900
#define HAS_TMA 1
#endif
#if __CUDA_ARCH__ == 900 // compiled for sm_90a
#define HAS_WGMMA 1
#endif

// ---- numbers ----
DEV float ex2(float x) { float r; asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(x)); return r; }
DEV float tanh_approx(float x) { float r; asm("tanh.approx.f32 %0, %1;" : "=f"(r) : "f"(x)); return r; }
DEV uint32_t prmt(uint32_t a, uint32_t b, uint32_t s) { uint32_t r; asm("prmt.b32 %0, %1, %2, %3;" : "=r"(r) : "r"(a), "r"(b), "r"(s)); return r; }
DEV float bf16_to_float(b16 x) { return __uint_as_float((uint32_t)x << 16); }
DEV float lo_bf16(uint32_t p) { return __uint_as_float(p << 16); }
DEV float hi_bf16(uint32_t p) { return __uint_as_float(p & 0xffff0000u); }
DEV float fp16_to_float(b16 x) { float r; asm("cvt.f32.f16 %0, %1;" : "=f"(r) : "h"(x)); return r; }
DEV float lo_fp16(uint32_t p) { return fp16_to_float((b16)p); }
DEV float hi_fp16(uint32_t p) { return fp16_to_float((b16)(p >> 16)); }
DEV b16 float_to_fp16(float x) { b16 r; asm("cvt.rn.f16.f32 %0, %1;" : "=h"(r) : "f"(x)); return r; }
#if __CUDA_ARCH__ >= 800
DEV uint32_t pack_bf16(float lo, float hi) { uint32_t r; asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(hi), "f"(lo)); return r; }
DEV uint32_t pack_fp16(float lo, float hi) { uint32_t r; asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(hi), "f"(lo)); return r; }
#else
DEV uint32_t round_bf16(float x) { uint32_t u = __float_as_uint(x); return x != x ? 0x7fff : (u + 0x7fff + (u >> 16 & 1)) >> 16; }
DEV uint32_t pack_bf16(float lo, float hi) { return round_bf16(lo) | round_bf16(hi) << 16; }
DEV uint32_t pack_fp16(float lo, float hi) { return float_to_fp16(lo) | (uint32_t)float_to_fp16(hi) << 16; }
#endif
DEV b16 float_to_bf16(float x) { return (b16)pack_bf16(x, 0.0f); }
#ifdef FP16
#define TYPE "f16"
DEV uint32_t pack(float lo, float hi) { return pack_fp16(lo, hi); }
DEV float lo(uint32_t p) { return lo_fp16(p); }
DEV float hi(uint32_t p) { return hi_fp16(p); }
DEV float to_float(b16 x) { return fp16_to_float(x); }
DEV b16 to_b16(float x) { return float_to_fp16(x); }
#else
#define TYPE "bf16"
DEV uint32_t pack(float lo, float hi) { return pack_bf16(lo, hi); }
DEV float lo(uint32_t p) { return lo_bf16(p); }
DEV float hi(uint32_t p) { return hi_bf16(p); }
DEV float to_float(b16 x) { return bf16_to_float(x); }
DEV b16 to_b16(float x) { return float_to_bf16(x); }
#endif
DEV float warp_sum(float v) {
#pragma unroll
  for (int o = 16; o; o >>= 1) v += __shfl_xor_sync(~0u, v, o);
  return v;
}
DEV float warp_max(float v) {
#pragma unroll
  for (int o = 16; o; o >>= 1) v = fmaxf(v, __shfl_xor_sync(~0u, v, o));
  return v;
}
// Keeps the compiler from moving uses of r[0 .. N) across this point.
template <int N> DEV void pin(float *r) {
#pragma unroll
  for (int i = 0; i < N; i++) asm volatile("" : "+f"(r[i])::"memory");
}
template <int N> DEV void pin(uint32_t *r) {
#pragma unroll
  for (int i = 0; i < N; i++) asm volatile("" : "+r"(r[i])::"memory");
}

// ---- memory ----
DEV uint32_t smem_u32(const void *p) { return (uint32_t)__cvta_generic_to_shared(p); }
DEV uint4 lds128(uint32_t a) { uint4 v; asm volatile("ld.shared.v4.u32 {%0,%1,%2,%3}, [%4];" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "r"(a) : "memory"); return v; }
DEV void sts32(uint32_t a, uint32_t v) { asm volatile("st.shared.u32 [%0], %1;" ::"r"(a), "r"(v) : "memory"); }
DEV void sts128(uint32_t a, uint4 v) { asm volatile("st.shared.v4.u32 [%0], {%1,%2,%3,%4};" ::"r"(a), "r"(v.x), "r"(v.y), "r"(v.z), "r"(v.w) : "memory"); }
// Past L1: what another multiprocessor wrote in this launch or, with dependent launch, in the one before.
DEV uint4 ldcg(const void *p) { uint4 v; asm volatile("ld.global.cg.v4.u32 {%0,%1,%2,%3}, [%4];" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(p) : "memory"); return v; }
DEV int atom_add(int *p, int v) { int r; asm volatile("atom.global.add.u32 %0, [%1], %2;" : "=r"(r) : "l"(p), "r"(v) : "memory"); return r; }
#if __CUDA_ARCH__ >= 800
DEV void cp_async_16(uint32_t dst, const void *src, uint32_t bytes = 16) { // bytes 0 writes zeros
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(dst), "l"(src), "r"(bytes) : "memory");
}
DEV void cp_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int N> DEV void cp_async_wait() { asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory"); }
#else // Turing copies at once
DEV void cp_async_16(uint32_t dst, const void *src, uint32_t bytes = 16) { sts128(dst, bytes ? *(const uint4 *)src : make_uint4(0, 0, 0, 0)); }
DEV void cp_async_commit() {}
template <int N> DEV void cp_async_wait() {}
#endif

// ---- barriers of a block ----
DEV void bar_sync(int id, int threads) { asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory"); }
DEV void bar_arrive(int id, int threads) { asm volatile("bar.arrive %0, %1;" ::"r"(id), "r"(threads) : "memory"); }

// ---- matrices of 8 x 8, mma.sync ----
DEV void ldmatrix_x4(uint32_t *r, uint32_t a) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];" : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(a) : "memory");
}
DEV void ldmatrix_x4_trans(uint32_t *r, uint32_t a) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];" : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(a) : "memory");
}
DEV void ldmatrix_x2(uint32_t *r, uint32_t a) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0,%1}, [%2];" : "=r"(r[0]), "=r"(r[1]) : "r"(a) : "memory");
}
DEV uint32_t movmatrix_trans(uint32_t x) { uint32_t r; asm volatile("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;" : "=r"(r) : "r"(x)); return r; }
// d[16 x 8] += a[16 x 16] b[16 x 8]
#if __CUDA_ARCH__ >= 800
DEV void mma(float *d, const uint32_t *a, uint32_t b0, uint32_t b1) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32." TYPE "." TYPE ".f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
    : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
#elif defined(FP16)
DEV void mma(float *d, const uint32_t *a, uint32_t b0, uint32_t b1) {
  asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
    : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "r"(a[0]), "r"(a[1]), "r"(b0));
  asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
    : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "r"(a[2]), "r"(a[3]), "r"(b1));
}
#endif

// ---- programmatic dependent launch: no effect in a launch that did not ask for it ----
#if __CUDA_ARCH__ >= 900
DEV void pdl_launch_next() { asm volatile("griddepcontrol.launch_dependents;" ::: "memory"); }
DEV void pdl_wait_previous() { asm volatile("griddepcontrol.wait;" ::: "memory"); }
#else
DEV void pdl_launch_next() {}
DEV void pdl_wait_previous() {}
#endif

// ---- mbarriers, TMA, clusters ----
#ifdef HAS_TMA
DEV void mbar_init(uint32_t b, uint32_t n) { asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(b), "r"(n) : "memory"); }
DEV void mbar_arrive(uint32_t b) { asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(b) : "memory"); }
// Arrives when v is there: ptxas puts an arrival right behind the issue of the loads in front of it, and a copy may then
// overwrite what a load that waits in its queue has yet to read. min(v | 1, 1) is 1, but nobody knows.
DEV void mbar_arrive_after(uint32_t b, float v) {
  asm volatile("{\n.reg .b32 n;\nor.b32 n, %1, 1;\nmin.u32 n, n, 1;\nmbarrier.arrive.shared::cta.b64 _, [%0], n;\n}" ::"r"(b), "r"(__float_as_uint(v)) : "memory");
}
DEV void mbar_expect(uint32_t b, uint32_t bytes) { asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(b), "r"(bytes) : "memory"); }
DEV bool mbar_try(uint32_t b, uint32_t parity) {
  uint32_t ok;
  asm volatile("{\n.reg .pred p;\nmbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\nselp.u32 %0, 1, 0, p;\n}" : "=r"(ok) : "r"(b), "r"(parity) : "memory");
  return ok;
}
DEV bool mbar_test(uint32_t b, uint32_t parity) {
  uint32_t ok;
  asm volatile("{\n.reg .pred p;\nmbarrier.test_wait.parity.shared::cta.b64 p, [%1], %2;\nselp.u32 %0, 1, 0, p;\n}" : "=r"(ok) : "r"(b), "r"(parity) : "memory");
  return ok;
}
DEV void mbar_wait(uint32_t b, uint32_t parity) { while (!mbar_try(b, parity)) {} } // a __trap in this loop makes ptxas serialise wgmma
// Waits when v is there, for a barrier where ptxas would wait earlier: see mbar_arrive_after.
DEV void mbar_wait_after(uint32_t b, uint32_t parity, float v) {
  asm volatile("{\n.reg .b32 n;\nor.b32 n, %1, 1;\nmin.u32 n, n, 1;\nxor.b32 n, n, 1;\nxor.b32 %0, %0, n;\n}" : "+r"(parity) : "r"(__float_as_uint(v)));
  mbar_wait(b, parity);
}
DEV void fence_mbar_init() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }
DEV void fence_proxy_async() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }
DEV void cp_async_arrive(uint32_t bar) { asm volatile("cp.async.mbarrier.arrive.noinc.shared::cta.b64 [%0];" ::"r"(bar) : "memory"); }
template <int N> DEV void reg_inc() { asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(N)); }
template <int N> DEV void reg_dec() { asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(N)); }

// A map lies among the kernel's parameters (__grid_constant__). Policies: what createpolicy makes for the whole range.
struct __align__(64) TensorMap { char opaque[128]; };
#define EVICT_NORMAL 0x1000000000000000ull
#define EVICT_FIRST 0x12f0000000000000ull
#define EVICT_LAST 0x14f0000000000000ull
DEV uint64_t policy_evict_first() { uint64_t p; asm volatile("createpolicy.fractional.L2::evict_first.b64 %0, 1.0;" : "=l"(p)); return p; }
DEV void tma_prefetch(const TensorMap *m) { asm volatile("prefetch.tensormap [%0];" ::"l"(m) : "memory"); }
DEV void tma_load_2d(uint32_t dst, const TensorMap *m, uint32_t bar, int c0, int c1, uint64_t policy) {
  asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.L2::cache_hint [%0], [%1, {%3, %4}], [%2], %5;"
    ::"r"(dst), "l"(m), "r"(bar), "r"(c0), "r"(c1), "l"(policy) : "memory");
}
// The same box to the same place of every block in `blocks`, a mask of ranks, each of whose mbarriers at `bar` counts it.
DEV void tma_multicast_2d(uint32_t dst, const TensorMap *m, uint32_t bar, int c0, int c1, uint16_t blocks, uint64_t policy) {
  asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.multicast::cluster.L2::cache_hint [%0], [%1, {%3, %4}], [%2], %5, %6;"
    ::"r"(dst), "l"(m), "r"(bar), "r"(c0), "r"(c1), "h"(blocks), "l"(policy) : "memory");
}
DEV void tma_load_4d(uint32_t dst, const TensorMap *m, uint32_t bar, int c0, int c1, int c2, int c3) {
  asm volatile("cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4, %5, %6}], [%2];"
    ::"r"(dst), "l"(m), "r"(bar), "r"(c0), "r"(c1), "r"(c2), "r"(c3) : "memory");
}
DEV void tma_load_4d(uint32_t dst, const TensorMap *m, uint32_t bar, int c0, int c1, int c2, int c3, uint64_t policy) {
  asm volatile("cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.L2::cache_hint [%0], [%1, {%3, %4, %5, %6}], [%2], %7;"
    ::"r"(dst), "l"(m), "r"(bar), "r"(c0), "r"(c1), "r"(c2), "r"(c3), "l"(policy) : "memory");
}
DEV void tma_load_5d(uint32_t dst, const TensorMap *m, uint32_t bar, int c0, int c1, int c2, int c3, int c4, uint64_t policy) {
  asm volatile("cp.async.bulk.tensor.5d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.L2::cache_hint [%0], [%1, {%3, %4, %5, %6, %7}], [%2], %8;"
    ::"r"(dst), "l"(m), "r"(bar), "r"(c0), "r"(c1), "r"(c2), "r"(c3), "r"(c4), "l"(policy) : "memory");
}
// From shared memory, what lies inside the tensor; a group of stores belongs to a thread. Waits until at most N groups read yet.
DEV void tma_store_2d(const TensorMap *m, int c0, int c1, uint32_t src) {
  asm volatile("cp.async.bulk.tensor.2d.global.shared::cta.tile.bulk_group [%0, {%2, %3}], [%1];" ::"l"(m), "r"(src), "r"(c0), "r"(c1) : "memory");
}
DEV void tma_store_commit() { asm volatile("cp.async.bulk.commit_group;" ::: "memory"); }
template <int N> DEV void tma_store_wait_read() { asm volatile("cp.async.bulk.wait_group.read %0;" ::"n"(N) : "memory"); }
DEV void tma_prefetch_5d(const TensorMap *m, int c0, int c1, int c2, int c3, int c4) { // into L2
  asm volatile("cp.async.bulk.prefetch.tensor.5d.L2.global.tile [%0, {%1, %2, %3, %4, %5}];" ::"l"(m), "r"(c0), "r"(c1), "r"(c2), "r"(c3), "r"(c4) : "memory");
}
DEV void bulk_load(uint32_t dst, const void *src, uint32_t bytes, uint32_t bar, uint64_t policy) {
  asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.L2::cache_hint [%0], [%1], %2, [%3], %4;"
    ::"r"(dst), "l"(src), "r"(bytes), "r"(bar), "l"(policy) : "memory");
}
DEV void cluster_sync() { asm volatile("barrier.cluster.arrive.relaxed.aligned;\nbarrier.cluster.wait.aligned;" ::: "memory"); } // orders no memory beyond fence_mbar_init's
DEV uint32_t map_cluster(uint32_t p, uint32_t rank) { uint32_t r; asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(r) : "r"(p), "r"(rank)); return r; } // p in block `rank`
DEV void mbar_arrive_cluster(uint32_t b) { asm volatile("mbarrier.arrive.shared::cluster.b64 _, [%0];" ::"r"(b) : "memory"); } // of a block of the cluster
DEV void send(uint32_t to, float4 v, uint32_t bar) { // to another block's shared memory, 16 bytes for its mbarrier; needs no fence
  asm volatile("st.async.shared::cluster.mbarrier::complete_tx::bytes.v4.f32 [%0], {%1, %2, %3, %4}, [%5];" ::"r"(to), "f"(v.x), "f"(v.y), "f"(v.z), "f"(v.w), "r"(bar) : "memory");
}
#endif

// ---- wgmma. Operands in shared memory with 128-byte swizzle: rows of 128 bytes, groups of 8 rows (1,024 bytes) one after another ----
#ifdef HAS_WGMMA
DEV void wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
DEV void wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int N> DEV void wgmma_wait() { asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(N) : "memory"); }
// leading: bytes between 64-column chunks of an MN-major operand (not used by K-major). 32 bytes further along K: + 2
DEV uint64_t smem_desc(uint32_t addr, int leading = 16) {
  return (uint64_t)((addr & 0x3ffff) >> 4) | (uint64_t)(leading >> 4) << 16 | (uint64_t)(1024 >> 4) << 32 | (uint64_t)1 << 62;
}
#define R4 "%0,%1,%2,%3"
#define R8 R4 ",%4,%5,%6,%7"
#define R16 R8 ",%8,%9,%10,%11,%12,%13,%14,%15"
#define R24 R16 ",%16,%17,%18,%19,%20,%21,%22,%23"
#define R32 R24 ",%24,%25,%26,%27,%28,%29,%30,%31"
#define R40 R32 ",%32,%33,%34,%35,%36,%37,%38,%39"
#define R48 R40 ",%40,%41,%42,%43,%44,%45,%46,%47"
#define R56 R48 ",%48,%49,%50,%51,%52,%53,%54,%55"
#define R64 R56 ",%56,%57,%58,%59,%60,%61,%62,%63"
#define R72 R64 ",%64,%65,%66,%67,%68,%69,%70,%71"
#define R80 R72 ",%72,%73,%74,%75,%76,%77,%78,%79"
#define R88 R80 ",%80,%81,%82,%83,%84,%85,%86,%87"
#define R96 R88 ",%88,%89,%90,%91,%92,%93,%94,%95"
#define R104 R96 ",%96,%97,%98,%99,%100,%101,%102,%103"
#define R112 R104 ",%104,%105,%106,%107,%108,%109,%110,%111"
#define R120 R112 ",%112,%113,%114,%115,%116,%117,%118,%119"
#define R128 R120 ",%120,%121,%122,%123,%124,%125,%126,%127"
#define F4(c, i) c(d[i]), c(d[i + 1]), c(d[i + 2]), c(d[i + 3])
#define F8(c, i) F4(c, i), F4(c, i + 4)
#define F16(c, i) F8(c, i), F8(c, i + 8)
#define D4(c) F4(c, 0)
#define D8(c) F8(c, 0)
#define D16(c) F16(c, 0)
#define D24(c) D16(c), F8(c, 16)
#define D32(c) D16(c), F16(c, 16)
#define D40(c) D32(c), F8(c, 32)
#define D48(c) D32(c), F16(c, 32)
#define D56(c) D48(c), F8(c, 48)
#define D64(c) D48(c), F16(c, 48)
#define D72(c) D64(c), F8(c, 64)
#define D80(c) D72(c), F8(c, 72)
#define D88(c) D80(c), F8(c, 80)
#define D96(c) D88(c), F8(c, 88)
#define D104(c) D96(c), F8(c, 96)
#define D112(c) D104(c), F8(c, 104)
#define D120(c) D112(c), F8(c, 112)
#define D128(c) D120(c), F8(c, 120)
#define OUT_ "=f"
#define INOUT_ "+f"
// The first N / 2 registers of d (64 x N, f32) = a b, or + d if ADD; a in registers, b in shared memory, MN-major (TB 1) or K-major (0).
// Without ADD d is an output only: an undefined register in "+f" can make ptxas serialise every wgmma of the kernel.
template <int N, int ADD, int TB> DEV void wgmma(float *d, const uint32_t *a, uint64_t b);
#define WGMMA(N, ADD, TB, LIST, REGS, C, A0, A1, A2, A3, B) template <> DEV void wgmma<N, ADD, TB>(float *d, const uint32_t *a, uint64_t b) { \
  asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, " #ADD ", 0;\nwgmma.mma_async.sync.aligned.m64n" #N "k16.f32." TYPE "." TYPE " {" LIST "}, {%" #A0 ",%" #A1 ",%" #A2 ",%" #A3 "}, %" #B ", p, 1, 1, " #TB ";\n}" \
    : REGS(C) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b)); }
WGMMA(16, 0, 0, R8, D8, OUT_, 8, 9, 10, 11, 12)
WGMMA(16, 1, 0, R8, D8, INOUT_, 8, 9, 10, 11, 12)
WGMMA(32, 0, 0, R16, D16, OUT_, 16, 17, 18, 19, 20)
WGMMA(32, 1, 0, R16, D16, INOUT_, 16, 17, 18, 19, 20)
WGMMA(64, 0, 0, R32, D32, OUT_, 32, 33, 34, 35, 36)
WGMMA(64, 1, 0, R32, D32, INOUT_, 32, 33, 34, 35, 36)
WGMMA(64, 0, 1, R32, D32, OUT_, 32, 33, 34, 35, 36)
WGMMA(64, 1, 1, R32, D32, INOUT_, 32, 33, 34, 35, 36)
WGMMA(96, 0, 0, R48, D48, OUT_, 48, 49, 50, 51, 52)
WGMMA(96, 1, 0, R48, D48, INOUT_, 48, 49, 50, 51, 52)
WGMMA(128, 0, 0, R64, D64, OUT_, 64, 65, 66, 67, 68)
WGMMA(128, 1, 0, R64, D64, INOUT_, 64, 65, 66, 67, 68)
WGMMA(128, 0, 1, R64, D64, OUT_, 64, 65, 66, 67, 68)
WGMMA(128, 1, 1, R64, D64, INOUT_, 64, 65, 66, 67, 68)
// d (64 x N, f32) = a b, or + d if add; both in shared memory, K-major.
#define WGMMA_SHARED(N, LIST, REGS, A, B, S) DEV void wgmma_shared(float (&d)[N / 2], uint64_t a, uint64_t b, int add) { \
  asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %" #S ", 0;\nwgmma.mma_async.sync.aligned.m64n" #N "k16.f32." TYPE "." TYPE " {" LIST "}, %" #A ", %" #B ", p, 1, 1, 0, 0;\n}" \
    : REGS(INOUT_) : "l"(a), "l"(b), "r"(add)); }
WGMMA_SHARED(8, R4, D4, 4, 5, 6)
WGMMA_SHARED(16, R8, D8, 8, 9, 10)
WGMMA_SHARED(32, R16, D16, 16, 17, 18)
WGMMA_SHARED(48, R24, D24, 24, 25, 26)
WGMMA_SHARED(64, R32, D32, 32, 33, 34)
WGMMA_SHARED(80, R40, D40, 40, 41, 42)
WGMMA_SHARED(96, R48, D48, 48, 49, 50)
WGMMA_SHARED(112, R56, D56, 56, 57, 58)
WGMMA_SHARED(128, R64, D64, 64, 65, 66)
WGMMA_SHARED(144, R72, D72, 72, 73, 74)
WGMMA_SHARED(160, R80, D80, 80, 81, 82)
WGMMA_SHARED(176, R88, D88, 88, 89, 90)
WGMMA_SHARED(192, R96, D96, 96, 97, 98)
WGMMA_SHARED(208, R104, D104, 104, 105, 106)
WGMMA_SHARED(224, R112, D112, 112, 113, 114)
WGMMA_SHARED(240, R120, D120, 120, 121, 122)
WGMMA_SHARED(256, R128, D128, 128, 129, 130)
#undef OUT_
#undef INOUT_
#endif
