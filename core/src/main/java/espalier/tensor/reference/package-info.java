/** Two devices that are not fast: one that is obviously right, and one that only checks and counts. */
package espalier.tensor.reference;
