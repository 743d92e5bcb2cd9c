// table[at[i]] = values[i]: the pages that a step adds to the page table.
extern "C" __global__ void __launch_bounds__(256) scatter(const int *values, const int *at, int *table, int count) {
    int i = blockIdx.x * 256 + threadIdx.x;
    if (i < count) table[at[i]] = values[i];
}
