package espalier.sglang;

import espalier.chat.ModelCard;
import espalier.http.Endpoint;
import espalier.http.Exchange;
import espalier.http.Json;
import espalier.http.Reply;
import espalier.serving.Service;
import espalier.serving.ServingOptions;

/** {@code GET /model_info}, and {@code /get_model_info} as it was called before. */
public final class ModelDescription implements Endpoint {
    private final Service service;

    public ModelDescription(Service service) {
        this.service = service;
    }

    @Override
    public void serve(Exchange exchange) {
        ModelCard card = service.engine().card();
        exchange.reply(Reply.json(
                200,
                Json.object(
                        "model_path",
                        card.modelPath(),
                        "tokenizer_path",
                        card.tokenizerPath(),
                        "is_generation",
                        true,
                        "preferred_sampling_params",
                        null, // they cannot be set
                        "weight_version",
                        ServingOptions.WEIGHT_VERSION,
                        "has_image_understanding",
                        false,
                        "has_audio_understanding",
                        false,
                        "model_type",
                        card.modelType(),
                        "architectures",
                        card.architectures())));
    }
}
