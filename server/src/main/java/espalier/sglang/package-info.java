/** The endpoints that carry SGLang's own names: generation in its native form, health, information, control. */
package espalier.sglang;
