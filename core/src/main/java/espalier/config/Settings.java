package espalier.config;

import espalier.model.MemoryPlan;
import espalier.sched.Limits;
import espalier.sched.Policy;
import espalier.sched.Sharing;
import espalier.tensor.KvType;
import java.util.List;

/**
 * Every number final: what {@link Resolver} made of the options.
 *
 * @param sharing of a step between prompts and decoding sequences
 * @param kvType what keys and values are stored as
 * @param memory what each rank takes beside its cache
 * @param kvBytes of the caches of all ranks
 * @param reasons one line for each number that was computed rather than given
 */
public record Settings(
        Limits limits,
        Sharing sharing,
        int ranks,
        MemoryPlan memory,
        KvType kvType,
        long kvBytes,
        Policy policy,
        List<String> reasons) {

    public Settings {
        reasons = List.copyOf(reasons);
    }
}
