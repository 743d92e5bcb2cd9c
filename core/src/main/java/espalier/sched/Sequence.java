package espalier.sched;

import espalier.api.GenerateRequest;
import espalier.base.Tokens;
import espalier.kv.Node;
import espalier.step.TokenRules;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One accepted request as the scheduler sees it.
 *
 * <p>Two clocks run over its positions. {@code planned} says how many positions the plans made so far compute; it moves
 * when a plan is made. {@code known} says how many token values have reached the host; it moves when a step is complete.
 * With one step in flight {@code planned} may equal {@code known}: then the next input is a token that the host has not
 * seen.
 *
 * <pre>
 *   position  0 ........ node.prefixPages() ........ pages ...
 *   page of   the tree, pinned by us   | our own    | none yet
 * </pre>
 */
final class Sequence {
    /** Arrays grow by so much at least, or to their end: growing often leaves more garbage than all else of a step. */
    private static final int GROWTH = 4096;

    /**
     * What the caller gave.
     *
     * @param arrival counts requests, so it orders them
     * @param maxNewTokens settled: never more than context and cache have room for
     * @param stopIds every id that ends it
     */
    record Origin(
            long id,
            long arrival,
            GenerateRequest request,
            long seed,
            @Nullable TokenRules rules,
            int maxNewTokens,
            Tokens stopIds) {}

    final Origin origin;

    /** Prompt and generated tokens; {@code [0, known)} are valid. */
    int[] tokens;

    int known;
    int planned;

    /** Tokens planned so far, of which {@code known - prompt} have been seen. */
    int sampled;

    /** Choices planned but not complete. */
    int inFlight;

    /** Where the prompt to be computed ends: after a retraction, generated tokens are part of it. */
    int prefillEnd;

    /** Its row in the device-side tables; -1 while it waits. */
    int seat = -1;

    /** The next chunk is the first in its seat. */
    boolean opens;

    /** The next choice is the first in its seat. */
    boolean countsAfresh;

    int[] pageOf = new int[8];
    int pages;

    /** The end of the prefix that it holds in the tree; null while it waits or without a cache. */
    @Nullable
    Node node;

    /** Its prompt pages go to the tree as they are computed. */
    boolean shares;

    /** Prompt tokens found in the cache at its first admission; -1 before. */
    int cachedTokens = -1;

    boolean ended;

    /** Its next token is nobody's: there was no memory to say which ones are allowed. */
    boolean lost;

    private final Ints ints;

    Sequence(Origin origin, Ints ints) {
        this.origin = origin;
        this.ints = ints;
        this.known = promptTokens();
        this.tokens = ints.of(known);
        origin.request().prompt().copyTo(tokens, 0);
    }

    /** Every id that ends it, the model's own {@code endIds} included. */
    static Tokens stopIds(GenerateRequest request, Set<Integer> endIds) {
        return Tokens.of(request.sampling().stopIds(endIds).stream()
                .mapToInt(Integer::intValue)
                .sorted()
                .toArray());
    }

    long id() {
        return origin.id();
    }

    int promptTokens() {
        return origin.request().prompt().size();
    }

    int generated() {
        return known - promptTokens();
    }

    int priority() {
        return origin.request().priority();
    }

    String salt() {
        return origin.request().cacheSalt();
    }

    /** Tokens that it may still ask for. */
    int remaining() {
        return origin.maxNewTokens() - sampled;
    }

    boolean isPrefilling() {
        return planned < prefillEnd;
    }

    boolean isDecodable() {
        return !isPrefilling() && remaining() > 0;
    }

    /** Positions that it may ever compute: the last token is no input. */
    int lastPosition() {
        return promptTokens() + origin.maxNewTokens() - 1;
    }

    void append(int token) {
        if (known == tokens.length) {
            tokens = longer(tokens, room(known + 1, promptTokens() + origin.maxNewTokens()));
        }
        tokens[known++] = token;
    }

    /**
     * Makes room for so many pages.
     *
     * @param most that it may ever have
     */
    void reservePages(int count, int most) {
        if (count > pageOf.length) {
            pageOf = longer(pageOf, room(count, most));
        }
    }

    /** One for which there is room. */
    void addPage(int page) {
        pageOf[pages++] = page;
    }

    private int[] longer(int[] array, int length) {
        int[] all = ints.of(length);
        System.arraycopy(array, 0, all, 0, array.length);
        return all;
    }

    private static int room(int needed, int most) {
        return Math.max(needed, Math.min(most, needed + Math.max(needed, GROWTH)));
    }

    boolean isStop(int token) {
        Tokens ids = origin.stopIds();
        for (int i = 0; i < ids.size(); i++) {
            if (ids.get(i) == token) {
                return true;
            }
        }
        return false;
    }
}
