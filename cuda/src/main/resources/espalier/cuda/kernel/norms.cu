// RMS norms over rows and over heads.
//
// Compile with ACTIVATION and WEIGHT (Bf16, Fp16 or float) and VECTORS (groups of eight that a thread keeps: 1, 2 or 4).
// Shapes are [rows, cols] with a stride in elements (ld...) between rows; `wide` says that all pointers and strides are
// multiples of 16 bytes. Sums are in float, in an order that cols alone decides. Launch: one block a row of
// ceil(cols / 8 / VECTORS) threads rounded up to whole warps; head_norm a warp a head, 256 threads. They let the next kernel
// start at once and wait for the one before ahead of their first access to an activation. Each number moves once.
#include "number.cuh"
typedef ACTIVATION A;
typedef WEIGHT W;

DEV float block_sum(float x, float *part) { // part: 32 in shared memory
  const int lane = threadIdx.x % 32, warps = blockDim.x / 32;
  x = warp_sum(x);
  if (lane == 0) part[threadIdx.x / 32] = x;
  __syncthreads();
  return warp_sum(lane < warps ? part[lane] : 0.f);
}

// out = x / sqrt(mean(x^2) + eps) * weight (Zhang and Sennrich, 2019). out may be x.
extern "C" __global__ void __launch_bounds__(1024) rms_norm(const A *x, int ldx, const W *weight, A *out, int ldo, int cols, float eps, int wide) {
  __shared__ float part[32];
  pdl_launch_next();
  Eight w[VECTORS], v[VECTORS];
  if (VECTORS < 4) { // weights do not wait for the kernel before
#pragma unroll
    for (int i = 0; i < VECTORS; i++) {
      int c = (threadIdx.x + i * blockDim.x) * 8;
      w[i] = load8(weight + c, cols - c, wide);
    }
  }
  pdl_wait_previous();
  x += (size_t)blockIdx.x * ldx;
  out += (size_t)blockIdx.x * ldo;
  float squares = 0;
#pragma unroll
  for (int i = 0; i < VECTORS; i++) {
    int c = (threadIdx.x + i * blockDim.x) * 8;
    v[i] = load8(x + c, cols - c, wide);
#pragma unroll
    for (int j = 0; j < 8; j++) squares = __fmaf_rn(v[i].v[j], v[i].v[j], squares);
  }
  const float scale = rsqrtf(block_sum(squares, part) / cols + eps);
#pragma unroll
  for (int i = 0; i < VECTORS; i++) {
    int c = (threadIdx.x + i * blockDim.x) * 8;
    if (VECTORS >= 4) w[i] = load8(weight + c, cols - c, wide);
#pragma unroll
    for (int j = 0; j < 8; j++) v[i].v[j] *= scale * w[i].v[j];
    store8(out + c, v[i], cols - c, wide);
  }
}

// Each head of x, in place; weight is [head_dim].
extern "C" __global__ void __launch_bounds__(256)
    head_norm(A *x, int ldx, const W *weight, int rows, int heads, int head_dim, float eps, int wide) {
  pdl_launch_next();
  pdl_wait_previous();
  const int unit = blockIdx.x * 8 + threadIdx.x / 32, lane = threadIdx.x % 32;
  if (unit >= rows * heads) return;
  x += (size_t)(unit / heads) * ldx + unit % heads * head_dim;
  float squares = 0;
  for (int c = lane * 8; c < head_dim; c += 256) {
    Eight v = load8(x + c, head_dim - c, wide);
#pragma unroll
    for (int j = 0; j < 8; j++) squares = __fmaf_rn(v.v[j], v.v[j], squares);
  }
  const float scale = rsqrtf(warp_sum(squares) / head_dim + eps);
  for (int c = lane * 8; c < head_dim; c += 256) {
    Eight v = load8(x + c, head_dim - c, wide), w = load8(weight + c, head_dim - c, wide);
#pragma unroll
    for (int j = 0; j < 8; j++) v.v[j] *= scale * w.v[j];
    store8(x + c, v, head_dim - c, wide);
  }
}
