// Y[M, N] = X[M, K] W[N, K]^T by plain multiply-add in float, for types that tensor cores do not serve: float32 models, and
// weights of another type than the activations.
//
// A block of 16 x 16 threads takes 64 rows of W and 64 sequences, a thread 4 of each; 16 columns of K at a time lie in shared
// memory as float. A sum runs over K in order, so a row has the same bits in every batch.
//
// Compile with ACTIVATION, WEIGHT, RESULT (Bf16, Fp16 or float) and EPILOGUE: 0 store, 1 add to y, 2 silu(gate) * up (n is
// the number of channels, half the rows of W; a block takes 32 of them). Grid (ceil(n / 64), or 32; ceil(m / 64)).
#include "number.cuh"
#define TILE 64
#define COLUMNS 16
typedef ACTIVATION A;
typedef WEIGHT W;
typedef RESULT R;

extern "C" __global__ void __launch_bounds__(256, 2) product_any(const A *x, int ldx, const W *w, int ldw, R *y, int ldy, int m, int n, int k) {
  __shared__ float xs[COLUMNS][TILE + 1], ws[COLUMNS][TILE + 1];
  pdl_launch_next();
  pdl_wait_previous();
  const int channels = EPILOGUE == 2 ? TILE / 2 : TILE, n0 = blockIdx.x * channels, m0 = blockIdx.y * TILE;
  const int tx = threadIdx.x % 16, ty = threadIdx.x / 16;
  float sum[4][4] = {};
  for (int k0 = 0; k0 < k; k0 += COLUMNS) {
    for (int i = threadIdx.x; i < TILE * COLUMNS; i += 256) {
      const int row = i / COLUMNS, c = i % COLUMNS, channel = n0 + row % channels;
      const bool in = k0 + c < k;
      xs[c][row] = in && m0 + row < m ? widen(x[(size_t)(m0 + row) * ldx + k0 + c]) : 0.f;
      ws[c][row] = in && channel < n ? widen(w[(size_t)(row >= channels ? channel + n : channel) * ldw + k0 + c]) : 0.f;
    }
    __syncthreads();
#pragma unroll
    for (int c = 0; c < COLUMNS; c++)
#pragma unroll
      for (int i = 0; i < 4; i++)
#pragma unroll
        for (int j = 0; j < 4; j++) sum[i][j] = fmaf(xs[c][ty + 16 * i], ws[c][tx + 16 * j], sum[i][j]);
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < 4; i++)
#pragma unroll
    for (int j = 0; j < (EPILOGUE == 2 ? 2 : 4); j++) {
      const int s = m0 + ty + 16 * i, c = n0 + tx + 16 * j;
      if (s >= m || c >= n) continue;
      R *to = y + (size_t)s * ldy + c;
      float v = sum[i][j];
      if (EPILOGUE == 1) v += widen(*to);
      if (EPILOGUE == 2) v = __fdividef(v, 1 + __expf(-v)) * sum[i][(j + 2) % 4];
      narrow(v, *to);
    }
}
