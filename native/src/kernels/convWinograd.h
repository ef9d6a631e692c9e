/**
 * Convolutions of 3 × 3 taps with fewer multiplications: Winograd's F(2 × 2, 3 × 3).
 *
 * Tiles of 4 × 4 pixels of x and the taps are transformed to 16 numbers each, multiplied there, and transformed back to 2 × 2
 * pixels of y: 16 products instead of 36. Transforms only add, subtract and halve, so that rounding stays that of a plain sum;
 * but an infinity or NaN in a tile becomes NaN in all four pixels.
 *
 * Reference: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2015), section 4.1.
 */
#pragma once
#include "convDirect.h"

namespace keras::KERAS_ISA {

/** Whether the convolution is of that kind, and gains. */
bool usesWinograd(const ConvGrid& grid, int64_t filters);

/** As directConv. */
void winogradConv(const DirectConv& conv, const Threads& threads);

/** dw, of a convolution without groups. */
void winogradWeightGrad(const ConvGrid& grid, int64_t filters, const float* x, const float* dy, float* dw,
                        const Threads& threads);

}  // namespace keras::KERAS_ISA
