package espalier.sglang;

import espalier.api.RequestRejected;
import espalier.http.Endpoint;
import espalier.http.ErrorReply;
import espalier.http.EventStream;
import espalier.http.Exchange;
import espalier.http.Json;
import espalier.http.JsonWriter;
import espalier.http.Reply;
import espalier.serving.JsonBody;
import espalier.serving.Runs;
import espalier.serving.Service;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * {@code POST /generate}. A stream carries the text so far in every event, or what is new where the server was started
 * so. As in SGLang, a streamed request that is refused is answered with status 200 and an event that says why.
 */
public final class Generate implements Endpoint {
    private final Service service;

    public Generate(Service service) {
        this.service = service;
    }

    @Override
    public void serve(Exchange exchange) throws InterruptedException {
        var body = new GenerateBody(JsonBody.read(exchange), service);
        if (body.isStreamed()) {
            stream(exchange, body);
        } else {
            exchange.reply(Reply.json(200, whole(exchange, body.read())));
        }
    }

    private byte[] whole(Exchange exchange, GenerateCall call) throws InterruptedException {
        try (Runs runs = Runs.start(service, exchange, call.texts())) {
            List<NativeAnswer> answers = answers(call, runs);
            while (runs.isOpen()) {
                Runs.Heard heard = runs.next();
                answers.get(heard.index()).take(heard.event());
            }
            var out = new JsonWriter();
            boolean list = call.shape() == GenerateCall.Shape.LIST;
            for (int i = 0; i < answers.size(); i++) {
                out.raw(i > 0 ? "," : list ? "[" : "");
                answers.get(i).writeAll(out);
                out.raw("}");
            }
            return out.raw(list ? "]" : "").toBytes();
        }
    }

    private void stream(Exchange exchange, GenerateBody body) throws InterruptedException {
        var out = new JsonWriter();
        EventStream events = null;
        try {
            GenerateCall call = body.read();
            try (Runs runs = Runs.start(service, exchange, call.texts())) {
                List<NativeAnswer> answers = answers(call, runs);
                while (runs.isOpen()) {
                    Runs.Heard heard = runs.next();
                    NativeAnswer answer = answers.get(heard.index());
                    if (answer.take(heard.event())) {
                        events = events == null ? new EventStream(exchange) : events;
                        send(events, out, answer, call.shape() == GenerateCall.Shape.LIST ? heard.index() : -1);
                    }
                }
            }
        } catch (RequestRejected e) {
            events = events == null ? new EventStream(exchange) : events;
            EventStream.open(out).raw(Json.write(refusal(e)));
            events.send(out);
        }
        if (events != null) {
            events.done();
        }
    }

    private void send(EventStream events, JsonWriter out, NativeAnswer answer, int index) throws InterruptedException {
        EventStream.open(out);
        if (service.options().incrementalStreaming()) {
            answer.writeNew(out);
        } else {
            answer.writeAll(out);
        }
        if (index >= 0) {
            out.raw(",\"index\":").number(index);
        }
        out.raw("}");
        events.send(out);
    }

    private List<NativeAnswer> answers(GenerateCall call, Runs runs) {
        var answers = new ArrayList<NativeAnswer>();
        for (int prompt = 0; prompt < call.texts().size(); prompt++) {
            var text = call.texts().get(prompt);
            for (int choice = 0; choice < text.choices(); choice++) {
                String rid = text.rid() + (choice == 0 ? "" : "_" + choice);
                answers.add(new NativeAnswer(
                        runs.get(prompt),
                        rid,
                        call.wanted().get(prompt),
                        service.engine().tokenizer()));
            }
        }
        return answers;
    }

    private static Map<String, Object> refusal(RequestRejected cause) {
        int status = ErrorReply.status(cause);
        return Map.of(
                "error",
                Json.object(
                        "message",
                        cause.getMessage(),
                        "type",
                        ErrorReply.type(status),
                        "code",
                        status,
                        "retryable",
                        status == 503));
    }
}
