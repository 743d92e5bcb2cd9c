package espalier.openai;

import espalier.http.Endpoint;
import espalier.http.Exchange;
import espalier.http.JsonObject;
import espalier.http.JsonWriter;
import espalier.http.Reply;
import espalier.serving.Answer;
import espalier.serving.JsonBody;
import espalier.serving.Runs;
import espalier.serving.Service;
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
        JsonObject body = JsonBody.read(exchange);
        ChatRequest asked = ChatRequest.read(body, service);
        try (Runs runs = FieldNames.chat(body).start(service, exchange, List.of(asked.text()))) {
            if (asked.delivery().isStreamed()) {
                var out = new JsonWriter();
                AnswerStream.send(
                        exchange,
                        runs,
                        new ChatChunks(
                                out,
                                new AnswerJson(out, service),
                                asked,
                                runs.get(0).promptTokens()));
            } else {
                exchange.reply(Reply.json(200, whole(asked, runs)));
            }
        }
    }

    private byte[] whole(ChatRequest asked, Runs runs) throws InterruptedException {
        var out = new JsonWriter();
        var json = new AnswerJson(out, service);
        json.begin(asked.text().rid(), "chat.completion", asked.delivery());
        List<Answer> answers = runs.collect();
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
        json.end(usages.total());
        return out.toBytes();
    }
}
