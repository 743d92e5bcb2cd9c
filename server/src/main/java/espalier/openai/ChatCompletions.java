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

/** {@code POST /v1/chat/completions}. */
public final class ChatCompletions implements Endpoint {
    private final Service service;

    public ChatCompletions(Service service) {
        this.service = service;
    }

    @Override
    public void serve(Exchange exchange) throws InterruptedException {
        ChatRequest asked = ChatRequest.read(JsonBody.read(exchange), service);
        try (Runs runs = Runs.start(service, exchange, List.of(asked.text()))) {
            if (asked.delivery().isStreamed()) {
                stream(exchange, asked, runs);
            } else {
                exchange.reply(Reply.json(200, whole(asked, runs)));
            }
        }
    }

    private byte[] whole(ChatRequest asked, Runs runs) throws InterruptedException {
        long created = System.currentTimeMillis() / 1000;
        List<Answer> answers = runs.collect();
        var out = new JsonWriter();
        var json = answerJson(out);
        out.raw("{\"id\":").string(asked.text().rid());
        out.raw(",\"object\":\"chat.completion\",\"created\":").number(created);
        out.raw(",\"model\":").string(asked.delivery().model()).raw(",\"choices\":[");
        var usages = new Usages();
        for (int i = 0; i < answers.size(); i++) {
            Answer a = answers.get(i);
            usages.add(i, a.usage());
            out.raw(i == 0 ? "" : ",").raw("{\"index\":").number(i);
            out.raw(",\"message\":{\"role\":\"assistant\",\"content\":").string(a.text());
            out.raw(",\"reasoning_content\":null,\"tool_calls\":null},\"logprobs\":");
            if (asked.logprobs()) {
                json.chatLogprobs(a.tokens());
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

    private void stream(Exchange exchange, ChatRequest asked, Runs runs) throws InterruptedException {
        TextEvent event = runs.next().event();
        if (event instanceof TextEvent.Failed failed) {
            throw failed.cause(); // nothing has been sent, so the client gets a status
        }
        var events = new EventStream(exchange);
        var out = new JsonWriter();
        var chunks = new ChatChunks(out, answerJson(out), asked, runs.get(0).promptTokens());
        while (true) {
            switch (event) {
                case TextEvent.Delta d -> chunks.delta(events, d);
                case TextEvent.Finished f -> chunks.finished(events, f);
                case TextEvent.Failed f -> {
                    StreamFailure.send(events, out, f.cause());
                    events.done();
                    return;
                }
            }
            if (!runs.isOpen()) {
                break;
            }
            event = runs.next().event();
        }
        chunks.usage(events);
        events.done();
    }

    private AnswerJson answerJson(JsonWriter out) {
        return new AnswerJson(
                out, service.engine().tokenizer(), service.options().cacheReport());
    }
}
