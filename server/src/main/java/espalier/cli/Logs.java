package espalier.cli;

import espalier.api.RequestRejected;
import java.io.PrintStream;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.logging.Formatter;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/** Log lines as SGLang writes them: {@code [2026-11-25 18:00:00] message}, to standard error. */
final class Logs {
    private Logs() {}

    /** Read for the first line: a start that has nothing to say does without time zones. */
    private static final class Time {
        static final DateTimeFormatter FORMAT =
                DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss").withZone(ZoneId.systemDefault());

        private Time() {}
    }

    static void install(Terminal terminal, String level) {
        Logger root = Logger.getLogger("");
        for (Handler each : root.getHandlers()) {
            root.removeHandler(each);
        }
        Level ours = parse(level);
        root.addHandler(new Lines(terminal.err(), ours));
        root.setLevel(Level.WARNING);
        ESPALIER.setLevel(ours);
    }

    /** Writes a line whatever has become of the handlers, as at the end of the process. */
    static void say(Terminal terminal, String message) {
        terminal.err().print(new Line().format(new LogRecord(Level.INFO, message)));
        terminal.err().flush();
    }

    static void flush() {
        for (Handler each : Logger.getLogger("").getHandlers()) {
            each.flush();
        }
    }

    /** Kept here since loggers that nobody holds are forgotten, level and all. */
    private static final Logger ESPALIER = Logger.getLogger("espalier");

    private static Level parse(String level) {
        return switch (level.toLowerCase(java.util.Locale.ROOT)) {
            case "debug" -> Level.FINE;
            case "info" -> Level.INFO;
            case "warning", "warn" -> Level.WARNING;
            case "error", "critical" -> Level.SEVERE;
            default ->
                throw RequestRejected.invalid(
                        "--log-level", "--log-level takes debug, info, warning or error, got '" + level + "'");
        };
    }

    private static final class Lines extends Handler {
        private final PrintStream out;
        private final Level ours;

        /** @param ours the least level of our own lines; other people's must be warnings */
        Lines(PrintStream out, Level ours) {
            this.out = out;
            this.ours = ours;
            setLevel(Level.ALL);
            setFormatter(new Line());
        }

        @Override
        public void publish(LogRecord record) {
            if (isLoggable(record)
                    && record.getLevel().intValue() >= least(record).intValue()) {
                out.print(getFormatter().format(record));
            }
        }

        /** Kept here too: the levels of loggers go with the handlers, see {@link #close}. */
        private Level least(LogRecord record) {
            return String.valueOf(record.getLoggerName()).startsWith("espalier") ? ours : Level.WARNING;
        }

        @Override
        public void flush() {
            out.flush();
        }

        /**
         * Stays. The log manager has a shutdown hook of its own, which runs beside ours and takes every handler away while
         * the server still has something to say.
         */
        @Override
        public void close() {
            Logger.getLogger("").addHandler(this);
        }
    }

    private static final class Line extends Formatter {
        @Override
        public String format(LogRecord record) {
            var line = new StringBuilder("[")
                    .append(Time.FORMAT.format(Instant.ofEpochMilli(record.getMillis())))
                    .append("] ");
            if (record.getLevel().intValue() >= Level.WARNING.intValue()) {
                line.append(record.getLevel().equals(Level.WARNING) ? "WARNING: " : "ERROR: ");
            }
            line.append(formatMessage(record)).append('\n');
            if (record.getThrown() != null) {
                var trace = new java.io.StringWriter();
                record.getThrown().printStackTrace(new java.io.PrintWriter(trace, true));
                line.append(trace);
            }
            return line.toString();
        }
    }
}
