// Y[M, N] = X[M, K] W[N, K]^T for prompts on sm_90a: bf16 (or -DFP16), sums in float, rows by the thousand. Or the gated product of an MLP:
// Y[M, N / 2] = silu(X Wgate^T) * (X Wup^T), W being the gate's rows, then the up's, with no trip of either half through memory.
//
// A block's tile is 128 rows of X and 256 of W: two warpgroups of 64 x 256 sums, and a warp that loads by TMA into a ring of STAGES
// times 64 columns of K. The 256 rows of W are two runs of 128: neighbours, or the gate and the up of the same channels, which one
// thread then holds. A cluster of two blocks has two tiles of X and the same rows of W, of which each block loads a run for both
// (multicast): a multiprocessor reads 32 KB through L2 for every 64 columns instead of 48. So a stage is free when the warps of both
// blocks have read it, and the blocks of a cluster end together.
//
// Blocks are persistent. Tiles go by groups of PAIRS clusters' rows of X, in each by rows of W, so that what runs at once shares both
// in L2. While one warpgroup still stores, the other and the loads are on their way with the next tile. Results go through shared memory
// (two boxes of 64 x 64 a warpgroup) and leave by TMA.
//
// A sum is added in the order of K, whatever the number of rows: a row's bits do not depend on its batch, and are those of
// product_wgmma.cu with SPLIT 1.
//
// Compile with STAGES, PAIRS, GATED (0 or 1). Launch: 288 threads, clusters of 2, at most a block a multiprocessor. pairs, columns: tiles of X in
// twos, of W; steps of 64 columns of K; second: where in W the up's rows begin.
//
// Measured on an H200 that has been busy for long enough to be held at 690 W, 8,192 rows, gate and up of Llama-3.1-8B: 2,839 us (678 TFLOP/s,
// tensor cores busy in 94% of the cycles at 1.47 GHz), cuBLASLt 2,833 and with the activation 2,973. Multicast is worth 0.2%, no more
// than what the loads' energy is; clusters of four do not all fit the card at once.
#include "ptx.cuh"
#define RUN_BYTES (128 * 128) // 128 rows of 64 columns
#define STAGE_BYTES (3 * RUN_BYTES)
#define OUT_BYTES (64 * 128)  // a box of 64 x 64 results
#define CONSUMER_WARPS 8

struct Order { // of tiles: which rows of X (in pairs of tiles) and of W
  int pairs, columns;
  DEV int rows_of(int tile, int &column) const {
    const int group = tile / (PAIRS * columns), first = group * PAIRS, size = min(PAIRS, pairs - first), inside = tile - first * columns;
    column = inside / size;
    return first + inside % size;
  }
};

DEV float silu(float x) { return __fdividef(x, 1 + __expf(-x)); }

extern "C" __global__ void __launch_bounds__(CONSUMER_WARPS * 32 + 32, 1)
    product_prompt(const __grid_constant__ TensorMap tx, const __grid_constant__ TensorMap tw, const __grid_constant__ TensorMap ty, int pairs, int columns, int steps, int second) {
  extern __shared__ __align__(1024) unsigned char smem[];
  const uint32_t stages = smem_u32(smem), out = stages + STAGES * STAGE_BYTES;
  const uint32_t full = out + 4 * OUT_BYTES, empty = full + STAGES * 8;
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, rank = blockIdx.x % 2, clusters = gridDim.x / 2, tiles = pairs * columns;
  const Order order{pairs, columns};
  if (threadIdx.x == CONSUMER_WARPS * 32) {
    for (int s = 0; s < STAGES; s++) { mbar_init(full + s * 8, 1); mbar_init(empty + s * 8, 2 * CONSUMER_WARPS); }
    fence_mbar_init();
    fence_proxy_async();
    pdl_launch_next();
  }
  __syncwarp();
  cluster_sync();
  pdl_wait_previous();
  if (warp == CONSUMER_WARPS) {
    if (lane == 0) {
      int s = 0;
      uint32_t parity = 1;
      for (int tile = blockIdx.x / 2; tile < tiles; tile += clusters) {
        int column;
        const int x_row = (order.rows_of(tile, column) * 2 + rank) * 128;
        const int w_row = GATED ? column * 128 + rank * second : column * 256 + rank * 128;
        for (int i = 0; i < steps; i++) {
          const uint32_t at = stages + s * STAGE_BYTES;
          mbar_wait(empty + s * 8, parity);
          mbar_expect(full + s * 8, STAGE_BYTES);
          tma_load_2d(at, &tx, full + s * 8, i * 64, x_row, EVICT_LAST);
          tma_multicast_2d(at + (1 + rank) * RUN_BYTES, &tw, full + s * 8, i * 64, w_row, 3, EVICT_NORMAL);
          if (++s == STAGES) s = 0, parity ^= 1;
        }
      }
    }
    __syncwarp();
  } else {
    const int group = warp / 4;
    const uint32_t peers = map_cluster(empty, lane & 1); // lanes 0 and 1 tell one block each
    const uint32_t mine = out + group * 2 * OUT_BYTES;
    float acc[128];
    int s = 0;
    uint32_t parity = 0;
    for (int tile = blockIdx.x / 2; tile < tiles; tile += clusters) {
      int before = 0;
      for (int i = 0; i < steps; i++) {
        mbar_wait(full + s * 8, parity);
        const uint64_t x = smem_desc(stages + s * STAGE_BYTES + group * (64 * 128)), w = smem_desc(stages + s * STAGE_BYTES + RUN_BYTES);
        wgmma_fence();
#pragma unroll
        for (int k = 0; k < 4; k++) wgmma_shared(acc, x + k * 2, w + k * 2, i | k);
        wgmma_commit();
        wgmma_wait<1>();
        if (i && lane < 2) mbar_arrive_cluster(peers + before * 8); // the step before has been read
        before = s;
        if (++s == STAGES) s = 0, parity ^= 1;
      }
      wgmma_wait<0>();
      if (lane < 2) mbar_arrive_cluster(peers + before * 8);
      int column;
      const int y_row = (order.rows_of(tile, column) * 2 + rank) * 128 + group * 64;
#pragma unroll
      for (int part = 0; part < (GATED ? 1 : 2); part++) {
        if (threadIdx.x % 128 == 0) tma_store_wait_read<0>(); // what was stored before has left
        bar_sync(1 + group, 128);
#pragma unroll
        for (int j = 0; j < 16; j++) {
          const float *d = acc + (part * 16 + j) * 4;
#if GATED
          const float *u = d + 64;
          const uint32_t upper = pack(silu(d[0]) * u[0], silu(d[1]) * u[1]), lower = pack(silu(d[2]) * u[2], silu(d[3]) * u[3]);
#else
          const uint32_t upper = pack(d[0], d[1]), lower = pack(d[2], d[3]);
#endif
          const int row = warp % 4 * 16 + lane / 4; // and row + 8, with the same place of 16 bytes in it
          const uint32_t to = mine + j / 8 * OUT_BYTES + row * 128 + ((j % 8) ^ (row % 8)) * 16 + lane % 4 * 4;
          sts32(to, upper);
          sts32(to + 8 * 128, lower);
        }
        fence_proxy_async();
        bar_sync(1 + group, 128);
        if (threadIdx.x % 128 == 0) {
          const int c = GATED ? column * 128 : column * 256 + part * 128;
          tma_store_2d(&ty, c, y_row, mine);
          tma_store_2d(&ty, c + 64, y_row, mine + OUT_BYTES);
          tma_store_commit();
        }
      }
    }
    if (threadIdx.x % 128 == 0) tma_store_wait_read<0>();
    __syncwarp();
  }
  cluster_sync(); // the other block may still signal here
}
