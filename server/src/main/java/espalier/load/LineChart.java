package espalier.load;

import static java.lang.String.format;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * A small SVG of lines over one axis, for a benchmark's figures: opens in any browser and needs no library.
 *
 * @param across label of the horizontal axis, whose values ({@code ticks}) stand at equal distances
 * @param up label of the vertical axis, which begins at 0
 */
record LineChart(String title, String across, String up, List<String> ticks, List<Line> lines) {

    /**
     * One line.
     *
     * @param values one for every tick; NaN where there is none
     */
    record Line(String name, List<Double> values) {}

    private static final int WIDTH = 640;
    private static final int HEIGHT = 360;
    private static final int LEFT = 70;
    private static final int RIGHT = 20;
    private static final int TOP = 70;
    private static final int BOTTOM = 50;
    private static final int STEPS = 4;

    /** Okabe and Ito's, which people with any colour vision tell apart. */
    private static final List<String> COLOURS = List.of("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00");

    String svg() {
        var out = new ArrayList<String>();
        out.add(format(
                Locale.ROOT,
                "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %d %d' font-family='sans-serif'"
                        + " font-size='12' fill='#333'>",
                WIDTH,
                HEIGHT));
        out.add("<rect width='100%' height='100%' fill='#fff'/>");
        out.add(label(LEFT, 24, "start", "<tspan font-weight='bold'>" + escaped(title) + "</tspan>"));
        out.add(label(LEFT, TOP - 10, "end", escaped(up)));
        out.add(label((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 10, "middle", escaped(across)));
        for (int step = 0; step <= STEPS; step++) {
            double value = top() * step / STEPS;
            out.add(format(Locale.ROOT, "<path d='M%d %.1fH%d' stroke='#ddd'/>", LEFT, y(value), WIDTH - RIGHT));
            out.add(label(LEFT - 8, y(value) + 4, "end", format(Locale.ROOT, top() < STEPS ? "%.2f" : "%,.0f", value)));
        }
        for (int i = 0; i < ticks.size(); i++) {
            out.add(label(x(i), HEIGHT - BOTTOM + 18, "middle", escaped(ticks.get(i))));
        }
        for (int i = 0; i < lines.size(); i++) {
            draw(lines.get(i), COLOURS.get(i % COLOURS.size()), LEFT + 150 * i, out);
        }
        out.add("</svg>\n");
        return String.join("\n", out);
    }

    private void draw(Line line, String colour, int legend, List<String> out) {
        out.add(format(Locale.ROOT, "<circle cx='%d' cy='42' r='5' fill='%s'/>", legend + 5, colour));
        out.add(label(legend + 16, 46, "start", escaped(line.name)));
        var path = new StringBuilder();
        for (int i = 0; i < line.values.size(); i++) {
            double value = line.values.get(i);
            if (!Double.isFinite(value)) {
                continue;
            }
            path.append(path.isEmpty() ? 'M' : 'L').append(format(Locale.ROOT, "%.1f %.1f", x(i), y(value)));
            out.add(format(Locale.ROOT, "<circle cx='%.1f' cy='%.1f' r='3.5' fill='%s'><title>", x(i), y(value), colour)
                    + escaped(format(Locale.ROOT, "%s, %s: %,.1f", line.name, ticks.get(i), value))
                    + "</title></circle>");
        }
        out.add(format(Locale.ROOT, "<path d='%s' fill='none' stroke='%s' stroke-width='2'/>", path, colour));
    }

    private double x(int tick) {
        return LEFT + (WIDTH - LEFT - RIGHT) * (tick + 0.5) / ticks.size();
    }

    private double y(double value) {
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top());
    }

    /** The least of 1, 2, 4, 6, 8 times a power of ten that nothing lies above. */
    private double top() {
        double most = lines.stream()
                .flatMap(line -> line.values.stream())
                .filter(Double::isFinite)
                .mapToDouble(Double::doubleValue)
                .max()
                .orElse(1);
        double power = Math.pow(10, Math.floor(Math.log10(Math.max(most, 1e-9))));
        for (int factor : new int[] {1, 2, 4, 6, 8}) {
            if (power * factor >= most) {
                return power * factor;
            }
        }
        return power * 10;
    }

    private static String label(double x, double y, String anchor, String content) {
        return format(Locale.ROOT, "<text x='%.1f' y='%.1f' text-anchor='%s'>%s</text>", x, y, anchor, content);
    }

    private static String escaped(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;");
    }
}
