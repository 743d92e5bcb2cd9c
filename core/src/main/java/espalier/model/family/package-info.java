/** The families of models: one file each, one line each in {@link espalier.model.family.Families}. */
package espalier.model.family;
