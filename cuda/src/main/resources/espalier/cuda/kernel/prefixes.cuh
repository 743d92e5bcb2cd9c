// prefixes.cuh - prefixes that several sequences of a step share (espalier.tensor.SharedPrefixes), and the partial results of
// attention over them, which prefix_attention.cu writes and the decode kernels join behind a sequence's own positions.
#pragma once
#include "step.cuh"
#define PREFIX_ROWS 64 // of a tile: members of a group x the query heads of a KV head

struct Prefixes {
  const int *lengths;  // [sequences]: positions of the prefix of a sequence's group, fewer than it has; 0: of none
  const int *groups;   // [sequences]: -1: of none
  const int *places;   // [sequences]: among the members of its group
  const int *members;  // [sequences]: sequences, group after group
  const int *first;    // [sequences]: of each group its first place in members; behind the last one the number of members
  float *part_o;       // of each unit [PREFIX_ROWS][HEAD_DIM]
  float2 *part_ml;     // of each unit [PREFIX_ROWS]: maximum (in powers of two) and sum
  int *plan;           // positions of a section; then of each group its first piece (a section of a tile): KV_HEADS units
};
// The partial results of one query head of a sequence: one for each section of its group's prefix.
struct PrefixParts {
  int sections, step; size_t at; // row of the first one, and from one to the next
  DEV PrefixParts(const Prefixes &p, int s, int kv_heads, int group_heads, int head) {
    int g = p.groups[s];
    sections = 0; step = 0; at = 0;
    if (g < 0) return;
    int row = p.places[s] * group_heads + head % group_heads, end = p.first[g + 1];
    int tiles = ((end - p.first[g]) * group_heads + PREFIX_ROWS - 1) / PREFIX_ROWS;
    sections = (p.lengths[s] + p.plan[0] - 1) / p.plan[0];
    step = tiles * kv_heads * PREFIX_ROWS;
    at = ((size_t)(p.plan[1 + g] + row / PREFIX_ROWS) * kv_heads + head / group_heads) * PREFIX_ROWS + row % PREFIX_ROWS;
  }
  DEV size_t row(int section) const { return at + (size_t)section * step; }
};
