package espalier.openai;

import espalier.http.Endpoint;
import espalier.http.Exchange;
import espalier.http.JsonWriter;
import espalier.http.Reply;
import espalier.serving.Answer;
import espalier.serving.JsonBody;
import espalier.serving.Runs;
import espalier.serving.Service;
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
        try (Runs runs = FieldNames.COMPLETION.start(service, exchange, asked.texts())) {
            if (asked.delivery().isStreamed()) {
                var out = new JsonWriter();
                AnswerStream.send(exchange, runs, new CompletionChunks(out, new AnswerJson(out, service), asked, runs));
            } else {
                exchange.reply(Reply.json(200, whole(asked, runs)));
            }
        }
    }

    private byte[] whole(CompletionRequest asked, Runs runs) throws InterruptedException {
        int choices = asked.texts().getFirst().choices();
        var out = new JsonWriter();
        var json = new AnswerJson(out, service);
        json.begin(asked.rid(), "text_completion", asked.delivery());
        List<Answer> answers = runs.collect();
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
        json.end(usages.total());
        return out.toBytes();
    }
}
