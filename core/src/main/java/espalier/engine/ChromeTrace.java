package espalier.engine;

import espalier.exec.StepTrace.Span;
import java.io.IOException;
import java.io.OutputStream;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonGenerator;
import tools.jackson.databind.json.JsonMapper;

/**
 * Spans as the trace event format has them (its complete events, "ph": "X"): one process, a thread for each lane, times
 * in microseconds from the earliest on. See "Trace Event Format", the Chromium project.
 */
final class ChromeTrace {
    private static final JsonMapper JSON = new JsonMapper();

    private final List<Span> spans;
    private final String device;

    ChromeTrace(List<Span> spans, String device) {
        this.spans = spans;
        this.device = device;
    }

    void write(OutputStream to) throws IOException {
        var lanes = new LinkedHashMap<String, Integer>();
        spans.stream()
                .map(Span::lane)
                .sorted(java.util.Comparator.comparing(ChromeTrace::order))
                .forEach(lane -> lanes.putIfAbsent(lane, lanes.size()));
        long zero = spans.stream().mapToLong(Span::beginNanos).min().orElse(0);
        try (JsonGenerator out = JSON.createGenerator(to)) {
            out.writeStartObject();
            out.writeStringProperty("displayTimeUnit", "ms");
            out.writeArrayPropertyStart("traceEvents");
            name(out, "process_name", 0, "Espalier on " + device);
            lanes.forEach((lane, number) -> name(out, "thread_name", number, lane));
            spans.forEach(span -> event(out, span, lanes.getOrDefault(span.lane(), 0), zero));
            out.writeEndArray();
            out.writeEndObject();
        } catch (JacksonException e) {
            throw new IOException(e.getOriginalMessage(), e);
        }
    }

    /** The scheduler first, then hosts, then devices. */
    private static String order(String lane) {
        return (lane.startsWith("device") ? "2" : lane.startsWith("rank") ? "1" : "0") + lane;
    }

    private static void name(JsonGenerator out, String what, int thread, String name) {
        out.writeStartObject();
        out.writeStringProperty("ph", "M");
        out.writeStringProperty("name", what);
        out.writeNumberProperty("pid", 1);
        out.writeNumberProperty("tid", thread);
        out.writeObjectPropertyStart("args");
        out.writeStringProperty("name", name);
        out.writeEndObject();
        out.writeEndObject();
    }

    private static void event(JsonGenerator out, Span span, int thread, long zero) {
        out.writeStartObject();
        out.writeStringProperty("ph", "X");
        out.writeStringProperty("name", span.name());
        out.writeNumberProperty("pid", 1);
        out.writeNumberProperty("tid", thread);
        out.writeNumberProperty("ts", (span.beginNanos() - zero) / 1e3);
        out.writeNumberProperty("dur", Math.max(0, span.endNanos() - span.beginNanos()) / 1e3);
        out.writeObjectPropertyStart("args");
        out.writeNumberProperty("step", span.step());
        for (Map.Entry<String, Number> fact : span.facts().entrySet()) {
            out.writeNumberProperty(fact.getKey(), fact.getValue().longValue());
        }
        out.writeEndObject();
        out.writeEndObject();
    }
}
