package espalier.openai;

import espalier.base.Tokens;
import espalier.chat.Prompt;
import espalier.http.Endpoint;
import espalier.http.Exchange;
import espalier.http.Json;
import espalier.http.JsonObject;
import espalier.http.Reply;
import espalier.serving.JsonBody;
import espalier.serving.Service;
import espalier.text.Tokenizer;
import java.util.ArrayList;
import java.util.List;

/** {@code POST /tokenize}: the ids of a text, of several, or of a conversation. */
public final class Tokenize implements Endpoint {
    private final Service service;

    public Tokenize(Service service) {
        this.service = service;
    }

    @Override
    public void serve(Exchange exchange) {
        JsonObject body = JsonBody.read(exchange);
        if (body.raw("prompt") == null && body.raw("messages") == null) {
            throw JsonObject.malformed("prompt is required, or messages");
        }
        List<List<Integer>> ids = new ArrayList<>();
        if (body.raw("prompt") == null) {
            ids.add(list(service.engine().promptIds(new Prompt.Chat(ChatRequest.prompt(body)))));
        } else {
            Tokenizer tokenizer = service.engine().tokenizer();
            boolean bare = Boolean.FALSE.equals(body.flag("add_special_tokens"));
            for (String text : body.strings("prompt")) {
                ids.add(list(bare ? tokenizer.encode(text) : tokenizer.encodeWithSpecials(text)));
            }
        }
        boolean many = body.raw("prompt") instanceof List<?>;
        List<Integer> counts = ids.stream().map(List::size).toList();
        exchange.reply(Reply.json(
                200,
                Json.object(
                        "tokens",
                        many ? ids : ids.getFirst(),
                        "count",
                        many ? counts : counts.getFirst(),
                        "max_model_len",
                        service.engine().engine().info().contextLength())));
    }

    private static List<Integer> list(Tokens ids) {
        return ids.stream().boxed().toList();
    }
}
