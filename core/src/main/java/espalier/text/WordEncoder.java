package espalier.text;

/**
 * From the pieces of a text to ids: the cache first, then the byte-level alphabet where the model wants it, then the
 * model. Pieces too long for the cache are cut where {@link Bpe} allows it, and their parts have a cache of their own.
 */
final class WordEncoder {
    private final Model model;
    private final boolean byteLevel;
    private final WordCache words = new WordCache();
    /** Keyed by parts as the model sees them, where {@link #words} is keyed by words as the text has them. */
    private final WordCache parts = new WordCache();

    /** @param byteLevel the model's vocabulary is written in the byte-level alphabet and the pieces are not yet */
    WordEncoder(Model model, boolean byteLevel) {
        this.model = model;
        this.byteLevel = byteLevel;
    }

    void encode(Pieces pieces, Ids out) {
        char[] text = pieces.text();
        for (int p = 0; p < pieces.count(); p++) {
            int from = pieces.from(p);
            int to = pieces.to(p);
            if (to - from > WordCache.LONGEST) {
                encodeLong(text, from, to, out);
                continue;
            }
            int hash = WordCache.hash(text, from, to);
            int[] known = words.find(hash, text, from, to);
            if (known != null) {
                out.addAll(known);
                continue;
            }
            int start = out.size();
            encodeWord(text, from, to, out);
            words.put(hash, text, from, to, out.copyFrom(start));
        }
    }

    private void encodeWord(char[] text, int from, int to, Ids out) {
        if (!byteLevel) {
            model.encode(text, from, to, out);
            return;
        }
        char[] mapped = new char[3 * (to - from)];
        model.encode(mapped, 0, ByteAlphabet.map(text, from, to, mapped, 0), out);
    }

    private void encodeLong(char[] text, int from, int to, Ids out) {
        if (!(model instanceof Bpe bpe)) {
            encodeWord(text, from, to, out);
        } else if (byteLevel) {
            char[] mapped = new char[3 * (to - from)];
            encodeParts(bpe, mapped, 0, ByteAlphabet.map(text, from, to, mapped, 0), out);
        } else {
            encodeParts(bpe, text, from, to, out);
        }
    }

    private void encodeParts(Bpe bpe, char[] text, int from, int to, Ids out) {
        int whole = bpe.whole(text, from, to);
        if (whole >= 0) {
            out.add(whole);
            return;
        }
        for (int i = from; i < to; ) {
            int end = bpe.cut(text, i, to);
            encodePart(bpe, text, i, end, out);
            i = end;
        }
    }

    private void encodePart(Bpe bpe, char[] text, int from, int to, Ids out) {
        if (to - from > WordCache.LONGEST) {
            bpe.encodePart(text, from, to, out);
            return;
        }
        int hash = WordCache.hash(text, from, to);
        int[] known = parts.find(hash, text, from, to);
        if (known != null) {
            out.addAll(known);
            return;
        }
        int start = out.size();
        bpe.encodePart(text, from, to, out);
        parts.put(hash, text, from, to, out.copyFrom(start));
    }
}
