// tiles.cuh - the list of tiles that prefill attention works through: some tokens of one sequence each.
#pragma once
#include "step.cuh"
struct Tile { int q0, prefix, pos0, seat_rows; }; // first row in q; cached tokens; position of q0; row of the page table << 8 | tokens in the tile
