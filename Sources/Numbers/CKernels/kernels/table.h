// Compiled once per instruction set: the including file defines ISA(name), ISA_NAME and the tile of
// matrix products that fits its registers.
#include "vector.h"
#include "product.h"
#include "multiply.h"
#include "elementwise.h"
#include "modulate.h"
#include "attention.h"
#include "optimizer.h"
#include "exact.h"
#include "peak.h"

static const CKernels ISA(table) = {
    .name = ISA_NAME,
    .multiply = ISA(multiply),
    .gelu = ISA(gelu),
    .gelu_gradient = ISA(gelu_gradient),
    .gelu_gradient_in_place = ISA(gelu_gradient_in_place),
    .silu = ISA(silu),
    .silu_gradient = ISA(silu_gradient),
    .add_scaled = ISA(add_scaled),
    .sum_rows = ISA(sum_rows),
    .modulate = ISA(modulate),
    .modulate_gradient = ISA(modulate_gradient),
    .gated_add = ISA(gated_add),
    .gated_add_gradient = ISA(gated_add_gradient),
    .attend = ISA(attend),
    .attend_gradient = ISA(attend_gradient),
    .adamw = ISA(adamw),
    .approach = ISA(approach),
    .sum_of_squares = ISA(sum_of_squares),
    .normals = ISA(normals),
    .transition = ISA(transition),
    .peak = ISA(peak),
    .sweep = ISA(sweep),
    .peak_operations = 2 * 16 * TILE_ROWS * TILE_VECTORS,
};
