package espalier.text;

import java.text.Normalizer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Unicode normalization in time proportional to the text.
 *
 * <p>A text of which no character can change is returned as it is. The JDK sorts the combining marks that follow a
 * character by insertion, which takes hours for a megabyte of alternating marks; so long runs of marks are decomposed
 * and sorted here first, which gives a canonically equivalent text and thus the same normal form. The JDK does not tell
 * a mark's combining class, but whether it swaps two marks tells which class is higher, and there are fewer than 60.
 */
final class CombiningRuns {
    private static final int LONG_RUN = 64;
    /** The one mark of the highest class. */
    private static final int HIGHEST = 0x345;

    private final Normalizer.Form decomposition;
    /** A mark of each class that has been met, in the order of the classes. */
    private final List<Integer> classes = new ArrayList<>();
    /**
     * For each mark that has been met: the mark in {@link #classes} that shares its class; -1 for one that stays put.
     */
    private final Map<Integer, Integer> representatives = new HashMap<>();

    private CombiningRuns(Normalizer.Form form) {
        boolean canonical = form == Normalizer.Form.NFC || form == Normalizer.Form.NFD;
        decomposition = canonical ? Normalizer.Form.NFD : Normalizer.Form.NFKD;
    }

    static String normalize(String text, Normalizer.Form form) {
        int untouched = switch (form) {
            case NFC -> 0x300;
            case NFD -> 0xC0;
            case NFKC, NFKD -> 0xA0;
        };
        boolean touched = false;
        boolean longRun = false;
        int run = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            touched |= c >= untouched;
            run = c >= 0x300 && combines(c, text, i) ? run + 1 : 0;
            longRun |= run > LONG_RUN;
        }
        if (!touched) {
            return text;
        }
        return Normalizer.normalize(longRun ? new CombiningRuns(form).sorted(text) : text, form);
    }

    /** Whether the char may belong to a mark, or to a character that decomposes to one. */
    private static boolean combines(char c, String text, int at) {
        if (Character.isSurrogate(c)) {
            return Chars.isMark(text.codePointAt(Character.isLowSurrogate(c) && at > 0 ? at - 1 : at));
        }
        return Chars.isMark(c) || c == 0xFF9E || c == 0xFF9F;
    }

    /** The text with every run of marks decomposed and stably sorted by class. */
    private String sorted(String text) {
        StringBuilder out = new StringBuilder(text.length());
        List<Integer> run = new ArrayList<>();
        for (int i = 0; i < text.length(); ) {
            int c = text.codePointAt(i);
            i += Character.charCount(c);
            if (!Chars.isMark(c) && c != 0xFF9E && c != 0xFF9F) {
                flush(run, out);
                out.appendCodePoint(c);
                continue;
            }
            Normalizer.normalize(Character.toString(c), decomposition)
                    .codePoints()
                    .forEach(part -> {
                        if (representative(part) < 0) {
                            flush(run, out);
                            out.appendCodePoint(part);
                        } else {
                            run.add(part);
                        }
                    });
        }
        flush(run, out);
        return out.toString();
    }

    private void flush(List<Integer> run, StringBuilder out) {
        if (run.isEmpty()) {
            return;
        }
        Map<Integer, StringBuilder> byClass = new HashMap<>();
        for (int mark : run) {
            byClass.computeIfAbsent(representative(mark), _ -> new StringBuilder())
                    .appendCodePoint(mark);
        }
        for (int first : classes) {
            StringBuilder marks = byClass.get(first);
            if (marks != null) {
                out.append(marks);
            }
        }
        run.clear();
    }

    private int representative(int mark) {
        return representatives.computeIfAbsent(mark, this::classify);
    }

    private int classify(int mark) {
        if (mark != HIGHEST && !swaps(HIGHEST, mark)) {
            return -1;
        }
        int at = 0;
        for (; at < classes.size(); at++) {
            int other = classes.get(at);
            if (swaps(other, mark)) {
                break;
            }
            if (!swaps(mark, other)) {
                return other;
            }
        }
        classes.add(at, mark);
        return mark;
    }

    /** Whether the first belongs behind the second, both being fully decomposed. */
    private static boolean swaps(int first, int second) {
        String written = Character.toString(first) + Character.toString(second);
        return !Normalizer.normalize(written, Normalizer.Form.NFD).equals(written);
    }
}
