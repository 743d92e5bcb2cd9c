package espalier.text;

import java.util.ArrayList;
import java.util.List;

/**
 * What is put around one encoded text: ids, and {@link #TEXT} where the text itself stands. Templates for pairs of
 * texts are not kept, since the engine encodes one text at a time.
 */
record PostProcessor(List<Integer> template) {
    static final int TEXT = -1;
    static final PostProcessor NONE = new PostProcessor(List.of(TEXT));

    /** This one's output as the text of {@code outer}. */
    PostProcessor within(PostProcessor outer) {
        List<Integer> all = new ArrayList<>();
        for (int id : outer.template) {
            if (id == TEXT) {
                all.addAll(template);
            } else {
                all.add(id);
            }
        }
        return new PostProcessor(List.copyOf(all));
    }

    Ids apply(Ids encoded) {
        if (template.equals(NONE.template)) {
            return encoded;
        }
        Ids out = new Ids(encoded.size() + template.size());
        for (int id : template) {
            if (id == TEXT) {
                out.addAll(encoded.copyFrom(0));
            } else {
                out.add(id);
            }
        }
        return out;
    }
}
