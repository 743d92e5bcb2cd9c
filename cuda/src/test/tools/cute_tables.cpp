// Prints the fragment layouts and swizzles of NVIDIA's CuTe as the tables in cute_layouts.txt:
//   pip install --no-deps nvidia-cutlass nvidia-cuda-runtime nvidia-cuda-crt nvidia-cuda-cccl
//   g++ -std=c++17 -I .../cutlass_library/source/include -I .../nvidia/cu13/include -I .../nvidia/cu13/include/cccl
//     cute_tables.cpp -o cute_tables && ./cute_tables
// A line: name, rows (threads or rows of a matrix), columns (values or columns), then the entries row by row.
#include <cstdio>
#include <cute/tensor.hpp>
#include <cute/atom/mma_traits_sm80.hpp>
#include <cute/atom/mma_traits_sm90_gmma.hpp>
using namespace cute;

template <class L> void print_table(const char *name, L layout, int rows, int columns) {
  printf("%s %d %d", name, rows, columns);
  for (int r = 0; r < rows; r++) for (int c = 0; c < columns; c++) printf(" %d", int(layout(r, c)));
  printf("\n");
}
template <class Op> void fragments(const char *shape, int a, int b, int c) { // values of a thread
  using T = MMA_Traits<Op>;
  char name[64];
  snprintf(name, 64, "%s_a", shape); print_table(name, typename T::ALayout{}, 32, a);
  snprintf(name, 64, "%s_b", shape); print_table(name, typename T::BLayout{}, 32, b);
  snprintf(name, 64, "%s_c", shape); print_table(name, typename T::CLayout{}, 32, c);
}
template <int B> void swizzled(const char *name) { // bytes: rows of 16 << B, eight of them, in steps of 16
  auto s = Swizzle<B, 4, 3>{};
  int columns = 1 << B;
  printf("%s %d %d", name, 8, columns);
  for (int r = 0; r < 8; r++) for (int c = 0; c < columns; c++) printf(" %d", int(s(r * (16 << B) + c * 16)));
  printf("\n");
}
int main() {
  fragments<SM80_16x8x16_F32BF16BF16F32_TN>("m16n8k16_16bit", 8, 4, 4);
  fragments<SM80_16x8x8_F32BF16BF16F32_TN>("m16n8k8_16bit", 4, 2, 4);
  fragments<SM80_16x8x8_F32TF32TF32F32_TN>("m16n8k8_32bit", 4, 2, 4);
  fragments<SM80_16x8x32_S32S8S8S32_TN>("m16n8k32_8bit", 16, 8, 4);
  fragments<SM80_8x8x16_S32S8S8S32_TN>("m8n8k16_8bit", 4, 4, 2);
  print_table("wgmma_m64n128_c", SM90::GMMA::CLayout_64x128{}, 128, 64);
  print_table("wgmma_m64k16_a", SM90::GMMA::ALayout_64x16{}, 128, 8);
  swizzled<3>("swizzle_128");
  swizzled<2>("swizzle_64");
  swizzled<1>("swizzle_32");
}
