package espalier.sglang;

import espalier.base.Tokens;
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

/** {@code POST /tokenize}: the ids of a text, or of several. */
public final class Tokenize implements Endpoint {
    private final Service service;

    public Tokenize(Service service) {
        this.service = service;
    }

    @Override
    public void serve(Exchange exchange) {
        JsonObject body = JsonBody.read(exchange);
        boolean bare = Boolean.FALSE.equals(body.flag("add_special_tokens"));
        if (body.raw("prompt") == null) {
            throw JsonObject.malformed("prompt is required");
        }
        List<List<Integer>> ids = new ArrayList<>();
        for (String text : body.strings("prompt")) {
            Tokenizer tokenizer = service.engine().tokenizer();
            Tokens tokens = bare ? tokenizer.encode(text) : tokenizer.encodeWithSpecials(text);
            ids.add(tokens.stream().boxed().toList());
        }
        boolean one = body.raw("prompt") instanceof String;
        List<Integer> counts = ids.stream().map(List::size).toList();
        exchange.reply(Reply.json(
                200,
                Json.object(
                        "tokens",
                        one ? ids.getFirst() : ids,
                        "count",
                        one ? counts.getFirst() : counts,
                        "max_model_len",
                        service.engine().engine().info().contextLength())));
    }
}
