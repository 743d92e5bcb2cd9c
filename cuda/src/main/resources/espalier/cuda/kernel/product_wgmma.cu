// Y[M, N] = X[M, K] W[N, K]^T for decode batches on sm_90a: bf16 (or -DFP16), sums in float. Rows of W are wgmma's M, the
// sequences its N, so weights are read once, as checkpoints store them, whatever the batch.
//
// A tile is ROWS rows of W (a warpgroup for each 64; where the last one has fewer it computes some of its neighbour's again)
// and MT sequences; one more warp loads by TMA into a ring of stages. With SPLIT 1 block b takes tiles b, b + gridDim.x, ...
// and all of K. With SPLIT 2 a cluster of two blocks shares one tile, each half of K, and they add their sums through distributed shared memory (st.async): no
// workspace, no counter, no float atomic. The order of a sum depends on K and SPLIT alone and SPLIT follows from N and K:
// the bits of a row do not depend on its batch.
//
// W's tensor map has four dimensions and permutes the rows of each 16, so that fragment rows i and i + 8 become neighbours
// in Y (whole sectors stored, no staging), or the gate and the up of one channel (EPILOGUE 2; gate rows, then up rows).
//
// With ACROSS (SPLIT 1 alone) it is the other way round: the sequences are wgmma's M, a warpgroup for each 64, and the rows of W
// its N. A tile may then have any multiple of 16 rows with nothing computed twice, so that all blocks end together; sums stay
// the same bit for bit (in the simulator by its order, on an H200 as measured).
//
// Compile with MT (8, or a multiple of 16 up to 256), ROWS (a multiple of 16), SPLIT, KB (64-wide blocks of K
// in a stage), STAGES (at least 2), EPILOGUE: 0 store, 1 add to `residual` (may be y itself), 2 silu(gate) * up, 3 store as
// float. With ACROSS MT is a multiple of 64 and ROWS one of the other MTs. N a multiple of 16, K of 8, rows aligned to 16
// bytes. WgmmaProduct.java has the maps and the geometry:
// CONSUMERS + 32 threads; SPLIT blocks a tile, as clusters, or with SPLIT 1 at most one block a multiprocessor;
// tiles = tiles of rows * tiles of sequences; steps of KB * 64 columns; cut: the step where a cluster's second block starts.
//
// Measured on an H200 (the sketch of this kernel, 2026-11-24), Llama-3.1-8B's four products a layer, a graph of 32 layers:
// 98.9 us at M = 16 (4,412 GB/s of weights), 105.7 at 64, 118.0 at 128; cuBLAS 117.5, 124.1, 132.4.
#include "ptx.cuh"
#ifdef ACROSS
#define WGS (MT / 64)
#define N_OF_WGMMA ROWS
#else
#define WGS ((ROWS + 63) / 64)
#define N_OF_WGMMA MT
#endif
#define CONSUMERS (128 * WGS)
#define W_BYTES (KB * ROWS * 128)
#define X_BYTES (KB * MT * 128)
#define GROUPS (MT / 8)                        // of 8 sequences: 4 accumulators a thread
#define SLICE ((GROUPS + SPLIT - 1) / SPLIT)   // groups that a block finishes
#define EXCHANGE_BYTES (SPLIT > 1 ? SLICE * CONSUMERS * 16 : 0)
#if EPILOGUE == 3
typedef float out_t;
#else
typedef b16 out_t;
#endif

// Four accumulators: fragment row i of sequences s, s + 1 and fragment row i + 8 of the same.
struct Output { // m: sequences from the tile's first on, of which `first` are another tile's
  out_t *y;
  const b16 *residual;
  int first, m, n, ld;
  DEV bool has(int s) const { return s >= first && s < m; }
  DEV uint2 old(int group16, int j) const { // what is to be added
    int s = j * 8 + threadIdx.x % 4 * 2, c = group16 * 16 + threadIdx.x % 32 / 4 * 2;
    const b16 *p = residual + (size_t)s * ld + c;
    return make_uint2(c < n && has(s) ? __ldcg((const uint32_t *)p) : 0, c < n && has(s + 1) ? __ldcg((const uint32_t *)(p + ld)) : 0);
  }
  DEV void put(int group16, int j, float4 d, uint2 r) const {
    int i = threadIdx.x % 32 / 4, s = j * 8 + threadIdx.x % 4 * 2;
#if EPILOGUE == 2
    float a = __fdividef(d.x, 1 + __expf(-d.x)) * d.z, b = __fdividef(d.y, 1 + __expf(-d.y)) * d.w;
    bool odd = i & 1; // lanes of neighbouring channels exchange, so that each stores two channels of one sequence
    float other = __shfl_xor_sync(~0u, odd ? a : b, 4);
    int c = group16 * 8 + (i & ~1);
    s += odd;
    if (has(s) && c < n) *(uint32_t *)(y + (size_t)s * ld + c) = odd ? pack(other, b) : pack(a, other);
#else
    int c = group16 * 16 + i * 2;
    out_t *p = y + (size_t)s * ld + c;
#if EPILOGUE == 3
    if (c < n && has(s)) *(float2 *)p = make_float2(d.x, d.z);
    if (c < n && has(s + 1)) *(float2 *)(p + ld) = make_float2(d.y, d.w);
#else
    if (EPILOGUE == 1) { d.x += lo(r.x); d.z += hi(r.x); d.y += lo(r.y); d.w += hi(r.y); }
    if (c < n && has(s)) *(uint32_t *)p = pack(d.x, d.z);
    if (c < n && has(s + 1)) *(uint32_t *)(p + ld) = pack(d.y, d.w);
#endif
#endif
  }
  // Of sequence s, with ACROSS: even and odd columns of wgmma's N at 2 t, 2 t + 1, which the map made neighbours, or gates and ups.
  DEV void put_across(int group16, int s, float2 even, float2 odd) const {
    if (!has(s)) return;
    int t = threadIdx.x % 4;
#if EPILOGUE == 2
    int c = group16 * 8 + 2 * t;
    if (c < n) *(uint32_t *)(y + (size_t)s * ld + c) = pack(__fdividef(even.x, 1 + __expf(-even.x)) * odd.x, __fdividef(even.y, 1 + __expf(-even.y)) * odd.y);
#else
    int c = group16 * 16 + 4 * t;
    out_t *p = y + (size_t)s * ld + c;
    if (c >= n) return;
#if EPILOGUE == 3
    *(float2 *)p = make_float2(even.x, odd.x);
    *(float2 *)(p + 2) = make_float2(even.y, odd.y);
#else
    if (EPILOGUE == 1) {
      const uint32_t *r = (const uint32_t *)(residual + (size_t)s * ld + c);
      uint32_t a = __ldcg(r), b = __ldcg(r + 1);
      even.x += lo(a); odd.x += hi(a); even.y += lo(b); odd.y += hi(b);
    }
    ((uint32_t *)p)[0] = pack(even.x, odd.x);
    ((uint32_t *)p)[1] = pack(even.y, odd.y);
#endif
#endif
  }
};

extern "C" __global__ void __launch_bounds__(CONSUMERS + 32, 1)
    product_wgmma(const __grid_constant__ TensorMap tw, const __grid_constant__ TensorMap tx, out_t *y, const b16 *residual, int m, int n, int ld, int tiles, int steps, int cut) {
  extern __shared__ __align__(1024) unsigned char smem[];
  const uint32_t w_smem = smem_u32(smem), x_smem = w_smem + STAGES * W_BYTES, exchange = x_smem + STAGES * X_BYTES;
  const uint32_t full = exchange + EXCHANGE_BYTES, empty = full + STAGES * 8, received = empty + STAGES * 8;
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, rank = blockIdx.x % SPLIT, grid = gridDim.x / SPLIT, first = blockIdx.x / SPLIT;
  const int k_begin = rank ? cut : 0, count = (SPLIT > 1 && !rank ? cut : steps) - k_begin; // this block's stretch of K
  const int m_tiles = (m + MT - 1) / MT;                                                    // neighbours: the tiles of the same rows of W
  const bool producer = warp == CONSUMERS / 32;
  // The last sequences are loaded with their predecessors: rows that are not there take TMA longer than others.
  auto first_of = [&](int tile) { return min(tile % m_tiles * MT, max(0, m - MT)); };
  struct Place { int tile, i; }; // the i-th step of a tile
  auto next = [&](Place p) { return p.i + 1 < count ? Place{p.tile, p.i + 1} : Place{p.tile + grid, 0}; };
  auto load_w = [&](Place p, int s) {
    mbar_expect(full + s * 8, W_BYTES + X_BYTES);
    int k = (k_begin + p.i) * KB * 64, row = p.tile / m_tiles * ROWS;
#pragma unroll
    for (int b = 0; b < KB; b++) tma_load_4d(w_smem + s * W_BYTES + b * ROWS * 128, &tw, full + s * 8, k + b * 64, 0, 0, row / 16, EVICT_FIRST);
  };
  auto load_x = [&](Place p, int s) {
#pragma unroll
    for (int b = 0; b < KB; b++) tma_load_2d(x_smem + s * X_BYTES + b * MT * 128, &tx, full + s * 8, ((k_begin + p.i) * KB + b) * 64, first_of(p.tile), EVICT_LAST);
  };
  if (producer && lane == 0) {
    for (int s = 0; s < STAGES; s++) { mbar_init(full + s * 8, 1); mbar_init(empty + s * 8, CONSUMERS / 32); }
    mbar_init(received, 1);
    fence_mbar_init();
    fence_proxy_async();
    Place p{first, 0};
    for (int s = 0; s < STAGES && p.tile < tiles; s++, p = next(p)) load_w(p, s); // weights do not wait for the previous kernel
    pdl_launch_next();
  }
  __syncwarp();
#if SPLIT > 1
  cluster_sync();
#else
  __syncthreads();
#endif
  pdl_wait_previous(); // from here on: what the previous kernel wrote, and what it read may be overwritten
  if (producer) {
    if (lane == 0) {
      Place p{first, 0};
      for (int s = 0; s < STAGES && p.tile < tiles; s++, p = next(p)) load_x(p, s);
      for (int s = 0, parity = 0; p.tile < tiles; p = next(p)) {
        mbar_wait(empty + s * 8, parity);
        load_w(p, s);
        load_x(p, s);
        if (++s == STAGES) s = 0, parity ^= 1;
      }
    }
    return;
  }
#ifdef ACROSS
  const int first_s = warp / 4 * 64; // of this warpgroup
#else
  const int first16 = min(warp / 4 * 4, ROWS / 16 - 4), mine16 = first16 + warp % 4; // of 16 rows: this warpgroup's first, this warp's
#endif
  float acc[N_OF_WGMMA / 2];
  for (int tile = first, s = 0, parity = 0; tile < tiles; tile += grid) {
    const int s0 = first_of(tile), others = tile % m_tiles * MT - s0;
#ifdef ACROSS
    const int group16 = tile / m_tiles * (ROWS / 16);
    const Output out{y + (size_t)s0 * ld, residual + (size_t)s0 * ld, others, m - s0, n, ld};
#else
    const int group16 = tile / m_tiles * (ROWS / 16) + mine16;
    const Output out{y + (size_t)s0 * ld, residual + (size_t)s0 * ld, others, mine16 >= warp / 4 * 4 ? m - s0 : 0, n, ld};
#endif
#if SPLIT > 1
    uint2 r[SLICE];
#if EPILOGUE == 1
#pragma unroll
    for (int j = 0; j < SLICE; j++) r[j] = rank * SLICE + j < GROUPS ? out.old(group16, rank * SLICE + j) : make_uint2(0, 0);
#endif
#endif
    int before = 0;
    for (int i = 0; i < count; i++) {
      mbar_wait(full + s * 8, parity);
      wgmma_fence();
#pragma unroll
      for (int kk = 0; kk < KB * 4; kk++)
#ifdef ACROSS
        wgmma_shared(acc, smem_desc(x_smem + s * X_BYTES + kk / 4 * MT * 128 + first_s * 128) + kk % 4 * 2, smem_desc(w_smem + s * W_BYTES + kk / 4 * ROWS * 128) + kk % 4 * 2, i | kk);
#else
        wgmma_shared(acc, smem_desc(w_smem + s * W_BYTES + kk / 4 * ROWS * 128 + first16 * 2048) + kk % 4 * 2, smem_desc(x_smem + s * X_BYTES + kk / 4 * MT * 128) + kk % 4 * 2, i | kk);
#endif
      wgmma_commit();
      wgmma_wait<1>();
      if (i && lane == 0) mbar_arrive(empty + before * 8); // the step before has been read
      before = s;
      if (++s == STAGES) s = 0, parity ^= 1;
    }
    wgmma_wait<0>();
    if (lane == 0) mbar_arrive(empty + before * 8);
#ifdef ACROSS
#pragma unroll
    for (int p = 0; p < ROWS / 16; p++)
#pragma unroll
      for (int h = 0; h < 2; h++)
        out.put_across(group16 + p, first_s + warp % 4 * 16 + lane / 4 + 8 * h, make_float2(acc[8 * p + 2 * h], acc[8 * p + 2 * h + 1]), make_float2(acc[8 * p + 4 + 2 * h], acc[8 * p + 4 + 2 * h + 1]));
#elif SPLIT == 1
#pragma unroll
    for (int j = 0; j < GROUPS; j++)
      out.put(group16, j, make_float4(acc[j * 4], acc[j * 4 + 1], acc[j * 4 + 2], acc[j * 4 + 3]), EPILOGUE == 1 ? out.old(group16, j) : make_uint2(0, 0));
#else
    const uint32_t mine = exchange + threadIdx.x * 16, theirs = map_cluster(mine, rank ^ 1), signal = map_cluster(received, rank ^ 1);
#pragma unroll
    for (int j = 0; j < GROUPS; j++)
      if (j / SLICE != rank) send(theirs + j % SLICE * CONSUMERS * 16, make_float4(acc[j * 4], acc[j * 4 + 1], acc[j * 4 + 2], acc[j * 4 + 3]), signal);
    if (threadIdx.x == 0) mbar_expect(received, (rank ? GROUPS - SLICE : SLICE) * CONSUMERS * 16);
    mbar_wait(received, 0);
#pragma unroll
    for (int j = 0; j < GROUPS; j++)
      if (j / SLICE == rank) { // two numbers: their sum is the same in either order
        uint4 e = lds128(mine + j % SLICE * CONSUMERS * 16);
        out.put(group16, j, make_float4(acc[j * 4] + __uint_as_float(e.x), acc[j * 4 + 1] + __uint_as_float(e.y), acc[j * 4 + 2] + __uint_as_float(e.z), acc[j * 4 + 3] + __uint_as_float(e.w)), r[j % SLICE]);
      }
    break; // one tile a cluster
#endif
  }
}
