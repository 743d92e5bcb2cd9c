package espalier.openai;

import espalier.chat.TextEvent;
import espalier.http.Endpoint;
import espalier.http.EventStream;
import espalier.http.Exchange;
import espalier.http.JsonWriter;
import espalier.http.Reply;
import espalier.serving.Answer;
import espalier.serving.JsonBody;
import espalier.serving.Runs;
import espalier.serving.Service;
import espalier.serving.ServingOptions;
import espalier.serving.Usages;
import java.util.List;

/** {@code POST /v1/completions}. */
public final class Completions implements Endpoint {
    private final Service service;

    public Completions(Service service) {
        this.service = service;
    }

    @Override
    public void serve(Exchange exchange) throws InterruptedException {
        CompletionRequest asked = CompletionRequest.read(JsonBody.read(exchange), service);
        try (Runs runs = Runs.start(service, exchange, asked.texts())) {
            if (asked.delivery().isStreamed()) {
                stream(exchange, asked, runs);
            } else {
                exchange.reply(Reply.json(200, whole(asked, runs)));
            }
        }
    }

    private byte[] whole(CompletionRequest asked, Runs runs) throws InterruptedException {
        long created = System.currentTimeMillis() / 1000;
        List<Answer> answers = runs.collect();
        int choices = asked.texts().getFirst().choices();
        var out = new JsonWriter();
        var json = answerJson(out);
        out.raw("{\"id\":").string(asked.rid());
        out.raw(",\"object\":\"text_completion\",\"created\":").number(created);
        out.raw(",\"model\":").string(asked.delivery().model()).raw(",\"choices\":[");
        var usages = new Usages();
        for (int i = 0; i < answers.size(); i++) {
            Answer a = answers.get(i);
            usages.add(i % choices, a.usage());
            out.raw(i == 0 ? "" : ",").raw("{\"index\":").number(i);
            out.raw(",\"text\":").string(asked.echoes().get(i / choices) + a.text());
            out.raw(",\"logprobs\":");
            if (asked.logprobs()) {
                json.completionLogprobs(a.tokens());
            } else {
                out.raw("null");
            }
            out.raw(",");
            json.finish(a.reason(), a.matchedStop());
            out.raw("}");
        }
        out.raw("],\"usage\":");
        json.usage(usages.total());
        out.raw(",\"metadata\":{\"weight_version\":").string(ServingOptions.WEIGHT_VERSION);
        return out.raw("}}").toBytes();
    }

    private void stream(Exchange exchange, CompletionRequest asked, Runs runs) throws InterruptedException {
        Runs.Heard heard = runs.next();
        if (heard.event() instanceof TextEvent.Failed failed) {
            throw failed.cause(); // nothing has been sent, so the client gets a status
        }
        var events = new EventStream(exchange);
        var out = new JsonWriter();
        var chunks = new CompletionChunks(out, answerJson(out), asked, runs);
        while (true) {
            switch (heard.event()) {
                case TextEvent.Delta d -> chunks.delta(events, heard, d);
                case TextEvent.Finished f -> chunks.finished(events, heard, f);
                case TextEvent.Failed f -> {
                    StreamFailure.send(events, out, f.cause());
                    events.done();
                    return;
                }
            }
            if (!runs.isOpen()) {
                break;
            }
            heard = runs.next();
        }
        chunks.usage(events);
        events.done();
    }

    private AnswerJson answerJson(JsonWriter out) {
        return new AnswerJson(
                out, service.engine().tokenizer(), service.options().cacheReport());
    }
}
