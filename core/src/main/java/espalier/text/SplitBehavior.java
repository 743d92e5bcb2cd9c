package espalier.text;

/** What becomes of the delimiter when a text is split at the matches of a pattern. */
enum SplitBehavior {
    /** The delimiter is dropped. */
    REMOVED {
        @Override
        void apply(Spans spans, Pieces out) {
            for (int i = 0; i < spans.count(); i++) {
                if (!spans.matched(i)) {
                    out.add(spans.from(i), spans.to(i));
                }
            }
        }
    },
    /** Each delimiter is a piece of its own. */
    ISOLATED {
        @Override
        void apply(Spans spans, Pieces out) {
            for (int i = 0; i < spans.count(); i++) {
                out.add(spans.from(i), spans.to(i));
            }
        }
    },
    /** Each delimiter ends the piece before it; of several in a row only the first does. */
    MERGED_WITH_PREVIOUS {
        @Override
        void apply(Spans spans, Pieces out) {
            int i = 0;
            while (i < spans.count()) {
                int last = !spans.matched(i) && i + 1 < spans.count() && spans.matched(i + 1) ? i + 1 : i;
                out.add(spans.from(i), spans.to(last));
                i = last + 1;
            }
        }
    },
    /** Each delimiter begins the piece after it; of several in a row only the last does. */
    MERGED_WITH_NEXT {
        @Override
        void apply(Spans spans, Pieces out) {
            int i = 0;
            while (i < spans.count()) {
                int last = spans.matched(i) && i + 1 < spans.count() && !spans.matched(i + 1) ? i + 1 : i;
                out.add(spans.from(i), spans.to(last));
                i = last + 1;
            }
        }
    },
    /** Delimiters in a row are one piece. */
    CONTIGUOUS {
        @Override
        void apply(Spans spans, Pieces out) {
            int i = 0;
            while (i < spans.count()) {
                int last = i;
                while (last + 1 < spans.count() && spans.matched(last + 1) == spans.matched(i)) {
                    last++;
                }
                out.add(spans.from(i), spans.to(last));
                i = last + 1;
            }
        }
    };

    abstract void apply(Spans spans, Pieces out);
}
