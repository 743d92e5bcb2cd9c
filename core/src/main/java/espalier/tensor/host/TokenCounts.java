package espalier.tensor.host;

import espalier.api.SamplingParams;
import espalier.base.Tokens;
import java.util.Arrays;

/** Which tokens one seat's sequence holds and how often it generated each; a hash table by linear probing. */
final class TokenCounts {
    private static final int FREE = -1;

    private int[] ids = new int[64];
    private int[] generated = new int[64];
    private int used;

    TokenCounts() {
        Arrays.fill(ids, FREE);
    }

    /** Starts afresh: tokens of {@code history} from {@code outputFrom} on were generated, those before were given. */
    void restart(Tokens history, int outputFrom) {
        Arrays.fill(ids, FREE);
        Arrays.fill(generated, 0);
        used = 0;
        for (int i = 0; i < history.size(); i++) {
            add(history.get(i), i < outputFrom ? 0 : 1);
        }
    }

    void addGenerated(int id) {
        add(id, 1);
    }

    private void add(int id, int times) {
        int at = find(id);
        if (ids[at] == FREE) {
            if (2 * (used + 1) > ids.length) {
                grow();
                at = find(id);
            }
            ids[at] = id;
            used++;
        }
        generated[at] += times;
    }

    private int find(int id) {
        int at = ((id * 0x9E3779B9) >>> 8) & (ids.length - 1);
        while (ids[at] != FREE && ids[at] != id) {
            at = (at + 1) & (ids.length - 1);
        }
        return at;
    }

    private void grow() {
        int[] oldIds = ids;
        int[] oldGenerated = generated;
        ids = new int[2 * oldIds.length];
        generated = new int[ids.length];
        Arrays.fill(ids, FREE);
        for (int i = 0; i < oldIds.length; i++) {
            if (oldIds[i] != FREE) {
                int at = find(oldIds[i]);
                ids[at] = oldIds[i];
                generated[at] = oldGenerated[i];
            }
        }
    }

    /**
     * Presence and frequency come off the logits of what was generated, then repetition scales those of all that the
     * sequence holds: positive ones are divided, negative ones multiplied (Keskar et al., "CTRL", 2019, as mended by
     * Hugging Face for negative logits).
     */
    void penalise(float[] logits, SamplingParams p) {
        for (int i = 0; i < ids.length; i++) {
            int id = ids[i];
            if (id == FREE || id >= logits.length) {
                continue;
            }
            float value = logits[id];
            if (generated[i] > 0) {
                value -= p.presencePenalty() + p.frequencyPenalty() * generated[i];
            }
            logits[id] = value > 0 ? value / p.repetitionPenalty() : value * p.repetitionPenalty();
        }
    }
}
