// Stores by the copy engine and dependent launches, with mistakes that BulkStoresTest and DependentLaunchTest switch on.
#include "dev.cuh"
#define T threadIdx.x
extern "C" __global__ void store_bytes(int *out) { // 32 threads
  SHARED(int, s, [64]);
  s[T] = T * 3;
  s[T + 32] = T * 5;
#ifndef NO_FENCE
  fence_proxy_async();
#endif
  __syncwarp();
  if (T == 0) {
    asm volatile("cp.async.bulk.global.shared::cta.bulk_group [%0], [%1], 256;" ::"l"(out), "r"(smem_u32(s)) : "memory");
    asm volatile("cp.async.bulk.commit_group;" ::: "memory");
#ifdef EARLY
    ((volatile int *)s)[7] = -1;
#endif
#ifndef NO_WAIT
    asm volatile("cp.async.bulk.wait_group.read 0;" ::: "memory");
#endif
    s[7] = -2;
  }
}
extern "C" __global__ void store_box(const __grid_constant__ TensorMap map, int x, int y) { // 8 rows of 32 bf16
  __shared__ __align__(128) unsigned short s[256];
  for (int i = T; i < 256; i += 32) s[i] = i;
  fence_proxy_async();
  __syncwarp();
  if (T == 0) {
    asm volatile("cp.async.bulk.tensor.2d.global.shared::cta.tile.bulk_group [%0, {%1, %2}], [%3];" ::"l"(&map), "r"(x), "r"(y), "r"(smem_u32(s)) : "memory");
    asm volatile("cp.async.bulk.commit_group;\ncp.async.bulk.wait_group 0;" ::: "memory");
  }
}
extern "C" __global__ void first(int *x) {
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
  asm volatile("griddepcontrol.wait;" ::: "memory");
  x[blockIdx.x * 32 + T] = T;
}
extern "C" __global__ void second(int *y, const int *x, const int *weights) {
  int w = weights[T];
#ifdef READS_EARLY
  int v = ((volatile const int *)x)[T];
#endif
#ifndef NEVER_WAITS
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
#ifndef READS_EARLY
  int v = ((volatile const int *)x)[T];
#endif
  y[T] = v + w;
}
