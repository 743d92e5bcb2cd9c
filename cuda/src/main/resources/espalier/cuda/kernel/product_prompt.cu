// Y[M, N] = X[M, K] W[N, K]^T for prompts on sm_90a: bf16 (or -DFP16), sums in float, rows by hundreds or thousands. Or the gated product of an MLP:
// Y[M, N / 2] = silu(X Wgate^T) * (X Wup^T), W being the gate's rows, then the up's, with no trip of either half through memory.
//
// A tile is 128 rows of X and 2 * RUN of W, and one warpgroup's: two take a block's tiles in turn, so that one has the tensor cores while
// the other computes activations and stores. One more thread loads by TMA into a ring of STAGES times 64 columns of K, tile after tile; a stage
// belongs to the warpgroup whose tile it is. The first stages' weights are on their way while the kernel before still runs. The rows
// of W are two runs: neighbours, or the gate and the up of the same channels, which one thread then holds. With CLUSTER 2 two blocks have two
// tiles of X and the same rows of W, of which each loads a run for both (multicast): a multiprocessor reads 28 KB through L2 for every
// 64 columns instead of 40. So a stage is free when the warps of both blocks have read it, and the blocks of a cluster end together. With
// CLUSTER 1 tiles of X are taken one by one, which leaves fewer blocks idle where there are few.
//
// Blocks are persistent. Tiles go by groups of DEEP clusters' rows of X, in each by rows of W, so that what runs at once shares both
// in L2. The four lanes that have a row's eight neighbours exchange them for 16 bytes each, so results go from registers to memory.
//
// A sum is added in the order of K, whatever the number of rows: a row's bits do not depend on its batch, and are those of
// product_wgmma.cu with SPLIT 1.
//
// Compile with STAGES, DEEP, RUN (a multiple of 8 up to 96: PromptProduct.java picks what leaves no block idle), CLUSTER and GATED (0 or 1). Launch: 384 threads, at most a block a multiprocessor. depth, columns: tiles of X (by clusters), of W; steps of 64 columns of K; second: rows of W from a tile's first run to its second;
// ld: elements from one row of Y to the next.
#include "ptx.cuh"
#define X_BYTES (128 * 128) // 128 rows of 64 columns
#define RUN_BYTES (RUN * 128)
#define STAGE_BYTES (X_BYTES + 2 * RUN_BYTES)
#define THREADS 384 // the first warpgroup gives its registers to the others, which hold sums: 40 + 2 * 232 = 3 * 168
#define OUT_COLUMNS (GATED ? RUN : 2 * RUN)
#define EIGHTS (OUT_COLUMNS / 8)

struct Order { // of tiles: which rows of X and of W
  int depth, columns;
  DEV int row_of(int tile, int &column) const {
    const int group = tile / (DEEP * columns), first = group * DEEP, size = min(DEEP, depth - first), inside = tile - first * columns;
    column = inside / size;
    return ((first + inside % size) * CLUSTER + blockIdx.x % CLUSTER) * 128;
  }
};
// Where a tile of so many rows of X or of W begins that has `first` first: the last ones are loaded with their predecessors, since rows that are
// not there take TMA longer than others (one tile a block, 16 of its 128 rows there: 110 us to 75, H200).
DEV int loaded(int first, int all, int size) { return min(first, max(0, all - size + 7 & ~7)); }
#if CLUSTER > 1
DEV void sync_blocks() { cluster_sync(); }
#else
DEV void sync_blocks() { __syncthreads(); }
#endif

DEV float silu(float x) { return __fdividef(x, 1 + __expf(-x)); }

// Lane q of four has word q of four eights; it gets all words of eight q.
DEV void exchange(uint32_t (&v)[4], int lane) {
  const bool odd = lane & 1, high = lane & 2;
  uint32_t a = __shfl_xor_sync(~0u, odd ? v[0] : v[1], 1), b = __shfl_xor_sync(~0u, odd ? v[2] : v[3], 1);
  (odd ? v[0] : v[1]) = a; (odd ? v[2] : v[3]) = b;
  a = __shfl_xor_sync(~0u, high ? v[0] : v[2], 2); b = __shfl_xor_sync(~0u, high ? v[1] : v[3], 2);
  (high ? v[0] : v[2]) = a; (high ? v[1] : v[3]) = b;
}
struct Result { // 16 bytes at a time, as far as they exist and are this tile's own
  b16 *y;
  int top, left, rows, columns, ld;
  DEV void put(int row, int c, const uint32_t (&v)[4]) const {
    b16 *to = y + (size_t)row * ld + c;
    if (row < top || row >= rows || c < left) return;
    if (c + 8 <= columns) { *(uint4 *)to = make_uint4(v[0], v[1], v[2], v[3]); return; }
#pragma unroll
    for (int i = 0; i < 8; i++)
      if (c + i < columns) to[i] = (b16)(v[i / 2] >> i % 2 * 16);
  }
  DEV void put(int row, int c, uint32_t v) const { // two columns
    b16 *to = y + (size_t)row * ld + c;
    if (row < top || row >= rows || c < left) return;
    if (c + 2 <= columns) *(uint32_t *)to = v;
    else if (c < columns) *to = (b16)v;
  }
};

extern "C" __global__ void __launch_bounds__(THREADS, 1)
    product_prompt(const __grid_constant__ TensorMap tx, const __grid_constant__ TensorMap tw, b16 *y, int rows, int out, int ld, int depth, int columns, int steps, int second) {
  extern __shared__ __align__(1024) unsigned char smem[];
  const uint32_t stages = smem_u32(smem), full = stages + STAGES * STAGE_BYTES, empty = full + STAGES * 8;
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, first = blockIdx.x / CLUSTER, clusters = gridDim.x / CLUSTER, tiles = depth * columns;
  const Order order{depth, columns};
  if (threadIdx.x == 0) {
    for (int s = 0; s < STAGES; s++) { mbar_init(full + s * 8, 1); mbar_init(empty + s * 8, 4 * CLUSTER); }
    fence_mbar_init();
    fence_proxy_async();
  }
  auto load_w = [&](int s, int i, int column) { // and says what the stage will have with its rows of X
    const uint32_t at = stages + s * STAGE_BYTES + X_BYTES, row = loaded(column * OUT_COLUMNS, out, OUT_COLUMNS);
    mbar_expect(full + s * 8, STAGE_BYTES);
#if CLUSTER > 1
    const int run = blockIdx.x % CLUSTER;
    tma_multicast_2d(at + run * RUN_BYTES, &tw, full + s * 8, i * 64, row + run * second, 3, EVICT_NORMAL);
#else
    for (int run = 0; run < 2; run++) tma_load_2d(at + run * RUN_BYTES, &tw, full + s * 8, i * 64, row + run * second, EVICT_NORMAL);
#endif
  };
  const int early = min(STAGES, steps); // stages whose weights do not wait for the previous kernel
  __syncwarp();
  sync_blocks();
  if (threadIdx.x == 0) {
    int column;
    order.row_of(first, column);
    for (int i = 0; i < early; i++) load_w(i, i, column);
    pdl_launch_next();
  }
  __syncwarp();
  pdl_wait_previous(); // from here on: what the previous kernel wrote, and what it read may be overwritten
  if (warp < 4) {
    reg_dec<40>();
    if (threadIdx.x == 0) {
      int s = 0;
      uint32_t parity = 1;
      for (int tile = first; tile < tiles; tile += clusters) {
        int column;
        const int row = loaded(order.row_of(tile, column), rows, 128);
        for (int i = 0; i < steps; i++) {
          if (tile != first || i >= early) {
            mbar_wait(empty + s * 8, parity);
            load_w(s, i, column);
          }
          tma_load_2d(stages + s * STAGE_BYTES, &tx, full + s * 8, i * 64, row, EVICT_LAST);
          if (++s == STAGES) s = 0, parity ^= 1;
        }
      }
    }
    __syncwarp();
  } else {
    reg_inc<232>();
#if CLUSTER > 1
    const uint32_t peers = map_cluster(empty, lane & 1); // lanes 0 and 1 tell one block each
    auto release = [&](int s) { if (lane < 2) mbar_arrive_cluster(peers + s * 8); };
#else
    auto release = [&](int s) { if (lane == 0) mbar_arrive(empty + s * 8); };
#endif
    const int group = warp / 4 - 1;
    if (group == 1) bar_arrive(1, 256); // the first turn is the other's
    float upper[RUN], lower[RUN];       // sums of rows 0 to 63, 64 to 127
    for (int n = group, tile = first + n * clusters; tile < tiles; n += 2, tile += 2 * clusters) {
      const unsigned use = (unsigned)n * steps; // of the ring, so far
      int s = use % STAGES, before = 0;
      uint32_t parity = use / STAGES & 1;
      bar_sync(1 + group, 256);
      for (int i = 0; i < steps; i++) {
        mbar_wait(full + s * 8, parity);
        const uint64_t x = smem_desc(stages + s * STAGE_BYTES), w = smem_desc(stages + s * STAGE_BYTES + X_BYTES);
        wgmma_fence();
#pragma unroll
        for (int k = 0; k < 4; k++) {
          wgmma_shared(upper, x + k * 2, w + k * 2, i | k);
          wgmma_shared(lower, x + (64 * 128 >> 4) + k * 2, w + k * 2, i | k);
        }
        wgmma_commit();
        if (i + 1 == steps) bar_arrive(2 - group, 256); // all of this tile has come: a parity now tells of the next one
        wgmma_wait<1>();
        if (i) release(before); // the step before has been read
        before = s;
        if (++s == STAGES) s = 0, parity ^= 1;
      }
      wgmma_wait<0>();
      release(before);
      int column;
      const int top = order.row_of(tile, column), left = column * OUT_COLUMNS, row = loaded(top, rows, 128) + warp % 4 * 16 + lane / 4, c = loaded(left, out, OUT_COLUMNS);
      const Result result{y, top, left, rows, out, ld};
#pragma unroll
      for (int part = 0; part < 4; part++) { // rows in steps of 8: 0, 8, 64, 72
        const float *sums = (part < 2 ? upper : lower) + part % 2 * 2;
        const int at = row + part / 2 * 64 + part % 2 * 8;
        auto value = [&](int j) {
          const float *d = sums + j * 4;
          return GATED ? pack(silu(d[0]) * d[RUN / 2], silu(d[1]) * d[RUN / 2 + 1]) : pack(d[0], d[1]);
        };
#pragma unroll
        for (int j = 0; j < EIGHTS / 4 * 4; j += 4) {
          uint32_t v[4] = {value(j), value(j + 1), value(j + 2), value(j + 3)};
          exchange(v, lane);
          result.put(at, c + (j + lane % 4) * 8, v);
        }
#pragma unroll
        for (int j = EIGHTS / 4 * 4; j < EIGHTS; j++) result.put(at, c + j * 8 + lane % 4 * 2, value(j));
      }
    }
    __syncwarp();
  }
  sync_blocks(); // the other block may still signal here
}
