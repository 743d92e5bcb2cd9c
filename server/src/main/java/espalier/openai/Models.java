package espalier.openai;

import espalier.chat.ModelCard;
import espalier.http.Endpoint;
import espalier.http.ErrorReply;
import espalier.http.Exchange;
import espalier.http.Json;
import espalier.http.Reply;
import espalier.serving.Service;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** {@code GET /v1/models} and {@code GET /v1/models/ID}. */
public final class Models implements Endpoint {
    private static final String PATH = "/v1/models";

    private final Service service;

    public Models(Service service) {
        this.service = service;
    }

    @Override
    public void serve(Exchange exchange) {
        String path = exchange.incoming().path();
        String id = path.length() > PATH.length() + 1 ? path.substring(PATH.length() + 1) : null;
        if (id == null) {
            exchange.reply(Reply.json(200, Json.object("object", "list", "data", List.of(card()))));
        } else if (id.equals(service.engine().card().servedName())) {
            exchange.reply(Reply.json(200, card()));
        } else {
            exchange.reply(ErrorReply.noModel(id));
        }
    }

    private Map<String, @Nullable Object> card() {
        ModelCard card = service.engine().card();
        return Json.object(
                "id",
                card.servedName(),
                "object",
                "model",
                "created",
                card.created(),
                "owned_by",
                "espalier",
                "root",
                card.servedName(),
                "parent",
                null,
                "max_model_len",
                service.engine().engine().info().contextLength());
    }
}
