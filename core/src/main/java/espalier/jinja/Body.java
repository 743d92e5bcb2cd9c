package espalier.jinja;

import java.util.List;

/** Statements in a row; adds the line of the one that fails to its failure. */
final class Body implements Code.Statement {
    private final Code.Statement[] statements;
    private final int[] lines;

    Body(List<Code.Statement> statements, List<Integer> lines) {
        this.statements = statements.toArray(new Code.Statement[0]);
        this.lines = lines.stream().mapToInt(Integer::intValue).toArray();
    }

    @Override
    public Code.Flow run(Frame frame) {
        int i = 0;
        try {
            for (; i < statements.length; i++) {
                Code.Flow flow = statements[i].run(frame);
                if (flow != Code.Flow.NEXT) {
                    return flow;
                }
            }
        } catch (Failure e) {
            throw new TemplateException(lines[i], e);
        }
        return Code.Flow.NEXT;
    }
}
