package espalier.openai;

import espalier.http.Endpoint;
import espalier.http.Exchange;
import espalier.http.Json;
import espalier.http.JsonObject;
import espalier.http.Reply;
import espalier.serving.JsonBody;
import espalier.serving.Service;
import espalier.serving.TokenIds;
import espalier.text.Specials;
import java.util.ArrayList;
import java.util.List;

/** {@code POST /detokenize}: the text of ids, or of several lists of them. */
public final class Detokenize implements Endpoint {
    private final Service service;

    public Detokenize(Service service) {
        this.service = service;
    }

    @Override
    public void serve(Exchange exchange) {
        JsonObject body = JsonBody.read(exchange);
        List<?> tokens = body.list("tokens");
        if (tokens == null) {
            throw JsonObject.malformed("tokens is required");
        }
        Specials specials = Boolean.FALSE.equals(body.flag("skip_special_tokens")) ? Specials.KEEP : Specials.SKIP;
        boolean many = !tokens.isEmpty() && tokens.getFirst() instanceof List<?>;
        exchange.reply(Reply.json(
                200, Json.object("text", many ? texts(tokens, specials) : text(tokens, "tokens", specials))));
    }

    private List<String> texts(List<?> lists, Specials specials) {
        var texts = new ArrayList<String>();
        for (int i = 0; i < lists.size(); i++) {
            String path = "tokens[" + i + "]";
            if (!(lists.get(i) instanceof List<?> list)) {
                throw JsonObject.wrong(path, "a list of token ids", lists.get(i));
            }
            texts.add(text(list, path, specials));
        }
        return texts;
    }

    private String text(List<?> ids, String path, Specials specials) {
        return service.engine()
                .tokenizer()
                .decode(TokenIds.checked(JsonObject.integers(ids, path), service.vocabSize(), path), specials);
    }
}
