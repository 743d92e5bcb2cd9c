package espalier.step;

import espalier.base.Tokens;
import java.util.List;

/** One forward pass, decided. A value: it may be logged, replayed, sent to other ranks, and compared in tests. */
public record StepPlan(long number, List<Chunk> chunks) {

    public StepPlan {
        chunks = List.copyOf(chunks);
    }

    public boolean isEmpty() {
        return chunks.isEmpty();
    }

    public int tokens() {
        int sum = 0;
        for (Chunk c : chunks) {
            sum += c.input().count();
        }
        return sum;
    }

    /**
     * A run of one sequence's positions.
     *
     * @param request whose
     * @param seat its row in the device-side tables
     * @param opens the row starts afresh: its page table is cleared before {@code newPages} are added
     * @param start the first position computed here; those before it are in the cache
     * @param input where the ids come from
     * @param newPages extend the row's page table (for an opening chunk, pages of the cached prefix first)
     * @param samples whether the last position yields a token
     */
    public record Chunk(
            long request, int seat, boolean opens, int start, Input input, Tokens newPages, boolean samples) {}

    /** Where a chunk's token ids come from. */
    public sealed interface Input {
        int count();

        /** Ids that the host knows. */
        record Prompt(Tokens ids) implements Input {
            @Override
            public int count() {
                return ids.size();
            }
        }

        /** The token that the step before sampled for this seat; it may not have reached the host yet. */
        record LastSampled() implements Input {
            @Override
            public int count() {
                return 1;
            }
        }
    }
}
