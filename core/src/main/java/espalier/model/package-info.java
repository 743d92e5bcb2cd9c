/**
 * What every decoder is made of: axes, weights by their stored names, layers, the walk over them. A family
 * ({@code espalier.model.family}) puts the parts together and knows no rank, number format or device.
 */
package espalier.model;
