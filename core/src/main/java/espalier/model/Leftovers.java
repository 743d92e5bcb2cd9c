package espalier.model;

import java.util.Set;

/**
 * Tensors that checkpoints carry although no model reads them: buffers that old versions of training libraries saved,
 * and a head beside the table that it is tied to.
 *
 * @param names whole names
 * @param suffixes ends of names
 */
record Leftovers(Set<String> names, Set<String> suffixes) {

    /** Of a model whose head, named {@code head}, is tied to its embedding table or not. */
    static Leftovers of(ModelShape shape, String head) {
        return new Leftovers(
                shape.tiedHead() ? Set.of(head + ".weight") : Set.of(),
                Set.of(
                        ".rotary_emb.inv_freq",
                        ".rotary_emb.cos_cached",
                        ".rotary_emb.sin_cached",
                        ".attn.masked_bias"));
    }

    boolean allows(String name) {
        return names.contains(name) || suffixes.stream().anyMatch(name::endsWith);
    }
}
