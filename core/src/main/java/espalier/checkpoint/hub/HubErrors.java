package espalier.checkpoint.hub;

import espalier.api.EngineFault;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;

/** What the hub's refusals mean, and the way out of each. */
final class HubErrors {
    private HubErrors() {}

    static EngineFault fault(String message) {
        return new EngineFault(EngineFault.Code.CHECKPOINT, message);
    }

    /** The fault for an answer that is neither success, redirect nor worth another try. */
    static EngineFault of(HttpResponse<?> response, HubRequest request) {
        String error = response.headers().firstValue("X-Error-Code").orElse("");
        String model = request.model();
        String page = request.access().endpoint() + "/" + model;
        boolean gated = error.equals("GatedRepo");
        boolean withToken = request.access().token() != null;
        return switch (response.statusCode()) {
            case 401 -> fault(model + ": the hub answers 401. " + unauthorised(request, gated, withToken));
            case 403 ->
                fault(model + ": the hub answers 403. "
                        + (gated || !withToken
                                ? "The model is gated: accept its terms at " + page + " with the account of the token"
                                : "The token may not read this model: give it the right to read gated and private models at "
                                        + request.access().endpoint() + "/settings/tokens, and accept the terms at "
                                        + page));
            case 404 -> notFound(request, error);
            default ->
                fault(model + ": " + request.access().endpoint() + " answers " + response.statusCode()
                        + response.headers()
                                .firstValue("X-Error-Message")
                                .map(text -> ": " + text)
                                .orElse(""));
        };
    }

    private static String unauthorised(HubRequest request, boolean gated, boolean withToken) {
        String tokens = request.access().endpoint() + "/settings/tokens";
        String page = request.access().endpoint() + "/" + request.model();
        if (gated) {
            return "The model is gated: accept its terms at " + page + ", make a token at " + tokens
                    + " and pass it by --hf-token or in the environment variable HF_TOKEN";
        }
        return withToken
                ? "The token is not valid, or there is no such model: see " + tokens + " and " + page
                : "Either there is no such model, or it is private and wants a token: make one at " + tokens
                        + " and pass it by --hf-token or in the environment variable HF_TOKEN";
    }

    private static EngineFault notFound(HubRequest request, String error) {
        String model = request.model();
        String page = request.access().endpoint() + "/" + model;
        if (error.equals("RevisionNotFound")) {
            return fault(model + ": there is no revision '" + request.revision() + "'; see " + page + "/tree/main");
        }
        Path folder = Path.of(model).toAbsolutePath();
        return fault(model + ": no such model at " + page + (Files.exists(folder) ? "" : ", and no folder " + folder)
                + "; check the spelling");
    }
}
