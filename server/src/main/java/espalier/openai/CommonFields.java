package espalier.openai;

import espalier.api.RequestRejected;
import espalier.api.SamplingParams;
import espalier.chat.OutputText;
import espalier.http.JsonObject;
import espalier.serving.CacheSalt;
import espalier.serving.SamplingFields;
import espalier.serving.Service;
import espalier.serving.Unbuilt;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The fields that chat and completions share. */
final class CommonFields {
    private final JsonObject body;

    CommonFields(JsonObject body) {
        this.body = body;
        Unbuilt.refuse(body);
        refuseFormat();
    }

    /** Sampling as the body says, on top of what is set. */
    SamplingParams.Builder sampling(SamplingParams.Builder sampling, Service service) {
        SamplingFields.read(body, sampling, service.vocabSize());
        Long seed = body.longInteger("seed");
        if (seed != null) {
            sampling.seed(seed);
        }
        return sampling;
    }

    /** Sets how long the answer may be; {@code name} is the field that said so. */
    void length(SamplingParams.Builder sampling, String name, @Nullable Integer most) {
        if (most != null && most < 1) {
            throw RequestRejected.invalid(name, name + " must be at least 1, got " + most);
        }
        Integer least = body.integer("min_tokens");
        if (least != null && (least < 0 || (most != null && least > most))) {
            throw RequestRejected.invalid(
                    "min_tokens", "min_tokens must be between 0 and " + name + " (" + most + "), got " + least);
        }
        sampling.maxNewTokens(most).minNewTokens(Objects.requireNonNullElse(least, 0));
    }

    int choices() {
        return Objects.requireNonNullElse(body.integer("n"), 1);
    }

    int priority() {
        return Objects.requireNonNullElse(body.integer("priority"), 0);
    }

    String cacheSalt() {
        return CacheSalt.of(body);
    }

    OutputText output(boolean keepSpecials) {
        boolean skip = !keepSpecials && !Boolean.FALSE.equals(body.flag("skip_special_tokens"));
        return new OutputText(skip, !body.isTrue("no_stop_trim"));
    }

    private void refuseFormat() {
        JsonObject format = body.object("response_format");
        String type = format == null ? null : format.string("type");
        if (format != null && !"text".equals(type)) {
            throw RequestRejected.invalid(
                    "response_format",
                    "response_format: type '" + type
                            + "' is not built in this version; use {\"type\": \"text\"} or leave" + " the field out");
        }
    }
}
