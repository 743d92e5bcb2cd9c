package espalier.exec;

import espalier.model.MemoryPlan;
import espalier.tensor.DType;
import espalier.tensor.KvType;
import espalier.tensor.Sampler;

/**
 * What an executor is sized for.
 *
 * @param seats sequences that may run at once
 * @param tokensPerStep most tokens of one plan
 * @param pages of the KV cache
 * @param pageSize tokens of a page
 * @param contextTokens longest sequence
 * @param kvType what keys and values are stored as
 */
public record Capacity(int seats, int tokensPerStep, int pages, int pageSize, int contextTokens, KvType kvType) {

    public Capacity {
        if (seats < 1 || tokensPerStep < 1 || pages < 1 || pageSize < 1 || contextTokens < 1) {
            throw new IllegalArgumentException("a capacity of nothing: seats " + seats + ", tokens per step "
                    + tokensPerStep + ", pages " + pages + " of " + pageSize + ", context " + contextTokens);
        }
    }

    /** With a cache of one of the types of tensors. */
    public Capacity(int seats, int tokensPerStep, int pages, int pageSize, int contextTokens, DType kvType) {
        this(seats, tokensPerStep, pages, pageSize, contextTokens, KvType.of(kvType));
    }

    /** Pages that the longest sequence has. */
    int pagesPerSequence() {
        return Math.ceilDiv(contextTokens, pageSize);
    }

    /** Bytes of a device's memory that page tables and the inputs of a step take. */
    public long tableBytes() {
        return PageTable.deviceBytes(this) + InputStage.deviceBytes(this);
    }

    Sampler.Size sampler(int vocab) {
        return new Sampler.Size(seats, vocab, contextTokens);
    }

    MemoryPlan.Largest largest() {
        return new MemoryPlan.Largest(tokensPerStep, Math.min(seats, tokensPerStep), pagesPerSequence(), pageSize);
    }
}
