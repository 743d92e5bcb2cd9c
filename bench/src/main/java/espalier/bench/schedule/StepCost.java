package espalier.bench.schedule;

import espalier.step.StepPlan;
import espalier.step.StepPlan.Chunk;
import espalier.step.StepPlan.Input;
import java.util.ArrayList;
import java.util.List;

/**
 * How long a device takes for a plan: what all rows cost together (products, norms, sampling), by measured points, and what
 * attention adds.
 *
 * @param points milliseconds by rows, in ascending order; straight lines between them, and on beyond the last
 * @param contextNanos of reading one cached position for a decoding row
 * @param pairNanos of one pair of positions in a prompt
 * @param choiceNanos of the head and the sampler for one row that chooses a token
 */
record StepCost(List<Point> points, double contextNanos, double pairNanos, double choiceNanos) {

    /** A step of so many rows takes so long, its attention aside. */
    record Point(int rows, double millis) {}

    StepCost {
        points = List.copyOf(points);
        if (points.size() < 2) {
            throw new IllegalArgumentException("a cost needs two points or more, such as 1:3.8,8192:178");
        }
        for (int i = 1; i < points.size(); i++) {
            if (points.get(i).rows <= points.get(i - 1).rows) {
                throw new IllegalArgumentException("points of a cost must ascend in their rows");
            }
        }
    }

    /** Reads {@code rows:milliseconds,rows:milliseconds,...}. */
    static List<Point> points(String text) {
        var points = new ArrayList<Point>();
        for (String each : text.split(",")) {
            String[] both = each.split(":");
            if (both.length != 2) {
                throw new IllegalArgumentException("not rows:milliseconds: '" + each + "'");
            }
            points.add(new Point(Integer.parseInt(both[0].strip()), Double.parseDouble(both[1].strip())));
        }
        return points;
    }

    double millis(StepPlan plan) {
        double context = 0;
        double pairs = 0;
        double choices = 0;
        for (Chunk chunk : plan.chunks()) {
            choices += chunk.samples() ? 1 : 0;
            switch (chunk.input()) {
                case Input.LastSampled _ -> context += chunk.start() + 1.0;
                case Input.Prompt prompt -> {
                    double count = prompt.count();
                    pairs += count * chunk.start() + count * (count + 1) / 2;
                }
            }
        }
        return rows(plan.tokens()) + (context * contextNanos + pairs * pairNanos + choices * choiceNanos) / 1e6;
    }

    private double rows(int rows) {
        int i = 1;
        while (i < points.size() - 1 && points.get(i).rows < rows) {
            i++;
        }
        Point below = points.get(i - 1);
        Point above = points.get(i);
        double share = (double) (rows - below.rows) / (above.rows - below.rows);
        return below.millis + Math.max(0, share) * (above.millis - below.millis);
    }
}
