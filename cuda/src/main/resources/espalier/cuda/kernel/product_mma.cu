// Y[M, N] = X[M, K] W[N, K]^T with mma.sync, for every architecture and every shape: bf16 (or -DFP16), sums in float.
//
// Rows of W are the 16 rows of an mma, sequences its 8 columns. A block takes 32 rows of W (EPILOGUE 2: 16 of gate and the
// same 16 of up) and MT sequences; its 8 warps are 2 groups of 16 rows times 4 quarters of each 128 columns of K. Stages of
// 128 columns come by cp.async, 16-byte pieces exclusive-or'ed with the row so that ldmatrix meets every bank once; where
// rows are not aligned to 16 bytes (`wide` 0) or K is no multiple of 8, element by element. The quarters' sums are added in
// their order through shared memory. The order of a sum depends on K alone, so a row has the same bits in every batch.
//
// Compile with MT (8, 16, 32 or 64), STAGES (at least 2), EPILOGUE: 0 store, 1 add to y, 2 silu(gate) * up (n is the number
// of channels, half the rows of W), 3 store as float. Grid (ceil(n / 32), or 16 with EPILOGUE 2; ceil(m / MT)), 256 threads,
// STAGES * (32 + MT) * 256 bytes of shared memory, or MT * 576 if that is more. Every weight is read once for MT sequences.
#include "ptx.cuh"
#define ROWS 32
#define COLUMNS 128 // of K, a stage
#define PITCH (COLUMNS * 2)
#define W_BYTES (ROWS * PITCH)
#define STAGE_BYTES (W_BYTES + MT * PITCH)
#define THREADS 256
#define QUARTERS 4
#define SUM_PITCH 36 // floats: the lanes' stores of sums meet 32 banks
#if EPILOGUE == 3
typedef float out_t;
#else
typedef b16 out_t;
#endif

// Pieces of 8 elements: where piece c of a row lies.
DEV uint32_t place(uint32_t base, int row, int c) { return base + row * PITCH + ((c ^ (row & 7)) << 4); }

// Piece of a row from column k on; 0 beyond K or where there is no row.
DEV void load_piece(uint32_t to, const b16 *row, bool there, int k, int columns, bool wide) {
  if (wide) {
    bool in = there && k < columns;
    cp_async_16(to, in ? row + k : row, in ? 16 : 0);
  } else {
    uint32_t v[4];
#pragma unroll
    for (int i = 0; i < 4; i++) {
      uint32_t low = there && k + 2 * i < columns ? row[k + 2 * i] : 0, high = there && k + 2 * i + 1 < columns ? row[k + 2 * i + 1] : 0;
      v[i] = low | high << 16;
    }
    sts128(to, make_uint4(v[0], v[1], v[2], v[3]));
  }
}

extern "C" __global__ void __launch_bounds__(THREADS)
    product_mma(const b16 *x, int ldx, const b16 *w, int ldw, out_t *y, int ldy, int m, int n, int k, int wide) {
  extern __shared__ __align__(128) unsigned char smem[];
  const uint32_t base = smem_u32(smem);
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, half = warp % 2, quarter = warp / 2;
  const int channels = EPILOGUE == 2 ? ROWS / 2 : ROWS, n0 = blockIdx.x * channels, m0 = blockIdx.y * MT, steps = (k + COLUMNS - 1) / COLUMNS;
  auto load_w = [&](int step, int stage) {
    const uint32_t to = base + stage * STAGE_BYTES;
#pragma unroll
    for (int i = 0; i < ROWS * COLUMNS / 8 / THREADS; i++) {
      int piece = threadIdx.x + i * THREADS, row = piece / (COLUMNS / 8), c = piece % (COLUMNS / 8), channel = n0 + row % channels;
      bool there = channel < n;
      const b16 *p = w + (size_t)(there ? EPILOGUE == 2 && row >= channels ? channel + n : channel : 0) * ldw;
      load_piece(place(to, row, c), p, there, step * COLUMNS + c * 8, k, wide);
    }
  };
  auto load_x = [&](int step, int stage) {
    const uint32_t to = base + stage * STAGE_BYTES + W_BYTES;
    for (int piece = threadIdx.x; piece < MT * COLUMNS / 8; piece += THREADS) {
      int row = piece / (COLUMNS / 8), c = piece % (COLUMNS / 8);
      bool there = m0 + row < m;
      load_piece(place(to, row, c), x + (size_t)(there ? m0 + row : 0) * ldx, there, step * COLUMNS + c * 8, k, wide);
    }
  };
  pdl_launch_next();
  for (int s = 0; s < STAGES - 1 && s < steps; s++) load_w(s, s); // weights do not wait for the kernel before
  pdl_wait_previous();
  for (int s = 0; s < STAGES - 1; s++) {
    if (s < steps) load_x(s, s);
    cp_async_commit();
  }
  float sum[MT / 8][4] = {};
  for (int step = 0, stage = 0, ahead = STAGES - 1; step < steps; step++) {
    cp_async_wait<STAGES - 2>();
    __syncthreads(); // this stage is there for all, and the one before has been read by all
    if (step + STAGES - 1 < steps) {
      load_w(step + STAGES - 1, ahead);
      load_x(step + STAGES - 1, ahead);
    }
    cp_async_commit();
    const uint32_t ws = base + stage * STAGE_BYTES, xs = ws + W_BYTES;
#pragma unroll
    for (int kk = 0; kk < COLUMNS / 16 / QUARTERS; kk++) {
      const int c = quarter * (COLUMNS / 8 / QUARTERS) + kk * 2;
      uint32_t a[4];
      ldmatrix_x4(a, place(ws, half * 16 + lane / 8 % 2 * 8 + lane % 8, c + lane / 16));
#if MT == 8
      uint32_t b[2];
      ldmatrix_x2(b, place(xs, lane % 8, c + lane / 8 % 2));
      mma(sum[0], a, b[0], b[1]);
#else
#pragma unroll
      for (int j = 0; j < MT / 16; j++) {
        uint32_t b[4];
        ldmatrix_x4(b, place(xs, j * 16 + lane / 16 * 8 + lane % 8, c + lane / 8 % 2));
        mma(sum[2 * j], a, b[0], b[1]);
        mma(sum[2 * j + 1], a, b[2], b[3]);
      }
#endif
    }
    if (++stage == STAGES) stage = 0;
    if (++ahead == STAGES) ahead = 0;
  }
  cp_async_wait<0>();
  __syncthreads();
  float *sums = (float *)smem; // [quarter][sequence][row]
#pragma unroll
  for (int j = 0; j < MT / 8; j++)
#pragma unroll
    for (int i = 0; i < 4; i++) sums[(quarter * MT + j * 8 + lane % 4 * 2 + i % 2) * SUM_PITCH + half * 16 + i / 2 * 8 + lane / 4] = sum[j][i];
  __syncthreads();
  for (int i = threadIdx.x; i < MT * channels; i += THREADS) {
    const int s = i / channels, r = i % channels;
    if (m0 + s >= m || n0 + r >= n) continue;
    auto total = [&](int row) {
      float t = 0;
#pragma unroll
      for (int q = 0; q < QUARTERS; q++) t += sums[(q * MT + s) * SUM_PITCH + row];
      return t;
    };
    out_t *to = y + (size_t)(m0 + s) * ldy + n0 + r;
#if EPILOGUE == 2
    float gate = total(r);
    *to = to_b16(__fdividef(gate, 1 + __expf(-gate)) * total(r + channels));
#elif EPILOGUE == 3
    *to = total(r);
#else
    *to = to_b16(total(r) + (EPILOGUE == 1 ? to_float(*to) : 0.f));
#endif
  }
}
