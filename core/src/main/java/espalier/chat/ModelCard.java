package espalier.chat;

import java.util.List;
import java.util.Map;

/**
 * What a surface may say about the model.
 *
 * @param created seconds since the epoch at which it was loaded
 */
public record ModelCard(
        String servedName,
        String modelPath,
        String tokenizerPath,
        List<String> architectures,
        String modelType,
        Map<String, Object> preferredSampling,
        boolean hasChatTemplate,
        long created) {}
