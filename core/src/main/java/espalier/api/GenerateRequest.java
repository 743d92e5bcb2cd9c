package espalier.api;

import espalier.base.Tokens;

/**
 * What the engine is asked for: one sequence, in ids.
 *
 * @param rid the user's name for it, as in SGLang; unique among the requests that are open
 * @param prompt at least one id
 * @param priority greater is sooner under the {@code priority} policy
 * @param cacheSalt names the part of the prefix cache that this request may share; empty is the common part
 */
public record GenerateRequest(String rid, Tokens prompt, SamplingParams sampling, int priority, String cacheSalt) {

    public GenerateRequest(String rid, Tokens prompt, SamplingParams sampling) {
        this(rid, prompt, sampling, 0, "");
    }
}
